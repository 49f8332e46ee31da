"""What each strategy weighs, by regime, and its share in every order."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.components import choosing, html, tables, view
from app.components.event_table import moment
from app.components.numbers import NOTHING, many
from app.services.reading import Cause, Reading

STATE = st.session_state
#: A longer table is slow in a browser.
MOST = 5_000


def section(sight: view.Sight) -> None:
    """The weights, and a table of the orders before the covered bars; a click on one chooses it."""
    reading = sight.reading
    if len(reading.strategies) < 2:
        st.caption("One strategy trades alone here: every order is its own. Weights and shares show where several do.")
        return
    st.html(
        html.table(("Weights", *reading.strategies), _weights(reading), numeric=range(1, 1 + len(reading.strategies)))
    )
    shares = reading.shares
    kept = np.flatnonzero(reading.log["bar"][shares.seqs] < sight.end)[::-1][:MOST]
    if not len(kept):
        st.caption("No order was placed in the bars shown.")
        return
    orders = reading.log[shares.seqs[kept]]
    key = f"shares-{sight.name}-{sight.end}"

    def choose() -> None:
        picked = tables.picked(STATE[key].selection)
        choosing.choose(reading, None if picked is None else int(shares.seqs[kept[picked]]))

    st.caption(
        f"{many(len(kept), 'order')}, the latest first · share: of the change of the target that the order follows; "
        "in a rebalance: of the target · a stop's order is no strategy's · click one to see why"
    )
    frame: dict[str, Any] = {
        "Time": reading.clock[orders["bar"]].view("datetime64[ns]"),
        "Symbol": [html.clean(reading.market.symbols[s]) for s in orders["symbol"].tolist()],
        "Side": np.where(orders["side"] > 0, "buy", "sell"),
        "Target %": 100.0 * orders["value"],
    }
    columns: tables.Columns = {
        "Time": moment("Time", reading.daily),
        "Target %": st.column_config.NumberColumn(format="%.2f", help="weight the order is to reach"),
    }
    for i, name in enumerate(reading.strategies):
        label = html.clean(name)
        frame[label] = 100.0 * shares.shares[kept, i]
        columns[label] = st.column_config.NumberColumn(format="%.0f %%", help="its share in the order")
    st.dataframe(
        pd.DataFrame(frame),
        column_config=columns,
        hide_index=True,
        height=min(38 + 35 * len(kept), 460),
        key=key,
        on_select=choose,
        selection_mode=tables.SELECT,
        alt="Each strategy's share in every order",
    )


def _weights(reading: Reading) -> list[tuple[str, ...]]:
    """A row for each regime, and one for the bars before any; one for all where it makes no difference."""
    weights = reading.weights
    rows = [[f"{value:.3g}" for value in row] for row in weights.tolist()]
    if not reading.regime_names or (weights == weights[0]).all():
        return [("in every regime", *rows[0])]
    return [(name, *row) for name, row in zip(("no label yet", *reading.regime_names), rows, strict=True)]


def of_chain(reading: Reading, chain: list[Cause]) -> None:
    """Each strategy's share in the order of a chain of causes, where several trade together."""
    order = next((cause.event["seq"] for cause in chain if cause.event and cause.event["kind"] == "ORDER"), None)
    if order is None or len(reading.strategies) < 2:
        return
    shares = reading.shares
    place = int(np.searchsorted(shares.seqs, order))
    rows = [
        (name, _percent(shares.parts[place, i]), _percent(shares.shares[place, i]))
        for i, name in enumerate(reading.strategies)
    ]
    st.html(html.table(("Strategy", "In the target", "Share in the order"), rows, numeric=(1, 2)))


def _percent(share: float) -> str:
    return NOTHING if share != share else f"{100.0 * share:.1f} %"
