"""All equity curves of a run as bands, with buy and hold, and the chosen containers on top."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from app import theme
from app.charts import dates
from app.charts.magnitudes import magnitudes
from app.services.curves import QUANTILES, Curves, Sketches, bands
from app.theme import DASHES, Palette

HEIGHT = 400
#: Times the starting cash from which on a logarithmic scale says more.
WIDE = 5.0
OUTER, INNER, MEDIAN, BENCHMARK_LINE = "5 to 95 %", "25 to 75 %", "Median", "Buy and hold"


def wide(curves: Curves) -> bool:
    """Whether the better curves rise so far that a linear scale would flatten all that came before."""
    return bool(curves.values.size and np.quantile(curves.values[:, -1], 0.95) >= WIDE)


def figure(
    curves: Curves, shown: npt.NDArray[np.int64] | None, chosen: Sequence[int], colors: Palette, log_scale: bool
) -> go.Figure:
    """The figure. `shown`: the containers the bands are of, None for all; `chosen`: those drawn on top."""
    values = curves.values if shown is None else curves.of(shown)
    on_top = [(index, curves.of([index])[0]) for index in chosen if len(curves.rows([index]))]
    edges = bands(values) if len(values) else None
    made = go.Figure(layout=_layout(curves, edges, [curve for _, curve in on_top], colors, log_scale))
    hover = _days(curves)
    if edges is not None:
        made.add_traces(_bands(curves, edges, colors, hover, log_scale))
    if curves.benchmark is not None:
        made.add_trace(_line(curves, curves.benchmark, BENCHMARK_LINE, colors.benchmark, "dot", 2.0))
    for place, (index, curve) in enumerate(on_top):
        color, dash = colors.series[place % len(colors.series)], DASHES[place % len(DASHES)]
        made.add_trace(_line(curves, curve, f"Container {index}", color, dash, 1.8))
    _held_out(made, curves, colors)
    return made


def _bands(curves: Curves, edges: Sketches, colors: Palette, hover: list[str], log_scale: bool) -> list[go.Scatter]:
    """The two bands as closed outlines, and the median, which carries the words of the hover box."""
    if log_scale:  # a logarithm has no place for an account that lost everything
        edges = np.maximum(edges, np.float32(1e-3))
    there_and_back = np.concatenate([curves.bars, curves.bars[::-1]])
    found = [
        go.Scatter(
            x=there_and_back,
            y=np.concatenate([edges[high], edges[low][::-1]]),
            mode="lines",
            fill="toself",
            fillcolor=_faint(colors.muted, strength),
            line={"width": 0},
            hoverinfo="skip",
            name=name,
        )
        for low, high, name, strength in ((0, 4, OUTER, 0.16), (1, 3, INNER, 0.26))
    ]
    low, quarter, middle, upper, high = range(len(QUANTILES))
    found.append(
        go.Scatter(
            x=curves.bars,
            y=edges[middle],
            mode="lines",
            name=MEDIAN,
            line={"color": colors.muted, "width": 1.6},
            customdata=list(
                zip(*(edges[row].tolist() for row in (low, quarter, upper, high)), hover, strict=True),
            ),
            hovertemplate="%{customdata[4]}<br>median %{y:.3f} ×, half of them %{customdata[1]:.3f} to "
            "%{customdata[2]:.3f}, nine in ten %{customdata[0]:.3f} to %{customdata[3]:.3f}<extra></extra>",
        )
    )
    return found


def _line(curves: Curves, curve: Sketches, name: str, color: str, dash: str, width: float) -> go.Scatter:
    return go.Scatter(
        x=curves.bars,
        y=curve,
        mode="lines",
        name=name,
        line={"color": color, "width": width, "dash": dash},
        hovertemplate="%{y:.3f} ×",
    )


def _layout(
    curves: Curves, edges: Sketches | None, on_top: list[Sketches], colors: Palette, log_scale: bool
) -> dict[str, Any]:
    start = int(curves.bars[0]) if len(curves.bars) else 0
    if curves.time is None:
        bars = np.linspace(start, curves.stop - 1, 7).round().astype(int).tolist()
        labels = [f"bar {bar:,}" for bar in bars]
    else:
        bars, labels = dates.ticks(curves.time, start, curves.stop, 9)
    drawn = [*([] if edges is None else [edges.ravel()]), *on_top]
    if curves.benchmark is not None:
        drawn.append(curves.benchmark)
    values = np.concatenate(drawn) if drawn else np.ones(1, np.float32)
    values = values[values > 0]
    scale: dict[str, Any] = {}
    if log_scale and len(values):
        low, high = max(float(values.min()), 1e-3), float(values.max())
        marks = magnitudes(low, high)
        scale = {"type": "log", "tickvals": marks, "ticktext": [f"{mark:,.4g} ×" for mark in marks]}
    return {
        "template": theme.template(colors),
        "height": HEIGHT,
        "margin": {"l": 52, "r": 8, "t": 48, "b": 38 if any("<br>" in label for label in labels) else 26},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "itemwidth": 30},
        "xaxis": {
            "range": [start - 0.5, curves.stop - 0.5],
            "tickvals": bars,
            "ticktext": labels,
            "tickangle": 0,
            "fixedrange": True,
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikecolor": colors.muted,
            "unifiedhovertitle": {"text": "bar %{x:,d}"},
        },
        "yaxis": {"fixedrange": True, "nticks": 6, "ticksuffix": " ×", "tickformat": ",~g", **scale},
    }


def _days(curves: Curves) -> list[str]:
    """The date of each point, in words."""
    if curves.time is None:
        return [f"bar {bar:,}" for bar in curves.bars.tolist()]
    return dates.words(curves.time[curves.bars])


def _held_out(made: go.Figure, curves: Curves, colors: Palette) -> None:
    """Shade the held-out bars, and say what they are."""
    if curves.test is None or curves.test >= curves.stop:
        return
    left = curves.test - 0.5
    place = {"yref": "paper", "y0": 0, "y1": 1}
    made.add_shape(
        type="rect", x0=left, x1=curves.stop - 0.5, fillcolor=colors.held_out, line={"width": 0}, layer="below", **place
    )
    made.add_shape(type="line", x0=left, x1=left, line={"color": colors.muted, "width": 1, "dash": "dash"}, **place)
    made.add_annotation(
        text="held out, covered" if curves.covered else "held out",
        x=left,
        xanchor="left",
        xshift=4,
        y=1,
        yref="paper",
        yanchor="top",
        showarrow=False,
        font={"color": colors.muted, "size": 12},
    )


def _faint(color: str, strength: float) -> str:
    """A colour of the palette (#RRGGBB), seen through."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {strength})"
