"""Tables of runs, containers and failures: frames, and how Streamlit shows their columns."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app.components.html import clean
from app.components.numbers import MEANINGS, UNITS, label, local
from db.store import Container, Failure, RunSummary

Columns = dict[str, Any]

#: A row is chosen by its box, or by a click on any of its cells.
SELECT = ("single-row", "single-cell")

#: The metrics a leaderboard shows, beside the one it is sorted by.
SHOWN = ("sharpe", "total_return", "cagr", "max_drawdown", "trades", "win_rate", "exposure")


def picked(selection: Any) -> int | None:
    """The row that was chosen last in a table with `SELECT`."""
    if selection.cells:
        return int(selection.cells[0][0])
    return int(selection.rows[0]) if selection.rows else None


def marked(row: int | None) -> Any:
    """A selection of one row, to begin with."""
    return {"selection": {"rows": [] if row is None else [row], "columns": [], "cells": []}}


def runs(found: Sequence[RunSummary], zone: str | None) -> tuple[pd.DataFrame, Columns]:
    """All runs, the newest first."""
    frame = pd.DataFrame(
        {
            "Run": run.id,
            "Name": clean(run.name),
            "Status": run.status,
            "Containers": run.containers,
            "Done": run.done,
            "Failed": run.failed,
            "Seconds": run.seconds,
            "Started": local(run.started or run.created, zone),
            "Dataset": clean(run.dataset),
        }
        for run in found
    )
    columns = {
        "Run": st.column_config.NumberColumn(format="%d", width=60),
        "Name": st.column_config.TextColumn(width="large"),
        "Status": st.column_config.TextColumn(width=90),
        **{name: st.column_config.NumberColumn(format="%,d", width=90) for name in ("Containers", "Done", "Failed")},
        "Seconds": st.column_config.NumberColumn(format="%,.2f", width=90, help="from the first dispatch to the last"),
        "Started": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss", width=170),
        "Dataset": st.column_config.TextColumn(width=110),
    }
    return frame, columns


def leaderboard(found: Sequence[Container], sort: str) -> tuple[pd.DataFrame, Columns]:
    """Containers with their parameters and metrics; the metric they are sorted by comes first."""
    params = list(dict.fromkeys(name for container in found for name in container.params))
    metrics = list(dict.fromkeys((sort, *SHOWN)))
    rows = [
        {
            "Container": container.index,
            **{name: _parameter(container.params.get(name)) for name in params},
            **{label(name): _scaled(name, (container.metrics or {}).get(name)) for name in metrics},
        }
        for container in found
    ]
    frame = pd.DataFrame(rows)
    columns: Columns = {"Container": st.column_config.NumberColumn(format="%d", width=85)}
    for name in params:
        frame[name] = _column([row[name] for row in rows])
        columns[name] = st.column_config.Column(alignment="right")
    for name in metrics:
        frame[label(name)] = frame[label(name)].astype("float64")
        columns[label(name)] = metric_column(name)
    return frame, columns


def metric_column(metric: str) -> Any:
    """A metric's column: its digits, its unit, what it means."""
    digits = {"share": "%,.2f %%", "count": "%,d", "bars": "%,d", "money": "%,.2f", "per_year": "%,.2f"}
    return st.column_config.NumberColumn(format=digits.get(UNITS[metric], "%,.3f"), help=MEANINGS[metric])


def failures(found: Sequence[Failure]) -> tuple[pd.DataFrame, Columns]:
    """Why containers did not finish, the most frequent cause first."""
    frame = pd.DataFrame(
        {
            "Containers": failure.count,
            "Status": failure.status.replace("_", " "),
            "Cause": clean(failure.line) or "no message",
            "First": failure.first,
        }
        for failure in found
    )
    columns = {
        "Containers": st.column_config.NumberColumn(format="%,d", width=90),
        "Status": st.column_config.TextColumn(width=120),
        "Cause": st.column_config.TextColumn(width="large"),
        "First": st.column_config.NumberColumn(format="%d", width=70, help="the first container that ended so"),
    }
    return frame, columns


def _parameter(value: Any) -> Any:
    """A parameter's value as a config has it."""
    if value is None or isinstance(value, bool | list | dict):
        return "none" if value is None else json.dumps(value)
    return clean(value) if isinstance(value, str) else value


def _column(values: list[Any]) -> pd.Series:
    """Numbers as numbers; where some are words, all are shown as words."""
    if all(isinstance(value, int | float) for value in values):
        return pd.Series(values)
    return pd.Series([str(value) for value in values], dtype="str")


def _scaled(metric: str, value: float | None) -> float | None:
    return value * 100 if value is not None and UNITS[metric] == "share" else value


def events(log: pd.DataFrame) -> tuple[pd.DataFrame, Columns, list[str]]:
    """A page of the event log: the frame, its columns, and those that are shown at first."""
    daily = not (log["time"] != log["time"].dt.normalize()).any()
    frame = log.copy()
    for name in ("kind", "source", "symbol", "reason", "level", "side"):
        frame[name] = frame[name].map(lambda word: clean(word) if isinstance(word, str) else None)
    number = st.column_config.NumberColumn
    columns: Columns = {
        "seq": number("#", format="%d", width=50),
        "time": st.column_config.DatetimeColumn(
            "Date" if daily else "Time (UTC)",
            format="YYYY-MM-DD" if daily else "YYYY-MM-DD HH:mm",
            width=90 if daily else 125,
        ),
        "bar": number("Bar", format="%d", width=55),
        "kind": st.column_config.TextColumn("Kind", width=85),
        "level": st.column_config.TextColumn("Level", width=80),
        "source": st.column_config.TextColumn("Source", width=85),
        "symbol": st.column_config.TextColumn("Symbol", width=60),
        "side": st.column_config.TextColumn("Side", width=50),
        "quantity": number("Quantity", format="%,.2f", width=90),
        "price": number("Price", format="%,.4f", width=80),
        "commission": number("Commission", format="%,.2f", width=95),
        "value": number("Value", format="%.4f", width=65, help="a signal, or the weight of a target or order"),
        "limit": number("Limit", format="%,.4f", width=85),
        "actual": number("Actual", format="%,.4f", width=85),
        "reason": st.column_config.TextColumn("Reason", width=85),
        "cause": number("Cause", format="%d", width=55, help="the event behind it; none: its bar"),
    }
    order = ["seq", "time", "kind", "source", "symbol", "side", "quantity", "price", "value", "reason", "cause"]
    return frame, columns, order
