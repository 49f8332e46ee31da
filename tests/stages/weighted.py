"""A strategy of a user's own, with a list, a table and an absent value among its parameters."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy


class Weighted(Strategy):
    """Long with the weight of the bar's number, by turns, from bar `since` on."""

    kind = "weighted"

    weights: list[float] = Field(default=[0.5, 1.0], description="weights, one after the other")
    by_symbol: dict[str, float] = Field(default_factory=dict, description="factor by symbol")
    since: int | None = Field(0, ge=0, description="first bar; none: never")

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        bars = np.arange(len(market.time))
        turn = np.array(self.weights)[bars % len(self.weights)]
        turn = np.where(bars >= (len(bars) if self.since is None else self.since), turn, 0.0)
        return turn[:, None] * np.array([self.by_symbol.get(name, 1.0) for name in market.symbols])
