"""A user's own indicator: values for every bar and symbol, computed once for all containers that ask for them.

    class Wobble(Indicator):
        kind = "wobble"
        window: int = Field(20, ge=2)

        def compute(self, market):              # float64 (bars, symbols); at bar t nothing later than bar t
            ...

A strategy or classifier imports the class and asks the hub for it as for any other: `indicator(Wobble(window=5))`.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from engine.errors import StageError
from engine.indicators.request import Request
from engine.market.market import Market, frozen
from engine.stage import Stage

Array = npt.NDArray[np.float64]


class Indicator(Stage):
    """An indicator of the user. Its parameters are single values."""

    family: ClassVar[str] = "indicator"

    @abstractmethod
    def compute(self, market: Market) -> Array:
        """Values, float64 (bars, symbols); NaN where there is none yet. `market` is what the asking stage sees."""

    def request(self, lag: int = 0) -> Request:
        """What the hub is asked, `lag` of the symbol's own bars later. Raises StageError for what it cannot name."""
        for name, value in self.__dict__.items():
            if not (value is None or isinstance(value, str | int | float)):
                raise StageError(f"indicator '{self.kind}': {name} must be a single value, not {type(value).__name__}")
        if lag < 0:
            raise StageError(
                f"indicator {self.kind}: lag must be 0 or more, not {lag}: a negative lag would look ahead"
            )
        if not self.source_hash:
            raise StageError(f"indicator '{self.kind}' has no stage file: keep it in one, and import it from there")
        return Request(self.kind, (), tuple(sorted(self.__dict__.items())), "", lag, self.source_hash)


def computed(known: Mapping[tuple[str, str], type[Indicator]], request: Request, market: Market) -> Array:
    """An own indicator on `market`, without its lag, float64 (bars, symbols), read-only; NaN where there is no bar.

    `known`: the classes by (kind, source hash). Only in a child: this is the user's code.
    """
    model = known.get((request.function, request.source))
    if model is None:
        raise StageError(f"no own indicator '{request.function}' in the stage files; import its class where it is used")
    values = model.model_validate(dict(request.parameters)).compute(market)
    if not isinstance(values, np.ndarray) or values.dtype != np.float64 or values.shape != market.valid.shape:
        found = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise StageError(
            f"indicator '{request.function}': compute() must return float64 {market.valid.shape}, not {found}"
        )
    return frozen(np.where(market.valid, values, np.nan))
