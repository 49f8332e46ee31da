"""A user's own risk rule: the standard one, and caps on the target of each symbol, bar by bar. This is the protocol.

    class Calm(RiskCaps):
        kind = "calm"
        limit: float = Field(0.5, gt=0, le=1, description="largest weight")

        def caps(self, market, indicators, regimes):    # float64 (bars, symbols); at bar t nothing later than bar t
            ...

A cap that changes changes the target at that bar, without a new signal. What depends on the account (its position, its
drawdown) is among the parameters of the standard rule, which an own one has too.
"""

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from engine.errors import StageError
from engine.market.market import Market, frozen
from engine.risk.standard import Risk
from engine.stage import Regimes

Array = npt.NDArray[np.float64]


class RiskCaps(Risk):
    """The standard risk stage with caps of its own."""

    @abstractmethod
    def caps(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        """The largest |target weight| allowed at each bar, float64 (bars, symbols), 0 or more; NaN: no cap.

        `indicators[name]` is float64 (bars, symbols), read-only; `regimes` is None without a classifier.
        """


def capped(values: object, market: Market, rule: RiskCaps) -> Array:
    """`values` as caps() returned them, with the last cap where there is no bar, read-only.

    Raises StageError when they are malformed.
    """
    shape = market.valid.shape
    if not isinstance(values, np.ndarray) or values.shape != shape or values.dtype != np.float64:
        got = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise StageError(f"risk '{rule.kind}': caps() must return float64 {shape} (bars, symbols), not {got}")
    if (values[market.valid] < 0).any():
        t, s = np.argwhere(np.where(market.valid, values, np.nan) < 0)[0].tolist()
        raise StageError(
            f"risk '{rule.kind}': cap {values[t, s]} at bar {t} is below 0; 0 allows nothing, NaN anything"
        )
    places = np.maximum.accumulate(np.where(market.valid, np.arange(len(values))[:, None], 0), axis=0)
    return frozen(np.take_along_axis(np.where(market.valid, values, np.nan), places, axis=0))
