"""The stage library as a list to choose from: families, a search by name, the user's own with a badge."""

import streamlit as st

from app.components import html
from app.services.library import FAMILIES, Entry, Library
from app.services.stages import FOLDER

STATE = st.session_state
SEARCH = "stage-search"
#: What the address calls the stage that is looked at.
PARAMETER = "kind"


def shelf(found: Library, chosen: Entry | None) -> None:
    """The list; a click on a stage shows it."""
    wanted = st.text_input(
        "Search by name", key=SEARCH, placeholder="part of a name", icon=":material/search:", autocomplete="off"
    )
    entries = [entry for entry in found.entries if matches(entry, wanted)]
    for family, title in FAMILIES.items():
        mine = [entry for entry in entries if entry.family == family]
        if mine:
            st.html(f'<h2 class="bh-shelf">{html.escape(title)}</h2>')
        for entry in mine:
            _button(entry, chosen is not None and entry.kind == chosen.kind)
    if not entries:
        st.html('<div class="bh-note">No stage has such a name.</div>')
    if found.problems:
        st.html('<h2 class="bh-shelf">Files that cannot be used</h2>')
        st.html("".join(f'<p class="bh-broken">{html.escape(line)}</p>' for line in found.problems.values()))
    elif not any(entry.own for entry in found.entries):
        st.html(f'<div class="bh-note">Your own stages stand here once they are in HOME/{FOLDER}.</div>')


def matches(entry: Entry, wanted: str) -> bool:
    """Whether each word of a search is part of a stage's name."""
    name = entry.kind.lower().replace("_", " ")
    return all(word in name for word in wanted.lower().replace("_", " ").split())


def label(kind: str) -> str:
    """The name of a kind where Markdown is read: its underscores are underscores."""
    return html.clean(kind).replace("_", "\\_")


def _button(entry: Entry, chosen: bool) -> None:
    badge = ""
    if entry.own:
        refused = entry.verdict is not None and entry.verdict.refused
        badge = " :red-badge[looks ahead]" if refused else " :blue-badge[own]"
    st.button(
        label(entry.kind) + badge,
        key=f"stage-{'chosen' if chosen else 'other'}-{entry.kind}",
        type="tertiary",
        on_click=choose,
        args=(entry.kind,),
        width="stretch",
    )


def choose(kind: str) -> None:
    """Look at another stage."""
    st.query_params.from_dict({PARAMETER: kind})
