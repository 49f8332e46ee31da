"""Which parameters did best in which regime: the containers of a sweep, read in one pass over its logs.

A bar's return belongs to the label known at the close before it (`engine.projections.by_regime`). Where a regime had
too few episodes to say anything, and where no container has a figure, the container that did best over all bars is
taken; what is equal goes to the lowest index.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from app.services.exporting import parameters
from app.services.home import Home
from app.services.reading import read, searched_point
from db.store import Store
from engine.errors import StoreError
from engine.projections.account import project
from engine.projections.by_regime import Part, by_regime
from engine.projections.causes import regime_codes
from engine.spec import Spec, resolve
from engine.strategies.base import Strategy
from engine.sweep import Sweep


@dataclass(frozen=True, slots=True)
class Candidate:
    """A container of the sweep: its objective over all bars (None: undefined), and its figures in each regime."""

    index: int
    overall: float | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What holds in one regime. `by`: "regime", or "overall" where the regime has too few episodes or no figure."""

    regime: str
    by: str
    index: int
    part: Part


@dataclass
class Group:
    """The containers of one book under one classifier."""

    classifier: str
    spec: Spec
    names: tuple[str, ...]
    regimes: tuple[str, ...]
    candidates: list[Candidate] = field(default_factory=list)
    strategies: dict[int, tuple[Strategy, ...]] = field(default_factory=dict)

    def tables(self, index: int) -> dict[str, dict[str, Any]]:
        """The parameters of container `index`, by strategy, as a config writes them."""
        return {name: parameters(strategy) for name, strategy in zip(self.names, self.strategies[index], strict=True)}


def choose(
    candidates: Sequence[Candidate], regimes: Sequence[str], objective: str, min_episodes: int
) -> tuple[int, list[Choice]]:
    """The position of the overall best among `candidates` (in index order), and the choice for each regime."""
    best = _best([candidate.overall for candidate in candidates])
    overall = 0 if best is None else best
    choices = []
    for code, regime in enumerate(regimes):
        figures = [getattr(candidate.parts[code], objective) for candidate in candidates]
        own = None if candidates[0].parts[code].episodes < min_episodes else _best(figures)
        taken = candidates[overall if own is None else own]
        choices.append(Choice(regime, "overall" if own is None else "regime", taken.index, taken.parts[code]))
    return overall, choices


def _best(figures: Sequence[float | None]) -> int | None:
    """The position of the largest figure, the first of equals; None when there is none."""
    known = [(figure, -place) for place, figure in enumerate(figures) if figure is not None]
    return -max(known)[1] if known else None


def groups(home: Home, store: Store, run_id: int, objective: str) -> list[Group]:
    """The done containers of a discover run with their figures, by classifier and book, in index order.

    StoreError when none of a classifier and book is done.
    """
    opened = read(home, run_id, 0)
    shared, market, first = opened.shared, opened.market, opened.first
    rows = {row.index: row for row in store.containers(run_id, status="done")}
    found: dict[tuple[str, tuple[str, ...]], Group] = {}
    labels: dict[str, str] = {}
    places: dict[int, tuple[Spec, Group]] = {}
    for index, row in rows.items():
        if shared.plan.search is not None:
            shared.points[index] = searched_point(shared, row)
        spec = resolve(shared, index)
        classifier = spec.fragments[id(spec.classifier)] if spec.classifier else ""
        names = spec.names[5:]
        label = _label(labels, classifier, row.params.get("classifier") or spec.names[1])
        regimes = spec.classifier.regimes if spec.classifier else ()
        group = found.setdefault((classifier, names), Group(label, spec, names, regimes))
        group.strategies[index] = spec.strategies
        places[index] = spec, group
    bars, per_year = len(market.time), market.bars_per_year
    for index, log in store.logs(run_id):
        spec, group = places[index]
        cash = spec.portfolio.initial_cash
        account = project(log, market.bars, first, cash, None, spec.execution.multiplier)
        known = np.concatenate([[-1], regime_codes(log, bars)[first : bars - 1]])
        codes, entries = range(len(group.regimes)), account.trades["entry_bar"] - first
        parts = by_regime(account.equity, cash, known, entries, codes, per_year, spec.portfolio.risk_free)
        overall = (rows[index].metrics or {})[objective]
        group.candidates.append(Candidate(index, overall, tuple(parts)))
    for group in found.values():
        group.candidates.sort(key=lambda candidate: candidate.index)
    _check_complete(
        shared.sweep, {(row.params.get("classifier"), places[index][1].names) for index, row in rows.items()}, run_id
    )
    return list(found.values())


def _check_complete(sweep: Sweep, done: set[tuple[Any, tuple[str, ...]]], run_id: int) -> None:
    """Raise StoreError when a sweep's classifier and book is not among those (label, strategies) that are done."""
    for branch in sweep.branches:
        names = tuple(part.name for part in branch.components if part.model.family == "strategy")
        label = branch.labels.get("classifier")
        if (label, names) not in done:
            under = f" under '{label}'" if label else ""
            raise StoreError(
                f"no container of {', '.join(names)}{under} in run {run_id} is done; "
                f"see why with 'bulkhead show {run_id}'"
            )


def _label(labels: dict[str, str], classifier: str, wanted: str) -> str:
    """The name of a classifier with its parameters, unique in its sweep."""
    if classifier not in labels:
        name, count = wanted, 1
        while name in labels.values():
            count += 1
            name = f"{wanted}_{count}"
        labels[classifier] = name
    return labels[classifier]


def strategy_tables(group: Group, overall: int, choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """The strategies of a group as a config has them, with what was chosen: by regime where there are regimes."""
    best = group.tables(group.candidates[overall].index)
    tables = []
    for place, name in enumerate(group.names):
        strategy = group.strategies[group.candidates[overall].index][place]
        head = {"name": name, "book": group.names[0]}
        if not group.regimes:
            tables.append({"kind": strategy.kind, **head, **best[name]})
            continue
        differing = {}
        for choice in choices:
            there = group.tables(choice.index)[name]
            own = {key: value for key, value in there.items() if value != best[name].get(key)}
            own |= {key: "none" for key in best[name] if key not in there}  # what is not written is absent there
            if own:
                differing[choice.regime] = own
        regimes = {"regimes": differing} if differing else {}
        tables.append({"kind": "by_regime", **head, "base": strategy.kind, "parameters": best[name], **regimes})
    return tables


def told(group: Group, overall: int, choices: Sequence[Choice]) -> dict[str, Any]:
    """A group's choice as plain JSON: indices are those of the discover run."""
    best = group.candidates[overall]
    classifier = group.spec.classifier
    return {
        "classifier": group.classifier,
        "kind": classifier.kind if classifier else "none",
        "classifier_parameters": parameters(classifier) if classifier else {},
        "strategies": list(group.names),
        "containers": len(group.candidates),
        "overall": {"index": best.index, "objective": best.overall, "parameters": group.tables(best.index)},
        "regimes": [
            {
                "regime": choice.regime,
                "by": choice.by,
                "index": choice.index,
                **{key: value for key, value in asdict(choice.part).items() if key != "code"},
                "overall": {key: value for key, value in asdict(best.parts[code]).items() if key != "code"},
                "parameters": group.tables(choice.index),
            }
            for code, choice in enumerate(choices)
        ],
    }
