"""Donchian channel breakout."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from engine.compiled import kernel
from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy


@kernel
def breakouts(close, high, low, exit_high, exit_low, valid, long_only):  # type: ignore[no-untyped-def]
    """Signals, float64 (bars, symbols): 1, 0, −1; NaN until all four channel lines are finite."""
    bars, symbols = close.shape
    out = np.full((bars, symbols), np.nan)
    for s in range(symbols):
        held = 0.0
        for t in range(bars):
            if not (valid[t, s] and np.isfinite(high[t, s]) and np.isfinite(exit_high[t, s])):
                continue
            c = close[t, s]
            if (held > 0.0 and c < exit_low[t, s]) or (held < 0.0 and c > exit_high[t, s]):
                held = 0.0
            if c > high[t, s]:
                held = 1.0
            elif c < low[t, s] and not long_only:
                held = -1.0
            out[t, s] = held
    return out


class DonchianBreakout(Strategy):
    """Long above the highest high of the `entry` bars before this one, out below the lowest low of the `exit` bars."""

    kind = "donchian_breakout"

    entry: int = Field(55, ge=2, le=1000, description="bars of the entry channel", json_schema_extra={"unit": "bars"})
    exit: int = Field(20, ge=2, le=1000, description="bars of the exit channel", json_schema_extra={"unit": "bars"})
    long_only: bool = Field(True, description="never go short")

    def indicators(self) -> dict[str, Request]:
        # lagged by one: a close can never be above a high of its own bar
        return {
            "high": indicator("MAX", "high", timeperiod=self.entry, lag=1),
            "low": indicator("MIN", "low", timeperiod=self.entry, lag=1),
            "exit_high": indicator("MAX", "high", timeperiod=self.exit, lag=1),
            "exit_low": indicator("MIN", "low", timeperiod=self.exit, lag=1),
        }

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        signals: Array = breakouts(
            market.close,
            indicators["high"],
            indicators["low"],
            indicators["exit_high"],
            indicators["exit_low"],
            market.valid,
            self.long_only,
        )
        return signals
