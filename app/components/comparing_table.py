"""The table of a comparison: figures with their differences from one container, parameters, conditions."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.components.header import KEY_METRICS
from app.components.html import escape
from app.components.numbers import MEANINGS, NOTHING, UNITS, figure, label
from app.services.comparing import Difference
from app.theme import DASHES, Palette
from engine.projections.catalogue import CATALOGUE, METRICS

Metrics = dict[str, float | None]

_BETTER = {metric.name: metric.better for metric in CATALOGUE}
#: Plotly's line patterns as CSS has them.
BORDERS = {"solid": "solid", "dash": "dashed", "dot": "dotted"}
#: Longer values are cut, and shown whole when they are pointed at.
_LONG = 90


@dataclass(frozen=True, slots=True)
class Column:
    """A container of the table. `metrics`, `test_metrics`: None where there are none to show."""

    name: str
    run: str
    metrics: Metrics | None
    test_metrics: Metrics | None


def table(
    columns: Sequence[Column],
    base: int,
    benchmark: Column | None,
    benchmarks: Sequence[Column],
    parameters: Sequence[Difference],
    conditions: Sequence[Difference],
    colors: Palette,
    covered: bool,
) -> str:
    """The table as HTML. `base`: the column that differences are taken from. `benchmark`: the buy and hold of them all,
    a column of its own; or `benchmarks`: each column's, as rows."""
    wide = len(columns) + 1 + (benchmark is not None)
    shown = [*columns, benchmark] if benchmark else list(columns)
    has_test = any(column.test_metrics for column in columns)
    parts = [_section("Bars before the held-out ones" if has_test or covered else "Figures", wide)]
    parts += [_metric(name, [(column.metrics or {}).get(name) for column in shown], base) for name in METRICS]
    if has_test and not covered:
        parts.append(_section("Held-out bars", wide))
        tests = [column.test_metrics or {} for column in shown]
        parts += [_metric(name, [metrics.get(name) for metrics in tests], base) for name in KEY_METRICS]
    if benchmarks:
        parts.append(_section("Buy and hold of its run", wide))
        for name in ("total_return", "sharpe", "max_drawdown"):
            parts.append(_metric(name, [(column.metrics or {}).get(name) for column in benchmarks], None))
    parts.append(_section("Parameters that differ", wide))
    parts += [_difference(found, wide) for found in parameters] or [_line("none: all parameters are the same", wide)]
    if conditions:
        parts.append(_section("Conditions that differ: no A/B test", wide))
        parts += [_difference(found, wide) for found in conditions]
    heads = "".join(
        _head(column, colors.series[place], DASHES[place], place == base) for place, column in enumerate(columns)
    )
    if benchmark:
        heads += _head(benchmark, colors.benchmark, "solid", False)
    roomy = " bh-compare-roomy" if wide <= 6 else ""
    return (
        f'<table class="bh-compare{roomy}"><thead><tr><th scope="col"></th>{heads}</tr></thead>'
        f"<tbody>{''.join(parts)}</tbody></table>"
    )


def _head(column: Column, color: str, dash: str, base: bool) -> str:
    swatch = f'<span class="bh-swatch" style="border-top: 4px {BORDERS[dash]} {color}"></span>'
    note = '<div class="bh-note">differences from it</div>' if base else ""
    return (
        f'<th scope="col">{swatch}'
        f'<div class="bh-compare-name">{escape(column.name)}</div>'
        f'<div class="bh-note bh-compare-run" title="{escape(column.run)}">{escape(column.run)}</div>{note}</th>'
    )


def _section(title: str, wide: int) -> str:
    return f'<tr class="bh-compare-section"><th scope="colgroup" colspan="{wide}">{escape(title)}</th></tr>'


def _line(text: str, wide: int) -> str:
    return f'<tr><td class="bh-note bh-compare-line" colspan="{wide}">{escape(text)}</td></tr>'


def _metric(name: str, values: Sequence[float | None], base: int | None) -> str:
    cells = []
    for place, value in enumerate(values):
        note = "" if base is None or place == base else _change(name, value, values[base])
        cells.append(f"<td>{escape(figure(name, value))}{note}</td>")
    return (
        f'<tr data-metric="{name}"><th scope="row" title="{escape(MEANINGS[name])}">{escape(label(name))}</th>'
        f"{''.join(cells)}</tr>"
    )


def _change(name: str, value: float | None, base: float | None) -> str:
    """The difference in the metric's unit, and whether it is for the better."""
    if value is None or base is None:
        return '<div class="bh-change"></div>'
    change = value - base
    sign = _BETTER[name] * ((change > 0) - (change < 0))
    mark, tone, words = {1: ("✓", "better", "better"), -1: ("✗", "worse", "worse"), 0: ("", "same", "")}[sign]
    text = difference(name, change)
    mark = f'<span aria-label="{words}" role="img">{mark}</span> ' if mark else ""
    return f'<div class="bh-change bh-{tone}">{mark}{escape(text)}</div>'


def difference(name: str, change: float) -> str:
    """A metric's difference with its sign and unit; shares in percentage points."""
    sign = "+" if change > 0 else "-" if change < 0 else "±"
    size = abs(change)
    if UNITS[name] == "share":
        return f"{sign}{100 * size:,.2f} pp"
    return f"{sign}{figure(name, size)}"


def _difference(found: Difference, wide: int) -> str:
    cells = "".join(_value(value) for value in found.values)
    empty = "<td></td>" * (wide - 1 - len(found.values))
    return f'<tr><th scope="row">{escape(found.name)}</th>{cells}{empty}</tr>'


def _value(value: str | None) -> str:
    if value is None:
        return f"<td>{NOTHING}</td>"
    if len(value) <= _LONG:
        return f"<td>{escape(value)}</td>"
    return f'<td title="{escape(value)}">{escape(value[:_LONG])}…</td>'
