"""Three regimes by how directed the moves are and which way an average slopes."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.classifiers.base import Array, Classifier, Codes
from engine.indicators.request import Request, indicator
from engine.market.market import Market


class AdxTrendRegimes(Classifier):
    """Up or down, by the sign of the slope of a moving average (least squares over its last `slope` values), where the
    ADX is above `threshold`; else range. ADX: J. W. Wilder, New Concepts in Technical Trading Systems, 1978. On the
    index, which has closes only, the directional index is 100 × |smoothed change| / smoothed |change|: the share of
    the way that led somewhere. It is lower there than on bars with highs and lows (by about a fifth for daily shares),
    hence a threshold of 20 instead of Wilder's 25."""

    kind = "adx_trend"
    regimes: ClassVar[tuple[str, ...]] = ("up", "down", "range")

    window: int = Field(14, ge=2, le=500, description="window of the ADX", json_schema_extra={"unit": "bars"})
    threshold: float = Field(
        20.0, ge=0, le=100, description="a trend above this ADX", json_schema_extra={"unit": "ADX points"}
    )
    average: int = Field(
        50, ge=2, le=2000, description="window of the moving average", json_schema_extra={"unit": "bars"}
    )
    slope: int = Field(
        10, ge=2, le=500, description="values of the average that its slope is of", json_schema_extra={"unit": "bars"}
    )

    def indicators(self) -> dict[str, Request]:
        average = indicator("SMA", "close", timeperiod=self.average)
        return {
            "adx": indicator("ADX", timeperiod=self.window),
            "slope": indicator("LINEARREG_SLOPE", average, timeperiod=self.slope),
        }

    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        adx, slope = indicators["adx"][:, 0], indicators["slope"][:, 0]
        trending = adx > self.threshold
        codes = np.select([trending & (slope > 0.0), trending & (slope < 0.0)], [0, 1], 2)
        return np.where(np.isfinite(adx) & np.isfinite(slope), codes, -1).astype(np.int64)
