"""The stage library: every stage that a config can name, by family, built-in or the user's own, and what it says."""

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from app.services import drafting, stages
from app.services.checking import verdict
from app.services.drafting import Draft
from app.services.drafting_fields import FieldSpec, fields
from app.services.home import Home
from engine.config import TABLES
from engine.contracts import CONTRACTS, Contract, Role
from engine.ensemble.weights import Ensemble
from engine.execution.rules import Execution
from engine.own.stages import OwnStages
from engine.registry import BUILT_IN
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.stage import Stage
from engine.strategies.by_regime import ByRegime

#: The families, as they are headed.
FAMILIES = {
    "strategy": "Strategies",
    "classifier": "Classifiers",
    "risk": "Risk",
    "portfolio": "Portfolio",
    "ensemble": "Ensemble",
    "execution": "Execution",
    "indicator": "Indicators",
}
#: What a family does in a container, in a sentence.
DUTIES = {
    "strategy": "Gives each symbol a signal from −1 (short) to 1 (long) at each close.",
    "classifier": "Labels the whole market with one of its regimes at each close.",
    "risk": "A rule of risk decides nothing by itself, so there is nothing to draw: what it changed stands in a "
    "container's log, and is counted in its funnel.",
    "portfolio": "Sizes follow from signals, so there is nothing to draw before a container trades: its page shows "
    "weights and cash bar by bar.",
    "ensemble": "It makes one signal for each symbol of those of all strategies in a book; with one strategy, it "
    "is that one's.",
    "execution": "It turns orders into fills, at a price and a cost. There is nothing to draw before a container "
    "trades: its page shows each fill.",
    "indicator": "Computed once for all stages that ask for it. Configs do not name it: a stage imports its class.",
}
#: What the sections of a config are called that have no kind.
_SINGLE: tuple[type[Stage], ...] = (Portfolio, Ensemble, Execution)
_ROLES = {"portfolio": Role.RISK, "indicator": Role.HUB, "ensemble": Role.ENSEMBLE}
#: What an example begins with, where defaults say little.
_STARTS: Mapping[str, dict[str, Any]] = {
    "by_regime": {"base": "ma_cross", "regimes": {"turbulent": {"fast": 5, "slow": 20}}},
    "standard": {"max_weight": 0.5, "stop_loss": 0.1},
    "portfolio": {"sizing": "volatility_target", "target_volatility": 0.15},
    "ensemble": {"method": "fixed", "weights": [0.6, 0.4]},
    "execution": {"commission_bps": 5.0, "slippage_bps": 2.0},
}
DATASET, CLASSIFIER = "us-tech", "volatility"


class Verdict(Protocol):
    """What a check said of a stage: `verdict` in a word; `refused`: no run may use it; `text`: what is wrong, or ""."""

    @property
    def verdict(self) -> str: ...

    @property
    def refused(self) -> bool: ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Entry:
    """One stage. `model`: its class, of the user's own a stand-in; `file`: where that stands, "" when built in.

    verdict: what a check said of an own one with its present source.
    """

    model: type[Stage]
    file: str = ""
    verdict: Verdict | None = None

    @property
    def kind(self) -> str:
        return self.model.kind

    @property
    def family(self) -> str:
        return self.model.family

    @property
    def own(self) -> bool:
        return bool(self.file)

    @property
    def drawn(self) -> bool:
        """Whether there is something of it to draw before a container trades."""
        return self.family in ("strategy", "classifier", "indicator")

    @property
    def lead(self) -> str:
        """What its module calls it, in a line; of an own stage nothing."""
        module = sys.modules.get(self.model.__module__)
        return "" if self.own or module is None else (inspect.getdoc(module) or "").split("\n\n")[0].replace("\n", " ")

    @cached_property
    def paragraphs(self) -> tuple[str, ...]:
        """What it says of itself; a paragraph that is indented, like a formula, keeps its lines."""
        own = vars(self.model).get("__doc__")
        text = inspect.cleandoc(own) if isinstance(own, str) else ""
        blocks = [block.strip("\n") for block in text.split("\n\n") if block.strip()]
        return tuple(block if block.startswith((" ", "\t")) else " ".join(block.split()) for block in blocks)

    @property
    def contract(self) -> Contract:
        found = getattr(self.model, "contract", None)
        return found if isinstance(found, Contract) else CONTRACTS[_ROLES[self.family]]

    @property
    def fields(self) -> tuple[FieldSpec, ...]:
        return fields(self.model)

    @property
    def regimes(self) -> tuple[str, ...]:
        """The regimes of a classifier."""
        found = getattr(self.model, "regimes", ()) if self.family == "classifier" else ()
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Library:
    """All stages, in order of their families, and a line for each file that cannot be used, by its name."""

    entries: tuple[Entry, ...]
    problems: Mapping[str, str]
    own: OwnStages

    def get(self, kind: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.kind == kind), None)


def library(home: Home) -> Library:
    """The library of a home. No file of the user is imported here."""
    own = stages.own_stages(home)
    found = [
        *map(Entry, BUILT_IN.strategies.values()),
        *map(Entry, BUILT_IN.classifiers.values()),
        Entry(Risk),
        *map(Entry, _SINGLE),
    ]
    files = {stage["kind"]: f"stages/{stage['module']}.py" for stage in own.described}
    registry = own.registry
    theirs = [*registry.strategies.values(), *registry.classifiers.values(), *registry.risks.values()]
    for model in [*theirs, *registry.indicators.values()]:
        if model.kind in files:
            found.append(Entry(model, files[model.kind], verdict(home, model.kind, model.source_hash)))
    order = list(FAMILIES)
    found.sort(key=lambda entry: (order.index(entry.family), entry.own))
    return Library(tuple(found), own.problems, own)


# --- drafts with a stage in them -------------------------------------------------------------------------------------


def start(entry: Entry, dataset: str = DATASET) -> Draft:
    """The draft of an entry's example: the stage at its defaults, and what it cannot do without."""
    table = {"kind": entry.kind, **_STARTS.get(entry.kind, {})}
    draft: Draft = {"experiment": {"name": entry.kind}, "data": {"dataset": dataset}}
    if entry.family == "strategy":
        regimes = {"classifier": {"kind": CLASSIFIER}} if issubclass(entry.model, ByRegime) else {}
        return {**draft, **regimes, "strategy": [table]}
    if entry.family == "classifier":
        return {**draft, "classifier": table, "strategy": [{"kind": "buy_and_hold"}]}
    if entry.family == "indicator":
        return {**draft, "indicator": {}, "strategy": [{"kind": "buy_and_hold"}]}
    if not (entry.family == "risk" and entry.own):
        del table["kind"]  # it stands once, and needs none
    others = [{"kind": "ma_cross"}, {"kind": "rsi_reversion"}][: 2 if entry.family == "ensemble" else 1]
    return {**draft, entry.family: table, "strategy": others}


def place(entry: Entry) -> drafting.Place:
    """Where a stage's table stands in the draft of its example."""
    return (entry.family, 0) if entry.family in TABLES else (entry.family,)


def snippet(entry: Entry, draft: Draft) -> str:
    """The TOML that names a stage, with its parameters as the example has them."""
    given = dict(drafting.table(draft, place(entry)))
    known = {spec.name: spec.default for spec in entry.fields if spec.default not in (None, {}, "")}
    if entry.drawn:
        head = {key: given[key] for key in ("kind",) if key in given}
        given = {**head, **{key: value for key, value in known.items() if key not in given}, **given}
        named = [*head, *(spec.name for spec in entry.fields if spec.name in given)]
        given = {key: given[key] for key in named}
    return drafting.dumped({entry.family: [given] if entry.family == "strategy" else given})


def experiment(entry: Entry, draft: Draft) -> Draft:
    """An experiment with the stage as the example has it."""
    strategies = drafting.tables(draft, "strategy")
    if entry.family == "classifier":  # a regime changes nothing for it
        strategies = [{"kind": "ma_cross"}]
    return {**draft, "data": {**draft["data"], "warmup": "common"}, "strategy": strategies}
