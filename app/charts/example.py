"""A stage's example: the price with what the stage made of it - signals shaded and marked, regimes, indicators."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app import theme
from app.charts import dates, panes, traces
from app.charts.container import LEFT, RIGHT, wide
from app.charts.decimate import thinned
from app.charts.magnitudes import magnitudes
from app.charts.panes import Pane
from app.charts.scene import Curve, Floats, Ints, Line, Scene
from app.services.example import Example, Values
from app.theme import Palette
from engine.events import EVENT

#: Indicators whose usual sizes are within this factor share a pane.
ALIKE = 20.0
PANES = 4
#: More marks than this run into each other.
MARKS = 160
#: Pixels from the first pane to the legend: its title stands between.
ABOVE = 18
#: Names of the traces, as the legend has them.
LONG, SHORT, UP, DOWN = "Long", "Short", "Signal rises", "Signal falls"
_NOTHING = Curve(0, np.zeros(0))
#: Colours of indicators, as in the container's figure.
_SERIES = (7, 5, 3, 4, 6, 2)


def figure(found: Example, symbol: str, window: tuple[int, int], colors: Palette) -> go.Figure:
    """The figure of one of the example's symbols, on the bars of `window`, start:stop."""
    column = found.symbols.index(symbol)
    lines = _lines(found, column, window)
    scene = _scene(found, column, window, lines)
    shown = _panes(scene)
    made: list[Any] = []
    close = scene.prices[window[0] : window[1], 3]
    scale = _scale(close, lines, window)
    if found.signal is not None:
        made += _shades(found.signal[:, column], scene, scale["between"], colors)
    made.append(traces.line(scene, colors))
    for place, line in enumerate(lines):
        color = colors.series[_SERIES[place % len(_SERIES)]]
        made.append(traces.indicator(scene, line, line.pane or "y", color))
    if found.signal is not None:
        made += _marks(found.signal[:, column], scene, colors)
    if found.regimes:
        made += [traces.ribbon(scene, colors), *traces.regime_legend(scene, colors)]
    return go.Figure(data=made, layout=_layout(scene, shown, scale, colors))


def window(clock: Ints, days: int | None) -> tuple[int, int]:
    """The bars start:stop of the last `days` of a clock, int64 nanoseconds (bars,); all of them for None."""
    stop = len(clock)
    if days is None or not stop:
        return 0, stop
    start = int(np.searchsorted(clock, clock[-1] - days * 86_400 * 10**9))
    return max(0, min(start, stop - 2)), stop


def _lines(found: Example, column: int, window: tuple[int, int]) -> list[Line]:
    """The indicators, over the price or in a pane of those of like size; `pane` is the axis ("" for the price's)."""
    sizes: list[float] = []
    lines = []
    for item in found.indicators:
        values = item.values[:, min(column, item.values.shape[1] - 1)]
        if item.on_price:
            lines.append(Line(item.name, "", values))
            continue
        size = _size(item, values[window[0] : window[1]])
        place = next((k for k, other in enumerate(sizes) if max(size, other) <= ALIKE * min(size, other)), None)
        if place is None and len(sizes) < PANES:
            place = len(sizes)
            sizes.append(size)
        if place is not None:
            lines.append(Line(item.name, f"y{6 + place}", values))
    return lines


def _size(item: Values, values: Floats) -> float:
    there = np.abs(values[np.isfinite(values)])
    return float(np.median(there)) if len(there) else 0.0


def _scene(found: Example, column: int, window: tuple[int, int], lines: Sequence[Line]) -> Scene:
    return Scene(
        time=found.clock,
        start=window[0],
        stop=window[1],
        symbol=found.symbols[column],
        prices=found.prices[:, column],
        regimes=found.codes,
        regime_names=found.regimes,
        equity=_NOTHING,
        benchmark=None,
        drawdown=_NOTHING,
        fills=np.empty(0, EVENT),
        seqs=np.zeros(0, np.int64),
        test=None,
        covered=False,
        lines=tuple(lines),
    )


def _panes(scene: Scene) -> list[Pane]:
    found = [Pane("y", f"{escape(scene.symbol)}, close", 260)]
    for axis in dict.fromkeys(line.pane for line in scene.lines if line.pane):
        names = ", ".join(escape(line.name) for line in scene.lines if line.pane == axis)
        found.append(Pane(axis, names, 96))
    if scene.regime_names:
        found.append(Pane("y2", "Regime", 18))
    return found


def _scale(close: Floats, lines: Sequence[Line], window: tuple[int, int]) -> dict[str, Any]:
    """The axis of prices, and what lies `between` its ends."""
    over = [line.values[window[0] : window[1]] for line in lines if not line.pane]
    values = np.concatenate([close, *over])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if np.isfinite(close).any() and wide(close) and low > 0:
        room = (high / low) ** 0.04
        low, high = low / room, high * room
        ends = [float(np.log10(low)), float(np.log10(high))]
        axis = {"type": "log", "range": ends, "tickvals": magnitudes(low, high), "tickformat": ",~g"}
        return {"between": (low, high), "axis": axis}
    room = 0.04 * (high - low) or abs(high) or 1.0
    low, high = low - room, high + room
    return {"between": (low, high), "axis": {"range": [low, high], "tickformat": ",~g", "nticks": 6}}


def _shades(signal: Floats, scene: Scene, between: tuple[float, float], colors: Palette) -> list[Any]:
    """The stretches that are long or short, shaded over the height of the pane; the stronger, the darker."""
    shown = signal[scene.start : scene.stop]
    begins = np.flatnonzero(np.diff(shown, prepend=np.nan) != 0)
    edges = np.append(begins, len(shown)) + scene.start - 0.5
    shade = go.Heatmap(
        x=edges,
        y=list(between),
        z=[np.where(shown[begins] == 0, np.nan, shown[begins])],
        colorscale=[[0, colors.sell], [0.5, colors.ground], [1, colors.buy]],
        zmin=-1.0,
        zmax=1.0,
        opacity=0.2,
        showscale=False,
        hoverinfo="skip",
        hoverongaps=False,
        name="Signal",
    )
    sides = [(LONG, colors.buy, (shown > 0).any()), (SHORT, colors.sell, (shown < 0).any())]
    legend = [
        go.Scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=name,
            marker={"symbol": "square", "size": 11, "color": color, "opacity": 0.35},
            hoverinfo="skip",
        )
        for name, color, there in sides
        if there
    ]
    return [shade, *legend]


def _marks(signal: Floats, scene: Scene, colors: Palette) -> list[go.Scatter]:
    """Where the signal changes: a triangle up or down, at the close that it was decided at."""
    changed = np.flatnonzero(np.diff(signal, prepend=0.0)[scene.start : scene.stop]) + scene.start
    before = np.where(changed > 0, signal[changed - 1], 0.0)
    found = []
    for name, up in ((UP, True), (DOWN, False)):
        bars = changed[(signal[changed] > before) == up]
        bars = bars[thinned(len(bars), MARKS)]
        if not len(bars):
            continue
        found.append(
            go.Scatter(
                x=bars,
                y=scene.prices[bars, 3],
                mode="markers",
                name=name,
                marker={
                    "symbol": "triangle-up" if up else "triangle-down",
                    "size": 9 if len(changed) < MARKS else 7,
                    "color": colors.buy if up else colors.sell,
                    "line": {"color": colors.ground, "width": 1},
                },
                customdata=[[f"{value:g}"] for value in signal[bars].tolist()],
                hovertemplate="to %{customdata[0]}",
            )
        )
    return found


def _layout(scene: Scene, shown: list[Pane], scale: dict[str, Any], colors: Palette) -> dict[str, Any]:
    bars, labels = dates.ticks(scene.time, scene.start, scene.stop, 8)
    margin = {"l": LEFT - 14, "r": RIGHT, "t": 48, "b": 38 if any("<br>" in label for label in labels) else 26}
    places = panes.domains(shown)
    own: dict[str, dict[str, Any]] = {"y": scale["axis"], "y2": {"visible": False}}
    axes = {
        pane.layout: {
            "domain": places[pane.axis],
            "anchor": "x",
            "fixedrange": True,
            **own.get(pane.axis, {"tickformat": "~g", "nticks": 4}),
        }
        for pane in shown
    }
    titles = [
        {
            "text": pane.title,
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": places[pane.axis][1],
            "yref": "paper",
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"color": colors.muted, "size": 12},
        }
        for pane in shown
    ]
    return {
        "template": theme.template(colors),
        "height": panes.height(shown) + margin["t"] + margin["b"],
        "margin": margin,
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "dragmode": False,
        "showlegend": True,
        "legend": {
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": 1 + ABOVE / panes.height(shown),
            "yanchor": "bottom",
        },
        "annotations": titles,
        "xaxis": {
            **dates.axis(scene.start, scene.stop, bars, labels),
            "anchor": shown[-1].axis,
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikecolor": colors.muted,
            "unifiedhovertitle": {"text": "bar %{x:,d}"},
        },
        **axes,
    }
