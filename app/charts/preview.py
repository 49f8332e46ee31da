"""A dataset at a glance: the closes of its symbols, each set to 100 at its own first bar."""

from html import escape

import numpy as np
import plotly.graph_objects as go

from app import theme
from app.charts import dates
from app.charts.decimate import extremes, thinned
from app.charts.magnitudes import magnitudes
from app.theme import DASHES, Palette
from engine.market.market import Market

HEIGHT = 240
#: More lines than this cannot be told apart; of more symbols, so many are drawn, evenly spread.
SYMBOLS = 8
#: Where each line begins.
BASE = 100.0
#: Points of one line: the chart is half a page wide.
_POINTS = 800


def preview(market: Market, colors: Palette) -> go.Figure:
    """The figure, on a logarithmic scale, so that equal heights are equal returns. At most `SYMBOLS` symbols."""
    made = go.Figure(layout=_layout(market, colors))
    low, high = BASE, BASE
    for place, column in enumerate(drawn(market)):
        bars, values = _rebased(market, column)
        if not len(bars):
            continue
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        name = escape(market.symbols[column])
        made.add_trace(
            go.Scatter(
                x=bars,
                y=values,
                mode="lines",
                name=name,
                line={
                    "color": colors.series[place],
                    "width": 1.4,
                    "dash": DASHES[place],
                },
                customdata=dates.words(market.time[bars]),
                hovertemplate="%{customdata}: %{y:,.5~g}",
            )
        )
    made.update_yaxes(tickvals=magnitudes(low, high))
    return made


def drawn(market: Market) -> list[int]:
    """The columns of the symbols that are drawn."""
    return [int(column) for column in thinned(len(market.symbols), SYMBOLS)]


def _rebased(market: Market, column: int) -> tuple[np.ndarray, np.ndarray]:
    """The bars that are drawn of a symbol, int64 (n,), and its closes there, the first of all being `BASE`."""
    own = np.flatnonzero(market.valid[:, column] & (market.close[:, column] > 0))
    if not len(own):
        return own, np.zeros(0)
    close = market.close[own, column]
    kept = extremes(close, _POINTS)
    return own[kept], close[kept] / close[0] * BASE


def _layout(market: Market, colors: Palette) -> dict[str, object]:
    bars, labels = dates.ticks(market.time, 0, len(market.time), 8)
    return {
        "template": theme.template(colors),
        "height": HEIGHT,
        "margin": {"l": 44, "r": 8, "t": 24, "b": 38 if any("<br>" in label for label in labels) else 24},
        "hovermode": "x",
        "hoverdistance": 20,
        "dragmode": False,
        "showlegend": True,
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom"},
        "xaxis": {
            "range": [-0.5, len(market.time) - 0.5],
            "tickvals": bars,
            "ticktext": labels,
            "tickangle": 0,
            "fixedrange": True,
        },
        "yaxis": {"type": "log", "tickformat": ",~g", "fixedrange": True},
    }
