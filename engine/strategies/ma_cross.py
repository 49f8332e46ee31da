"""Moving-average crossing."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from engine.compiled import kernel
from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy


@kernel
def crosses(fast, slow, valid, below, by_state):  # type: ignore[no-untyped-def]
    """Signals, float64 (bars, symbols): 1 above, `below` (0 or −1) below; NaN where nothing is said."""
    bars, symbols = fast.shape
    out = np.full((bars, symbols), np.nan)
    for s in range(symbols):
        previous_fast = np.nan
        previous_slow = np.nan
        for t in range(bars):
            if not valid[t, s]:
                continue
            f = fast[t, s]
            g = slow[t, s]
            if by_state:
                if np.isfinite(f) and np.isfinite(g):
                    out[t, s] = 1.0 if f > g else (below if f < g else 0.0)
            elif f > g and previous_fast <= previous_slow:  # a NaN on either side compares false
                out[t, s] = 1.0
            elif f < g and previous_fast >= previous_slow:
                out[t, s] = below
            previous_fast = f
            previous_slow = g
    return out


class MaCross(Strategy):
    """Long when the fast average crosses above the slow one; out (or short) when it crosses below."""

    kind = "ma_cross"

    fast: int = Field(20, ge=2, le=1000, description="window of the fast average", json_schema_extra={"unit": "bars"})
    slow: int = Field(50, ge=2, le=2000, description="window of the slow average", json_schema_extra={"unit": "bars"})
    average: Literal["SMA", "EMA", "WMA"] = Field("SMA", description="kind of moving average")
    enter_on: Literal["cross", "state"] = Field(
        "cross", description="cross: act when the averages cross; state: hold by which one is above"
    )
    long_only: bool = Field(True, description="go to cash below the slow average instead of short")

    def indicators(self) -> dict[str, Request]:
        return {
            "fast": indicator(self.average, "close", timeperiod=self.fast),
            "slow": indicator(self.average, "close", timeperiod=self.slow),
        }

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        below = 0.0 if self.long_only else -1.0
        by_state = self.enter_on == "state"
        signals: Array = crosses(indicators["fast"], indicators["slow"], market.valid, below, by_state)
        return signals
