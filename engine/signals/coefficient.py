"""The information coefficient: how well signals rank the returns that follow. Over the horizons, its decay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.signals.forward import HORIZONS
from engine.signals.newey_west import mean_error
from engine.signals.window import Bools, Floats, Window

#: A rank correlation of fewer pairs says nothing; and with fewer symbols, bars have too few to rank.
LEAST = 10


@dataclass(frozen=True, slots=True)
class Ranks:
    """Ranks along an axis, less their mean, 0 where there is nothing to rank: float64 (bars, symbols).

    there: bool, likewise; pairs: int64, how many are ranked in each row or column; squares: float64, sums of squares.
    """

    axis: int
    there: Bools
    pairs: Floats
    ranks: Floats
    squares: Floats

    @classmethod
    def of(cls, values: Floats, there: Bools, axis: int) -> "Ranks":
        """The ranks (of equals, their mean) among those that are `there`, along `axis`."""
        from scipy.stats import rankdata  # takes a second to load

        pairs = there.sum(axis=axis, keepdims=True)
        ranks = rankdata(np.where(there, values, np.inf), axis=axis)  # what is not there comes last
        rest = np.where(there, ranks - (pairs + 1) / 2.0, 0.0)
        return cls(axis, there, pairs.squeeze(axis), rest, (rest * rest).sum(axis=axis))

    def spearman(self, values: Floats) -> Floats:
        """Spearman's coefficient with `values` for each row or column, NaN with few pairs or where a side is constant.

        Ranks are halves, so that sums over them are exact, and a constant side has squares of exactly 0.
        """
        other = Ranks.of(values, self.there, self.axis)
        products = (self.ranks * other.ranks).sum(axis=self.axis)
        squares = self.squares * other.squares
        defined = (self.pairs >= LEAST) & (squares > 0.0)
        found: Floats = np.divide(products, np.sqrt(squares), out=np.full(len(squares), np.nan), where=defined)
        return found


def ranked(returns: Floats) -> list[Ranks]:
    """Forward returns, float64 (HORIZONS, bars, symbols), ranked: across symbols with ten or more, else over time."""
    axis = 1 if returns.shape[2] >= LEAST else 0
    return [Ranks.of(unsigned, ~np.isnan(unsigned), axis) for unsigned in returns]


def coefficient(window: Window, values: Floats, returns: Sequence[Ranks]) -> dict[str, Any]:
    """The coefficient between the signals in force, float64 (bars, symbols), and the returns `ranked`, by horizon.

    `across` says of what: `symbols` (of each bar, then mean, deviation, error, t and number of bars) or `time` (of each
    symbol, then mean and deviation over symbols: too few, and too alike, to be pooled). A symbol's signal is 0 before
    its first.
    """
    if returns[0].axis == 1:
        found = [_over_bars(at.spearman(values), horizon) for horizon, at in zip(HORIZONS, returns, strict=True)]
        return {"across": "symbols", "horizons": found}
    found = [
        _by_symbol(at.spearman(values), at, window, horizon) for horizon, at in zip(HORIZONS, returns, strict=True)
    ]
    return {"across": "time", "horizons": found}


def _over_bars(coefficients: Floats, horizon: int) -> dict[str, Any]:
    series = coefficients[~np.isnan(coefficients)]
    return {"horizon": horizon, **mean_error(series, horizon), "deviation": _deviation(series)}


def _by_symbol(coefficients: Floats, at: Ranks, window: Window, horizon: int) -> dict[str, Any]:
    known = coefficients[~np.isnan(coefficients)]
    return {
        "horizon": horizon,
        "mean": float(known.mean()) if len(known) else None,
        "deviation": _deviation(known),
        "symbols": len(known),
        "by_symbol": [
            {"symbol": symbol, "coefficient": value if value == value else None, "pairs": pairs}
            for symbol, value, pairs in zip(window.symbols, coefficients.tolist(), at.pairs.tolist(), strict=True)
        ],
    }


def _deviation(values: Floats) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None
