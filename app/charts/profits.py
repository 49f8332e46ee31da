"""How the profits of round trips are spread."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from app import theme
from app.theme import Palette

HEIGHT = 150
#: Bars at most.
BINS = 40


def edges(returns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges of at most BINS + 2 equal bins, one of them at 0, so that none holds gains and losses."""
    low, high = min(0.0, float(returns.min())), max(0.0, float(returns.max()))
    width = (high - low) / BINS or 0.01
    below, above = np.ceil(-low / width - 1e-9), np.floor(high / width + 1e-9) + 1
    return np.arange(-below, above + 1) * width


def figure(returns: npt.NDArray[np.float64], colors: Palette) -> go.Figure:
    """A histogram of `returns`, float64 (trades,), shares; gains and losses in their own colours."""
    limits = edges(returns)
    counts, _ = np.histogram(returns, limits)
    middle = 100 * (limits[:-1] + limits[1:]) / 2
    gains = middle > 0
    heads = [f"{100 * low:.2f} % to {100 * high:.2f} %" for low, high in pairwise(limits)]
    made = go.Figure(
        go.Bar(
            x=middle,
            y=counts,
            width=100 * (limits[1] - limits[0]),
            marker={
                "color": [colors.equity if gain else colors.drawdown for gain in gains],
                "line": {"color": colors.ground, "width": 1},
            },
            customdata=heads,
            hovertemplate="%{y:,} with %{customdata}<extra></extra>",
            showlegend=False,
        )
    )
    made.update_layout(
        template=theme.template(colors),
        height=HEIGHT,
        margin={"l": 44, "r": 8, "t": 8, "b": 40},
        bargap=0,
        dragmode=False,
        xaxis={"ticksuffix": " %", "title": {"text": "profit of a round trip, % of what it cost"}, "fixedrange": True},
        yaxis={"nticks": 4, "fixedrange": True, "tickformat": ",d", "rangemode": "tozero"},
    )
    return made
