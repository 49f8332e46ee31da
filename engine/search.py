"""A search for good points of a sweep: each batch is asked in view of the results of those before.

Optuna's tree-structured Parzen estimator (J. Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011) asks;
its batches have one size, whatever runs them, so that point i follows from the config and earlier results alone.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engine.digest import text_digest
from engine.ensemble.vectors import TOP, Searched, from_asked, shaped
from engine.errors import ConfigError
from engine.projections.catalogue import CATALOGUE
from engine.sweep import MAX_POINTS, Axis, Branch, Point, Sweep, canonical

if TYPE_CHECKING:
    import optuna

#: Points asked at once; those of the first batch are drawn by chance.
BATCH = 20
#: Asking takes longer the more was told.
MAX_SAMPLES = 10_000
#: How often a point is asked again that `where` refuses or that there was before, then one is drawn by chance.
_TRIES = 20
#: More words than this are taken by their number, as numbers are.
_WORDS = 50


@dataclass(frozen=True, slots=True)
class Searching:
    """What a search is told: how many points it asks, and the metric (before `test_start`) it is after."""

    samples: int
    objective: str

    @property
    def larger(self) -> bool:
        """Whether a larger figure is the better one; also where neither is."""
        return next(metric.better for metric in CATALOGUE if metric.name == self.objective) >= 0


class Search:
    """One search over a sweep. `ask` and `tell` take turns: the same seed and figures, the same points."""

    def __init__(self, sweep: Sweep, searching: Searching, seed: int) -> None:
        self.sweep = sweep
        self.objective = searching.objective
        self.left = searching.samples
        self.seed = seed
        self._asked: list[optuna.Trial] = []
        self._known: dict[str, int] = {}
        self._names = _names(sweep)
        self._offsets = [sum(branch.size for branch in sweep.branches[:i]) for i in range(len(sweep.branches))]
        self._study = _study(int(text_digest(canonical([seed, "search"])), 16) % 2**32, searching.larger)

    def ask(self) -> list[Point]:
        """The next points, in index order: at most BATCH, none when all were asked. Raises ConfigError when no further
        point meets the conditions."""
        points = []
        for _ in range(min(BATCH, self.left)):
            trial, point = self._new()
            self._asked.append(trial)
            points.append(point)
        self.left -= len(points)
        return points

    def tell(self, figures: Sequence[float]) -> None:
        """What came of the points asked last, in their order; NaN: it failed, or has no such figure."""
        failed = _fail()
        for trial, figure in zip(self._asked, figures, strict=True):
            if isfinite(figure):
                self._study.tell(trial, figure + 0.0)
            else:
                self._study.tell(trial, state=failed)
        self._asked = []

    def _new(self) -> tuple["optuna.Trial", Point]:
        for _ in range(_TRIES):
            trial = self._study.ask()
            point = self._point(trial)
            if self._take(point):
                return trial, point
            self._study.tell(trial, state=_fail())
        for _ in range(_TRIES):
            self._study.enqueue_trial(self._given(self._by_chance()))
            trial = self._study.ask()
            point = self._point(trial)
            if self._take(point):
                return trial, point
            self._study.tell(trial, state=_fail())
        raise ConfigError("the search finds no further point that meets [sweep] where; loosen it, or ask fewer samples")

    def _take(self, point: Point) -> bool:
        key = canonical([point.rank, point.weights])
        if key in self._known or not self.sweep.holds(point.rank):
            return False
        self._known[key] = point.rank
        return True

    def _point(self, trial: "optuna.Trial") -> Point:
        """What a trial asks for: a branch, the place of a value on each of its axes, and weights."""
        number = trial.suggest_categorical("branch", tuple(range(len(self._offsets)))) if len(self._offsets) > 1 else 0
        branch, rank = self.sweep.branches[number], 0
        for axis, name in zip(branch.axes, self._names[number], strict=True):
            order = _order(axis)
            if order is None:
                pick = trial.suggest_categorical(name, tuple(range(len(axis.values))))
            else:
                pick = order[trial.suggest_int(name, 0, len(order) - 1)]
            rank = rank * len(axis.values) + int(pick)
        return Point(self._offsets[number] + rank, _weights(trial, branch))

    def _given(self, rank: int) -> dict[str, Any]:
        """What a trial has to be given to ask for point `rank`, its weights apart."""
        branch, picks = self.sweep.locate(rank)
        number = next(i for i, other in enumerate(self.sweep.branches) if other is branch)
        given: dict[str, Any] = {"branch": number} if len(self._offsets) > 1 else {}
        for axis, name, pick in zip(branch.axes, self._names[number], picks, strict=True):
            order = _order(axis)
            given[name] = pick if order is None else order.index(pick)
        return given

    @cached_property
    def _grid(self) -> npt.NDArray[np.int64]:
        return self.sweep.grid()

    def _by_chance(self) -> int:
        """The rank of some point that meets the conditions and, as far as that can be, was not there before."""
        text = canonical([self.seed, "search", len(self._known), len(self._study.trials)])
        generator = np.random.Generator(np.random.PCG64(int(text_digest(text), 16)))
        if self.sweep.total > MAX_POINTS:
            drawn = (int(generator.integers(self.sweep.total)) for _ in range(10_000))
            return next((rank for rank in drawn if self.sweep.holds(rank)), 0)
        known = np.fromiter(self._known.values(), np.int64, len(self._known))
        fresh = self._grid[~np.isin(self._grid, known)]
        return int(generator.choice(fresh if len(fresh) else self._grid))


def _study(seed: int, larger: bool) -> "optuna.Study":
    import optuna  # takes half a second to load

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=BATCH, constant_liar=True)
    return optuna.create_study(sampler=sampler, direction="maximize" if larger else "minimize")


def _fail() -> "optuna.trial.TrialState":
    import optuna

    return optuna.trial.TrialState.FAIL


def _names(sweep: Sweep) -> list[list[str]]:
    """A name for each axis of each branch: its path, with a number where branches differ in its values."""
    known: dict[str, list[tuple[Any, ...]]] = {}
    found = []
    for branch in sweep.branches:
        names = []
        for axis in branch.axes:
            listed = known.setdefault(axis.path, [])
            if axis.values not in listed:
                listed.append(axis.values)
            number = listed.index(axis.values)
            names.append(f"{axis.path} {number}" if number else axis.path)
        found.append(names)
    return found


def _order(axis: Axis) -> list[int] | None:
    """The places of an axis' values from the least to the largest; None where they are a few words without order."""
    values = axis.values
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return sorted(range(len(values)), key=values.__getitem__)
    return list(range(len(values))) if len(values) > _WORDS else None


def _weights(trial: "optuna.Trial", branch: Branch) -> Any:
    """The weights a trial asks for, None where they are not searched: a number for each strategy, and each regime."""
    if branch.searched is None:
        return None
    shape: Searched = branch.searched
    least = -TOP if shape.rules.signed else 0.0
    asked = [
        [trial.suggest_float(f"weight {row} {name}".replace("  ", " "), least, TOP) for name in shape.names]
        for row in shape.rows
    ]
    return shaped(from_asked(np.array(asked)), shape.rows)


def figure(metrics: Mapping[str, float | None] | None, objective: str) -> float:
    """The figure of a stored container, NaN where it has none."""
    value = (metrics or {}).get(objective)
    return float("nan") if value is None else value
