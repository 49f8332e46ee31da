"""Random entries: the null hypothesis that a strategy has to beat."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from engine.compiled import kernel
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, RandomStrategy


@kernel
def hold(draws, probability, bars_held, long_only):  # type: ignore[no-untyped-def]
    """Signals, float64 (bars,), of one symbol on its own bars. draws: uniform (bars, 2): whether, and which side."""
    out = np.zeros(len(draws))
    left = 0
    side = 0.0
    for t in range(len(draws)):
        if left == 0:
            side = 0.0
            if draws[t, 0] < probability:
                side = 1.0 if long_only or draws[t, 1] < 0.5 else -1.0
                left = bars_held
        if left > 0:
            left -= 1
        out[t] = side
    return out


class RandomEntry(RandomStrategy):
    """When flat, enter with `probability` at each bar and hold for `hold` bars."""

    kind = "random_entry"

    probability: float = Field(0.05, gt=0, le=1, description="chance of an entry at each bar when flat")
    hold: int = Field(10, ge=1, le=1000, description="bars a position is held", json_schema_extra={"unit": "bars"})
    draw: int = Field(0, ge=0, description="number of the draw: sweep it for independent repetitions")
    long_only: bool = Field(True, description="never go short")

    def random_signal(
        self,
        market: Market,
        indicators: Mapping[str, Array],
        regimes: Regimes | None,
        generators: Mapping[str, np.random.Generator],
    ) -> Array:
        out = np.full(market.valid.shape, np.nan)
        for s, symbol in enumerate(market.symbols):
            own = market.valid[:, s]
            draws = generators[symbol].random((int(own.sum()), 2))
            out[own, s] = hold(draws, self.probability, self.hold, self.long_only)
        return out
