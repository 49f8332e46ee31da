"""The signal logs of a home as a table: filtered, a page at a time; boxes choose the ones to look at."""

from typing import Any

import pandas as pd
import streamlit as st

from app.components import html
from app.components.numbers import many
from app.components.tables import Columns
from app.services import signals
from app.services.home import Home
from db.store import RunSummary

STATE = st.session_state
ROWS = 15
PATTERNS = {"signal_generation": "signals alone", "full_backtest": "full backtests", "signal_replay": "replays"}
Reference = tuple[int, int]


def chosen(home: Home, runs: list[RunSummary]) -> list[Reference]:
    """Draw filters and table; returns the logs whose boxes are ticked, else the one of the address, else the first."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        by_id = {run.id: run for run in runs}
        asked = st.query_params.get("run", "")
        start = int(asked) if asked.isdecimal() and int(asked) in by_id else None
        run = st.selectbox(
            "Run",
            [None, *by_id],
            [None, *by_id].index(start),
            lambda one: "all runs" if one is None else f"{one} · {html.clean(by_id[one].name)}",
            key="signals-run",
            width=260,
        )
        datasets = [None, *dict.fromkeys(one.dataset for one in runs)]
        dataset = st.selectbox(
            "Dataset", datasets, 0, lambda one: html.clean(one or "all"), key="signals-data", width=160
        )
        pattern = st.selectbox(
            "Made by", [None, *PATTERNS], 0, lambda one: PATTERNS.get(one, "all"), key="signals-pattern", width=160
        )
        strategy = st.text_input("Strategy", key="signals-strategy", placeholder="kind or name", width=180).strip()
    filters = f"{run}-{dataset}-{pattern}-{strategy}"
    place = st.container()
    page = st.container(horizontal=True, horizontal_alignment="right")
    total = signals.logs(home, run, dataset, strategy or None, pattern, top=0).total
    if not total:
        place.caption("No log passes these filters.")
        return []
    at = page.pagination(max(1, -(-total // ROWS)), key=f"signals-page-{filters}", max_visible_pages=7)
    found = signals.logs(home, run, dataset, strategy or None, pattern, ROWS, (at - 1) * ROWS)
    frame, columns = _worded(found.logs)
    with place:
        st.caption(f"{many(total, 'log')} · tick one to read what it was worth, several to compare and replay them")
        key = f"signals-{filters}-{at}"
        picked = st.dataframe(
            frame,
            column_config=columns,
            hide_index=True,
            height="content",
            key=key,
            on_select="rerun",
            selection_mode="multi-row",
            alt="Signal logs of this home",
        )
    rows = picked.selection.rows or [0]
    return [(found.logs[row].run, found.logs[row].index) for row in rows]


def _worded(found: tuple[signals.Log, ...]) -> tuple[pd.DataFrame, Columns]:
    def figure(log: signals.Log, name: str) -> Any:
        return None if log.summary is None else log.summary.get(name)

    frame = pd.DataFrame(
        {
            "Log": f"{log.run}/{log.index}",
            "Experiment": html.clean(log.name),
            "Strategies": html.clean(", ".join(log.strategies)),
            "Parameters": html.clean(", ".join(f"{name} {value}" for name, value in log.params.items())),
            "Dataset": html.clean(log.dataset),
            "Signals": figure(log, "signals"),
            "A year": figure(log, "rate"),
            "Mean, 5 bars": None if figure(log, "mean_5") is None else 100.0 * figure(log, "mean_5"),
            "t": figure(log, "t_5"),
            "Hits": None if figure(log, "hit_5") is None else 100.0 * figure(log, "hit_5"),
            "IC": figure(log, "ic_5"),
        }
        for log in found
    )
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    return frame, {
        "Log": text(width=60),
        "Experiment": text(width=130),
        "Strategies": text(width=150),
        "Parameters": text(width="medium"),
        "Dataset": text(width=90),
        "Signals": number(
            format="%,d",
            width=65,
            help="SIGNAL events on the bars that are not held out; of logs that "
            "signal generation made. Others are worked out when they are chosen.",
        ),
        "A year": number(format="%,.1f", width=60),
        "Mean, 5 bars": number(
            format="%,.3f %%", width=90, help="forward return over 5 bars from the next open, in the signal's direction"
        ),
        "t": number(format="%,.2f", width=50, help="of that mean, with Newey–West errors"),
        "Hits": number(format="%,.1f %%", width=60, help="share of these returns above 0"),
        "IC": number(format="%,.3f", width=55, help="rank correlation of signal and return over 5 bars"),
    }
