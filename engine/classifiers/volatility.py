"""Two regimes by realised volatility against its own long-run level."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.classifiers.base import Array, Classifier, Codes
from engine.compiled import kernel
from engine.indicators.request import Request, indicator
from engine.market.market import Market


@kernel
def with_hysteresis(volatility, level, enter, leave):  # type: ignore[no-untyped-def]
    """Codes, int64 (bars,): 1 from where volatility is above enter × level until it is below leave × level, else 0."""
    bars = len(volatility)
    codes = np.full(bars, -1, np.int64)
    state = 0
    for t in range(bars):
        v = volatility[t, 0]
        usual = level[t, 0]
        if not (np.isfinite(v) and np.isfinite(usual)):
            continue
        if v > enter * usual:
            state = 1
        elif v < leave * usual:
            state = 0
        codes[t] = state
    return codes


class VolatilityRegimes(Classifier):
    """Turbulent from where the volatility of returns rises above `enter` times its long-run mean until it falls below
    `leave` times it; else calm."""

    kind = "volatility"
    regimes: ClassVar[tuple[str, ...]] = ("calm", "turbulent")

    window: int = Field(20, ge=2, le=500, description="window of the volatility", json_schema_extra={"unit": "bars"})
    baseline: int = Field(
        252, ge=2, le=5000, description="window of its long-run mean", json_schema_extra={"unit": "bars"}
    )
    enter: float = Field(
        1.25, gt=0, le=10, description="turbulent above this multiple", json_schema_extra={"unit": "× mean"}
    )
    leave: float = Field(
        1.0, gt=0, le=10, description="calm again below this multiple", json_schema_extra={"unit": "× mean"}
    )

    def indicators(self) -> dict[str, Request]:
        returns = indicator("ROCP", "close", timeperiod=1)
        volatility = indicator("STDDEV", returns, timeperiod=self.window, nbdev=1.0)
        return {"volatility": volatility, "level": indicator("SMA", volatility, timeperiod=self.baseline)}

    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        codes: Codes = with_hysteresis(indicators["volatility"], indicators["level"], self.enter, self.leave)
        return codes
