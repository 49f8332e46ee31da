"""Weight vectors to try: all on a grid, some at random, or one that a search asks for.

A vector has a number for each strategy. On the simplex: none below 0, their sum 1; signed: the sum of their sizes 1.
With regimes a point is a vector for each of them. Lists of floats, as `[ensemble] weights` has them.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.config import validated
from engine.digest import text_digest
from engine.ensemble.weights import Ensemble, Weights
from engine.errors import ConfigError
from engine.sweep import MAX_VALUES, WEIGHTS, Axis, Component, canonical, component

Array = npt.NDArray[np.float64]
#: Asked numbers stop this short of 1, whose logarithm they take.
TOP = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class Searched:
    """Weights that a search asks for: the table as written, the strategies' names, the regimes ("" for all)."""

    rules: Ensemble
    names: tuple[str, ...]
    rows: tuple[str, ...]


def ensemble_component(
    table: Mapping[str, Any], names: tuple[str, ...], regimes: tuple[str, ...], seed: int, checked: bool = True
) -> Component:
    """The ensemble of a branch, `[ensemble]` being `table`: a grid or a draw as an axis of weights, a search as a place
    for them. `names`: of the branch's strategies; `regimes`: of its classifier. Raises ConfigError."""
    where, strategies = "[ensemble]", len(names)
    method = table.get("method", "equal")
    if method not in ("grid", "random", "tpe"):
        found = component("ensemble", where, Ensemble, table, checked)
        for i, axis in enumerate((found.axes or (None,)) if checked else ()):
            for pick in range(len(axis.values) if axis else 1):
                found.at(tuple(pick if j == i else 0 for j in range(len(found.axes)))).stage.check(strategies, regimes)
        return found
    rules = validated(Ensemble, table, where)
    rules.check_regimes(regimes)
    rows = regimes if rules.by_regime else ("",)
    if method == "tpe":
        if strategies < 2:
            raise ConfigError(f"[ensemble] method \"tpe\" weighs strategies, and '{names[0]}' is alone; add another")
        equal = shaped(np.full((len(rows), strategies), 1.0 / strategies), rows)
        return Component(
            "ensemble",
            where,
            Ensemble,
            {"method": "fixed", "weights": equal},
            (),
            searched=Searched(rules, names, rows),
        )
    if method == "grid":
        values = on_grid(strategies, rules.step, rules.signed, rows)
    else:
        assert rules.samples is not None
        values = at_random(strategies, rules.samples, rules.signed, rows, seed)
    axis = Axis(WEIGHTS, ("weights",), tuple(values))
    return Component("ensemble", where, Ensemble, {"method": "fixed", "weights": values[0]}, (axis,))


def shaped(vectors: Array, rows: Sequence[str]) -> Weights:
    """Vectors, float64 (rows, strategies), as `weights` are written: a list, or one for each regime of `rows`."""
    listed: list[list[float]] = vectors.tolist()
    return listed[0] if tuple(rows) == ("",) else dict(zip(rows, listed, strict=True))


def on_grid(strategies: int, step: float, signed: bool, rows: Sequence[str]) -> list[Weights]:
    """All points in steps of `step`, those that give most to the last strategy first. Raises ConfigError."""
    parts = round(1.0 / step)
    if abs(parts * step - 1.0) > 1e-9:
        raise ConfigError(f"[ensemble] step: {step} does not divide 1 into equal parts; give e.g. 0.25 or 0.1")
    if signed:  # j of the weights are not 0, each with either sign
        vectors = sum(comb(strategies, j) * comb(parts - 1, j - 1) * 2**j for j in range(1, min(strategies, parts) + 1))
    else:
        vectors = comb(parts + strategies - 1, strategies - 1)
    if vectors ** len(rows) > MAX_VALUES:
        raise ConfigError(
            f"[ensemble] step: {step} gives {vectors ** len(rows):,} weight vectors; at most {MAX_VALUES:,} are swept: "
            'take a longer step, or method = "random" with samples'
        )
    single = [[part / parts for part in taken] for taken in _compositions(parts, strategies)]
    if signed:
        single = [list(found) for vector in single for found in itertools.product(*map(_both, vector))]
    if tuple(rows) == ("",):
        return list(single)
    return [dict(zip(rows, taken, strict=True)) for taken in itertools.product(single, repeat=len(rows))]


def at_random(strategies: int, samples: int, signed: bool, rows: Sequence[str], seed: int) -> list[Weights]:
    """Distinct points drawn evenly (Dirichlet with all parameters 1), at most `samples`. Raises ConfigError.

    They follow from the experiment's seed alone; with more samples the first ones are the same.
    """
    if samples > MAX_VALUES:
        raise ConfigError(f"[ensemble] samples: {samples:,} weight vectors; at most {MAX_VALUES:,} are swept")
    drawn = _generator(seed, "ensemble").dirichlet(np.ones(strategies), size=(samples, len(rows)))
    if signed:
        drawn = drawn * _generator(seed, "ensemble", "signs").choice([-1.0, 1.0], size=drawn.shape)
    return [shaped(vectors, rows) for vectors in {vectors.tobytes(): vectors for vectors in drawn}.values()]


def from_asked(asked: Array) -> Array:
    """Numbers a search asks for, float64 (rows, strategies), as vectors of the same shape.

    In [0, TOP]: a point of the simplex; with negative ones, in [−TOP, TOP], a signed vector. Exponential numbers over
    their sum: what is even in the cube is even on the simplex. All 0: equal weights.
    """
    sizes = -np.log1p(-np.abs(asked))
    sums = sizes.sum(axis=1, keepdims=True)
    shares = np.divide(sizes, sums, out=np.full(sizes.shape, 1.0 / asked.shape[1]), where=sums > 0.0)
    vectors: Array = np.where(asked < 0.0, -shares, shares)
    return vectors


def _compositions(total: int, places: int) -> Iterator[tuple[int, ...]]:
    """All ways to write `total` as a sum of `places` whole numbers from 0 on, in ascending order."""
    if places == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, places - 1):
            yield (first, *rest)


def _both(weight: float) -> tuple[float, ...]:
    return (-weight, weight) if weight else (weight,)


def _generator(seed: int, *words: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(int(text_digest(canonical([seed, *words])), 16)))
