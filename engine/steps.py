"""What each stage of a route does to its inputs: plain functions from batches to batches, usable alone.

A container joins them through its buses; a test can call any of them on batches made by hand.
"""

from collections.abc import Mapping
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
from engine.execution.state import open_account, open_book
from engine.indicators.hub import Hub
from engine.market.market import Market, frozen
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.stage import Regimes
from engine.strategies.base import RandomStrategy, Strategy
from engine.strategies.by_regime import ByRegime
from engine.strategies.changes import signal_rows
from engine.sweep import canonical

Log = npt.NDArray[np.void]
FIRST_STRATEGY = int(Source.STRATEGY)


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
    values = {name: hub.get(request) for name, request in classifier.indicators().items()}
    codes = carried(classifier.label(market, values), len(market.time), classifier)
    codes.flags.writeable = False
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
    values: Mapping[str, npt.NDArray[np.float64]] = {
        name: hub.get(request) for name, request in strategy.indicators().items()
    }
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
    portfolio: Portfolio,
    market: Market,
    regime_events: Log,
    regime_names: tuple[str, ...],
    batches: list[Log],
) -> TargetBatch:
    """Weigh the SIGNAL events of all strategies (`batches`, in config order) into TARGETs."""
    symbols, strategies = len(market.symbols), len(batches)
    weights = ensemble.matrix(strategies, regime_names)
    starts = np.array([0, *accumulate([len(batch) for batch in batches])])
    joined = batches[0] if strategies == 1 else frozen(np.concatenate(batches))
    rows, moves = worst_rows(len(market.time), len(regime_events), len(joined), symbols)
    out, moved = np.empty(rows, EVENT), np.empty(moves, MOVE)
    written, steps = combine(
        regime_events,
        joined,
        starts,
        weights,
        scales(risk.regime_scale, regime_names),
        1.0 / symbols if portfolio.slot is None else portfolio.slot,
        risk.max_weight,
        risk.max_gross,
        np.zeros((strategies, symbols)),
        np.zeros(symbols + 1, MEMORY),
        out,
        moved,
    )
    return TargetBatch(out[:written], moved[:steps])


def trade(
    batch: TargetBatch,
    risk: Risk,
    portfolio: Portfolio,
    execution: Execution,
    market: Market,
    first: int,
) -> Log:
    """Trade the targets from the first trading bar to the last: the container's whole log."""
    rules = kernel_rules(risk, portfolio, execution, first)
    accounts, book = open_account(rules), open_book(len(market.symbols))
    symbols, last = len(market.symbols), len(market.time)
    log = np.empty(4 * len(batch.rows) + (2 * ROWS_PER_SYMBOL) * symbols + 64, EVENT)
    bar = first
    while True:
        bar = advance(accounts, market.bars, batch.rows, batch.moves, book, rules, bar, last, log)
        if bar == last:
            break
        log = np.concatenate([log[: accounts["rows"][0]], empty_log(2 * len(log))])
    if accounts["rows"][0] + symbols > len(log):
        log = np.concatenate([log, empty_log(symbols)])
    finish(last - 1, accounts, book, log)
    return log[: accounts["rows"][0]]
