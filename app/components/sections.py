"""What else there is to know of a container, in tabs below its figure. Only the open one is worked out."""

from collections.abc import Callable

import streamlit as st

from app.components import by_regime, event_table, files, flow, lanes, overlays, run_facts, strategy_shares, trade_table
from app.components.view import Sight

#: The tabs, in order; the open one stands in the address.
SECTIONS: dict[str, Callable[[Sight], None]] = {
    "Events": event_table.section,
    "Trades": trade_table.section,
    "Regimes": by_regime.section,
    "Strategies": strategy_shares.section,
    "Funnel": flow.section,
    "Buses": lanes.section,
    "Indicators": overlays.section,
    "Cost and reproduction": run_facts.section,
    "Downloads": files.section,
}


def sections(sight: Sight) -> None:
    tabs = st.tabs(list(SECTIONS), key="section", bind="query-params")
    for tab, draw in zip(tabs, SECTIONS.values(), strict=True):
        if tab.open:
            with tab:
                draw(sight)
