"""A stage on real data, without a run: a strategy's signals, a classifier's regimes, their indicators.

All figures come from the functions that a container uses. A user's own stage is computed in a sealed child.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from app.services.reading import wall_clock
from engine.container import Container
from engine.errors import ConfigError
from engine.events import Kind
from engine.indicators.hub import Hub
from engine.indicators.own import Indicator
from engine.indicators.request import Request
from engine.market.actions import in_first_units
from engine.market.market import COLUMNS, Market
from engine.own import asking, sealed
from engine.own.load import loaded
from engine.own.source import all_needed
from engine.own.stages import OwnStages
from engine.plan import Plan, prepare, reference_key
from engine.registry import BUILT_IN, Registry
from engine.shared import Shared
from engine.spec import resolve
from engine.stage import Regimes, Stage
from engine.steps import classify, signals
from engine.strategies.bar import BarStrategy

Floats = npt.NDArray[np.float64]
#: Symbols that an example is computed on at most: the first of the dataset, unless the draft names some.
SYMBOLS = 8
#: Seconds and MiB that an own stage may take.
SECONDS, MEMORY_MB = 60.0, 4096.0


@dataclass(frozen=True, slots=True)
class Values:
    """An indicator: the name its stage knows it by, what it is, float64 (bars, symbols). `on_price`: it is a price."""

    name: str
    text: str
    on_price: bool
    values: Floats


@dataclass(frozen=True, slots=True)
class Example:
    """What a stage made of a market.

    symbols: of the series that were looked at (of a classifier the one it sees). clock: what clocks in the market's
    zone show, int64 nanoseconds (bars,). prices: float64 (bars, symbols, 5), open to volume, in units of the first day.
    signal: the signal in force after each close, float64 (bars, symbols); None but for strategies. codes: regimes,
    int64 (bars,), −1 before the first; `regimes`: their names, empty without a classifier.
    """

    symbols: tuple[str, ...]
    clock: npt.NDArray[np.int64]
    prices: Floats
    signal: Floats | None
    codes: npt.NDArray[np.int64]
    regimes: tuple[str, ...]
    indicators: tuple[Values, ...]


def example(raw: Mapping[str, Any], family: str, market: Market, own: OwnStages) -> Example:
    """What the first strategy of `raw`, or its classifier, does on `market`.

    `raw`: one container's experiment, whose [data] has no more than a dataset and symbols. Raises ConfigError,
    StageError, DataError.
    """
    raw = {**raw, "data": {**raw["data"], "symbols": some(raw, market)}}
    own = own.of(raw)
    if own.described:
        return sealed.apart(_asked, raw, family, market, own)
    _, plan = prepare(raw, market)
    return _computed(_one(plan), family, BUILT_IN)


def indicator(model: type[Indicator], parameters: Mapping[str, Any], market: Market, own: OwnStages) -> Example:
    """What a user's indicator (a stand-in) gives on `market`. Raises ConfigError, StageError."""
    described = tuple(stage for stage in own.described if stage["kind"] == model.kind)
    sources = all_needed(own.sources, [stage["module"] for stage in described])
    own = replace(own, sources=sources, described=described)
    seen = in_first_units(market.select(market.symbols[:SYMBOLS]))
    request = model.model_validate(dict(parameters)).request()
    (values,) = asking.values(own, [request], seen)
    found = (Values(model.kind, request.text, False, values),)
    codes = np.full(len(seen.time), -1, np.int64)
    return Example(seen.symbols, wall_clock(seen.time, seen.zone), _prices(seen), None, codes, (), found)


def some(raw: Mapping[str, Any], market: Market) -> list[str]:
    """The symbols an example is computed on."""
    return list(raw["data"].get("symbols") or market.symbols[:SYMBOLS])


def _one(plan: Plan) -> Plan:
    if plan.containers != 1:
        raise ConfigError(f"an example is of one container, and this draft makes {plan.containers}; give single values")
    return plan


def _asked(raw: Mapping[str, Any], family: str, market: Market, own: OwnStages) -> Example:
    """In a process of its own: the plan, and a child for what is the user's code."""
    _, plan = prepare(raw, market, own)
    return sealed.ask(SECONDS, MEMORY_MB, _answered, _one(plan), family)


def _answered(plan: Plan, family: str) -> Example:
    return _computed(plan, family, loaded(plan.own))


def _computed(plan: Plan, family: str, registry: Registry) -> Example:
    shared = Shared(plan, registry)
    spec = resolve(shared, 0)
    classifier, strategy = spec.classifier, spec.strategies[0]
    codes, names, regimes = np.full(len(shared.market.time), -1, np.int64), (), None
    if classifier is not None:
        hub = shared.series(reference_key(classifier))
        regimes = classify(classifier, hub.market, hub, plan.first).regimes
        codes, names = regimes.codes, regimes.names
        if family == "classifier":
            found = _indicators(shared, classifier, hub)
            return _made(hub.market, None, codes, names, found)
    signal = _in_force(_rows(shared, regimes), shared.seen)
    return _made(shared.seen, signal, codes, names, _indicators(shared, strategy, shared.hub))


def _rows(shared: Shared, regimes: Regimes | None) -> npt.NDArray[np.void]:
    """The SIGNAL rows of the first strategy; one that knows its position has to trade for it."""
    spec, plan = resolve(shared, 0), shared.plan
    strategy = spec.strategies[0]
    if isinstance(strategy, BarStrategy):
        log = Container(spec, shared).run()
        return log[log["kind"] == Kind.SIGNAL]
    return signals(strategy, spec.names[5], 0, shared.seen, shared.hub, regimes, plan.seed, plan.first)


def _in_force(rows: npt.NDArray[np.void], market: Market) -> Floats:
    """The signal after each close, float64 (bars, symbols): that of the last SIGNAL, 0 before the first."""
    found = np.zeros(market.valid.shape)
    for column in range(found.shape[1]):
        mine = rows[rows["symbol"] == column]
        place = np.searchsorted(mine["bar"], np.arange(len(found)), side="right") - 1
        if len(mine):
            found[:, column] = np.where(place >= 0, mine["value"][place], 0.0)
    return found


def _indicators(shared: Shared, stage: Stage, hub: Hub) -> tuple[Values, ...]:
    """What a stage asked of the hub; an indicator that it asks for twice stands once."""
    found: dict[Request, Values] = {}
    for name, request in shared.requests(stage).items():
        if request not in found:
            found[request] = Values(name, request.text, request.in_prices, hub.get(request))
    return tuple(found.values())


def _made(
    market: Market,
    signal: Floats | None,
    codes: npt.NDArray[np.int64],
    names: tuple[str, ...],
    indicators: tuple[Values, ...],
) -> Example:
    return Example(
        market.symbols, wall_clock(market.time, market.zone), _prices(market), signal, codes, names, indicators
    )


def _prices(market: Market) -> Floats:
    return np.stack([getattr(market, name) for name in COLUMNS], axis=2)
