"""A container's round trips: a table, and how their profits are spread. A click on one chooses its last fill."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app.charts import profits
from app.components import choosing, html, look, tables, view
from app.components.event_table import moment
from app.components.numbers import many
from app.services.reading import Reading

STATE = st.session_state
#: A longer table is slow in a browser.
MOST = 5_000
#: What a round trip ended by, in words.
_ENDED = {"TARGET": "target", "STOP": "stop", "REBALANCE": "rebalance"}


def section(sight: view.Sight) -> None:
    reading = sight.reading
    found = closed(reading, sight.end)
    if found.empty:
        st.caption("No round trip was closed in the bars shown: what was bought, if anything, is still held.")
        return
    st.plotly_chart(
        profits.figure(found["return"].to_numpy(), look.palette()),
        theme=None,
        key=f"profits-{sight.name}",
        config={"displayModeBar": False},
        alt="How the profits of the round trips are spread",
    )
    latest = found.iloc[::-1].head(MOST)
    key = f"trades-{sight.name}-{sight.end}"

    def choose() -> None:
        picked = tables.picked(STATE[key].selection)
        choosing.choose(reading, None if picked is None else int(latest["exit"].iloc[picked]))

    wins = int((found["profit"] > 0).sum())
    more = f"the latest {MOST:,} are listed, the download has all · " if len(found) > MOST else ""
    st.caption(
        f"{many(len(found), 'closed round trip')}, {wins:,} with a profit after costs · {more}"
        "click one to see why it ended; click a column's head to sort"
    )
    chosen = np.flatnonzero(latest["exit"].to_numpy() == sight.event) if sight.event is not None else []
    frame, columns = _worded(latest, reading)
    st.dataframe(
        frame,
        column_config=columns,
        hide_index=True,
        height=min(38 + 35 * len(frame), 460),
        key=key,
        on_select=choose,
        selection_mode=tables.SELECT,
        selection_default=tables.marked(int(chosen[0]) if len(chosen) else None),
        alt="Closed round trips of the container",
    )


def closed(reading: Reading, end: int) -> pd.DataFrame:
    """The round trips closed before bar `end`, with `return`: the profit as a share of what went in."""
    found = reading.trades()
    found = found[found["exit_bar"] < end]
    put_in = found["entry_price"] * found["quantity"] * reading.spec.execution.multiplier
    return found.assign(**{"return": found["profit"] / put_in})


def _worded(found: pd.DataFrame, reading: Reading) -> tuple[pd.DataFrame, tables.Columns]:
    clock = reading.clock
    symbols = {symbol: html.cell(symbol) for symbol in reading.market.symbols}
    columns: dict[str, Any] = {}
    if len(symbols) > 1:
        columns["Symbol"] = found["symbol"].map(symbols)
    frame = pd.DataFrame(
        {
            **columns,
            "Side": found["side"],
            "Entry": clock[found["entry_bar"].to_numpy()].view("datetime64[ns]"),
            "Exit": clock[found["exit_bar"].to_numpy()].view("datetime64[ns]"),
            "Bars": found["bars"],
            "Quantity": found["quantity"],
            "Entry price": found["entry_price"],
            "Exit price": found["exit_price"],
            "Profit": found["profit"],
            "Profit %": 100 * found["return"],
            "Ended by": found["exit_kind"].map(_ENDED),
        }
    )
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    shown = {
        "Symbol": text(width=65),
        "Side": text(width=50),
        "Entry": moment("Entry", reading.daily),
        "Exit": moment("Exit", reading.daily),
        "Bars": number(format="%,d", width=50, help="from the bar of the first fill to that of the last"),
        "Quantity": number(format="%,.2f", width=75, help="the most that was held"),
        "Entry price": number(format="%,.4f", width=75, help="mean price of the fills in"),
        "Exit price": number(format="%,.4f", width=75, help="mean price of the fills out"),
        "Profit": number(format="%,.2f", width=75, help="money, after costs"),
        "Profit %": number(format="%,.2f %%", width=70, help="profit over what the position cost at its largest"),
        "Ended by": text(width=75),
    }
    return frame, {name: column for name, column in shown.items() if name in frame}
