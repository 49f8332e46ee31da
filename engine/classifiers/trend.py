"""Three regimes by where the close stands against its moving average."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.classifiers.base import Array, Classifier, Codes
from engine.indicators.request import Request, indicator
from engine.market.market import Market


class TrendRegimes(Classifier):
    """Up when the close is more than `band` above its moving average, down when more than `band` below, else flat."""

    kind = "trend"
    regimes: ClassVar[tuple[str, ...]] = ("up", "down", "flat")

    window: int = Field(
        100, ge=2, le=2000, description="window of the moving average", json_schema_extra={"unit": "bars"}
    )
    band: float = Field(
        0.02, ge=0, lt=1, description="half-width of flat", json_schema_extra={"unit": "share of the average"}
    )

    def indicators(self) -> dict[str, Request]:
        return {"average": indicator("SMA", "close", timeperiod=self.window)}

    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        close, average = market.close[:, 0], indicators["average"][:, 0]
        up, down = close > average * (1.0 + self.band), close < average * (1.0 - self.band)
        codes = np.select([up, down], [0, 1], 2)
        return np.where(np.isfinite(close) & np.isfinite(average), codes, -1).astype(np.int64)
