"""Tables of runs, containers and failures: frames, and how Streamlit shows their columns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app.components.html import cell, clean
from app.components.numbers import MEANINGS, UNITS, label, local
from app.components.warnings import SAME_CLOSE
from db.store import Container, Failure, RunSummary

Columns = dict[str, Any]

#: A row is chosen by its box, or by a click on any of its cells.
SELECT = ("single-row", "single-cell")

#: The metrics a leaderboard shows, beside the one it is sorted by; fewer beside those of the held-out bars.
SHOWN = ("sharpe", "total_return", "cagr", "max_drawdown", "trades", "win_rate", "exposure")
WITH_TEST = ("sharpe", "total_return", "max_drawdown", "trades")
TEST_SHOWN = ("sharpe", "total_return", "max_drawdown")


def picked(selection: Any) -> int | None:
    """The row that was chosen last in a table with `SELECT`."""
    if selection.cells:
        return int(selection.cells[0][0])
    return int(selection.rows[0]) if selection.rows else None


def marked(row: int | None) -> Any:
    """A selection of one row, to begin with."""
    return {"selection": {"rows": [] if row is None else [row], "columns": [], "cells": []}}


def runs(found: Sequence[RunSummary], zone: str | None) -> tuple[pd.DataFrame, Columns]:
    """All runs, the newest first. What a live one has done stands elsewhere: here it would soon be wrong."""
    frame = pd.DataFrame(
        {
            "Run": run.id,
            "Name": cell(run.name),
            "Status": "in progress" if run.status in ("queued", "running") else run.status,
            "Containers": run.containers,
            "Done": None if run.status in ("queued", "running") else run.done,
            "Failed": None if run.status in ("queued", "running") else run.failed,
            "Seconds": run.seconds,
            "Started": local(run.started or run.created, zone),
            "Dataset": cell(run.dataset),
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


def leaderboard(
    found: Sequence[Container],
    sort: str | None,
    descending: bool = True,
    sketches: Mapping[int, Sequence[float]] | None = None,
    test: bool = False,
    line: str | None = None,
) -> tuple[pd.DataFrame, Columns]:
    """Containers with their parameters and metrics; what they are sorted by is marked.

    A column's name in the frame is the parameter's or metric's own. `sketches`: equity by index, for a small chart in
    the colour `line`; `test`: with figures of the held-out bars.
    """
    params = sorted({name for container in found for name in container.params})  # in one order on all pages
    usual = WITH_TEST if test else SHOWN
    metrics = [*usual, *(() if sort not in UNITS or sort in usual else (sort,))]
    held_out = TEST_SHOWN if test else ()
    frame = pd.DataFrame({"container": [container.index for container in found]})
    first = _arrow("Container", sort == "container", descending)
    columns: Columns = {"container": st.column_config.NumberColumn(first, format="%d", width=90, pinned=True)}
    if any(container.status != "done" for container in found):
        frame["status"] = [container.status.replace("_", " ") for container in found]
        columns["status"] = st.column_config.TextColumn("Ended", width=80)
    if sketches is not None:
        frame["equity"] = [sketches.get(container.index) for container in found]
        columns["equity"] = st.column_config.LineChartColumn(
            "Equity", width=110, color=line, help="equity at the close, each line on a scale of its own"
        )
    for name in params:
        frame[name] = _column([container.params.get(name, _ABSENT) for container in found])
        columns[name] = st.column_config.Column(_arrow(cell(name), name == sort, descending), alignment="right")
    for name in metrics:
        frame[name] = _metric(name, [container.metrics for container in found])
        columns[name] = metric_column(name, _arrow(label(name), name == sort, descending))
    for name in held_out:
        frame[f"test_{name}"] = _metric(name, [container.test_metrics for container in found])
        columns[f"test_{name}"] = metric_column(name, f"{label(name)}, test", "on the held-out bars: ")
    return frame, columns


def _arrow(name: str, sorted_by: bool, descending: bool) -> str:
    return f"{name} {'↓' if descending else '↑'}" if sorted_by else name


def _metric(name: str, parts: Sequence[dict[str, float | None] | None]) -> pd.Series:
    """A metric of containers, shares in per cent; NaN where it is undefined."""
    values = pd.Series([(part or {}).get(name) for part in parts], dtype="float64")
    return values * 100 if UNITS[name] == "share" else values


def metric_column(metric: str, name: str | None = None, where: str = "") -> Any:
    """A metric's column: its digits, its unit, what it means."""
    digits = {"share": "%,.2f %%", "count": "%,d", "bars": "%,d", "money": "%,.2f", "per_year": "%,.2f"}
    return st.column_config.NumberColumn(
        name, format=digits.get(UNITS[metric], "%,.3f"), help=f"{where}{MEANINGS[metric]}"
    )


def failures(found: Sequence[Failure]) -> tuple[pd.DataFrame, Columns]:
    """Why containers did not finish, the most frequent cause first."""
    frame = pd.DataFrame(
        {
            "Containers": failure.count,
            "Status": failure.status.replace("_", " "),
            "Cause": cell(failure.line) or "no message",
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


#: What stands for a parameter that a container's branch does not have.
_ABSENT = object()


def _column(values: list[Any]) -> pd.Series:
    """Numbers as numbers; where some are words, all are shown as words. What is absent stays empty."""
    there = [value for value in values if value is not _ABSENT]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in there):
        return pd.Series([None if value is _ABSENT else value for value in values])
    return pd.Series([None if value is _ABSENT else _parameter(value) for value in values], dtype="str")


def _parameter(value: Any) -> str:
    """A parameter's value as a config has it; one that flatters is marked."""
    if value is None or isinstance(value, bool | list | dict):
        return "none" if value is None else cell(json.dumps(value, ensure_ascii=False))
    return f"{clean(value)} (optimistic)" if value == SAME_CLOSE else cell(value)
