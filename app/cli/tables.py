"""Figures and tables for people: units by metric, columns aligned."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.cli.common import one_line
from engine.projections.catalogue import CATALOGUE

if TYPE_CHECKING:
    from rich.table import Table

    from db.store import Container, Failure

UNITS = {metric.name: metric.unit for metric in CATALOGUE}
#: The metrics a list shows.
SHOWN = ("sharpe", "total_return", "cagr", "max_drawdown", "trades")
#: Which of them a narrow terminal does without, in this order.
SPARE = ("cagr", "trades", "max_drawdown")
#: What a list shows of signals that were only generated, and where a summary has it: how many changes, how many a year,
#: the information coefficient of 5 bars ahead, and the t value of the mean return of those bars.
FIGURES = {"signals": "signals", "rate": "rate", "ic": "ic_5", "t": "t_5"}
_GAP = 2
_HEADS = {"share": "%", "money": "money", "per_year": "per year", "bars": "bars"}


def head(metric: str) -> str:
    """A metric's name over its column, with its unit."""
    unit = _HEADS.get(UNITS[metric])
    return f"{metric}\n({unit})" if unit else metric


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

    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="bold")
    for place, name in enumerate(columns):
        heading = "\n".join(map(one_line, name.split("\n")))
        made.add_column(heading, justify="left" if place in left else "right", vertical="bottom", no_wrap=True)
    for row in rows:
        made.add_row(*map(one_line, row))
    return made


def width(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """How many characters wide `table` is."""
    texts = [
        [part for name in columns[place : place + 1] for part in name.split("\n")] for place in range(len(columns))
    ]
    for row in rows:
        for place, text in enumerate(row):
            texts[place].append(text)
    return sum(max(map(len, found)) + _GAP for found in texts)


def containers_table(
    found: Sequence["Container"], sort: str | None = None, benchmark: "Container | None" = None, room: int = 200
) -> "Table":
    """Containers as rows: swept parameters, then a few metrics, the one sorted by first; the benchmark last.

    What does not fit into `room` characters is left out, the least telling metrics first.
    """
    names = list(dict.fromkeys(name for container in found for name in container.params))
    metrics = list(SHOWN if sort is None or sort in SHOWN else (sort, *SHOWN))
    status = benchmark is not None or any(container.status != "done" for container in found)

    def line(container: "Container") -> list[str]:
        values: dict[str, Any] = container.metrics or {}
        own = container is benchmark
        return [
            "–" if own else str(container.index),
            *(("buy and hold" if own else container.status,) if status else ()),
            *(parameter(container.params[name]) if name in container.params else "–" for name in names),
            *(figure(metric, values.get(metric)) for metric in metrics),
        ]

    while True:
        heads = ["index", *(("status",) if status else ()), *(name.replace(".", ".\n", 1) for name in names)]
        heads += map(head, metrics)
        rows = [line(container) for container in (*found, *((benchmark,) if benchmark else ()))]
        spare = [metric for metric in SPARE if metric in metrics and metric != sort]
        if width(heads, rows) <= room or not spare:
            return table(heads, rows, left=(1,) if status else ())
        metrics.remove(spare[0])


def generation_table(found: Sequence["Container"], summaries: Mapping[int, Mapping[str, Any]]) -> "Table":
    """Containers that traded nothing as rows: swept parameters, then what their signals are worth."""
    names = list(dict.fromkeys(name for container in found for name in container.params))
    heads = ["index", "status", *(name.replace(".", ".\n", 1) for name in names), *FIGURES]
    rows = [
        [
            *(str(container.index), container.status),
            *(parameter(container.params[name]) if name in container.params else "–" for name in names),
            *(number(summaries.get(container.index, {}).get(name)) for name in FIGURES.values()),
        ]
        for container in found
    ]
    return table(heads, rows, left=(1,))


def number(value: Any) -> str:
    """A figure that has no unit of its own."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return parameter(value)
    return f"{value:,.0f}" if value == round(value) else f"{value:,.4g}"


def failure_lines(failures: Sequence["Failure"], run_id: int) -> list[str]:
    """What went wrong, by cause, and where to look at one of each."""
    lines = []
    for failure in failures[:10]:
        many = f"{failure.count:,} container{'s' if failure.count != 1 else ''} {failure.status.replace('_', ' ')}"
        lines.append(f"{many}: {failure.line or 'no message'} (first: {run_id}/{failure.first})")
    if len(failures) > 10:
        lines.append(f"and {len(failures) - 10} more causes: bulkhead show {run_id} --json")
    return lines
