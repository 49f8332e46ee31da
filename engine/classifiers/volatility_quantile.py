"""Three regimes by the rank of realised volatility among its own latest values."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.classifiers.base import Array, Classifier, Codes
from engine.compiled import kernel
from engine.indicators.request import Request, indicator
from engine.market.market import Market


@kernel
def trailing_rank(values, history):  # type: ignore[no-untyped-def]
    """The rank of each value among the `history` − 1 before it, float64 (n,), in [0, 1]; NaN until there are so many.

    The share of those that are smaller, equal ones counting half: the mean percentile rank.
    """
    ranks = np.full(len(values), np.nan)
    for t in range(history - 1, len(values)):
        below = 0.0
        for before in range(t - history + 1, t):
            if values[before] < values[t]:
                below += 1.0
            elif values[before] == values[t]:
                below += 0.5
        ranks[t] = below / (history - 1)
    return ranks


class VolatilityQuantileRegimes(Classifier):
    """High where the volatility of returns ranks above `high` among the `history` latest volatilities, low where it
    ranks below `low`, else middle. The rank is the share of the others that are smaller, equal ones counting half (the
    mean percentile rank, 0 to 1). Unlike a multiple of the mean, it needs no idea of how volatile is volatile."""

    kind = "volatility_quantile"
    regimes: ClassVar[tuple[str, ...]] = ("low", "middle", "high")

    window: int = Field(20, ge=2, le=500, description="window of the volatility", json_schema_extra={"unit": "bars"})
    history: int = Field(
        252, ge=2, le=5000, description="volatilities ranked, the newest included", json_schema_extra={"unit": "bars"}
    )
    low: float = Field(0.33, ge=0, le=1, description="low below this rank", json_schema_extra={"unit": "rank"})
    high: float = Field(0.67, ge=0, le=1, description="high above this rank", json_schema_extra={"unit": "rank"})

    def indicators(self) -> dict[str, Request]:
        returns = indicator("ROCP", "close", timeperiod=1)
        return {"volatility": indicator("STDDEV", returns, timeperiod=self.window, nbdev=1.0)}

    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        volatility = indicators["volatility"][:, 0]
        own = np.flatnonzero(np.isfinite(volatility))
        ranks = trailing_rank(volatility[own], self.history)
        codes = np.full(len(volatility), -1, np.int64)
        codes[own] = np.select([np.isnan(ranks), ranks > self.high, ranks < self.low], [-1, 2, 0], 1)
        return codes
