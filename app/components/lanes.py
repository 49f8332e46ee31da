"""The buses of a container as swimlanes, and the contract that says what may pass between them."""

import streamlit as st

from app.charts import swimlanes
from app.components import html, look, view
from engine import contracts


def section(sight: view.Sight) -> None:
    reading = sight.reading
    log = reading.log[: int(reading.log["bar"].searchsorted(sight.end))]
    st.plotly_chart(
        swimlanes.figure(log, reading.spec.names, reading.clock, sight.window, look.palette()),
        theme=None,
        key=f"lanes-{sight.name}",
        config={"displayModeBar": False},
        alt="Events on the buses of the container over time",
    )
    st.caption(
        "Each lane is a bus of this container; no other container can read or write it. The stronger the colour, the "
        "more events; the bars are those of the figure above. Bars and indicators pass too: they are shared, and not "
        "in the log."
    )
    rows = [(stage, level, reads, emits) for stage, level, reads, emits, _ in contracts.table()]
    st.html(html.table(("Stage", "Bus", "May read", "May publish"), rows))
    ways = [(" → ".join(_way(routes)), kind.name) for kind, routes in contracts.FORWARDS.items()]
    merged: dict[str, list[str]] = {}
    for way, kind in ways:
        merged.setdefault(way, []).append(kind)
    st.html(
        html.table(("Passed on from bus to bus", "What"), [(way, ", ".join(kinds)) for way, kinds in merged.items()])
    )
    st.caption("Publishing what is not listed here, or on another container's bus, is an error.")


def _way(routes: tuple[tuple[contracts.Level, contracts.Level], ...]) -> list[str]:
    """The levels that a kind passes, in order."""
    return [level.name.lower() for level in (routes[0][0], *(to for _, to in routes))]
