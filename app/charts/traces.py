"""The traces of the container's figure: each shows one thing of a scene, in its own colour."""

from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from app.charts import dates
from app.charts.decimate import extremes, thinned
from app.charts.scene import FILLS, Curve, Line, Scene
from app.theme import Palette
from engine.events import Side

#: Steps of the exposure: one in two or three pixels.
STEPS = 400
#: Names of the traces, as the legend has them.
BUY, SELL = "Buy", "Sell"


def line(scene: Scene, colors: Palette) -> go.Scatter:
    close = scene.prices[scene.start : scene.stop, 3]
    bars = extremes(close) + scene.start
    open_, high, low, close, _ = scene.prices[bars].T
    return go.Scatter(
        x=bars,
        y=close,
        mode="lines+markers",  # only markers can be clicked; these cannot be seen
        name=escape(scene.symbol),
        line={"color": colors.price, "width": 1.3},
        marker={"size": 2, "opacity": 0, "color": colors.price},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        connectgaps=False,
        customdata=list(zip(_heads(scene, bars), open_, high, low, strict=True)),
        hovertemplate=f"%{{customdata[0]}}<br>{_templated(scene.symbol)} %{{y:,.6~g}} (open %{{customdata[1]:,.6~g}}, "
        "high %{customdata[2]:,.6~g}, low %{customdata[3]:,.6~g})<extra></extra>",
        showlegend=False,
    )


def _heads(scene: Scene, bars: npt.NDArray[np.int64]) -> list[str]:
    """The date of each bar and the regime in force, as the hover box begins."""
    names = [*(f", {escape(name)}" for name in scene.regime_names), ""]  # −1: none yet
    codes = scene.regimes[bars].tolist()
    return [date + names[code] for date, code in zip(dates.words(scene.time[bars]), codes, strict=True)]


def _templated(text: str) -> str:
    """A user's text inside a hover template: no markup, and no variables."""
    return escape(text).replace("%", "&#37;").replace("{", "&#123;")


def candles(scene: Scene, colors: Palette) -> go.Candlestick:
    bars = np.arange(scene.start, scene.stop)
    open_, high, low, close, _ = scene.prices[bars].T
    up, down = colors.price, colors.muted
    return go.Candlestick(
        x=bars,
        open=open_,
        high=high,
        low=low,
        close=close,
        name=escape(scene.symbol),
        customdata=[[head] for head in _heads(scene, bars)],
        hovertemplate=f"%{{customdata[0]}}<br>{_templated(scene.symbol)} %{{close:,.6~g}} (open %{{open:,.6~g}}, "
        "high %{high:,.6~g}, low %{low:,.6~g})<extra></extra>",
        increasing={"line": {"color": up, "width": 1}, "fillcolor": colors.ground},
        decreasing={"line": {"color": down, "width": 1}, "fillcolor": down},
        showlegend=False,
    )


def fills(scene: Scene, colors: Palette, side: Side) -> go.Scatter:
    mine = np.flatnonzero(scene.fills["side"] == side)
    mine = mine[thinned(len(mine), FILLS // 2)] if len(scene.fills) > FILLS else mine
    rows, seqs = scene.fills[mine], scene.seqs[mine]
    bought = side == Side.BUY
    verb = "bought" if bought else "sold"
    return go.Scatter(
        x=rows["bar"],
        y=rows["price"],
        mode="markers",
        name=BUY if bought else SELL,
        zorder=2,
        marker={
            "symbol": "triangle-up" if bought else "triangle-down",
            "size": 11 if len(scene.fills) < 400 else 8 if len(scene.fills) < 1_000 else 6,
            "color": colors.buy if bought else colors.sell,
            "line": {"color": colors.ground, "width": 1},
        },
        customdata=list(zip(seqs.tolist(), rows["quantity"].tolist(), strict=True)),
        hovertemplate=f"{verb} %{{customdata[1]:,.2f}} at %{{y:,.6~g}}<extra></extra>",
        # a click selects: what was not clicked stays as it is
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )


def ribbon(scene: Scene, colors: Palette) -> go.Heatmap:
    """The regimes in view: one cell for each stretch of bars with one label."""
    codes = scene.regimes[scene.start : scene.stop]
    begins = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1)) if len(codes) else np.zeros(0, np.int64)
    edges = np.append(begins, len(codes)) + scene.start - 0.5
    labels = codes[begins]
    count = len(scene.regime_names)
    scale: list[list[Any]] = []
    for code in range(-1, count):
        color = colors.panel if code < 0 else colors.regime(code)
        scale += [[(code + 1) / (count + 1), color], [(code + 2) / (count + 1), color]]
    names = [escape(scene.regime_names[code]) if code >= 0 else "no label yet" for code in labels.tolist()]
    return go.Heatmap(
        x=edges,
        y=[0, 1],
        z=[labels],
        text=[names],
        colorscale=scale,
        zmin=-1.5,
        zmax=count - 0.5,
        showscale=False,
        yaxis="y2",
        hovertemplate="%{text}<extra></extra>",
        name="Regime",
    )


def regime_legend(scene: Scene, colors: Palette) -> list[go.Scatter]:
    """A heatmap has no legend of its own: empty traces stand for the regimes."""
    return [
        go.Scatter(
            x=[None],
            y=[None],
            yaxis="y2",
            mode="markers",
            name=escape(name),
            marker={"symbol": "square", "size": 11, "color": colors.regime(code)},
            hoverinfo="skip",
        )
        for code, name in enumerate(scene.regime_names)
    ]


def account(scene: Scene, curve: Curve, name: str, color: str) -> go.Scatter:
    bars, values = curve.within(scene.start, scene.stop)
    kept = extremes(values)
    return go.Scatter(
        x=bars[kept],
        y=values[kept],
        yaxis="y3",
        mode="lines",
        name=name,
        line={"color": color, "width": 1.6},
        hovertemplate="%{y:,.2f}",
    )


def drawdown(scene: Scene, colors: Palette) -> go.Scatter:
    bars, values = scene.drawdown.within(scene.start, scene.stop)
    kept = extremes(values)
    return go.Scatter(
        x=bars[kept],
        y=values[kept],
        yaxis="y4",
        mode="lines",
        fill="tozeroy",
        name="Drawdown",
        line={"color": colors.drawdown, "width": 1.2},
        fillcolor=_faint(colors.drawdown),
        hovertemplate="%{y:.2%}",
        showlegend=False,
    )


def exposure(scene: Scene, colors: Palette) -> list[go.Scatter]:
    """Gross weight as an area, with the cash beside it; means of stretches where many bars are in view.

    A position taken and left again fills a pixel to the top: extremes would show a block where half is invested.
    """
    if scene.gross is None or scene.cash is None:
        return []
    bars, gross = scene.gross.within(scene.start, scene.stop)
    _, cash = scene.cash.within(scene.start, scene.stop)
    width = stretch(scene)
    starts = np.arange(0, len(bars), width)
    sizes = np.diff(starts, append=len(bars))
    gross, cash = np.add.reduceat(gross, starts) / sizes, np.add.reduceat(cash, starts) / sizes
    return [
        go.Scatter(
            x=bars[starts],
            y=gross,
            yaxis="y5",
            mode="lines",
            fill="tozeroy",
            fillcolor=_faint(colors.price),
            name="Gross weight",
            line={"color": colors.price, "width": 1, "shape": "hv"},
            customdata=cash,
            hovertemplate="%{y:.1%}, cash %{customdata:.1%}",
            showlegend=False,
        )
    ]


def stretch(scene: Scene) -> int:
    """How many bars a step of the exposure is the mean of."""
    return -(-(scene.stop - scene.start) // STEPS)


def indicator(scene: Scene, drawn: Line, axis: str, color: str) -> go.Scatter:
    """An indicator over prices, or in its own pane."""
    values = drawn.values[scene.start : scene.stop]
    kept = extremes(values)
    return go.Scatter(
        x=kept + scene.start,
        y=values[kept],
        yaxis=axis,
        mode="lines",
        name=escape(drawn.name),
        line={"color": color, "width": 1.3},
        connectgaps=False,
        hovertemplate="%{y:,.6~g}",
    )


def _faint(color: str) -> str:
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.22)"
