"""The funnel from signals to trades: at each step what went on, and what was refused."""

from collections.abc import Sequence

import plotly.graph_objects as go

from app import theme
from app.services.flow import Step
from app.theme import Palette

HEIGHT = 210


def figure(steps: Sequence[Step], colors: Palette) -> go.Figure:
    """A bar a step, as long as its count; the refused part in its own colour and pattern."""
    names = [step.name for step in steps]
    reasons = ["<br>".join(f"{count:,}: {reason}" for reason, count in step.refused) for step in steps]
    made = go.Figure(
        [
            go.Bar(
                y=names,
                x=[max(0, step.count - step.lost) for step in steps],
                orientation="h",
                name="went on",
                marker={"color": colors.accent},
                text=[f"{step.count:,}" for step in steps],
                textposition="auto",
                insidetextanchor="start",
                hovertemplate="%{x:,} went on<extra></extra>",
            ),
            go.Bar(
                y=names,
                x=[min(step.lost, step.count) for step in steps],
                orientation="h",
                name="refused",
                marker={
                    "color": colors.sell,
                    "pattern": {"shape": "/", "fillmode": "overlay", "fgcolor": colors.ground, "size": 6},
                },
                customdata=reasons,
                hovertemplate="%{x:,} refused<br>%{customdata}<extra></extra>",
            ),
        ]
    )
    made.update_layout(
        template=theme.template(colors),
        height=HEIGHT,
        margin={"l": 70, "r": 8, "t": 26, "b": 26},
        barmode="stack",
        bargap=0.35,
        dragmode=False,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        xaxis={"fixedrange": True, "tickformat": ",d", "rangemode": "tozero"},
        yaxis={
            "autorange": "reversed",
            "ticks": "",
            "ticksuffix": "  ",
            "fixedrange": True,
            "showgrid": False,
            "tickfont": {"color": colors.ink},
        },
    )
    return made
