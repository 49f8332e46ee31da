"""A user's own risk rule: caps on the target of each symbol, bar by bar. One class a file; this is the protocol.

    class Calm(RiskCaps):
        kind = "calm"
        limit: float = Field(0.5, gt=0, le=1, description="largest weight")

        def caps(self, market, indicators, regimes):    # float64 (bars, symbols); at bar t nothing later than bar t
            ...

What depends on the account (its position, its drawdown) is the standard risk stage's, or a bar strategy's.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from engine.contracts import CONTRACTS, Contract, Role
from engine.errors import StageError
from engine.market.market import Market
from engine.stage import Regimes, Stage

Array = npt.NDArray[np.float64]


class RiskCaps(Stage):
    """A rule that bounds targets."""

    family: ClassVar[str] = "risk"
    contract: ClassVar[Contract] = CONTRACTS[Role.RISK]

    @abstractmethod
    def caps(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        """The largest |target weight| allowed at each bar, float64 (bars, symbols), 0 or more; NaN: no cap.

        `indicators[name]` is float64 (bars, symbols), read-only; `regimes` is None without a classifier.
        """


def capped(values: object, market: Market, rule: RiskCaps) -> Array:
    """`values` as caps() returned them, with no cap where there is no bar. Raises StageError when malformed."""
    shape = market.valid.shape
    if not isinstance(values, np.ndarray) or values.shape != shape or values.dtype != np.float64:
        got = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise StageError(f"risk '{rule.kind}': caps() must return float64 {shape} (bars, symbols), not {got}")
    found = np.where(market.valid, values, np.nan)
    if (found < 0).any():
        t, s = np.argwhere(found < 0)[0].tolist()
        raise StageError(f"risk '{rule.kind}': cap {found[t, s]} at bar {t} is below 0; 0 allows nothing, NaN anything")
    return found
