"""Three regimes by closes outside the channel of the bars before."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.classifiers.base import Array, Classifier, Codes
from engine.compiled import kernel
from engine.indicators.request import Request, indicator
from engine.market.market import Market

UP, DOWN, RANGE = 0, 1, 2


@kernel
def channel_breaks(close, high, low, hold):  # type: ignore[no-untyped-def]
    """Codes, int64 (bars,): UP, DOWN, RANGE; −1 where an input, float64 (bars, 1), is NaN."""
    bars = len(close)
    codes = np.full(bars, -1, np.int64)
    side = RANGE
    age = 0
    for t in range(bars):
        c = close[t, 0]
        if not (np.isfinite(c) and np.isfinite(high[t, 0]) and np.isfinite(low[t, 0])):
            continue
        age += 1
        if c > high[t, 0]:
            side = UP
            age = 0
        elif c < low[t, 0]:
            side = DOWN
            age = 0
        elif age >= hold:
            side = RANGE
        codes[t] = side
    return codes


class BreakoutRegimes(Classifier):
    """Breakout_up where the close is above the highest high of the `window` bars before this one, breakout_down where
    it is below their lowest low (the channel of R. Donchian), each for `hold` bars, that of the break included. A new
    break begins the count anew, one to the other side changes the label at once; else range."""

    kind = "breakout"
    regimes: ClassVar[tuple[str, ...]] = ("breakout_up", "breakout_down", "range")

    window: int = Field(55, ge=2, le=2000, description="bars of the channel", json_schema_extra={"unit": "bars"})
    hold: int = Field(20, ge=1, le=1000, description="how long it stays a breakout", json_schema_extra={"unit": "bars"})

    def indicators(self) -> dict[str, Request]:
        # lagged by one: a close can never be above a high of its own bar
        return {
            "high": indicator("MAX", "high", timeperiod=self.window, lag=1),
            "low": indicator("MIN", "low", timeperiod=self.window, lag=1),
        }

    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        codes: Codes = channel_breaks(market.close, indicators["high"], indicators["low"], self.hold)
        return codes
