"""A request for an indicator: what a stage asks the hub for. Equal requests are computed once for all containers."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from engine.errors import StageError, nearest
from engine.indicators.ta import abstract

if TYPE_CHECKING:
    from engine.indicators.own import Indicator

PRICES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Request:
    """One output of a TA-Lib function over price columns or over other requests, lagged in the symbol's own bars.

    source: of a user's own indicator the hash of its source; `function` is its kind then.
    """

    function: str
    inputs: "tuple[str | Request, ...]"
    parameters: tuple[tuple[str, Any], ...]
    output: str
    lag: int
    source: str = ""

    @property
    def text(self) -> str:
        """The request in words, e.g. `SMA(close, timeperiod=20)`; unique for the request."""
        inputs = [item if isinstance(item, str) else item.text for item in self.inputs]
        parts = [*inputs, *(f"{name}={value}" for name, value in self.parameters)]
        if not self.source and len(outputs(self.function)) > 1:
            parts.append(f"output={self.output}")
        if self.lag:
            parts.append(f"lag={self.lag}")
        return f"{self.function}({', '.join(parts)})"

    @property
    def in_prices(self) -> bool:
        """Whether its values are prices: a function that keeps its input's scale, of prices. Of an own one: unknown."""
        if self.source:
            return False
        prices = all(item != "volume" if isinstance(item, str) else item.in_prices for item in self.inputs)
        return prices and "Output scale same as input" in _info(self.function)["function_flags"]


@cache
def _info(function: str) -> dict[str, Any]:
    return dict(abstract.Function(function).info)


def outputs(function: str) -> list[str]:
    """The names of a TA-Lib function's outputs."""
    return list(_info(function)["output_names"])


def default_inputs(function: str) -> tuple[str, ...]:
    """The price columns a TA-Lib function reads when none are given."""
    names: list[str] = []
    for value in _info(function)["input_names"].values():
        names.extend([value] if isinstance(value, str) else value)
    return tuple(names)


def indicator(
    function: "str | Indicator",
    *inputs: "str | Request",
    lag: int = 0,
    output: str | None = None,
    **parameters: float,
) -> Request:
    """Ask the hub for a TA-Lib indicator, e.g. `indicator("MAX", "high", timeperiod=55, lag=1)`, or for one of your
    own: `indicator(Wobble(window=5), lag=1)`, with nothing else.

    `inputs` are price columns (open, high, low, close, volume) or other indicators; without any the function's own
    are taken. `output` picks one of several (default: the first). `lag` counts the symbol's own bars.
    Raises StageError for an unknown function, input, parameter or output.
    """
    if not isinstance(function, str):
        if inputs or output or parameters:
            raise StageError(f"indicator '{function.kind}': its parameters are its fields; give nothing but a lag")
        return function.request(lag)
    return _request(function.upper(), inputs, lag, output, tuple(sorted(parameters.items())))


@lru_cache(maxsize=65536)
def _request(
    name: str,
    inputs: "tuple[str | Request, ...]",
    lag: int,
    output: str | None,
    parameters: tuple[tuple[str, float], ...],
) -> Request:
    known = abstract.__TA_FUNCTION_NAMES__
    if name not in known:
        raise StageError(f"TA-Lib has no function '{name}'; {nearest(name, known)}")
    info = _info(name)
    wanted = default_inputs(name)
    taken = inputs or wanted
    if len(taken) != len(wanted):
        raise StageError(f"indicator {name} takes {len(wanted)} inputs ({', '.join(wanted)}), {len(taken)} were given")
    for item in taken:
        if isinstance(item, str) and item not in PRICES:
            raise StageError(f"indicator {name}: no price column '{item}'; {nearest(item, PRICES)}")
    for key, _ in parameters:
        if key not in info["parameters"]:
            raise StageError(f"indicator {name} has no parameter '{key}'; {nearest(key, info['parameters'])}")
    names = info["output_names"]
    chosen = output or names[0]
    if chosen not in names:
        raise StageError(f"indicator {name} has no output '{output}'; {nearest(chosen, names)}")
    if lag < 0:
        raise StageError(f"indicator {name}: lag must be 0 or more, not {lag}: a negative lag would look ahead")
    merged = tuple(sorted({**info["parameters"], **dict(parameters)}.items()))
    return Request(name, tuple(taken), merged, chosen, lag)
