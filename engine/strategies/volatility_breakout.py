"""Volatility breakout: a close that is far from the close before it."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from engine.compiled import kernel
from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy


@kernel
def far_closes(close, ranges, valid, width, hold, long_only):  # type: ignore[no-untyped-def]
    """Signals, float64 (bars, symbols): 1, 0, −1; NaN until the range of the bars before is known."""
    bars, symbols = close.shape
    out = np.full((bars, symbols), np.nan)
    for s in range(symbols):
        held = 0.0
        left = 0
        before = np.nan
        for t in range(bars):
            if not valid[t, s]:
                continue
            c = close[t, s]
            step = c - before
            before = c
            far = width * ranges[t, s]
            if not (np.isfinite(step) and np.isfinite(far)):
                continue
            if left > 0:
                left -= 1
            if left == 0:
                held = 0.0
            if step > far:
                held = 1.0
                left = hold
            elif step < -far:
                held = 0.0 if long_only else -1.0
                left = hold
            out[t, s] = held
    return out


class VolatilityBreakout(Strategy):
    """Long when the close is more than `width` average true ranges above the close before, out after `hold` bars.

    The average true range (Wilder, New Concepts in Technical Trading Systems, 1978) is that of the bars before this
    one. A close as far below ends it sooner, and is a short entry if shorts are allowed; a further one the same way
    begins the count of bars anew.
    """

    kind = "volatility_breakout"

    window: int = Field(
        14, ge=1, le=500, description="window of the average true range", json_schema_extra={"unit": "bars"}
    )
    width: float = Field(
        1.0, gt=0, le=20, description="how far is a breakout", json_schema_extra={"unit": "average true ranges"}
    )
    hold: int = Field(5, ge=1, le=1000, description="bars a position is held", json_schema_extra={"unit": "bars"})
    long_only: bool = Field(True, description="never go short")

    def indicators(self) -> dict[str, Request]:
        return {"range": indicator("ATR", timeperiod=self.window, lag=1)}

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        signals: Array = far_closes(
            market.close, indicators["range"], market.valid, self.width, self.hold, self.long_only
        )
        return signals
