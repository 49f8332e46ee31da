"""The plan of a run: an experiment on its market, with indicators computed and every open question resolved.

It is plain data that travels to the cells once (its arrays memory-mapped); a batch is then a range of its containers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import config
from engine.classifiers.base import Classifier, carried
from engine.config import DataSection, LimitsSection
from engine.errors import ConfigError
from engine.experiment import Experiment, parse_experiment
from engine.indicators.hub import DEFAULT_BUDGET, Hub
from engine.indicators.request import Request
from engine.market.actions import in_first_units
from engine.market.index import index_market
from engine.market.market import Market
from engine.own import asking
from engine.own.source import Source
from engine.own.stages import OwnStages
from engine.own.standin import StandIn
from engine.risk.portfolio import Portfolio
from engine.risk.sizing import members
from engine.search import Searching
from engine.signals.stored import Replay, SignalLog, join, regime_source
from engine.stage import Stage
from engine.strategies.base import Strategy
from engine.sweep import canonical

NO_STAGES = OwnStages()
Arrays = dict[Request, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Plan:
    """What the cells need, and all they get.

    raw: the experiment's plain TOML data. own: the user's stages it names. ranks: int64, the sweep's point of each
    container; none with `search`: its points come with each batch. first: the first trading bar; test: the first
    held-out bar, or None. indicators: hub values by reference (None: the market itself; a name or "": the series a
    classifier sees). data: canonical JSON for spec_hash. trusted: the own stages have passed their check as they are,
    so that containers may share a child. replay: the signals of a replay.
    """

    raw: Mapping[str, Any]
    own: OwnStages
    market: Market
    ranks: npt.NDArray[np.int64]
    first: int
    warmup: int
    test: int | None
    seed: int
    limits: LimitsSection
    data: str
    indicators: Mapping[str | None, Arrays]
    trusted: bool = False
    search: Searching | None = None
    replay: Replay | None = None

    @property
    def pattern(self) -> str:
        """The route its containers walk, as the experiment names it."""
        return str(config.pattern(self.raw))

    @property
    def sources(self) -> tuple[Source, ...]:
        """The texts that the children need; empty without own stages."""
        return self.own.sources

    @property
    def containers(self) -> int:
        return self.search.samples if self.search else len(self.ranks)


def prepare(
    raw: Mapping[str, Any], market: Market, own: OwnStages = NO_STAGES, budget: int = DEFAULT_BUDGET
) -> tuple[Experiment, Plan]:
    """Parse an experiment and resolve it on `market` (the whole dataset). Raises ConfigError, DataError, StageError."""
    experiment = parse_experiment(raw, own.registry)
    return experiment, plan_on(experiment, raw, market, own, budget)


def plan_on(
    experiment: Experiment,
    raw: Mapping[str, Any],
    market: Market,
    own: OwnStages = NO_STAGES,
    budget: int = DEFAULT_BUDGET,
    logs: tuple[SignalLog, ...] = (),
    regimes: SignalLog | None = None,
) -> Plan:
    """Resolve a parsed experiment (of the plain data `raw`) on `market`; of `own` only what it names is taken.

    logs: what a replay replays; regimes: whose regimes it was told to take.

    Raises ConfigError or DataError; StageError when an own stage fails at what is asked of it here.
    """
    data, own = experiment.data, own.of(raw)
    if logs:
        market = market.select(logs[0].symbols, data.end or logs[0].end)
    else:
        market = market.select(data.symbols, data.end)
    start = max((log.first for log in logs), default=0)
    if data.start:
        start = market.first_bar(data.start)
    if start >= len(market.time):
        raise ConfigError(f"[data] start {data.start} lies after the last bar; choose an earlier one")
    stages = experiment.sweep.stages(experiment.ranks)
    _check_market(stages, market)
    requests = asking.requests(own, stages)
    hubs = _warm(stages, requests, market, own, budget)
    warmup = data.warmup if isinstance(data.warmup, int) else 0
    if data.warmup == "common":
        warmup = max(0, _ready(stages, requests, hubs, own) - start)
    first = start + warmup
    if first >= len(market.time):
        raise ConfigError(
            f"[data] warmup: the first trading bar would be number {first} of {len(market.time)}; "
            "shorten the windows, or start earlier"
        )
    test = market.first_bar(data.test_start) if data.test_start else None
    if test is not None and not first < test < len(market.time):
        raise ConfigError(
            f"[data] test_start {data.test_start} must lie after the first trading bar and not after the last bar"
        )
    replay = join(logs, regime_source(logs, regimes), market, first) if logs else None
    described = data_text(data, market, warmup, experiment.header.pattern, replay)
    values = {key: hub.values() for key, hub in hubs.items()}
    limits, seed = experiment.limits, experiment.header.seed
    ranks = experiment.ranks[:0] if experiment.search else experiment.ranks
    return Plan(
        *(raw, own, market, ranks, first, warmup, test, seed, limits, described, values),
        search=experiment.search,
        replay=replay,
    )


def data_text(data: DataSection, market: Market, warmup: int, pattern: str, replay: Replay | None = None) -> str:
    """The canonical JSON of what a container runs on, for its `spec_hash`. `market` is cut as it runs."""
    return canonical(
        {
            "dataset": market.dataset,
            "symbols": list(market.symbols),
            "start": data.start.isoformat() if data.start else None,
            "end": data.end.isoformat() if data.end else None,
            "warmup": warmup,
            "test_start": data.test_start.isoformat() if data.test_start else None,
            "pattern": pattern,
            **({"signals": replay.digest} if replay else {}),
        }
    )


def reference_key(classifier: Classifier) -> str:
    """The key of the series a classifier sees: its reference's name, or "" for the index."""
    return classifier.reference or ""


def _warm(
    stages: list[Stage], requests: list[dict[str, Request]], market: Market, own: OwnStages, budget: int
) -> dict[str | None, Hub]:
    """A hub for the market and one for each series a classifier sees, holding what the containers will ask for."""
    compute = partial(asking.values, own)
    seen = in_first_units(market)
    hubs: dict[str | None, Hub] = {None: Hub(seen, budget, own=compute)}
    wanted: dict[str | None, list[Request]] = {None: []}
    for stage, asked in zip(stages, requests, strict=True):
        key = None
        if isinstance(stage, Classifier):
            key = reference_key(stage)
            if key not in hubs:
                hubs[key] = Hub(index_market(seen, stage.reference), budget, own=compute)
        wanted.setdefault(key, []).extend(asked.values())
    for key, listed in wanted.items():
        hubs[key].warm(listed)
    return hubs


def _check_market(stages: list[Stage], market: Market) -> None:
    """Raises ConfigError when a strategy takes more symbols than there are, or a portfolio an unknown feature."""
    for stage in stages:
        if isinstance(stage, Portfolio):
            members(stage, market)
        if isinstance(stage, Strategy) and stage.least_symbols > len(market.symbols):
            raise ConfigError(
                f"[data] symbols: strategy '{stage.kind}' takes at least {stage.least_symbols}, "
                f"and there is {len(market.symbols)}; add another"
            )


def _ready(
    stages: list[Stage], requests: list[dict[str, Request]], hubs: Mapping[str | None, Hub], own: OwnStages
) -> int:
    """The first bar at which every stage has each of its indicators, and its label, for some symbol."""
    ready = 0
    theirs: list[tuple[Classifier, Market, dict[str, npt.NDArray[np.float64]]]] = []
    for stage, asked in zip(stages, requests, strict=True):
        hub = hubs[reference_key(stage) if isinstance(stage, Classifier) else None]
        values = {name: hub.get(request) for name, request in asked.items()}
        for found in values.values():
            ready = max(ready, _first(np.isfinite(found)))
        if isinstance(stage, StandIn) and isinstance(stage, Classifier):
            theirs.append((stage, hub.market, values))
        elif isinstance(stage, Classifier):
            codes = carried(stage.label(hub.market, values), len(hub.market.time), stage)
            ready = max(ready, _first(codes[:, None] >= 0))
    for codes in asking.labels(own, theirs) if theirs else ():
        ready = max(ready, _first(codes[:, None] >= 0))
    return ready


def _first(there: npt.NDArray[np.bool_]) -> int:
    """The first bar of `there`, bool (bars, symbols), at which some symbol is True; the length when there is none."""
    bars = np.flatnonzero(there.any(axis=1))
    return int(bars[0]) if len(bars) else len(there)
