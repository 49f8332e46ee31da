"""The container's figure: price with fills, regimes, equity against buy and hold, drawdown, on one axis of bars."""

from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from app import theme
from app.charts import dates, traces
from app.charts.magnitudes import magnitudes
from app.charts.scene import CANDLES, CANDLES_FIRST, FILLS, Floats, Scene
from app.theme import Palette
from engine.events import Side

HEIGHT = 660
#: Highest over lowest price from which on a logarithmic scale says more.
WIDE = 5.0
#: From bottom to top: where each pane lies, as shares of the height.
DRAWDOWN, EQUITY, RIBBON, PRICE = (0.0, 0.15), (0.19, 0.47), (0.515, 0.545), (0.59, 1.0)
#: The price's place when there are no regimes to show.
ALONE = (0.515, 1.0)
#: Names of the traces, as the legend has them.
EQUITY_LINE, BENCHMARK_LINE = "Equity", "Buy and hold"


def candles_by_default(scene: Scene) -> bool:
    """Whether so few bars are in view that candles say more than a line."""
    return scene.stop - scene.start <= CANDLES_FIRST


def candles_possible(scene: Scene) -> bool:
    return scene.stop - scene.start <= CANDLES


def fills_left_out(scene: Scene) -> int:
    """How many fills in view are not drawn, because there are too many."""
    return max(0, len(scene.fills) - FILLS)


def wide(close: npt.NDArray[np.float64]) -> bool:
    """Whether prices, float64 (bars,), rise or fall so far that a linear scale would flatten most of them."""
    low, high = np.nanmin(close), np.nanmax(close)
    return bool(low > 0 and high / low >= WIDE)


def figure(
    scene: Scene, colors: Palette, candles: bool | None = None, log_scale: bool = False, boxes: bool = False
) -> go.Figure:
    """The figure. `candles`: None decides by how many bars there are; `log_scale`: of price and equity.

    `boxes`: dragging draws a box of bars, and points cannot be clicked; a page can have one or the other. A click
    may come as a point of the price line: `app.components.view` finds the fill that was meant.
    """
    drawn = candles_possible(scene) and (candles_by_default(scene) if candles is None else candles)
    made = go.Figure(layout=_layout(scene, colors, log_scale, boxes))
    for side in (Side.BUY, Side.SELL):
        made.add_trace(traces.fills(scene, colors, side))
    made.add_trace(traces.candles(scene, colors) if drawn else traces.line(scene, colors))
    if scene.regime_names:
        made.add_trace(traces.ribbon(scene, colors))
        made.add_traces(traces.regime_legend(scene, colors))
    if scene.benchmark is not None:
        made.add_trace(traces.account(scene, scene.benchmark, BENCHMARK_LINE, colors.benchmark))
    made.add_trace(traces.account(scene, scene.equity, EQUITY_LINE, colors.equity))
    made.add_trace(traces.drawdown(scene, colors))
    _mark(made, scene, colors)
    return made


def _layout(scene: Scene, colors: Palette, log_scale: bool, boxes: bool) -> dict[str, Any]:
    bars, labels = dates.ticks(scene.time, scene.start, scene.stop, 9)
    price, money = (_scale(_prices(scene)), _scale(_money(scene))) if log_scale else ({}, {})
    return {
        "template": theme.template(colors),
        "height": HEIGHT,
        "margin": {"l": 52, "r": 8, "t": 30, "b": 38 if any("<br>" in label for label in labels) else 26},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverdistance": 6,
        "dragmode": "select" if boxes else "pan",
        "selectdirection": "h",
        "newselection": {"line": {"color": colors.accent, "width": 1, "dash": "solid"}},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom", "tracegroupgap": 0},
        "barmode": "overlay",
        "xaxis": {
            "range": [scene.start - 0.5, scene.stop - 0.5],
            "tickvals": bars,
            "ticktext": labels,
            "tickangle": 0,
            "anchor": "y4",
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikecolor": colors.muted,
            "unifiedhovertitle": {"text": "bar %{x:,d}"},
            "fixedrange": True,
            "rangeslider": {"visible": False},
        },
        "yaxis": {
            "domain": PRICE if scene.regime_names else ALONE,
            "anchor": "x",
            "fixedrange": True,
            "tickformat": ",~g",
            "nticks": 6,
            **price,
        },
        "yaxis2": {"domain": RIBBON, "anchor": "x", "fixedrange": True, "visible": False},
        "yaxis3": {"domain": EQUITY, "anchor": "x", "fixedrange": True, "nticks": 5, "tickformat": "~s", **money},
        "yaxis4": {"domain": DRAWDOWN, "anchor": "x", "fixedrange": True, "tickformat": ".0%", "nticks": 4},
    }


def _prices(scene: Scene) -> list[Floats]:
    return [scene.prices[scene.start : scene.stop, 3]]


def _money(scene: Scene) -> list[Floats]:
    curves = [scene.equity] if scene.benchmark is None else [scene.equity, scene.benchmark]
    return [curve.within(scene.start, scene.stop)[1] for curve in curves]


def _scale(shown: list[Floats]) -> dict[str, Any]:
    """A logarithmic axis for what is in view. Plotly's own labels run into each other, so they are chosen here."""
    values = np.concatenate(shown)
    values = values[np.isfinite(values) & (values > 0)]  # nothing, as before a symbol is listed
    return {"type": "log", "tickvals": magnitudes(values.min(), values.max()) if len(values) else []}


def _mark(made: go.Figure, scene: Scene, colors: Palette) -> None:
    """Names of the panes, the held-out bars, and the chosen event."""
    panes = [(PRICE, f"{escape(scene.symbol)}, close"), (EQUITY, "Equity and buy and hold"), (DRAWDOWN, "Drawdown")]
    if scene.regime_names:
        panes.insert(1, (RIBBON, "Regime"))
    for (_, top), text in panes:
        made.add_annotation(
            text=text,
            x=0,
            xref="paper",
            xanchor="left",
            y=top,
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            font={"color": colors.muted, "size": 12},
        )
    if scene.test is not None and scene.test < scene.stop:
        left = max(scene.test, scene.start) - 0.5
        made.add_shape(
            type="rect",
            x0=left,
            x1=scene.stop - 0.5,
            y0=0,
            y1=1,
            yref="paper",
            fillcolor=colors.held_out,
            line={"width": 0},
            layer="below",
        )
        made.add_shape(
            type="line",
            x0=left,
            x1=left,
            y0=0,
            y1=1,
            yref="paper",
            line={"color": colors.muted, "width": 1, "dash": "dash"},
        )
        made.add_annotation(
            text="held out, covered" if scene.covered else "held out",
            x=left,
            xanchor="left",
            xshift=4,
            y=EQUITY[1],
            yref="paper",
            yanchor="top",
            showarrow=False,
            font={"color": colors.muted, "size": 12},
        )
    if scene.event is None or not scene.start <= scene.event < scene.stop:
        return
    made.add_shape(
        type="line",
        x0=scene.event,
        x1=scene.event,
        y0=0,
        y1=1,
        yref="paper",
        line={"color": colors.ink, "width": 1, "dash": "dot"},
    )
    if scene.event_price is not None:
        made.add_trace(
            go.Scatter(
                x=[scene.event],
                y=[scene.event_price],
                mode="markers",
                marker={"symbol": "circle-open", "size": 22, "color": colors.ink, "line": {"width": 2}},
                hoverinfo="skip",
                showlegend=False,
                name="Chosen",
            )
        )
