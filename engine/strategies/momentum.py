"""Time-series momentum: each symbol by the sign of its own past return."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from engine.compiled import kernel
from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy


@kernel
def by_sign(returns, valid, months, every, below):  # type: ignore[no-untyped-def]
    """Signals, float64 (bars, symbols): 1, 0 or `below` (0 or −1) where a symbol is decided on, else NaN.

    months: int64 (bars,). every: own bars between decisions, from the first return on; 0: a symbol's first bar of each
    month, which is known by the bar before it (so none is at the first bar of all).
    """
    bars, symbols = returns.shape
    out = np.full((bars, symbols), np.nan)
    for s in range(symbols):
        month = np.int64(-1)
        begun = False
        count = 0
        for t in range(bars):
            if not valid[t, s]:
                continue
            decides = begun and months[t] != month
            month = months[t]
            begun = True
            r = returns[t, s]
            if every > 0:
                if not np.isfinite(r) and count == 0:
                    continue
                decides = count % every == 0
                count += 1
            if decides and np.isfinite(r):
                out[t, s] = 1.0 if r > 0.0 else (below if r < 0.0 else 0.0)
    return out


class Momentum(Strategy):
    """Long after a positive return over `lookback` bars, out (or short) after a negative one.

    The sign of close[t − skip] / close[t − skip − lookback] − 1, in the symbol's own bars (Moskowitz, Ooi and Pedersen,
    Time series momentum, Journal of Financial Economics 104, 2012). A month's last bar is known as such only when the
    next one comes: month by month, it decides at the close of the first bar of the new month.
    """

    kind = "momentum"

    lookback: int = Field(252, ge=1, le=5000, description="bars of the return", json_schema_extra={"unit": "bars"})
    skip: int = Field(
        0, ge=0, le=1000, description="newest bars that are left out of it", json_schema_extra={"unit": "bars"}
    )
    every: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="own bars between decisions; none: at the first bar of each month",
        json_schema_extra={"unit": "bars"},
    )
    long_only: bool = Field(True, description="go to cash after a negative return instead of short")

    def indicators(self) -> dict[str, Request]:
        return {"return": indicator("ROCP", "close", timeperiod=self.lookback, lag=self.skip)}

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        below = 0.0 if self.long_only else -1.0
        months = market.dates.astype("datetime64[M]").astype(np.int64)
        signals: Array = by_sign(indicators["return"], market.valid, months, self.every or 0, below)
        return signals
