"""What a reader chooses of a container: the event, which stands in the address, and the bars in view, which do not."""

import streamlit as st

from app.components import view
from app.services.reading import Reading
from engine.events import NO_SYMBOL

STATE = st.session_state


def event(reading: Reading, limits: view.Bounds) -> tuple[int | None, bool]:
    """The event of the address, and whether one is asked for that is covered."""
    asked = st.query_params.get("event", "")
    if not asked.isdecimal() or len(asked) > 18 or int(asked) >= len(reading.log):
        return None, False
    if reading.log["bar"][int(asked)] >= limits.end:
        return None, True
    return int(asked), False


def choose(reading: Reading, seq: int | None) -> None:
    """Choose an event, or none; the figure shows its symbol."""
    if seq is None:
        st.query_params.pop("event", None)
        return
    st.query_params["event"] = str(seq)
    if (name := symbol(reading, seq)) is not None:
        STATE[f"symbol-{reading.run.id}"] = name


def symbol(reading: Reading, seq: int | None) -> str | None:
    """The symbol of an event; None when it is about the whole market."""
    place = NO_SYMBOL if seq is None else int(reading.log["symbol"][seq])
    return None if place == NO_SYMBOL else reading.market.symbols[place]


def window(name: str, limits: view.Bounds) -> view.Window:
    """The bars in view: all, until others are chosen."""
    return view.fitted(STATE.get(f"window-{name}", view.whole(limits)), limits)


def show(name: str, bars: view.Window) -> None:
    """Have other bars in view."""
    STATE[f"window-{name}"] = bars


def zone(reading: Reading) -> str:
    """The zone whose clocks the page shows; "" where bars are days, which have none."""
    return "" if reading.daily else reading.market.zone
