"""The container's figure: price with fills, regimes, equity against buy and hold, drawdown, on one axis of bars."""

from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from app import theme
from app.charts import dates
from app.charts.decimate import extremes, thinned
from app.charts.scene import CANDLES, CANDLES_FIRST, FILLS, Curve, Scene
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
BUY, SELL, EQUITY_LINE, BENCHMARK_LINE = "Buy", "Sell", "Equity", "Buy and hold"


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
    may come as a point of the price line: `app.components.explorer` finds the fill that was meant.
    """
    drawn = candles_possible(scene) and (candles_by_default(scene) if candles is None else candles)
    made = go.Figure(layout=_layout(scene, colors, log_scale, boxes))
    for side in (Side.BUY, Side.SELL):
        made.add_trace(_fills(scene, colors, side))
    made.add_trace(_candles(scene, colors) if drawn else _line(scene, colors))
    if scene.regime_names:
        made.add_trace(_ribbon(scene, colors))
        made.add_traces(_regime_legend(scene, colors))
    if scene.benchmark is not None:
        made.add_trace(_account(scene, scene.benchmark, BENCHMARK_LINE, colors.benchmark))
    made.add_trace(_account(scene, scene.equity, EQUITY_LINE, colors.equity))
    made.add_trace(_drawdown(scene, colors))
    _mark(made, scene, colors)
    return made


def _layout(scene: Scene, colors: Palette, log_scale: bool, boxes: bool) -> dict[str, Any]:
    bars, labels = dates.ticks(scene.time, scene.start, scene.stop, 9)
    log = {"type": "log", "dtick": "D1" if _span(scene) < 20 else "D2"} if log_scale else {}
    money = {"tickformat": "~s"}
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
            **log,
        },
        "yaxis2": {"domain": RIBBON, "anchor": "x", "fixedrange": True, "visible": False},
        "yaxis3": {"domain": EQUITY, "anchor": "x", "fixedrange": True, "nticks": 5, **money, **log},
        "yaxis4": {"domain": DRAWDOWN, "anchor": "x", "fixedrange": True, "tickformat": ".0%", "nticks": 4},
    }


def _span(scene: Scene) -> float:
    shown = scene.prices[scene.start : scene.stop, 3]
    low, high = np.nanmin(shown, initial=np.inf), np.nanmax(shown, initial=-np.inf)
    return float(high / low) if low > 0 else 1.0


def _line(scene: Scene, colors: Palette) -> go.Scatter:
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


def _candles(scene: Scene, colors: Palette) -> go.Candlestick:
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


def _fills(scene: Scene, colors: Palette, side: Side) -> go.Scatter:
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


def _ribbon(scene: Scene, colors: Palette) -> go.Heatmap:
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


def _regime_legend(scene: Scene, colors: Palette) -> list[go.Scatter]:
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


def _account(scene: Scene, curve: Curve, name: str, color: str) -> go.Scatter:
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


def _drawdown(scene: Scene, colors: Palette) -> go.Scatter:
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


def _faint(color: str) -> str:
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.22)"


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
