"""Figures of signal reports: means with their errors by horizon, coefficients, matrices of overlap."""

from html import escape
from typing import Any

import plotly.graph_objects as go

from app import theme
from app.theme import Palette

HEIGHT = 210
#: An interval of so many standard errors to each side covers the mean 19 times in 20.
ERRORS = 1.96


def forward(rows: list[dict[str, Any]], colors: Palette) -> go.Figure:
    """Mean forward returns by horizon, in per cent, with intervals of 95 %."""
    known = [row for row in rows if row["mean"] is not None]
    made = go.Figure(
        go.Bar(
            x=[_bars(row["horizon"]) for row in known],
            y=[100.0 * row["mean"] for row in known],
            error_y={
                "type": "data",
                "array": [100.0 * ERRORS * (row["error"] or 0.0) for row in known],
                "color": colors.ink,
                "thickness": 1.2,
                "width": 5,
            },
            marker={"color": [colors.equity if row["mean"] > 0 else colors.drawdown for row in known]},
            customdata=[[row["bars"], row["t"] or 0.0] for row in known],
            hovertemplate="%{y:.3f} % on average over %{customdata[0]:,d} bars, t %{customdata[1]:.2f}<extra></extra>",
            width=0.45,
        )
    )
    return _laid_out(made, colors, {"ticksuffix": " %", "zerolinecolor": colors.muted})


def coefficient(found: dict[str, Any], colors: Palette) -> go.Figure:
    """Mean coefficients by horizon; under ten symbols each symbol's too."""
    made = go.Figure()
    for row in found["horizons"]:
        for one in row.get("by_symbol", ()):
            if one["coefficient"] is not None:
                made.add_trace(
                    go.Scatter(
                        x=[_bars(row["horizon"])],
                        y=[one["coefficient"]],
                        mode="markers",
                        marker={"color": colors.muted, "size": 6, "symbol": "circle-open"},
                        hovertemplate=f"{escape(one['symbol'])}: %{{y:.3f}}, {one['pairs']:,} pairs<extra></extra>",
                        showlegend=False,
                    )
                )
    known = [row for row in found["horizons"] if row["mean"] is not None]
    errors = [ERRORS * (row.get("error") or 0.0) for row in known]
    made.add_trace(
        go.Scatter(
            x=[_bars(row["horizon"]) for row in known],
            y=[row["mean"] for row in known],
            error_y={"type": "data", "array": errors, "color": colors.ink, "thickness": 1.2} if any(errors) else None,
            mode="lines+markers",
            line={"color": colors.equity, "width": 2},
            marker={"size": 8},
            hovertemplate="mean %{y:.4f}<extra></extra>",
            showlegend=False,
        )
    )
    return _laid_out(made, colors, {"tickformat": ".2f", "zerolinecolor": colors.muted})


def matrix(names: list[str], values: list[list[float | None]], colors: Palette) -> go.Figure:
    """A square of figures from −1 to 1, each written into its cell; what is undefined stays empty."""
    labels = [escape(name) for name in names]
    made = go.Figure(
        go.Heatmap(
            z=values,
            x=labels,
            y=labels,
            zmin=-1.0,
            zmax=1.0,
            colorscale=[[0.0, colors.drawdown], [0.5, colors.ground], [1.0, colors.equity]],
            texttemplate="%{z:.2f}" if len(names) <= 12 else None,
            hovertemplate="%{y} and %{x}: %{z:.3f}<extra></extra>",
            xgap=2,
            ygap=2,
            showscale=len(names) > 12,
        )
    )
    made.update_layout(
        template=theme.template(colors),
        height=max(HEIGHT, 60 + 26 * len(names)),
        margin={"l": 60, "r": 8, "t": 8, "b": 40},
        dragmode=False,
        xaxis={"type": "category", "fixedrange": True, "showgrid": False},
        yaxis={"type": "category", "autorange": "reversed", "fixedrange": True, "showgrid": False},
    )
    return made


def _bars(horizon: int) -> str:
    return "1 bar" if horizon == 1 else f"{horizon} bars"


def _laid_out(made: go.Figure, colors: Palette, axis: dict[str, Any]) -> go.Figure:
    made.update_layout(
        template=theme.template(colors),
        height=HEIGHT,
        margin={"l": 60, "r": 8, "t": 8, "b": 28},
        dragmode=False,
        showlegend=False,
        xaxis={"type": "category", "fixedrange": True, "showgrid": False},
        yaxis={"nticks": 5, "fixedrange": True, **axis},
    )
    return made
