"""Containers side by side: equity from a common start, drawdowns, and a ribbon of regimes for each classifier."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from app import theme
from app.charts import dates
from app.charts.decimate import extremes
from app.charts.magnitudes import magnitudes
from app.theme import DASHES, Palette

if TYPE_CHECKING:
    from app.services.aligning import Aligned, Line, Ribbon

#: Heights of the panes, and the room between them, in pixels.
EQUITY, RIBBON, DRAWDOWN, GAP, TOP, BOTTOM = 330, 16, 130, 26, 34, 40


def figure(aligned: "Aligned", names: Sequence[str], colors: Palette, log_scale: bool = False) -> go.Figure:
    """The figure. `names`: of the containers, in the order of the lines."""
    panes = _panes(len(aligned.ribbons))
    made = go.Figure(layout=_layout(aligned, panes, colors, log_scale))
    for line in aligned.benchmarks:
        named = _benchmark(line, len(aligned.benchmarks) > 1)
        made.add_traces(_traces(line, named, colors.benchmark, "solid", 1.2))
    for place, (line, name) in enumerate(zip(aligned.lines, names, strict=True)):
        made.add_traces(_traces(line, name, colors.series[place], DASHES[place], 1.8))
    if made.data:
        _date(made, aligned)
    for place, ribbon in enumerate(aligned.ribbons):
        made.add_trace(_ribbon(ribbon, colors, place))
    _mark(made, aligned, panes, names, colors)
    return made


def height(ribbons: int) -> int:
    return TOP + EQUITY + ribbons * (GAP + RIBBON) + GAP + DRAWDOWN + BOTTOM


def _panes(ribbons: int) -> list[tuple[float, float]]:
    """Where equity, each ribbon, and drawdown lie, from the top down, as shares of the height."""
    whole = height(ribbons) - TOP - BOTTOM
    top, found = 0, []
    for size in (EQUITY, *([RIBBON] * ribbons), DRAWDOWN):
        found.append((max(0.0, 1 - (top + size) / whole), 1 - top / whole))
        top += size + GAP
    return found


def _layout(aligned: "Aligned", panes: list[tuple[float, float]], colors: Palette, log_scale: bool) -> dict[str, Any]:
    bars, labels = dates.ticks(aligned.time, aligned.start, aligned.stop, 9)
    axis = {"anchor": "x", "fixedrange": True}
    scale = _scale(aligned) if log_scale else {}
    ribbons = {
        f"yaxis{place + 3}": {**axis, "domain": pane, "visible": False} for place, pane in enumerate(panes[1:-1])
    }
    return {
        "template": theme.template(colors),
        "height": height(len(aligned.ribbons)),
        "margin": {"l": 52, "r": 8, "t": TOP, "b": BOTTOM},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverdistance": 6,
        "dragmode": False,
        "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.0, "yanchor": "bottom", "tracegroupgap": 0},
        "xaxis": {
            "range": [aligned.start - 0.5, aligned.stop - 0.5],
            "tickvals": bars,
            "ticktext": labels,
            "tickangle": 0,
            "anchor": "y2",
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikecolor": colors.muted,
            "unifiedhovertitle": {"text": "bar %{x:,d}"},
            "fixedrange": True,
        },
        "yaxis": {**axis, "domain": panes[0], "tickformat": ",~g", "nticks": 7} | scale,
        "yaxis2": {**axis, "domain": panes[-1], "tickformat": ".0%", "nticks": 4},
        **ribbons,
    }


def _scale(aligned: "Aligned") -> dict[str, Any]:
    """A logarithmic axis with labels of its own: Plotly's run into each other."""
    values = np.concatenate([line.equity for line in (*aligned.lines, *aligned.benchmarks)])
    values = values[np.isfinite(values) & (values > 0)]
    return {"type": "log", "tickvals": magnitudes(values.min(), values.max()) if len(values) else []}


def _traces(line: "Line", name: str, color: str, dash: str, width: float) -> list[go.Scatter]:
    """Equity and drawdown of one account; a click on its name hides both."""
    drawn = {"mode": "lines", "name": escape(name), "legendgroup": f"{line.runs[0]}/{line.index}"}
    found = []
    for axis, values, shown in (("y", line.equity, "%{y:,.4~g}"), ("y2", line.drawdown, "%{y:.2%}")):
        kept = extremes(values)
        found.append(
            go.Scatter(
                x=line.bars[kept],
                y=values[kept].astype(np.float32),  # what a screen shows of it; half the bytes
                yaxis=axis,
                line={"color": color, "width": width if axis == "y" else width - 0.6, "dash": dash},
                hovertemplate=shown,
                showlegend=axis == "y",
                **drawn,
            )
        )
    return found


def _benchmark(line: "Line", several: bool) -> str:
    if not several:
        return "Buy and hold"
    return f"Buy and hold, run{'s' if len(line.runs) > 1 else ''} {', '.join(map(str, line.runs))}"


def _date(made: go.Figure, aligned: "Aligned") -> None:
    """The date at the head of the box, from the line that reaches farthest: bars are numbers to Plotly."""
    lines = [trace for trace in made.data if trace.yaxis == "y"]
    widest = max(lines, key=lambda trace: len(trace.x))
    if len(widest.x):
        widest.customdata = dates.words(aligned.time[np.asarray(widest.x)])
        widest.hovertemplate = f"%{{y:,.4~g}}<br>%{{customdata}}<extra>{widest.name}</extra>"


def _ribbon(ribbon: "Ribbon", colors: Palette, place: int) -> go.Heatmap:
    """One cell for each stretch of bars with one label."""
    count = len(ribbon.names)
    scale: list[list[Any]] = []
    for code in range(-1, count):
        color = colors.panel if code < 0 else colors.regime(code)
        scale += [[(code + 1) / (count + 1), color], [(code + 2) / (count + 1), color]]
    return go.Heatmap(
        x=ribbon.edges,
        y=[0, 1],
        z=[ribbon.codes],
        text=[[escape(ribbon.names[code]) if code >= 0 else "no label yet" for code in ribbon.codes.tolist()]],
        colorscale=scale,
        zmin=-1.5,
        zmax=count - 0.5,
        showscale=False,
        yaxis=f"y{place + 3}",
        hovertemplate="%{text}<extra></extra>",
        name="Regime",
    )


def _mark(
    made: go.Figure, aligned: "Aligned", panes: list[tuple[float, float]], names: Sequence[str], colors: Palette
) -> None:
    """Names of the panes, and the held-out bars."""
    keys = []
    for ribbon in aligned.ribbons:
        whose = "" if len(ribbon.of) == len(names) else f" ({', '.join(escape(names[place]) for place in ribbon.of)})"
        labels = "   ".join(
            f'<span style="color:{colors.regime(code)}">■</span> {escape(label)}'
            for code, label in enumerate(ribbon.names)
        )
        keys.append(f"Regime: {escape(ribbon.title)}{whose}   {labels}")
    since = dates.words(aligned.time[aligned.start : aligned.start + 1])[0]
    start = f"Equity, 1 before {since}" if aligned.common else "Equity, 1 where each begins"
    for (_, top), text in zip(panes, [start, *keys, "Drawdown"], strict=True):
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
    for held in aligned.held_out:
        whose = "" if len(held.of) == len(names) else f" of {', '.join(escape(names[place]) for place in held.of)}"
        _shade(made, max(held.start, aligned.start) - 0.5, aligned.stop - 0.5, whose, aligned.covered, colors)


def _shade(made: go.Figure, left: float, right: float, whose: str, covered: bool, colors: Palette) -> None:
    made.add_shape(
        type="rect",
        x0=left,
        x1=right,
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
        text=f"held out{whose}, covered" if covered else f"held out{whose}",
        x=left,
        xanchor="left",
        xshift=4,
        y=1,
        yref="paper",
        yanchor="top",
        showarrow=False,
        font={"color": colors.muted, "size": 12},
    )
