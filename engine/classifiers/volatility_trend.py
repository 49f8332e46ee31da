"""Four regimes: calm or turbulent, up or down."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.classifiers.base import Array, Classifier, Codes
from engine.classifiers.volatility import with_hysteresis
from engine.indicators.request import Request, indicator
from engine.market.market import Market


class VolatilityTrendRegimes(Classifier):
    """Volatility times trend, both with hysteresis. Turbulent from where the volatility of returns rises above `enter`
    times its long-run mean until it falls below `leave` times it, else calm; up from where the close rises more than
    `band` above its moving average until it falls more than `band` below, else down."""

    kind = "volatility_trend"
    regimes: ClassVar[tuple[str, ...]] = ("calm_up", "calm_down", "turbulent_up", "turbulent_down")

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
    average: int = Field(
        100, ge=2, le=2000, description="window of the close's moving average", json_schema_extra={"unit": "bars"}
    )
    band: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="how far beyond the average the close turns the trend",
        json_schema_extra={"unit": "share of the average"},
    )

    def indicators(self) -> dict[str, Request]:
        returns = indicator("ROCP", "close", timeperiod=1)
        volatility = indicator("STDDEV", returns, timeperiod=self.window, nbdev=1.0)
        return {
            "volatility": volatility,
            "level": indicator("SMA", volatility, timeperiod=self.baseline),
            "average": indicator("SMA", "close", timeperiod=self.average),
        }

    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        turbulent = with_hysteresis(indicators["volatility"], indicators["level"], self.enter, self.leave)
        up = with_hysteresis(market.close, indicators["average"], 1.0 + self.band, 1.0 - self.band)
        return np.where((turbulent >= 0) & (up >= 0), 2 * turbulent + 1 - up, -1).astype(np.int64)
