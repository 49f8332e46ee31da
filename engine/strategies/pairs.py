"""Pairs trading: two symbols that move together, by how far they are apart."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.compiled import kernel
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy

#: A spread of logarithms whose standard deviation is no more than rounding has no z-score.
ROUNDING = 1e-12


@kernel
def newest_z(a, b, regress):  # type: ignore[no-untyped-def]
    """The z-score of the last spread of two windows of log prices, float64 (window,) each; NaN when it has none."""
    n = len(a)
    mean_a = 0.0
    mean_b = 0.0
    for i in range(n):
        mean_a += a[i]
        mean_b += b[i]
    mean_a /= n
    mean_b /= n
    ratio = 1.0
    if regress:
        together = 0.0
        alone = 0.0
        for i in range(n):
            together += (a[i] - mean_a) * (b[i] - mean_b)
            alone += (b[i] - mean_b) * (b[i] - mean_b)
        if np.sqrt(alone / n) <= ROUNDING:
            return np.nan
        ratio = together / alone
    squares = 0.0
    spread = np.nan
    for i in range(n):
        spread = (a[i] - mean_a) - ratio * (b[i] - mean_b)
        squares += spread * spread
    deviation = np.sqrt(squares / n)
    return spread / deviation if deviation > ROUNDING else np.nan


@kernel
def spreads(close, valid, apart, window, regress, enter, leave, stop):  # type: ignore[no-untyped-def]
    """Signals, float64 (bars, symbols), of the pairs (0, 1), (2, 3), …: `apart` of them; NaN where nothing is said."""
    bars, symbols = close.shape
    out = np.full((bars, symbols), np.nan)
    first = np.empty(bars)
    second = np.empty(bars)
    for p in range(apart):
        i = 2 * p
        n = 0
        side = 0.0  # of the spread: 1 when its first symbol is held long
        stopped = 0.0
        for t in range(bars):
            if not (valid[t, i] and valid[t, i + 1] and close[t, i] > 0.0 and close[t, i + 1] > 0.0):
                continue
            first[n] = np.log(close[t, i])
            second[n] = np.log(close[t, i + 1])
            n += 1
            if n < window:
                continue
            z = newest_z(first[n - window : n], second[n - window : n], regress)
            if not np.isfinite(z):
                continue
            if side * z > -leave and side != 0.0:
                side = 0.0
            if stopped * z > -leave:
                stopped = 0.0
            if side * z < -stop:
                stopped = side
                side = 0.0
            if abs(z) > enter and abs(z) <= stop:
                way = -1.0 if z > 0.0 else 1.0
                if way != stopped:
                    side = way
            out[t, i] = side
            out[t, i + 1] = -side
    return out


class Pairs(Strategy):
    """Short the dearer and long the cheaper of two symbols that are far apart, out when they are together again.

    The spread is log a − log b, or the last residual of the regression of log a on log b over the window; z is it less
    its mean over the window, by its standard deviation there (of n, not n − 1). Above `enter`: short a, long b, until z
    is below `leave`; below −`enter` mirrored. Legs are of equal size. Beyond `stop` both are closed, and not entered
    the same way before z has come back to `leave`. Only bars count that both symbols have (Gatev, Goetzmann and
    Rouwenhorst, Pairs trading, Review of Financial Studies 19, 2006).
    """

    kind = "pairs"
    least_symbols: ClassVar[int] = 2

    which: Literal["first", "all"] = Field(
        "first", description="the first two symbols, or two by two: the first and second, third and fourth, …"
    )
    hedge: Literal["ratio", "regression"] = Field("ratio", description="the spread: the log price ratio, or a residual")
    window: int = Field(60, ge=3, le=2000, description="window of the spread", json_schema_extra={"unit": "bars"})
    enter: float = Field(
        2.0, gt=0, le=20, description="enter beyond", json_schema_extra={"unit": "standard deviations"}
    )
    leave: float = Field(
        0.5, ge=0, le=20, description="leave within", json_schema_extra={"unit": "standard deviations"}
    )
    stop: float | None = Field(
        None, gt=0, le=100, description="give up beyond", json_schema_extra={"unit": "standard deviations"}
    )

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        apart = 1 if self.which == "first" else len(market.symbols) // 2
        stop = np.inf if self.stop is None else self.stop
        signals: Array = spreads(
            market.close,
            market.valid,
            apart,
            self.window,
            self.hedge == "regression",
            self.enter,
            self.leave,
            stop,
        )
        return signals
