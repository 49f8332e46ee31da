"""What each stage of a route does to its inputs: plain functions from batches to batches, usable alone.

A container joins them through its buses; a test can call any of them on batches made by hand.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from engine.classifiers.base import Classifier, carried, regime_rows
from engine.digest import text_digest
from engine.ensemble.combine import MEMORY, MOVE, combine, worst_rows
from engine.ensemble.weights import Ensemble, scales
from engine.events import EVENT, Source, empty_log
from engine.execution.advance import ROWS_PER_SYMBOL, advance, finish
from engine.execution.rules import Execution, kernel_rules
from engine.execution.state import Blank
from engine.indicators.hub import Hub
from engine.market.market import Market, frozen
from engine.risk.portfolio import Portfolio
from engine.risk.sizing import Sizing, entry_ranges, members
from engine.risk.standard import Risk
from engine.stage import Regimes
from engine.strategies.base import RandomStrategy, Strategy
from engine.strategies.by_regime import ByRegime
from engine.strategies.changes import signal_rows
from engine.sweep import canonical

Log = npt.NDArray[np.void]
FIRST_STRATEGY = int(Source.STRATEGY)
NO_CAPS = frozen(np.empty((0, 0)))


@dataclass(frozen=True, slots=True)
class RegimeBatch:
    """A classifier's output: the labels bar by bar for strategies, and the REGIME events."""

    regimes: Regimes
    rows: Log


@dataclass(frozen=True, slots=True)
class TargetBatch:
    """An ensemble's output: REGIME, SIGNAL, REJECTION, TARGET rows in log order, and moves of weighted signals."""

    rows: Log
    moves: Log


def classify(classifier: Classifier, market: Market, hub: Hub, first: int) -> RegimeBatch:
    """Label `market` (one symbol: the index or the reference). `first`: the first trading bar."""
    codes = frozen(carried(classifier.label(market, hub.take(classifier)), len(market.time), classifier))
    return RegimeBatch(Regimes(codes, classifier.regimes), regime_rows(codes, first))


def generator(seed: int, strategy: Strategy, symbol: str) -> np.random.Generator:
    """The generator of one strategy for one symbol: the same wherever and beside whatever it runs."""
    text = canonical([seed, strategy.kind, strategy.values(), symbol])
    return np.random.Generator(np.random.PCG64(int(text_digest(text), 16)))


def dense_signals(
    strategy: Strategy, market: Market, hub: Hub, regimes: Regimes | None, seed: int
) -> npt.NDArray[np.float64]:
    """A strategy's signals as it gives them, float64 (bars, symbols)."""
    if isinstance(strategy, ByRegime):  # each of its own as it would be alone, its random numbers too
        return strategy.spliced(lambda _, variant: dense_signals(variant, market, hub, regimes, seed), market, regimes)
    values = hub.take(strategy)
    if isinstance(strategy, RandomStrategy):
        generators = {symbol: generator(seed, strategy, symbol) for symbol in market.symbols}
        return strategy.random_signal(market, values, regimes, generators)
    return strategy.signal(market, values, regimes)


def signals(
    strategy: Strategy, name: str, place: int, market: Market, hub: Hub, regimes: Regimes | None, seed: int, first: int
) -> Log:
    """The SIGNAL events of strategy number `place`, by (bar, symbol), from the first trading bar on."""
    values = dense_signals(strategy, market, hub, regimes, seed)
    return signal_rows(values, market.valid, first, FIRST_STRATEGY + place, name)


def targets(
    ensemble: Ensemble,
    risk: Risk,
    sizing: Sizing,
    market: Market,
    regime_events: Log,
    regime_names: tuple[str, ...],
    batches: list[Log],
    caps: npt.NDArray[np.float64] = NO_CAPS,
) -> TargetBatch:
    """Weigh the SIGNAL events of all strategies (`batches`, in config order) into TARGETs."""
    symbols, strategies = len(market.symbols), len(batches)
    weights = ensemble.matrix(strategies, regime_names)
    ends = np.array([*accumulate([len(batch) for batch in batches])])
    joined = batches[0] if strategies == 1 else frozen(np.concatenate(batches))
    agenda = sizing.agenda
    if len(caps):
        agenda = np.union1d(agenda, changes_of(caps, int(sizing.rule["first"][0])))
    rows, moves = worst_rows(len(market.time), len(regime_events), len(joined), len(agenda), symbols)
    out, moved = np.empty(rows, EVENT), np.empty(moves, MOVE)
    written, steps = combine(
        regime_events,
        joined,
        np.concatenate([[0], ends[:-1]]) if strategies > 1 else np.zeros(1, np.int64),
        ends,
        weights,
        scales(risk.regime_scale, regime_names),
        sizing.slots,
        caps,
        agenda,
        sizing.rule,
        np.zeros((strategies, symbols)),
        np.zeros(symbols + 1, MEMORY),
        out,
        moved,
    )
    return TargetBatch(out[:written], moved[:steps])


def changes_of(caps: npt.NDArray[np.float64], first: int) -> npt.NDArray[np.int64]:
    """The bars from `first` on at which a cap differs from the bar before, int64."""
    before, now = caps[first:-1], caps[first + 1 :]
    same = (now == before) | (np.isnan(now) & np.isnan(before))
    return first + 1 + np.flatnonzero(~same.all(axis=1))


@dataclass(frozen=True, slots=True)
class Trading:
    """What the trading kernel reads beside bars and targets: RULES (1,), and per bar what `advance` calls so."""

    rules: npt.NDArray[np.void]
    members: npt.NDArray[np.bool_]
    atr: npt.NDArray[np.float64]
    blank: Blank

    @property
    def nbytes(self) -> int:
        return self.rules.nbytes + self.members.nbytes + self.atr.nbytes


def trading(
    risk: Risk, portfolio: Portfolio, execution: Execution, seen: Market, traded: Market, hub: Hub, first: int
) -> Trading:
    """The rules of three stages on a market. `seen`: the market in first units, whose hub is `hub`."""
    ranges = entry_ranges(risk, seen, traded, hub)
    rules = kernel_rules(risk, portfolio, execution, first)
    return Trading(rules, members(portfolio, traded), ranges, Blank.of(rules, len(traded.symbols)))


def trade(batch: TargetBatch, trading: Trading, market: Market, first: int) -> Log:
    """Trade the targets from the first trading bar to the last: the container's whole log."""
    rules = trading.rules
    accounts, book = trading.blank.open()
    symbols, last = len(market.symbols), len(market.time)
    log = np.empty(4 * len(batch.rows) + (2 * ROWS_PER_SYMBOL) * symbols + 64, EVENT)
    bar = first
    while True:
        bar = advance(
            accounts,
            market.bars,
            market.actions,
            market.calendar,
            trading.members,
            trading.atr,
            batch.rows,
            batch.moves,
            book,
            rules,
            bar,
            last,
            log,
        )
        if bar >= 0:
            break
        bar = -bar - 1
        log = np.concatenate([log[: accounts["rows"][0]], empty_log(2 * len(log))])
    if accounts["rows"][0] + symbols > len(log):
        log = np.concatenate([log, empty_log(symbols)])
    finish(last - 1, accounts, book, log)
    return log[: accounts["rows"][0]]
