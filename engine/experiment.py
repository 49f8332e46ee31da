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
from engine.ensemble.vectors import ensemble_component
from engine.ensemble.weights import Ensemble, scales
from engine.errors import ConfigError, nearest
from engine.execution.rules import Execution
from engine.projections.catalogue import METRICS
from engine.registry import BUILT_IN, Registry
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.search import MAX_SAMPLES, Searching
from engine.sobol import sobol
from engine.strategies.bar import BarStrategy
from engine.strategies.by_regime import ByRegime
from engine.sweep import MAX_POINTS, MAX_VALUES, Branch, Component, Sweep, component
from engine.where import parse

_NAME = re.compile(r"[A-Za-z_][\w-]{0,63}$")
#: Names that parameters of other stages already have.
_RESERVED = ("classifier", "risk", "portfolio", "execution", "ensemble", "book")


@dataclass(frozen=True)
class Experiment:
    """Everything an experiment says. `ranks`: the points of `sweep` that are its containers, int64, in index order; of
    one that searches, whose points follow from results, those that show what it may ask for."""

    header: ExperimentSection
    data: DataSection
    limits: LimitsSection
    expected: ExpectedSection | None
    sweep: Sweep
    ranks: npt.NDArray[np.int64]
    search: Searching | None = None

    @property
    def containers(self) -> int:
        return self.search.samples if self.search else len(self.ranks)


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
    if (sweeping.method == "grid") != (sweeping.samples is None):
        raise ConfigError('[sweep] samples goes with method = "random", "sobol" or "tpe", each of which needs samples')
    if sweeping.objective is not None and sweeping.method != "tpe":
        raise ConfigError('[sweep] objective goes with method = "tpe"; remove it, or change the method')
    if sweeping.objective is not None and sweeping.objective not in METRICS:
        raise ConfigError(
            f"[sweep] objective: there is no metric '{sweeping.objective}'; {nearest(sweeping.objective, METRICS)}"
        )
    sweep = build_sweep(raw, registry, told=told)
    search = _search(sweep, sweeping)
    if search is not None:
        if data.warmup == "common" and sweep.total > MAX_VALUES:
            raise ConfigError(
                f'[data] warmup: "common" looks at all {sweep.total:,} points that a search may ask for; at most '
                f"{MAX_VALUES:,} are: give a number of bars"
            )
        shown = sweep.grid() if sweep.total <= MAX_VALUES else sweep.corners()
        return Experiment(header, data, limits, expected, sweep, shown, search)
    if sweeping.samples is None:
        ranks = sweep.grid()
    else:
        draw = sobol if sweeping.method == "sobol" else Sweep.random
        ranks = draw(sweep, sweeping.samples, header.seed)
    return Experiment(header, data, limits, expected, sweep, ranks)


def _search(sweep: Sweep, sweeping: SweepSection) -> Searching | None:
    """What a search is told; None without one, also where it would ask for all points anyway. Raises ConfigError."""
    weights = next((branch.searched.rules for branch in sweep.branches if branch.searched), None)
    samples, objective = sweeping.samples, sweeping.objective or "sharpe"
    if weights is not None and sweeping.method == "tpe":
        if weights.samples is not None or "objective" in weights.model_fields_set:
            raise ConfigError(
                '[ensemble] method "tpe" joins the search of [sweep]; give samples and objective there alone'
            )
    elif weights is not None:
        if sweep.total > 1 or sweeping.method != "grid":
            raise ConfigError(
                '[ensemble] method "tpe" searches weights alone; with other swept parameters use [sweep] method "tpe", '
                "which searches both"
            )
        if weights.samples is None:
            raise ConfigError('[ensemble] method "tpe" needs samples')
        samples, objective = weights.samples, weights.objective
    elif sweeping.method != "tpe":
        return None
    assert samples is not None
    if weights is None and sweep.total <= MAX_POINTS:
        points = len(sweep.grid())
        if samples >= points:
            return None
    if samples > MAX_SAMPLES:
        raise ConfigError(f'{samples:,} samples; method "tpe" asks at most {MAX_SAMPLES:,}, each in view of all before')
    return Searching(samples, objective)


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
    for name in ("ensemble", "execution"):
        found = config.tables(raw, name)
        if len(found) > 1:
            raise ConfigError(f"[{name}] can stand once; sweep its parameters instead")
        single[name] = found[0] if found else {}
    execution = component("execution", "[execution]", Execution, single["execution"], checked)
    seed = config.section(ExperimentSection, raw, "experiment").seed
    ensembles: dict[tuple[Any, ...], Component] = {}
    if pattern == "signal_generation":
        _check_unswept([*risks, *portfolios], execution)
    alternatives = {"classifier": classifiers, "risk": risks, "portfolio": portfolios}
    for book, strategies in books.items():
        for taken in itertools.product(*alternatives.values()):
            labels = {"book": book} if len(books) > 1 else {}
            for (name, choices), (label, _) in zip(alternatives.items(), taken, strict=True):
                if len(choices) > 1:
                    labels[name] = label
            classifier, risk, portfolio = (part for _, part in taken)
            regimes = classifier.model.regimes if classifier and issubclass(classifier.model, Classifier) else ()
            key = tuple(part.name for part in strategies), regimes
            if told is not None:
                key = told.strategies, told.regimes
            if key not in ensembles:
                ensembles[key] = ensemble_component(single["ensemble"], *key, seed, checked)
                _check_known(ensembles[key], strategies)
                if pattern == "signal_generation":
                    _check_unswept([], ensembles[key])
            parts = (classifier, *strategies, ensembles[key], risk, portfolio, execution)
            branch = Branch(labels, tuple(part for part in parts if part is not None))
            if checked:
                _check_regimes(branch, key[1])
            yield branch


def _check_unswept(alternatives: list[tuple[str, Component | None]], single: Component) -> None:
    """Raise ConfigError for what signal generation would compute again and again to the same signals."""
    parts = [part for _, part in alternatives if part is not None]
    for name in ("risk", "portfolio"):
        if sum(part.model.family == name for part in parts) > 1:
            raise ConfigError(f"[[{name}]] takes no part in signal_generation: keep one, the others change no signal")
    for part in [*parts, single]:
        if part.axes or part.searched:
            path = part.axes[0].path if part.axes else "ensemble.weights"
            raise ConfigError(
                f"{path} takes no part in signal_generation, so sweeping it changes no signal; give it one value"
            )


def _check_known(ensemble: Component, strategies: list[Component]) -> None:
    """Weights by volatility need all signals before the first bar is traded."""
    methods = [ensemble.base.get("method")]
    methods += [value for axis in ensemble.axes if axis.place == ("method",) for value in axis.values]
    for part in strategies:
        if "inverse_volatility" in methods and issubclass(part.model, BarStrategy):
            raise ConfigError(
                '[ensemble] method "inverse_volatility" needs signals that are known ahead, and strategy '
                f"'{part.name}' decides bar by bar; choose another method"
            )


def _check_regimes(branch: Branch, regimes: tuple[str, ...]) -> None:
    """What is given by regime must name regimes of the branch's classifier."""
    for part in branch.components:
        if part.model is Ensemble:
            continue  # checked where it was made; it may have very many weights
        for i, axis in enumerate(part.axes or (None,)):
            for pick in range(len(axis.values) if axis else 1):
                picks = tuple(pick if j == i else 0 for j in range(len(part.axes)))
                if issubclass(part.model, Risk):
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
