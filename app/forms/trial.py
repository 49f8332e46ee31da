"""The example of a stage as a draft: what a reader changes in it stands in the address of the page of stages."""

import streamlit as st

from app.forms import state
from app.services import drafting, library
from app.services.drafting import Draft, Place
from app.services.library import Entry
from engine.errors import InputError

STATE = st.session_state
DRAFT, ASKED, GENERATION = "stages.draft", "stages.asked", "stages.generation"
#: What the address calls the draft; it is not there while all is at its start.
PARAMETER = "draft"


def draft() -> Draft:
    found: Draft = STATE[DRAFT]
    return found


def edit(changed: Draft, anew: bool = False) -> None:
    """Take an example that a widget has changed. `anew`: the form has other fields now."""
    STATE[DRAFT] = changed
    if anew:
        STATE[GENERATION] += 1
    word = state.packed(drafting.dumped(changed))
    if len(word) <= state.LONGEST_ADDRESS:
        st.query_params[PARAMETER] = word
    else:
        st.query_params.pop(PARAMETER, None)
    STATE[ASKED] = STATE[ASKED][0], st.query_params.get(PARAMETER)


def key(place: Place, what: str = "") -> str:
    """The key of a widget of this generation of the example's form."""
    return f"trial-{STATE[GENERATION]}-{'.'.join(map(str, place))}-{what}"


def open_example(entry: Entry) -> str:
    """Begin with what the address says of the example of `entry`. Returns a line when it cannot be read, or ""."""
    asked = entry.kind, st.query_params.get(PARAMETER)
    if DRAFT in STATE and STATE.get(ASKED) == asked:
        return ""
    problem, found = "", library.start(entry)
    if asked[1] is not None:
        try:
            found = _fitting(drafting.parsed(state.unpacked(asked[1])), entry)
        except InputError:
            problem = "The link holds no example of this stage that can be read; this is how it begins."
            del st.query_params[PARAMETER]
            asked = entry.kind, None
    STATE[DRAFT], STATE[ASKED] = found, asked
    STATE[GENERATION] = STATE.get(GENERATION, 0) + 1
    return problem


def _fitting(found: Draft, entry: Entry) -> Draft:
    """The draft, when it is one of an example of `entry`. Raises InputError."""
    table = drafting.table(found, library.place(entry))
    section = isinstance(found.get("data"), dict) and isinstance(found["data"].get("dataset"), str)
    named = entry.family not in ("strategy", "classifier") or table.get("kind") == entry.kind
    if not (section and named and drafting.tables(found, "strategy")):
        raise InputError("another draft")
    return found
