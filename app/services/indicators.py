"""The indicators a container's stages asked for: whose they are, what they are in words, and their values."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from app.services.reading import Reading
from engine.indicators.hub import Hub
from engine.indicators.request import Request
from engine.indicators.ta import abstract
from engine.plan import reference_key

_SAME_SCALE = "Output scale same as input"


@dataclass(frozen=True, slots=True)
class Used:
    """One indicator. `name`: as its stage knows it; `series`: what it is computed on, "" for each symbol itself.

    `on_price`: its values are prices, of the symbol it is computed on.
    """

    stage: str
    name: str
    request: Request
    series: str
    on_price: bool

    @property
    def key(self) -> str:
        """What it is called in an address."""
        return f"{self.stage}.{self.name}"


def used(reading: Reading) -> list[Used]:
    """All indicators of a container: those of its strategies, then those of its classifier."""
    spec, found = reading.spec, []
    for name, strategy in zip(spec.names[5:], spec.strategies, strict=True):
        found += _of(name, reading.shared.requests(strategy).items(), "")
    if spec.classifier is not None:
        series = reading.shared.series(reference_key(spec.classifier)).market.symbols[0]
        found += _of(spec.classifier.kind, reading.shared.requests(spec.classifier).items(), series)
    return found


def values(reading: Reading, item: Used, symbol: str) -> npt.NDArray[np.float64]:
    """Its values at each bar, float64 (bars,), as the hub gives them; NaN where there are none."""
    hub, column = _hub(reading, item), reading.market.symbols.index(symbol)
    found: npt.NDArray[np.float64] = hub.get(item.request)[:, 0 if item.series else column]
    return found


def on_scale(item: Used, symbol: str) -> bool:
    """Whether it can be drawn over the prices of `symbol`."""
    return item.on_price and item.series in ("", symbol)


def _of(stage: str, requests: Iterable[tuple[str, Request]], series: str) -> list[Used]:
    return [Used(stage, name, request, series, _price(request)) for name, request in requests]


def _hub(reading: Reading, item: Used) -> Hub:
    classifier = reading.spec.classifier
    return reading.shared.series(reference_key(classifier)) if item.series and classifier else reading.shared.hub


def _price(request: Request) -> bool:
    """Whether a request gives prices: a function that keeps its input's scale, of prices."""
    if request.source:
        return False  # only its author knows
    prices = all(item != "volume" if isinstance(item, str) else _price(item) for item in request.inputs)
    return prices and _keeps_scale(request.function)


@cache
def _keeps_scale(function: str) -> bool:
    return _SAME_SCALE in abstract.Function(function).info["function_flags"]
