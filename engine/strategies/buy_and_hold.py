"""Buy and hold: a full signal on every bar."""

from collections.abc import Mapping

import numpy as np

from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy


class BuyAndHold(Strategy):
    """Long from each symbol's first bar on."""

    kind = "buy_and_hold"

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        return np.where(market.valid, 1.0, np.nan)
