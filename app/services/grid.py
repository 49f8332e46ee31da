"""A metric of a run's containers over one or two of its parameters: arrays for charts."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from app.services.home import Home
from db.store import Condition, Parameter
from engine.projections.catalogue import CATALOGUE

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: How the containers of one cell become one figure. The best of many flatters, so it is not the first.
SUMMARIES = ("median", "best", "mean")
#: A parameter with more values than this is cut into so many stretches of equal width.
MOST_VALUES, STRETCHES = 120, 40
_BETTER = {metric.name: metric.better for metric in CATALOGUE}


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter as an axis of places: `labels` by place. `stretches`: each place is a stretch of values."""

    name: str
    labels: tuple[str, ...]
    stretches: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """A metric over two parameters: `values` and `counts` (y, x); NaN and 0 where there is no container.

    `best`: where the best cell is, (row, column), None without any, or where neither side is better.
    """

    metric: str
    summary: str
    x: Axis
    y: Axis
    values: Floats
    counts: Ints
    best: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Line:
    """A metric over one parameter: for each container its place on the axis and its value; a summary by place."""

    metric: str
    summary: str
    x: Axis
    indices: Ints
    places: Ints
    values: Floats
    summaries: Floats
    counts: Ints


def grid(
    home: Home, run_id: int, metric: str, x: Parameter, y: Parameter, summary: str, where: tuple[Condition, ...]
) -> Grid:
    """A metric of the done containers that fulfil all conditions, over two parameters."""
    with home.store() as store:
        _, (values, across, up) = store.columns(run_id, (metric, x.name, y.name), where=where)
    (x_axis, columns), (y_axis, rows) = _placed(x, across), _placed(y, up)
    shape = len(y_axis.labels), len(x_axis.labels)
    there = np.isfinite(values) & (columns >= 0) & (rows >= 0)
    cells = rows[there] * shape[1] + columns[there]
    summaries, counts = _summed(metric, summary, cells, values[there], shape[0] * shape[1])
    best = _best(metric, summaries)
    return Grid(
        metric=metric,
        summary=summary,
        x=x_axis,
        y=y_axis,
        values=summaries.reshape(shape),
        counts=counts.reshape(shape),
        best=None if best is None else (best // shape[1], best % shape[1]),
    )


def line(home: Home, run_id: int, metric: str, x: Parameter, summary: str, where: tuple[Condition, ...]) -> Line:
    """A metric of the done containers that fulfil all conditions, over one parameter."""
    with home.store() as store:
        indices, (values, across) = store.columns(run_id, (metric, x.name), where=where)
    axis, places = _placed(x, across)
    there = np.isfinite(values) & (places >= 0)
    indices, values, places = indices[there], values[there], places[there]
    summaries, counts = _summed(metric, summary, places, values, len(axis.labels))
    return Line(metric, summary, axis, indices, places, values, summaries, counts)


def _placed(parameter: Parameter, values: npt.NDArray[Any]) -> tuple[Axis, Ints]:
    """A parameter's axis, and the place of each value on it; −1 for a container without one."""
    if parameter.numeric and len(parameter.values) > MOST_VALUES:
        numbers = values.astype(np.float64)  # None becomes NaN
        edges = np.linspace(float(parameter.values[0]), float(parameter.values[-1]), STRETCHES + 1)  # type: ignore[arg-type]
        places = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, STRETCHES - 1)
        labels = tuple(f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges.tolist()))
        return Axis(parameter.name, labels, True), np.where(np.isnan(numbers), -1, places)
    known = {value: place for place, value in enumerate(parameter.values)}
    labels = tuple(worded(value) for value in parameter.values)
    return Axis(parameter.name, labels, False), np.array([known.get(value, -1) for value in values.tolist()], np.int64)


def worded(value: object) -> str:
    """A parameter's value in words, as a config has it."""
    if value is None:
        return "–"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _summed(metric: str, summary: str, cells: Ints, values: Floats, size: int) -> tuple[Floats, Ints]:
    """What `summary` makes of the values in each of `size` cells, NaN where there are none; and how many there are."""
    counts = np.bincount(cells, minlength=size)
    found = np.full(size, np.nan)
    full = np.flatnonzero(counts)
    if not len(full):
        return found, counts
    if summary == "mean":
        found[full] = np.bincount(cells, weights=values, minlength=size)[full] / counts[full]
        return found, counts
    ordered = values[np.lexsort((values, cells))]
    ends = np.cumsum(counts)[full]
    starts = ends - counts[full]
    if summary == "best":
        found[full] = ordered[starts] if _BETTER[metric] < 0 else ordered[ends - 1]
    else:
        found[full] = (ordered[(starts + ends - 1) // 2] + ordered[(starts + ends) // 2]) / 2
    return found, counts


def _best(metric: str, values: Floats) -> int | None:
    if _BETTER[metric] == 0 or not np.isfinite(values).any():
        return None
    return int(np.nanargmax(values * _BETTER[metric]))
