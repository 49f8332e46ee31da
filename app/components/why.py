"""Why an event happened: its chain of causes back to the bar, what else its target was made of, what came of it."""

import streamlit as st

from app.charts import dates
from app.components import choosing, html, strategy_shares, view
from app.components.assumptions import assumptions
from app.services.reading import Cause, Reading


def why(sight: view.Sight, hidden: bool) -> None:
    """The chosen event's causes, or how to choose one (`hidden`: the one asked for is covered); what is assumed."""
    st.subheader("Why")
    if hidden:
        st.caption("That event lies in the held-out bars; reveal the test figures to see it.")
    if sight.event is None:
        st.caption(
            "Click a fill in the figure, or choose an event or a trade below: its causes appear here, back to the bar."
        )
    else:
        _chain(sight, sight.event)
    st.html(html.card("What is assumed", assumptions(sight.reading, sight.end)))


def _chain(sight: view.Sight, event: int) -> None:
    reading = sight.reading
    chain = reading.causes(event)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Show its bars",
            icon=":material/zoom_in:",
            on_click=choosing.show,
            args=(sight.name, view.around(chain[0].bar, sight.limits)),
            key="near",
        )
        st.button("Clear", type="tertiary", on_click=choosing.choose, args=(reading, None), key="clear")
    letters = 10 if reading.daily else 16
    st.html(html.explanation(chain, dates.words(reading.clock[[cause.bar for cause in chain]], letters)))
    also = _also(reading, chain)
    if also:
        st.html(html.listing("Also behind the target", also))
    strategy_shares.of_chain(reading, chain)
    effects = [cause for cause in reading.effects(event) if cause.bar < sight.end]
    if effects:
        st.html(html.listing("What came of it", effects))


def _also(reading: Reading, chain: list[Cause]) -> list[Cause]:
    """What the chain's target was made of, besides the chain."""
    seen = {cause.event["seq"] for cause in chain if cause.event}
    target = next((cause.event["seq"] for cause in chain if cause.event and cause.event["kind"] == "TARGET"), None)
    if target is None:
        return []
    return [cause for cause in reading.contributors(target) if cause.event and cause.event["seq"] not in seen]
