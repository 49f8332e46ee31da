"""What the equity would have become inside each regime alone: its bars chained, the others left out."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from app import theme
from app.charts import dates
from app.charts.decimate import extremes
from app.theme import Palette
from engine.projections.by_regime import bar_returns

if TYPE_CHECKING:
    from app.services.reading import Reading

HEIGHT = 210


def figure(reading: "Reading", end: int, colors: Palette) -> go.Figure:
    """A line a regime over the bars from the first trading bar to `end`; it stands still while another is known."""
    first = reading.first
    returns = bar_returns(reading.account.equity[: end - first], reading.spec.portfolio.initial_cash)
    known = np.concatenate([[-1], reading.regimes[first : end - 1]])
    made = go.Figure()
    for code, name in enumerate(reading.regime_names):
        grown = np.cumprod(np.where(known == code, 1.0 + returns, 1.0)) - 1.0
        kept = extremes(grown)
        made.add_trace(
            go.Scatter(
                x=kept + first,
                y=grown[kept],
                mode="lines",
                name=escape(name),
                line={"color": colors.regime(code), "width": 2},
                hovertemplate="%{y:.1%}",
            )
        )
    bars, labels = dates.ticks(reading.clock, first, end, 9)
    made.update_layout(
        template=theme.template(colors),
        height=HEIGHT,
        margin={"l": 56, "r": 8, "t": 26, "b": 38 if any("<br>" in label for label in labels) else 26},
        hovermode="x unified",
        dragmode=False,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
        showlegend=True,
        xaxis={**dates.axis(first, end, bars, labels), "unifiedhovertitle": {"text": "bar %{x:,d}"}},
        yaxis={"tickformat": ".0%", "nticks": 5, "fixedrange": True},
    )
    return made
