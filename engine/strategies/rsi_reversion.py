"""Mean reversion on the relative strength index (Wilder, 1978)."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy
from engine.strategies.reversion import revert


class RsiReversion(Strategy):
    """Long when the RSI falls below `lower`, out when it is back at `middle`; short above `upper` if allowed."""

    kind = "rsi_reversion"

    window: int = Field(14, ge=2, le=500, description="window of the RSI", json_schema_extra={"unit": "bars"})
    lower: float = Field(30.0, ge=0, le=100, description="enter long below", json_schema_extra={"unit": "RSI points"})
    middle: float = Field(50.0, ge=0, le=100, description="leave at", json_schema_extra={"unit": "RSI points"})
    upper: float = Field(70.0, ge=0, le=100, description="enter short above", json_schema_extra={"unit": "RSI points"})
    long_only: bool = Field(True, description="never go short")

    def indicators(self) -> dict[str, Request]:
        return {"rsi": indicator("RSI", "close", timeperiod=self.window)}

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        rsi = indicators["rsi"]
        lower, middle, upper = (np.full_like(rsi, level) for level in (self.lower, self.middle, self.upper))
        signals: Array = revert(rsi, lower, middle, upper, market.valid, self.long_only)
        return signals
