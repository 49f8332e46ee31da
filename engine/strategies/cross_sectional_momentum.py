"""Cross-sectional momentum: the symbols ranked by their past returns."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.compiled import kernel
from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy


@kernel
def by_rank(returns, valid, months, every, top, bottom):  # type: ignore[no-untyped-def]
    """Signals, float64 (bars, symbols): 1, 0 or −1 at each symbol's first bar from a decision on, else NaN.

    months: int64 (bars,). every: bars between decisions, from the first return on; 0: the first bar of each month,
    which is known by the bar before it (so none is at the first bar of all).
    """
    bars, symbols = returns.shape
    out = np.full((bars, symbols), np.nan)
    wanted = np.zeros(symbols)
    told = np.ones(symbols, np.bool_)
    ranked = np.empty(symbols, np.int64)
    keys = np.empty(symbols)
    count = 0
    for t in range(bars):
        decides = t > 0 and months[t] != months[t - 1]
        if every > 0:
            decides = count % every == 0
        n = 0
        if decides:
            for s in range(symbols):
                if valid[t, s] and np.isfinite(returns[t, s]):
                    ranked[n] = s
                    keys[n] = -returns[t, s]
                    n += 1
        if n > 0:
            wanted[:] = 0.0
            told[:] = False
            order = np.argsort(keys[:n], kind="mergesort")  # stable: equal returns stay in the order of the symbols
            for i in range(min(top, n)):
                wanted[ranked[order[i]]] = 1.0
            for i in range(max(top, n - bottom), n):
                wanted[ranked[order[i]]] = -1.0
        if n > 0 or count > 0:
            count += 1
        for s in range(symbols):
            if valid[t, s] and not told[s]:
                out[t, s] = wanted[s]
                told[s] = True
    return out


class CrossSectionalMomentum(Strategy):
    """Long the `top` symbols by return over `lookback` bars, short the `bottom` ones, all others out.

    The return is close[t − skip] / close[t − skip − lookback] − 1, in the symbol's own bars (Jegadeesh and Titman,
    Returns to buying winners and selling losers, Journal of Finance 48, 1993). Only symbols that have the bar and the
    return are ranked, equal ones in the order of the symbols; when they are too few, the top is filled first. One that
    was held and is not ranked is left at its next bar. A month's last bar is known as such only when the next one
    comes: month by month, it decides at the close of the first bar of the new month.
    """

    kind = "cross_sectional_momentum"
    least_symbols: ClassVar[int] = 2

    lookback: int = Field(126, ge=1, le=5000, description="bars of the return", json_schema_extra={"unit": "bars"})
    skip: int = Field(
        5, ge=0, le=1000, description="newest bars that are left out of it", json_schema_extra={"unit": "bars"}
    )
    top: int = Field(3, ge=0, le=10_000, description="how many to hold long", json_schema_extra={"unit": "symbols"})
    bottom: int = Field(0, ge=0, le=10_000, description="how many to hold short", json_schema_extra={"unit": "symbols"})
    every: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="bars between decisions; none: at the first bar of each month",
        json_schema_extra={"unit": "bars"},
    )

    def indicators(self) -> dict[str, Request]:
        return {"return": indicator("ROCP", "close", timeperiod=self.lookback, lag=self.skip)}

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        months = market.dates.astype("datetime64[M]").astype(np.int64)
        signals: Array = by_rank(indicators["return"], market.valid, months, self.every or 0, self.top, self.bottom)
        return signals
