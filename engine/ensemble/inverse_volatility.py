"""Weights in proportion to 1 / volatility of each strategy's own signals.

A strategy's return at bar t is the mean, over the symbols that have a return there, of its signal in force at the close
before × close-to-close return. Its volatility is their standard deviation (ddof 1) over the bars before the held-out
ones; by regime, over the bars whose label at the close before is that regime.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.ensemble.weights import Ensemble
from engine.market.market import Market
from engine.stage import Regimes

Array = npt.NDArray[np.float64]
Log = npt.NDArray[np.void]
#: What rounding leaves of returns that are all the same is no volatility.
NO_VOLATILITY = 1e-12


def inverse_volatility(
    batches: Sequence[Log], market: Market, regimes: Regimes | None, first: int, stop: int, by_regime: bool
) -> Ensemble:
    """The ensemble with fixed weights that follows from the SIGNAL rows of each strategy, by (bar, symbol).

    market: in first units, so that a split is no return. Bars: from `first` to before `stop`. Where a strategy has no
    volatility (it says nothing, or there are fewer than two bars), all weights are equal.
    """
    moves = close_returns(market, first, stop)
    streams = np.array([signal_returns(batch, moves, first) for batch in batches])
    counted = np.isfinite(moves).any(axis=1)
    if not (by_regime and regimes is not None):
        return Ensemble(method="fixed", weights=weigh(streams[:, counted]).tolist())
    known = regimes.codes[first : stop - 1]
    return Ensemble(
        method="fixed",
        weights={
            name: weigh(streams[:, counted & (known == code)]).tolist() for code, name in enumerate(regimes.names)
        },
    )


def close_returns(market: Market, first: int, stop: int) -> Array:
    """Each symbol's close over its last own close before, less 1, at the bars first + 1 … stop − 1, (bars, symbols).

    NaN where it has no bar, or had none before.
    """
    now, before = market.close[first + 1 : stop], market.bars["mark"][first : stop - 1]
    there = market.valid[first + 1 : stop] & np.isfinite(before) & (before > 0.0)
    ratio: Array = np.divide(now, before, out=np.full(now.shape, np.nan), where=there)
    ratio -= 1.0
    return ratio


def signal_returns(batch: Log, moves: Array, first: int) -> Array:
    """The returns of a strategy's SIGNAL rows, float64 (bars,), at the bars of `moves` (first + 1 …)."""
    bars, symbols = moves.shape
    own = batch[batch["bar"] < first + bars]
    newest = np.zeros((bars, symbols), np.int64)  # the row in force at the close before, counted from 1; 0: none
    newest[own["bar"] - first, own["symbol"]] = np.arange(1, len(own) + 1)
    np.maximum.accumulate(newest, axis=0, out=newest)
    held = np.concatenate([[0.0], own["value"]])[newest]
    there = np.isfinite(moves)
    count = there.sum(axis=1)
    gained = np.where(there, held * np.where(there, moves, 0.0), 0.0).sum(axis=1)
    found: Array = np.divide(gained, count, out=np.zeros(bars), where=count > 0)
    return found


def weigh(streams: Array) -> Array:
    """Weights from returns, float64 (strategies, bars) → (strategies,); they sum to 1."""
    strategies, bars = streams.shape
    equal = np.full(strategies, 1.0 / strategies)
    if bars < 2:
        return equal
    spread = streams.std(axis=1, ddof=1)
    if not (spread > NO_VOLATILITY).all():
        return equal
    shares: Array = 1.0 / spread
    shares /= shares.sum()
    return shares
