"""A metric over two parameters as a heatmap; over one, as points with a line through their summaries."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app import theme
from app.charts.decimate import thinned
from app.components.numbers import UNITS, label
from app.services.grid import Axis, Grid, Line
from app.theme import Palette

HEIGHT = 400
#: Labels on an axis; more would run into each other.
TICKS = 12
#: Letters for which there is room below the figure.
LETTERS = 48
#: With at most so many cells on a side they are set apart by lines.
FINE = 40
#: Points of a line chart.
POINTS = 2_000
_TICKS = {"share": ".0%", "count": "~s", "bars": "~s", "money": "~s", "per_year": "~g"}
_FORMATS = {"share": ".2%", "count": ",.0f", "bars": ",.0f", "money": ",.2f", "per_year": ".2f"}


def figure(grid: Grid, colors: Palette) -> go.Figure:
    """The heatmap; its best cell is framed and named."""
    digits = _FORMATS.get(UNITS[grid.metric], ".3f")
    low, high, scale = _colors(grid, colors)
    gap = 1 if max(grid.values.shape) <= FINE else 0
    made = go.Figure(
        go.Heatmap(
            z=grid.values,
            x=_categories(grid.x),
            y=_categories(grid.y),
            zmin=low,
            zmax=high,
            colorscale=scale,
            xgap=gap,
            ygap=gap,
            hoverongaps=False,
            customdata=grid.counts.astype(np.int32),
            hovertemplate=f"%{{x}}<br>%{{y}}<br>{label(grid.metric)} %{{z:{digits}}}<br>"
            f"{grid.summary} of %{{customdata:,d}}<extra></extra>",
            colorbar={
                "thickness": 10,
                "outlinewidth": 0,
                "tickformat": _TICKS.get(UNITS[grid.metric], ".2f"),
                "nticks": 6,
            },
        ),
        layout=_layout(grid.x, colors, grid.y),
    )
    if grid.best is not None:
        _mark(made, grid, digits, colors)
    return made


def line(found: Line, colors: Palette, benchmark: float | None) -> go.Figure:
    """Points for the containers, a line through the summary of each place, and buy and hold as a level."""
    digits = _FORMATS.get(UNITS[found.metric], ".3f")
    layout = _layout(found.x, colors, None)
    layout["yaxis"] |= {"tickformat": _TICKS.get(UNITS[found.metric], ".2f"), "title": {"text": label(found.metric)}}
    made = go.Figure(layout=layout)
    if len(found.values) > np.count_nonzero(found.counts):
        rows = thinned(len(found.values), POINTS)
        made.add_trace(
            go.Scatter(
                x=found.places[rows],
                y=found.values[rows],
                customdata=found.indices[rows],
                mode="markers",
                name="Containers",
                marker={"color": colors.muted, "size": 5, "opacity": 0.6},
                hovertemplate=f"container %{{customdata}}: %{{y:{digits}}}<extra></extra>",
            )
        )
    full = np.flatnonzero(found.counts)
    made.add_trace(
        go.Scatter(
            x=full,
            y=found.summaries[full],
            text=[f"{_plain(found.x.name)} {_plain(found.x.labels[place])}" for place in full.tolist()],
            mode="lines+markers",
            name=f"{label(found.metric)} ({found.summary})",
            line={"color": colors.equity, "width": 1.6},
            marker={"size": 6 if len(full) <= 60 else 3},
            hovertemplate=f"%{{text}}: %{{y:{digits}}}<extra></extra>",
        )
    )
    if benchmark is not None and len(full):
        made.add_trace(
            go.Scatter(
                x=[-0.5, len(found.x.labels) - 0.5],
                y=[benchmark, benchmark],
                mode="lines",
                name="Buy and hold",
                line={"color": colors.benchmark, "width": 2, "dash": "dot"},
                hovertemplate=f"buy and hold: %{{y:{digits}}}<extra></extra>",
            )
        )
    return made


def _colors(grid: Grid, colors: Palette) -> tuple[float, float, list[list[Any]]]:
    """The range of colours: through zero where there are values on both sides of it, else from end to end."""
    known = grid.values[np.isfinite(grid.values)]
    if not len(known):
        return 0.0, 1.0, [[0.0, colors.panel], [1.0, colors.equity]]
    low, high = float(known.min()), float(known.max())
    if low < 0 < high:
        widest = max(-low, high)
        return -widest, widest, [[0.0, colors.sell], [0.5, colors.panel], [1.0, colors.equity]]
    if high <= 0:  # drawdowns: strong where they are deep
        return low, min(high, 0.0), [[0.0, colors.sell], [1.0, colors.panel]]
    return low, high if high > low else low + 1, [[0.0, colors.panel], [1.0, colors.equity]]


def _mark(made: go.Figure, grid: Grid, digits: str, colors: Palette) -> None:
    assert grid.best is not None
    row, column = grid.best
    value = format(grid.values[row, column], digits).replace("%", " %")
    made.add_shape(
        type="rect",
        x0=column - 0.5,
        x1=column + 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": colors.ink, "width": 2},
    )
    right, upper = column > len(grid.x.labels) * 0.6, row > len(grid.y.labels) * 0.8
    made.add_annotation(
        text=f"best {value}",
        x=column,
        y=row,
        ax=-34 if right else 34,
        ay=22 if upper else -22,
        xanchor="right" if right else "left",
        arrowcolor=colors.ink,
        arrowwidth=1,
        arrowhead=0,
        bgcolor=colors.ground,
        bordercolor=colors.line,
        borderpad=2,
        font={"color": colors.ink, "size": 12},
    )


def _layout(x: Axis, colors: Palette, y: Axis | None) -> dict[str, Any]:
    return {
        "template": theme.template(colors),
        "height": HEIGHT,
        "margin": {"l": 60, "r": 8, "t": 48 if y is None else 12, "b": 44},
        "dragmode": False,
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": _axis(x, True) | ({"type": "linear"} if y is None else {}),
        "yaxis": {"fixedrange": True} if y is None else _axis(y, False),
    }


def _axis(axis: Axis, across: bool) -> dict[str, Any]:
    """An axis of places, labelled by as many values as there is room for."""
    labels = [_short(text.partition(" to ")[0] if axis.stretches else text) for text in axis.labels]
    most = max(2, min(TICKS, LETTERS // (2 + max(map(len, labels), default=0)))) if across else TICKS
    places = list(range(0, len(labels), -(-len(labels) // most)))
    return {
        "type": "category",
        "title": {"text": _plain(axis.name), "standoff": 8},
        "tickvals": places,
        "ticktext": [_plain(labels[place]) for place in places],
        "tickangle": 0,
        "showgrid": False,
        "fixedrange": True,
        "range": [-0.5, len(axis.labels) - 0.5],
        "automargin": True,
    }


def _categories(axis: Axis) -> list[str]:
    """The places by name. With the parameter's name they say all when pointed at, and none looks like a number: Plotly
    would take a tick at place 5 for the category "5"."""
    return [f"{_plain(axis.name)} {_plain(text)}" for text in axis.labels]


def _short(text: str, letters: int = 16) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _plain(text: str) -> str:
    """A user's text in a figure: no markup, and no variables of a template."""
    return escape(text).replace("%", "&#37;").replace("{", "&#123;")


def names(axes: Sequence[Axis]) -> list[str]:
    """The axes whose values were cut into stretches."""
    return [axis.name for axis in axes if axis.stretches]
