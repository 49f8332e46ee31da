"""The buses of a container as swimlanes: how many events of each kind they carried, over the bars in view."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from app import theme
from app.charts import dates
from app.charts.container import LEFT, RIGHT
from app.theme import Palette
from engine.events import Kind, Level, Source

Ints = npt.NDArray[np.int64]

#: Stretches of bars that are told apart.
BINS = 200
#: Pixels of a row, and of all above and below them.
ROW, AROUND = 19, 34
#: Kinds that mean that something did not go on as it was asked for.
_REFUSALS = (Kind.REJECTION, Kind.STOP, Kind.RESIZE)


@dataclass(frozen=True, slots=True)
class Lane:
    """A bus: its name, and for each kind that it carried the bars of the events, int32."""

    name: str
    kinds: dict[Kind, npt.NDArray[np.int32]]


def lanes(log: npt.NDArray[np.void], stages: Sequence[str]) -> list[Lane]:
    """The buses from the container down to each strategy's scope. `stages`: names by `Source`."""
    found = [_lane(level.name.lower(), log[log["level"] == level]) for level in Level if level != Level.STRATEGY]
    for source in range(Source.STRATEGY, len(stages)):
        own = log[(log["level"] == Level.STRATEGY) & (log["source"] == source)]
        found.append(_lane(f"strategy {stages[source]}", own))
    return found


def _lane(name: str, log: npt.NDArray[np.void]) -> Lane:
    return Lane(name, {Kind(kind): log["bar"][log["kind"] == kind] for kind in np.unique(log["kind"]).tolist()})


def figure(
    log: npt.NDArray[np.void], stages: Sequence[str], clock: Ints, window: tuple[int, int], colors: Palette
) -> go.Figure:
    """One row a bus and kind, stronger where more events are. `clock`: see `Scene.time`; `window`: bars start:stop."""
    start, stop = window
    edges = np.unique(np.linspace(start, stop, min(BINS, stop - start) + 1).round().astype(np.int64))
    moments = _moments(clock, edges)
    counts: list[npt.NDArray[np.float64]] = []
    shades, labels, titles, words = [], [], [], []
    for lane in lanes(log, stages):
        titles.append((len(counts), lane.name if lane.kinds else f"{lane.name}: nothing was published"))
        counts.append(np.full(len(edges) - 1, np.nan))  # the row of the title
        shades.append(1.0)
        labels.append("")
        words.append("")
        for kind, bars in lane.kinds.items():
            found, _ = np.histogram(bars, edges)
            counts.append(np.where(found > 0, found, np.nan).astype(np.float64))
            shades.append(-1.0 if kind in _REFUSALS else 1.0)
            labels.append(kind.name.capitalize())
            words.append(kind.name)
    table = np.array(counts)
    depth = _depth(table) * np.array(shades)[:, None]
    made = go.Figure(
        go.Heatmap(
            x=edges - 0.5,
            y=np.arange(len(table)),
            z=depth,
            zmin=-1.0,
            zmax=1.0,
            colorscale=_scale(colors),
            showscale=False,
            ygap=3,
            hoverongaps=False,
            customdata=np.where(np.isnan(table), 0, table).astype(np.int64),
            text=[[f"{word}, {moment}" for moment in moments] for word in words],
            hovertemplate="%{customdata:,} × %{text}<extra></extra>",
        )
    )
    bars, ticks = dates.ticks(clock, start, stop, 9)
    made.update_layout(
        template=theme.template(colors),
        height=ROW * len(table) + AROUND + 12,
        margin={"l": LEFT, "r": RIGHT, "t": 4, "b": AROUND + 8 if any("<br>" in tick for tick in ticks) else AROUND},
        dragmode=False,
        xaxis=dates.axis(start, stop, bars, ticks),
        yaxis={
            "range": [len(table) - 0.5, -0.5],
            "tickvals": np.arange(len(table)),
            "ticktext": labels,
            "tickfont": {"size": 11},
            "ticks": "",
            "ticksuffix": " ",
            "fixedrange": True,
            "showgrid": False,
        },
        annotations=[
            {
                "text": escape(title),
                "x": 0,
                "xref": "paper",
                "xanchor": "left",
                "y": row + 0.1,
                "yanchor": "middle",
                "showarrow": False,
                "font": {"color": colors.ink, "size": 12},
            }
            for row, title in titles
        ],
    )
    return made


def _moments(clock: Ints, edges: Ints) -> list[str]:
    """Each stretch of bars in words."""
    first, last = dates.words(clock[edges[:-1]]), dates.words(clock[edges[1:] - 1])
    return [one if one == other else f"{one} to {other}" for one, other in zip(first, last, strict=True)]


def _depth(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From 0.35 for one event to 1 for the most there are; NaN where there is none."""
    most = np.nanmax(counts) if np.isfinite(counts).any() else 1.0
    return 0.35 + 0.65 * np.log(counts) / max(np.log(most), 1e-9) if most > 1 else np.where(counts > 0, 1.0, np.nan)


def _scale(colors: Palette) -> list[tuple[float, str]]:
    return [(0.0, colors.sell), (0.5, colors.panel), (1.0, colors.accent)]
