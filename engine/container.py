"""A container: a pure function from (spec, market) to an event log, walked along its pattern's route.

Each step reads its inputs from its own bus, calls one function of `steps.py`, and publishes what came out. Nothing a
container does can be seen by another: its buses are its own, and what it shares is immutable.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.bar_by_bar import Speaker, walk
from engine.bus import Buses
from engine.contracts import Role
from engine.ensemble.inverse_volatility import inverse_volatility
from engine.ensemble.weights import Ensemble
from engine.events import Kind, Level, empty_log
from engine.market.market import Market, frozen
from engine.patterns import ROUTES, Route
from engine.plan import reference_key
from engine.risk.caps import RiskCaps, capped
from engine.risk.sizing import Sizing, size
from engine.shared import Shared
from engine.signals.report import report
from engine.spec import Spec
from engine.stage import Regimes
from engine.steps import (
    FIRST_STRATEGY,
    NO_CAPS,
    RegimeBatch,
    TargetBatch,
    Trading,
    classify,
    signals,
    targets,
    trade,
    trading,
)
from engine.strategies.bar import Bar, BarStrategy
from engine.strategies.base import Strategy

Log = npt.NDArray[np.void]

# looking a member up in its enumeration costs more than publishing a batch
BAR, INDICATOR, REGIME, SIGNAL, TARGET = Kind.BAR, Kind.INDICATOR, Kind.REGIME, Kind.SIGNAL, Kind.TARGET
REJECTION = Kind.REJECTION
REPORT = Kind.REPORT
MARKET, HUB, CLASSIFIER, STRATEGY = Role.MARKET, Role.HUB, Role.CLASSIFIER, Role.STRATEGY
ANALYSIS, STORE = Role.ANALYSIS, Role.STORE
ENSEMBLE, RISK, EXECUTION, BAR_STRATEGY = Role.ENSEMBLE, Role.RISK, Role.EXECUTION, Role.BAR_STRATEGY
#: What comes out of trading: the kind, the level it is published on, and whose port publishes it.
_TRADED = (
    (Kind.REBALANCE, Level.PORTFOLIO, RISK),
    (Kind.ORDER, Level.PORTFOLIO, RISK),
    (Kind.STOP, Level.RISK, RISK),
    (Kind.RESIZE, Level.RISK, RISK),
    (REJECTION, Level.RISK, RISK),
    (REJECTION, Level.PORTFOLIO, RISK),
    (REJECTION, Level.CONTAINER, EXECUTION),
    (Kind.FILL, Level.CONTAINER, EXECUTION),
    (Kind.SPLIT, Level.CONTAINER, EXECUTION),
    (Kind.CASH, Level.CONTAINER, EXECUTION),
)


class Container:
    """One run of a spec. `log` is its event log once `run` has returned."""

    def __init__(self, spec: Spec, shared: Shared) -> None:
        self.spec = spec
        self.shared = shared
        told = any(isinstance(strategy, BarStrategy) for strategy in spec.strategies)
        self.route: Route = ROUTES["bar_by_bar" if told else spec.pattern]
        self.first = shared.plan.first
        self.buses = Buses(len(spec.names) - FIRST_STRATEGY)
        self.log: Log = empty_log(0)
        #: The signal report, of signal generation only.
        self.report: dict[str, Any] | None = None

    def run(self) -> Log:
        """Walk the route and return the event log, EVENT (events,)."""
        for roles in self.route:
            STEPS[roles](self)
        return self.log

    def _market(self) -> None:
        self.buses.port(MARKET).publish(BAR, Bars(self.shared.seen, self.shared.market))

    def _hub(self) -> None:
        self.buses.port(HUB).publish(INDICATOR, self.shared.hub)

    def _classifier(self) -> None:
        classifier = self.spec.classifier
        if classifier is None:
            return
        port = self.buses.port(CLASSIFIER)
        hub = self.shared.series(reference_key(classifier))
        batch = self.shared.result(
            ("regimes", self.spec.fragments[id(classifier)]),
            lambda: classify(classifier, hub.market, hub, self.first),
            lambda found: found.rows.nbytes + found.regimes.codes.nbytes,
        )
        port.publish(REGIME, batch)

    def _strategies(self) -> None:
        for i, strategy in enumerate(self.spec.strategies):
            self._strategy(i, strategy)

    def _strategy(self, i: int, strategy: Strategy) -> Log:
        spec, shared = self.spec, self.shared
        port = self.buses.port(STRATEGY, i)
        market, hub = port.read(BAR)[0].seen, port.read(INDICATOR)[0]
        found: list[RegimeBatch] = port.read(REGIME)
        regimes = found[0].regimes if found else None
        context = spec.fragments[id(spec.classifier)] if spec.classifier else ""
        batch: Log = shared.result(
            ("signals", spec.fragments[id(strategy)], context, i),
            lambda: signals(strategy, spec.names[5 + i], i, market, hub, regimes, shared.plan.seed, self.first),
            lambda rows: rows.nbytes,
        )
        port.publish(SIGNAL, batch)
        return batch

    def _store(self) -> None:
        """The stored logs of other containers, in place of a classifier and strategies."""
        replay = self.shared.plan.replay
        assert replay is not None
        port = self.buses.port(STORE)
        if replay.regimes:
            port.publish(REGIME, RegimeBatch(Regimes(replay.codes, replay.regimes), replay.regime_rows))
        for i, rows in enumerate(replay.signals):
            port.publish(SIGNAL, rows, self.buses.bus(Level.STRATEGY, i))

    def _analyse(self) -> None:
        """What the signals are worth on the bars that are not held out, and the log that holds them."""
        port = self.buses.port(ANALYSIS)
        plan, seen = self.shared.plan, port.read(BAR)[0].seen
        regimes: list[RegimeBatch] = port.read(REGIME)
        batches = [*(found.rows for found in regimes), *port.read(SIGNAL)]
        joined = np.concatenate(batches)
        self.log = joined[np.argsort(joined["bar"], kind="stable")]
        names = regimes[0].regimes.names if regimes else ()
        stop = len(seen.time) if plan.test is None else plan.test
        self.report = report(self.log, seen, self.first, stop, names)
        port.publish(REPORT, self.report, self.buses.bus(Level.CONTAINER))

    def _ensemble(self) -> None:
        port = self.buses.port(ENSEMBLE)
        spec, shared = self.spec, self.shared
        found: list[RegimeBatch] = port.read(REGIME)
        rows, names = (found[0].rows, found[0].regimes.names) if found else (_NO_ROWS, ())
        sizing, caps = self._sizing(), self._caps(found[0].regimes if found else None)
        batches = port.read(SIGNAL)
        ensemble = self._weights(batches, found[0].regimes if found else None)
        port.publish(TARGET, targets(ensemble, spec.risk, sizing, shared.market, rows, names, batches, caps))

    def _weights(self, batches: list[Log], regimes: Regimes | None) -> Ensemble:
        """The ensemble with its weights, worked out of the signals where its method says so."""
        ensemble, plan = self.spec.ensemble, self.shared.plan
        if ensemble.method != "inverse_volatility":
            return ensemble
        told = hashlib.sha256(b"".join([batch.tobytes() for batch in batches]))
        told.update(b"" if regimes is None else regimes.codes.tobytes())
        stop = len(self.shared.market.time) if plan.test is None else plan.test
        found: Ensemble = self.shared.result(
            ("weights", ensemble.by_regime, tuple(len(batch) for batch in batches), told.digest()),
            lambda: inverse_volatility(batches, self.shared.seen, regimes, self.first, stop, ensemble.by_regime),
            lambda _: 1024,
        )
        return found

    def _trade(self) -> None:
        """Risk & portfolio and execution depend on each other bar by bar: one kernel, then each publishes its part."""
        risk = self.buses.port(RISK)
        bars: Bars = risk.read(BAR)[0]
        batch: TargetBatch = risk.read(TARGET)[0]
        self._publish(trade(batch, self._trading(bars), bars.traded, self.first))

    def _bar_by_bar(self) -> None:
        """With a strategy that knows its position nothing above execution is known ahead: all are walked together."""
        self._publish(self.shared.guard(self._walked))

    def _walked(self) -> Log:
        spec, buses = self.spec, self.buses
        bars: Bars = buses.port(RISK).read(BAR)[0]
        found: list[RegimeBatch] = buses.port(ENSEMBLE).read(REGIME)
        rows, regimes = (found[0].rows, found[0].regimes) if found else (_NO_ROWS, None)
        rules = self._trading(bars)
        state = rules.blank.open()
        known: dict[int, Log] = {}
        speakers = []
        for i, strategy in enumerate(spec.strategies):
            if isinstance(strategy, BarStrategy):
                values = buses.port(BAR_STRATEGY, i).read(INDICATOR)[0].take(strategy)
                view = Bar(bars.seen, bars.traded, values, regimes, *state, spec.execution.multiplier)
                speakers.append(Speaker(strategy, spec.names[5 + i], i, view, len(bars.traded.symbols)))
            else:
                known[i] = self._strategy(i, strategy)
        sizing, caps = self._sizing(), self._caps(regimes)
        world = rules, bars.traded, rows, regimes, *state, self.first
        log = walk(speakers, known, spec.ensemble, spec.risk, sizing, *world, caps)
        for speaker in speakers:
            source = FIRST_STRATEGY + speaker.place
            port = buses.port(BAR_STRATEGY, speaker.place)
            port.publish(SIGNAL, log[(log["kind"] == SIGNAL) & (log["source"] == source)])
        buses.port(ENSEMBLE).publish(TARGET, Rows(log, TARGET, Level.PORTFOLIO))
        return log

    def _sizing(self) -> Sizing:
        spec, shared, hub = self.spec, self.shared, self.shared.hub
        portfolio, risk = spec.portfolio, spec.risk
        found: Sizing = shared.result(
            ("sizing", spec.fragments[id(portfolio)], spec.fragments[id(risk)]),
            lambda: size(portfolio, risk, shared.seen, hub.take(portfolio), self.first),
            lambda sizing: sizing.slots.nbytes + sizing.agenda.nbytes,
        )
        return found

    def _caps(self, regimes: Regimes | None) -> npt.NDArray[np.float64]:
        """What an own risk rule allows; without rows for the standard one."""
        spec, shared = self.spec, self.shared
        rule = spec.risk
        if not isinstance(rule, RiskCaps):
            return NO_CAPS
        context = spec.fragments[id(spec.classifier)] if spec.classifier else ""
        found: npt.NDArray[np.float64] = shared.result(
            ("caps", spec.fragments[id(rule)], context),
            lambda: capped(rule.caps(shared.seen, shared.hub.take(rule), regimes), shared.seen, rule),
            lambda caps: caps.nbytes,
        )
        return found

    def _trading(self, bars: "Bars") -> Trading:
        spec, shared = self.spec, self.shared
        stages = spec.risk, spec.portfolio, spec.execution
        found: Trading = shared.result(
            ("rules", *[spec.fragments[id(stage)] for stage in stages]),
            lambda: trading(*stages, bars.seen, bars.traded, shared.hub, self.first),
            lambda rules: rules.nbytes,
        )
        return found

    def _publish(self, log: Log) -> None:
        """What risk & portfolio and execution have to say, from the container's log."""
        buses = self.buses
        risk, execution = buses.port(RISK), buses.port(EXECUTION)
        for kind, level, role in _TRADED:
            port = risk if role is RISK else execution
            port.publish(kind, Rows(log, kind, level), buses.bus(level))
        self.log = log


class Bars(NamedTuple):
    """A BAR batch: the market as stages above risk see it, in first units, and as it is traded."""

    seen: Market
    traded: Market


class Rows:
    """A batch that is part of a log: its rows of one kind and level, picked out when they are asked for."""

    __slots__ = ("_kind", "_level", "_log")

    def __init__(self, log: Log, kind: Kind, level: Level) -> None:
        self._log, self._kind, self._level = log, kind, level

    def array(self) -> Log:
        """The rows, EVENT."""
        log = self._log
        rows: Log = log[(log["kind"] == self._kind) & (log["level"] == self._level)]
        return rows


_NO_ROWS = frozen(empty_log(0))
STEPS: dict[tuple[Role, ...], Callable[[Container], None]] = {
    (MARKET,): Container._market,
    (HUB,): Container._hub,
    (CLASSIFIER,): Container._classifier,
    (STRATEGY,): Container._strategies,
    (ENSEMBLE,): Container._ensemble,
    (RISK, EXECUTION): Container._trade,
    (BAR_STRATEGY, ENSEMBLE, RISK, EXECUTION): Container._bar_by_bar,
    (ANALYSIS,): Container._analyse,
    (STORE,): Container._store,
}
