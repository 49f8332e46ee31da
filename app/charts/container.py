"""The container's figure: price with fills, regimes, equity against buy and hold, and more, on one axis of bars."""

from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from app import theme
from app.charts import dates, marks, panes, traces
from app.charts.magnitudes import magnitudes
from app.charts.panes import Pane
from app.charts.scene import CANDLES, CANDLES_FIRST, FILLS, Floats, Scene
from app.theme import Palette
from engine.events import Side

#: Pixels left of the panes, for their labels; the swimlanes have the same, so that bars stand below bars.
LEFT, RIGHT = 70, 8
#: Highest over lowest price from which on a logarithmic scale says more.
WIDE = 5.0
#: So many panes of indicators at most.
OWN_PANES = 3
#: Colours of indicators: those of the series that no other line of the figure is like, first.
_SERIES = (7, 5, 3, 4, 6, 2)
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


def own_panes(scene: Scene) -> list[str]:
    """Whose indicators get a pane of their own, in order; what is beyond OWN_PANES is not drawn."""
    return list(dict.fromkeys(line.pane for line in scene.lines if line.pane))[:OWN_PANES]


def figure(
    scene: Scene, colors: Palette, candles: bool | None = None, log_scale: bool = False, boxes: bool = False
) -> go.Figure:
    """The figure. `candles`: None decides by how many bars there are; `log_scale`: of price and equity.

    `boxes`: dragging draws a box of bars, and points cannot be clicked; a page can have one or the other. A click
    may come as a point of the price line: `app.components.view` finds the fill that was meant.
    """
    drawn = candles_possible(scene) and (candles_by_default(scene) if candles is None else candles)
    shown = _panes(scene)
    found = [traces.fills(scene, colors, side) for side in (Side.BUY, Side.SELL)]
    found.append(traces.candles(scene, colors) if drawn else traces.line(scene, colors))
    found += [traces.indicator(scene, line, axis, color) for line, axis, color in _lines(scene, colors)]
    if scene.regime_names:
        found += [traces.ribbon(scene, colors), *traces.regime_legend(scene, colors)]
    if scene.benchmark is not None:
        found.append(traces.account(scene, scene.benchmark, BENCHMARK_LINE, colors.benchmark))
    found.append(traces.account(scene, scene.equity, EQUITY_LINE, colors.equity))
    found.append(traces.drawdown(scene, colors))
    if scene.gross is not None:
        found += traces.exposure(scene, colors)
    places = panes.domains(shown)
    return go.Figure(
        data=[*found, *marks.circle(scene, colors)],
        layout={
            **_layout(scene, colors, shown, log_scale, boxes),
            "annotations": [*marks.titles(shown, colors), *marks.held_out_words(scene, places["y3"][1], colors)],
            "shapes": [*marks.held_out(scene, colors), *marks.rule(scene, colors)],
        },
    )


def _panes(scene: Scene) -> list[Pane]:
    """The panes from top to bottom."""
    own = own_panes(scene)
    found = [Pane("y", f"{escape(scene.symbol)}, close", 248 if scene.regime_names else 292)]
    found += [Pane(f"y{6 + place}", escape(name), 84) for place, name in enumerate(own)]
    if scene.regime_names:
        found.append(Pane("y2", "Regime", 18))
    found += [Pane("y3", "Equity and buy and hold", 160), Pane("y4", "Drawdown", 84)]
    if scene.gross is not None:
        width = traces.stretch(scene)
        found.append(Pane("y5", "Gross weight" + (f", mean of {width} bars" if width > 1 else ""), 60))
    return found


def _lines(scene: Scene, colors: Palette) -> list[tuple[Any, str, str]]:
    """Each indicator that is drawn, its axis and its colour."""
    own = own_panes(scene)
    drawn = [line for line in scene.lines if not line.pane or line.pane in own]
    return [
        (line, f"y{6 + own.index(line.pane)}" if line.pane else "y", colors.series[_SERIES[place % len(_SERIES)]])
        for place, line in enumerate(drawn)
    ]


def _layout(scene: Scene, colors: Palette, shown: list[Pane], log_scale: bool, boxes: bool) -> dict[str, Any]:
    bars, labels = dates.ticks(scene.time, scene.start, scene.stop, 9)
    margin = {"l": LEFT, "r": RIGHT, "t": 30, "b": 38 if any("<br>" in label for label in labels) else 26}
    own: dict[str, dict[str, Any]] = {
        "y": {"tickformat": ",~g", "nticks": 6, **(_scale(_prices(scene)) if log_scale else {})},
        "y2": {"visible": False},
        "y3": {"nticks": 5, "tickformat": "~s", **(_scale(_money(scene)) if log_scale else {})},
        "y4": {"tickformat": ".0%", "nticks": 4},
        "y5": {"tickformat": ".0%", "nticks": 3},
    }
    places = panes.domains(shown)
    axes = {
        pane.layout: {
            "domain": places[pane.axis],
            "anchor": "x",
            "fixedrange": True,
            **own.get(pane.axis, {"tickformat": "~g", "nticks": 3}),
        }
        for pane in shown
    }
    return {
        "template": theme.template(colors),
        "height": panes.height(shown) + margin["t"] + margin["b"],
        "margin": margin,
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverdistance": 6,
        "dragmode": "select" if boxes else "pan",
        "selectdirection": "h",
        "newselection": {"line": {"color": colors.accent, "width": 1, "dash": "solid"}},
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom", "tracegroupgap": 0},
        "barmode": "overlay",
        "xaxis": {
            **dates.axis(scene.start, scene.stop, bars, labels),
            "anchor": shown[-1].axis,
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikecolor": colors.muted,
            "unifiedhovertitle": {"text": "bar %{x:,d}"},
            "rangeslider": {"visible": False},
        },
        **axes,
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
