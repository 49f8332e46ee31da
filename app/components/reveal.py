"""Test figures stay covered until a reader asks; each look is counted, for the hypothesis on its dataset."""

import streamlit as st

from app.components.numbers import many
from app.services.home import Home
from db.store import Run

STATE = st.session_state


def held_out(run: Run) -> bool:
    """Whether the run holds bars out at all."""
    return run.plan.get("test") is not None


def is_revealed(run: Run) -> bool:
    """Whether this reader has uncovered the run's test figures, here or on another page; True when there are none."""
    return not held_out(run) or bool(STATE.get(_key(run)))


def reveal(home: Home, run: Run) -> None:
    """The button that uncovers a run's test figures on all pages, or covers them again. Draw it where they would be."""
    if is_revealed(run):
        st.button("Cover test figures", icon=":material/visibility_off:", on_click=cover, args=(run,), key="cover")
        return
    st.button(
        "Reveal test figures",
        icon=":material/visibility:",
        help="What happened on held-out bars is covered, so that it cannot lead a choice. Each look is counted: "
        f"{many(run.reveals, 'reveal')} of this hypothesis on this dataset so far.",
        on_click=uncover,
        args=(home, run),
        key="reveal",
    )


def uncover(home: Home, run: Run) -> None:
    with home.store() as store:
        store.reveal(run.id)
    STATE[_key(run)] = True


def cover(run: Run) -> None:
    STATE[_key(run)] = False


def _key(run: Run) -> str:
    return f"revealed-{run.id}"
