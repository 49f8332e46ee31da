"""A parsed experiment: its sections and the sweep of its branches. The same text gives the same experiment anywhere."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import config
from engine.classifiers.base import Classifier
from engine.config import DataSection, ExpectedSection, ExperimentSection, LimitsSection, SweepSection
from engine.ensemble.weights import Ensemble, scales
from engine.errors import ConfigError, nearest
from engine.execution.rules import Execution
from engine.registry import BUILT_IN, Registry
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.strategies.by_regime import ByRegime
from engine.sweep import Branch, Component, Sweep, component
from engine.where import parse

_NAME = re.compile(r"[A-Za-z_][\w-]{0,63}$")
#: Names that parameters of other stages already have.
_RESERVED = ("classifier", "risk", "portfolio", "execution", "ensemble", "book")


@dataclass(frozen=True)
class Experiment:
    """Everything an experiment says. `ranks`: the points of `sweep` that are its containers, int64, in index order."""

    header: ExperimentSection
    data: DataSection
    limits: LimitsSection
    expected: ExpectedSection | None
    sweep: Sweep
    ranks: npt.NDArray[np.int64]

    @property
    def containers(self) -> int:
        return len(self.ranks)


@dataclass(frozen=True)
class Told:
    """What a replay's logs say of themselves: the names of their strategies, and of their regimes."""

    strategies: tuple[str, ...]
    regimes: tuple[str, ...]


def parse_experiment(raw: Mapping[str, Any], registry: Registry = BUILT_IN, told: Told | None = None) -> Experiment:
    """An experiment from the plain data of its TOML (`config.load`). Raises ConfigError in one line.

    `told`: of the logs that a replay names.
    """
    config.check_sections(raw)
    header = config.section(ExperimentSection, raw, "experiment")
    data = config.section(DataSection, raw, "data")
    if not data.dataset and header.pattern != "signal_replay":
        raise ConfigError("[data]: the key 'dataset' is missing; add it")
    if isinstance(data.warmup, int) and data.warmup < 0:
        raise ConfigError(f"[data] warmup must be 0 or more (got {data.warmup})")
    if data.start and data.end and data.start > data.end:
        raise ConfigError(f"[data] start {data.start} lies after end {data.end}; swap them")
    limits = config.section(LimitsSection, raw, "limits")
    expected = config.section(ExpectedSection, raw, "expected") if "expected" in raw else None
    sweeping = config.section(SweepSection, raw, "sweep")
    if sweeping.method in config.LATER_METHODS:
        raise ConfigError(f'[sweep] method "{sweeping.method}" is not part of this version; use "grid" or "random"')
    if (sweeping.method == "random") != (sweeping.samples is not None):
        raise ConfigError('[sweep] samples goes with method = "random", and method = "random" needs samples')
    if sweeping.objective is not None:
        raise ConfigError('[sweep] objective goes with method = "tpe", which is not part of this version')
    sweep = build_sweep(raw, registry, told=told)
    ranks = sweep.random(sweeping.samples, header.seed) if sweeping.samples else sweep.grid()
    return Experiment(header, data, limits, expected, sweep, ranks)


def build_sweep(
    raw: Mapping[str, Any], registry: Registry = BUILT_IN, checked: bool = True, told: Told | None = None
) -> Sweep:
    """The branches and conditions of an experiment, without listing its points. Raises ConfigError.

    `checked`: see `component`; what was parsed before need not be checked again. `told`: of the logs of a replay.
    """
    conditions = config.section(SweepSection, raw, "sweep").where
    return Sweep(tuple(_branches(raw, registry, checked, told)), tuple(parse(text) for text in conditions))


def _branches(raw: Mapping[str, Any], registry: Registry, checked: bool, told: Told | None) -> Iterator[Branch]:
    """All combinations of book, classifier, risk and portfolio, in this order, the last fastest."""
    pattern = config.pattern(raw)
    told_of = pattern == "signal_replay" or config.IMPORTED in raw  # its strategies stand in logs alone
    books: dict[str, list[Component]] = {"main": []} if told_of else _books(raw, registry, checked)
    classifiers = _alternatives(
        raw, "classifier", lambda t, w: _kind(t, w, {**registry.classifiers, "none": None}), checked
    )
    risks = _alternatives(raw, "risk", lambda t, w: _kind({"kind": "standard", **t}, w, registry.risks), checked)
    portfolios = _alternatives(
        raw, "portfolio", lambda t, w: _kind({"kind": "portfolio", **t}, w, {"portfolio": Portfolio}), checked
    )
    single = {}
    for name, model in (("ensemble", Ensemble), ("execution", Execution)):
        found = config.tables(raw, name)
        if len(found) > 1:
            raise ConfigError(f"[{name}] can stand once; sweep its parameters instead")
        single[name] = component(name, f"[{name}]", model, found[0] if found else {}, checked)
    if pattern == "signal_generation":
        _check_unswept([*risks, *portfolios], [*single.values()])
    alternatives = {"classifier": classifiers, "risk": risks, "portfolio": portfolios}
    for book, strategies in books.items():
        for taken in itertools.product(*alternatives.values()):
            labels = {"book": book} if len(books) > 1 else {}
            for (name, choices), (label, _) in zip(alternatives.items(), taken, strict=True):
                if len(choices) > 1:
                    labels[name] = label
            classifier, risk, portfolio = (part for _, part in taken)
            parts = (classifier, *strategies, single["ensemble"], risk, portfolio, single["execution"])
            branch = Branch(labels, tuple(part for part in parts if part is not None))
            if checked and told is not None:
                _check_regimes(branch, told.regimes, len(told.strategies))
            elif checked:
                regimes = classifier.model.regimes if classifier and issubclass(classifier.model, Classifier) else ()
                _check_regimes(branch, regimes, len(strategies))
            yield branch


def _check_unswept(alternatives: list[tuple[str, Component | None]], single: list[Component]) -> None:
    """Raise ConfigError for what signal generation would compute again and again to the same signals."""
    parts = [part for _, part in alternatives if part is not None]
    for name in ("risk", "portfolio"):
        if sum(part.model.family == name for part in parts) > 1:
            raise ConfigError(f"[[{name}]] takes no part in signal_generation: keep one, the others change no signal")
    for part in [*parts, *single]:
        if part.axes:
            raise ConfigError(
                f"{part.axes[0].path} takes no part in signal_generation, so sweeping it changes no signal; "
                "give it one value"
            )


def _check_regimes(branch: Branch, regimes: tuple[str, ...], strategies: int) -> None:
    """What is given by regime must name regimes of the branch's classifier; weights count its strategies."""
    for part in branch.components:
        for i, axis in enumerate(part.axes or (None,)):
            for pick in range(len(axis.values) if axis else 1):
                picks = tuple(pick if j == i else 0 for j in range(len(part.axes)))
                if part.model is Ensemble:
                    part.at(picks).stage.matrix(strategies, regimes)
                elif issubclass(part.model, Risk):
                    scales(part.at(picks).stage.regime_scale, regimes)
                elif issubclass(part.model, ByRegime):
                    part.at(picks).stage.check(regimes, part.where)


def _books(raw: Mapping[str, Any], registry: Registry, checked: bool) -> dict[str, list[Component]]:
    """The strategies of each book, in config order."""
    books: dict[str, list[Component]] = {}
    taken: dict[str, None] = {}
    for number, table in enumerate(config.tables(raw, "strategy"), start=1):
        values = dict(table)
        where = f"[[strategy]] {number}"
        model = _kind(values, where, registry.strategies).among(values, registry.strategies, where)
        book = values.pop("book", "main")
        name = values.pop("name", None)
        if name is None:
            kind, count = model.kind, 1
            name = kind
            while name in taken:
                count += 1
                name = f"{kind}_{count}"
        for label, text in (("name", name), ("book", book)):
            if not isinstance(text, str) or not _NAME.match(text):
                raise ConfigError(f"{where}: {label} must be letters, digits, _ or - (got {text!r})")
        if name in taken or name in _RESERVED:
            raise ConfigError(f"{where}: the name '{name}' is taken; give it another with name = \"…\"")
        taken[name] = None
        values.pop("kind")
        books.setdefault(book, []).append(component(name, f"strategy '{name}'", model, values, checked))
    return books


def _kind(table: Mapping[str, Any], where: str, known: Mapping[str, Any]) -> Any:
    kind = table.get("kind")
    if kind is None:
        raise ConfigError(f"{where}: the key 'kind' is missing; {nearest('', known)}")
    if not isinstance(kind, str) or kind not in known:
        raise ConfigError(f"{where}: no such kind {kind!r}; {nearest(str(kind), known)}")
    return known[kind]


def _alternatives(
    raw: Mapping[str, Any], name: str, model_of: Any, checked: bool
) -> list[tuple[str, Component | None]]:
    """The alternatives called `name` as (label, component); one unnamed default when the config has none."""
    found: list[tuple[str, Component | None]] = []
    tables = config.tables(raw, name)
    if not tables:
        return (
            [("none", None)] if name == "classifier" else [(name, component(name, f"[{name}]", model_of({}, ""), {}))]
        )
    for number, table in enumerate(tables, start=1):
        where = f"[{name}]" if len(tables) == 1 else f"[[{name}]] {number}"
        values = dict(table)
        model = model_of(values, where)
        label = values.pop("name", None)
        if label is None and len(tables) > 1:
            raise ConfigError(f"{where}: several [[{name}]] are alternatives; give each a name")
        if label is not None and (not isinstance(label, str) or not _NAME.match(label)):
            raise ConfigError(f"{where}: name must be letters, digits, _ or - (got {label!r})")
        if label in [other for other, _ in found]:
            raise ConfigError(f"{where}: the name '{label}' is taken; give it another")
        values.pop("kind", None)
        if model is None and values:
            raise ConfigError(f"{where}: kind \"none\" has no key '{next(iter(values))}'; remove it")
        found.append((label or name, component(name, where, model, values, checked) if model else None))
    return found
