"""A user's own indicator: values for every bar and symbol, computed once for all containers that ask for them."""

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


def computed(known: Mapping[tuple[str, str], type[Indicator]], request: Request, market: Market) -> Array:
    """An own indicator on `market`, without its lag, float64 (bars, symbols), read-only; NaN where there is no bar."""
    model = known.get((request.function, getattr(request, "source", "")))
    if model is None:
        raise StageError(f"no own indicator '{request.function}' in the stage files; import its class where it is used")
    values = model.model_validate(dict(request.parameters)).compute(market)
    return frozen(np.where(market.valid, values, np.nan))
