"""Figures and tables for people: units by metric, columns aligned."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from app.cli.common import one_line
from engine.projections.catalogue import CATALOGUE

if TYPE_CHECKING:
    from rich.table import Table

    from db.store import Failure

UNITS = {metric.name: metric.unit for metric in CATALOGUE}
#: The metrics a list shows.
SHOWN = ("sharpe", "total_return", "cagr", "max_drawdown", "trades")
_HEADS = {"share": "%", "money": "money", "per_year": "per year", "bars": "bars"}


def head(metric: str) -> str:
    """A metric's name over its column, with its unit."""
    unit = _HEADS.get(UNITS[metric])
    return f"{metric} ({unit})" if unit else metric


def figure(metric: str, value: float | None) -> str:
    """A metric's value as its unit is written; – where it is undefined."""
    if value is None:
        return "–"
    match UNITS[metric]:
        case "share":
            return f"{100 * value:,.2f}"
        case "count" | "bars":
            return f"{value:,.0f}"
        case "money":
            return f"{value:,.2f}"
    return f"{value:,.3f}"


def parameter(value: Any) -> str:
    """A parameter's value as a config would have it."""
    return value if isinstance(value, str) else json.dumps(value)


def seconds(value: float | None) -> str:
    """A duration with its unit."""
    if value is None:
        return "–"
    if value < 100:
        return f"{value:.3g} s"
    return f"{value / 60:.3g} min" if value < 6000 else f"{value / 3600:.3g} h"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = (0,)) -> "Table":
    """A plain table; the columns numbered in `left` are words, the others figures."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        made.add_column(one_line(name), justify="left" if place in left else "right", overflow="fold")
    for row in rows:
        made.add_row(*map(one_line, row))
    return made


def failure_lines(failures: Sequence["Failure"], run_id: int) -> list[str]:
    """What went wrong, by cause, and where to look at one of each."""
    lines = []
    for failure in failures[:10]:
        many = f"{failure.count:,} container{'s' if failure.count != 1 else ''} {failure.status.replace('_', ' ')}"
        lines.append(f"{many}: {failure.line or 'no message'} (first: {run_id}/{failure.first})")
    if len(failures) > 10:
        lines.append(f"and {len(failures) - 10} more causes: bulkhead show {run_id} --json")
    return lines
