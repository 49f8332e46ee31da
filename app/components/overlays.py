"""The indicators that a container's stages asked for: what they are, and which of them the figure shows."""

import streamlit as st

from app.charts.container import OWN_PANES
from app.components import html, view
from app.services import indicators
from app.services.indicators import Used
from app.services.reading import Reading

STATE = st.session_state
#: What the address calls the indicators to draw; it may be there several times.
PARAMETER = "draw"


def chosen(reading: Reading) -> list[Used]:
    """The indicators that the address asks for; names that this container does not have are passed over."""
    wanted = st.query_params.get_all(PARAMETER)
    return [item for item in indicators.used(reading) if item.key in wanted] if wanted else []


def section(sight: view.Sight) -> None:
    """A table of all, and a choice of those to draw."""
    found = indicators.used(sight.reading)
    if not found:
        st.caption("No stage of this container asked for an indicator: it decides without any.")
        return
    key = f"draw-{sight.name}"

    def draw() -> None:
        if picked := STATE[key]:
            st.query_params[PARAMETER] = picked
        else:
            st.query_params.pop(PARAMETER, None)

    names = [item.key for item in found]
    st.multiselect(
        "Draw in the figure",
        names,
        default=[item.key for item in chosen(sight.reading)],
        format_func=html.clean,
        placeholder="none",
        key=key,
        on_change=draw,
    )
    if len({item.stage for item in chosen(sight.reading) if not indicators.on_scale(item, sight.symbol)}) > OWN_PANES:
        st.caption(f"Only the first {OWN_PANES} panes of indicators are drawn.")
    rows = [
        (
            item.stage,
            item.name,
            item.request.text,
            item.series or "each symbol",
            "over the price" if indicators.on_scale(item, sight.symbol) else "in a pane of its own",
        )
        for item in found
    ]
    st.html(html.table(("Stage", "Name", "What it is", "Computed on", "Drawn"), rows))
    st.caption("Each is computed once for all containers that ask for the same, on each symbol's own bars.")
