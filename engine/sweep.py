"""From swept numbers to points: axes, components, branches, and the ranks of a sweep's points.

A point is named by its rank in the whole grid (all branches one after the other, the last axis fastest), so a batch
of containers is a list of numbers, resolved where it runs.
"""

import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic.fields import FieldInfo

from engine.config import validated
from engine.errors import ConfigError, nearest
from engine.stage import Stage
from engine.where import Condition

MAX_VALUES = 100_000
MAX_POINTS = 5_000_000
#: The name of an ensemble's weights among a point's parameters.
WEIGHTS = "ensemble.weights"
RANGE_KEYS = {"from", "to", "step"}
#: How many resolved stages a component remembers; a full memory is forgotten whole.
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Axis:
    """One swept parameter: its path in reports, its place in the stage's table, its values."""

    path: str
    place: tuple[str, ...]
    values: tuple[Any, ...]


class Point(NamedTuple):
    """A point of a sweep: its rank, and, where a search asks for weights, these as `[ensemble] weights` has them."""

    rank: int
    weights: Any = None


class Choice(NamedTuple):
    """A component at one combination of its values: the stage, and its canonical JSON for `spec_hash`."""

    stage: Any
    fragment: str


@dataclass
class Component:
    """One stage of a branch with the axes of its parameters. `searched`: what is asked of a search for an ensemble
    (`ensemble.vectors.Searched`)."""

    name: str
    where: str
    model: type[Stage]
    base: dict[str, Any]
    axes: tuple[Axis, ...]
    memory: dict[tuple[int, ...], Choice] = field(default_factory=dict, repr=False)
    searched: Any = None

    def at(self, picks: tuple[int, ...]) -> Choice:
        """The stage with axis i at its value number picks[i]. Raises ConfigError when it does not accept them."""
        choice = self.memory.get(picks)
        if choice is None:
            if len(self.memory) >= _REMEMBERED:
                self.memory.clear()
            choice = self.memory[picks] = self._chosen(self.stage(picks))
        return choice

    def weighing(self, weights: Any) -> Choice:
        """The ensemble with weights that a search asked for."""
        return self._chosen(validated(self.model, {**self.base, "weights": weights}, self.where))

    def _chosen(self, stage: Stage) -> Choice:
        own = {"@source": self.model.source_hash} if self.model.source_hash else {}
        return Choice(stage, canonical({"kind": self.model.kind, **own, **stage.decides()}))

    def stage(self, picks: tuple[int, ...]) -> Stage:
        """As `at`, the stage alone, and not remembered."""
        values = self.base
        for axis, pick in zip(self.axes, picks, strict=True):
            values = _with(values, axis.place, axis.values[pick])
        return validated(self.model, values, self.where)

    def plain(self) -> dict[str, Any]:
        """All scalar parameters by path, the swept ones at their first value."""
        return flat(self.at((0,) * len(self.axes)).stage.values(), f"{self.name}.")


@dataclass
class Branch:
    """One combination of alternatives: its labels (e.g. {"risk": "tight"}) and its components in pipeline order."""

    labels: dict[str, str]
    components: tuple[Component, ...]

    def __post_init__(self) -> None:
        self.axes = tuple(axis for component in self.components for axis in component.axes)
        self.size = prod(len(axis.values) for axis in self.axes)
        self.fixed = {key: value for component in self.components for key, value in component.plain().items()}
        #: The ensemble's `searched`, where a search asks for its weights.
        self.searched = next((part.searched for part in self.components if part.searched is not None), None)

    def picks(self, rank: int) -> tuple[int, ...]:
        """Which value of each axis the point `rank` of this branch takes."""
        found = []
        for axis in reversed(self.axes):
            rank, pick = divmod(rank, len(axis.values))
            found.append(pick)
        return tuple(reversed(found))

    def params(self, picks: Sequence[int], weights: Any = None) -> dict[str, Any]:
        """The swept parameters of a point, by path, and the branch it is on."""
        swept = {axis.path: axis.values[pick] for axis, pick in zip(self.axes, picks, strict=True)}
        return {**self.labels, **swept, **({WEIGHTS: weights} if weights is not None else {})}

    def choices(self, picks: tuple[int, ...], weights: Any = None) -> tuple[Choice, ...]:
        """The resolved stages of a point, in the order of `components`."""
        found, start = [], 0
        for component in self.components:
            stop = start + len(component.axes)
            asked = weights is not None and component.searched is not None
            found.append(component.weighing(weights) if asked else component.at(picks[start:stop]))
            start = stop
        return tuple(found)

    def place(self, params: Mapping[str, Any]) -> int | None:
        """The rank within the branch of the point with these `params`; None when it is not on this branch."""
        named = {axis.path for axis in self.axes} | self.labels.keys() | ({WEIGHTS} if self.searched else set())
        if params.keys() != named or any(params[name] != label for name, label in self.labels.items()):
            return None
        rank = 0
        for axis in self.axes:
            wanted = canonical(params[axis.path])  # True is 1 for Python, and 5 is 5.0
            pick = next((i for i, value in enumerate(axis.values) if canonical(value) == wanted), None)
            if pick is None:
                return None
            rank = rank * len(axis.values) + pick
        return rank


@dataclass
class Sweep:
    """All branches of an experiment and the conditions its points must meet."""

    branches: tuple[Branch, ...]
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        self.total = sum(branch.size for branch in self.branches)
        if self.total >= 2**63:
            raise ConfigError(f"the sweep has {self.total:.3g} points, more than can be numbered; give fewer values")
        known = sorted({name for branch in self.branches for name in branch.fixed})
        for condition in self.conditions:
            for name in sorted(condition.names):
                if name not in known:
                    raise ConfigError(
                        f"[sweep] where \"{condition.text}\": no parameter '{name}'; {nearest(name, known)}"
                    )

    def locate(self, rank: int) -> tuple[Branch, tuple[int, ...]]:
        """The branch of point `rank` and its picks there."""
        for branch in self.branches:
            if rank < branch.size:
                return branch, branch.picks(rank)
            rank -= branch.size
        raise IndexError(rank)

    def rank(self, params: Mapping[str, Any]) -> int:
        """The rank of the point with these `params`, as `Branch.params` gives them. ConfigError when there is none."""
        offset = 0
        for branch in self.branches:
            found = branch.place(params)
            if found is not None:
                return offset + found
            offset += branch.size
        raise ConfigError(
            f"the sweep has no point with the parameters {canonical(dict(params))[:200]}; was it changed?"
        )

    def stages(self, ranks: npt.NDArray[np.int64]) -> list[Stage]:
        """The stages of the points `ranks`, each component at each combination of its own values once.

        Raises ConfigError when a stage does not accept a combination.
        """
        found: dict[tuple[int, tuple[int, ...]], Stage] = {}
        offset = 0
        for branch in self.branches:
            own = ranks[(ranks >= offset) & (ranks < offset + branch.size)] - offset
            offset += branch.size
            if not len(own):
                continue
            picks = np.array(np.unravel_index(own, [len(axis.values) for axis in branch.axes] or [1]))
            start = 0
            for part in branch.components:
                stop = start + len(part.axes)
                for chosen in np.unique(picks[start:stop], axis=1).T.tolist() if stop > start else [[]]:
                    key = id(part), tuple(chosen)
                    if key not in found:
                        found[key] = part.stage(key[1])
                start = stop
        return list(found.values())

    def holds(self, rank: int) -> bool:
        """Whether point `rank` meets every condition that its branch has the parameters for."""
        branch, picks = self.locate(rank)
        values = {**branch.fixed, **branch.params(picks)}
        return all(condition.holds(values) for condition in self.conditions if condition.names <= values.keys())

    def grid(self) -> npt.NDArray[np.int64]:
        """The ranks of all points that meet the conditions, int64, ascending. Raises ConfigError when none does."""
        if self.total > MAX_POINTS:
            raise ConfigError(
                f"the sweep has {self.total:,} points; at most {MAX_POINTS:,} can be listed: "
                'use [sweep] method = "random" with samples, or fewer values'
            )
        if not self.conditions:
            return np.arange(self.total, dtype=np.int64)
        ranks = np.fromiter((rank for rank in range(self.total) if self.holds(rank)), np.int64)
        if not len(ranks):
            raise ConfigError("the sweep is empty: no point meets [sweep] where; loosen it")
        return ranks

    def corners(self) -> npt.NDArray[np.int64]:
        """The ranks of the points with each value of each axis, the others at their first, int64, ascending."""
        found: dict[int, None] = {}
        offset = 0
        for branch in self.branches:
            stride = branch.size
            found[offset] = None
            for axis in branch.axes:
                stride //= len(axis.values)
                found |= dict.fromkeys(offset + pick * stride for pick in range(len(axis.values)))
            offset += branch.size
        return np.fromiter(sorted(found), np.int64)

    def random(self, samples: int, seed: int) -> npt.NDArray[np.int64]:
        """The ranks of `samples` distinct points that meet the conditions, drawn evenly, in the order drawn."""
        generator = np.random.Generator(np.random.PCG64(seed))
        if self.total <= MAX_POINTS:
            ranks = self.grid()
            return ranks if samples >= len(ranks) else generator.permutation(ranks)[:samples]
        found: dict[int, None] = {}
        for _ in range(1000 * samples):
            rank = int(generator.integers(self.total))
            if rank not in found and self.holds(rank):
                found[rank] = None
                if len(found) == samples:
                    break
        if not found:
            raise ConfigError("the sweep is empty: no drawn point meets [sweep] where; loosen it")
        return np.fromiter(found, np.int64)


def component(name: str, where: str, model: type[Stage], table: Mapping[str, Any], checked: bool = True) -> Component:
    """A component from one table of the config: lists and ranges become axes. Raises ConfigError.

    `checked`: every value of every axis is tried at once; else only those that are asked for later.
    """
    base: dict[str, Any] = {}
    axes: list[Axis] = []
    for key, value in table.items():
        base[key] = _take_axes(name, (key,), value, model, axes)
    found = Component(name, where, model, base, tuple(axes))
    for i, axis in enumerate(axes if checked else ()):
        for pick in range(len(axis.values)):
            found.at(tuple(pick if j == i else 0 for j in range(len(axes))))
    return found


def _take_axes(name: str, place: tuple[str, ...], value: Any, model: type[Stage], axes: list[Axis]) -> Any:
    """`value` with swept parts replaced by their first value; appends an Axis for each."""
    info = model.field_at(place)
    if info is None:
        return value
    path, depth = ".".join((name, *place)), _depth(info.annotation)
    if isinstance(value, dict) and "from" in value and value.keys() <= RANGE_KEYS:
        values = _range(path, value)
    elif isinstance(value, dict) and depth is not None:
        return {key: _take_axes(name, (*place, key), item, model, axes) for key, item in value.items()}
    elif isinstance(value, list) and (not depth or any(isinstance(item, list | dict) for item in value)):
        values = value
    else:
        return _none(value, info)
    if not values:
        raise ConfigError(f"{path}: an empty list sweeps nothing; give at least one value")
    if len(values) > MAX_VALUES:
        raise ConfigError(f"{path}: {len(values):,} values; at most {MAX_VALUES:,} are swept")
    for i, item in enumerate(values):
        if item in values[:i] if len(values) < 1000 else False:
            raise ConfigError(f"{path}: {item!r} is listed twice; each value once")
    axes.append(Axis(path, place, tuple(values)))
    return _none(values[0], info)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values in nested tables by their paths, e.g. `regime_scale.calm`, each after `prefix`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _none(value: Any, info: FieldInfo) -> Any:
    """TOML has no null: "none" stands for it where a parameter may be absent."""
    return None if value == "none" and type(None) in typing.get_args(info.annotation) else value


def _with(values: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of `values` with the item at `place` set."""
    head, rest = place[0], place[1:]
    if rest:
        return {**values, head: _with(values[head], rest, value)}
    return {**values, head: None if value == "none" else value}


def _depth(annotation: Any) -> int | None:
    """How many lists deep a value of this type is by nature; None when it holds neither list nor dict."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        return 1
    if origin is dict:
        return _depth(args[1]) or 0
    depths = [found for found in map(_depth, args) if found is not None]
    return max(depths) if depths else None


def _range(path: str, value: Mapping[str, Any]) -> list[Any]:
    """The values of { from, to, step }, both ends inclusive, in decimal arithmetic. Raises ConfigError."""
    for key in ("from", "to", "step"):
        if key not in value:
            raise ConfigError(f"{path}: a range needs from, to and step ('{key}' is missing)")
        if isinstance(value[key], bool) or not isinstance(value[key], int | float):
            raise ConfigError(f"{path}: '{key}' of a range must be a number (got {value[key]!r})")
    start, stop, step = (Decimal(str(value[key])) for key in ("from", "to", "step"))
    if not (start.is_finite() and stop.is_finite() and step.is_finite()):
        raise ConfigError(f"{path}: a range needs finite numbers")
    if step <= 0 or start > stop:
        raise ConfigError(f"{path}: a range needs from ≤ to and step > 0 (got {dict(value)})")
    count = int((stop - start) / step) + 1
    if count > MAX_VALUES:
        raise ConfigError(f"{path}: a range of {count:,} values; at most {MAX_VALUES:,} are swept")
    number = int if all(isinstance(value[key], int) for key in ("from", "to", "step")) else float
    return [number(start + i * step) for i in range(count)]


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal data, equal text."""
    return _ENCODER.encode(value)
