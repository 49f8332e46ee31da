"""The indicator hub: every distinct request is computed once, for each symbol on its own valid bars."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from engine.indicators.request import Request, outputs
from engine.indicators.ta import functions
from engine.market.market import Market
from engine.stage import Stage

Array = npt.NDArray[np.float64]
DEFAULT_BUDGET = 1 << 30


def _on_own_bars(request: Request, columns: dict[str, Array]) -> Array:
    """`request` over one symbol's own bars: `columns` holds 1-D price arrays without missing bars."""
    inputs = [columns[item] if isinstance(item, str) else _on_own_bars(item, columns) for item in request.inputs]
    size = len(next(iter(columns.values())))
    if size == 0 or any(not np.isfinite(values).any() for values in inputs):
        return np.full(size, np.nan)  # nothing to compute from; TA-Lib refuses such input
    result = getattr(functions, request.function)(*inputs, **dict(request.parameters))
    if isinstance(result, tuple):
        result = result[outputs(request.function).index(request.output)]
    values: Array = np.asarray(result, dtype=np.float64)
    if request.lag:
        values = np.concatenate([np.full(min(request.lag, size), np.nan), values[: max(size - request.lag, 0)]])
    return values


def _prices(request: Request) -> set[str]:
    """The price columns a request reads, its inputs' included."""
    found: set[str] = set()
    for item in request.inputs:
        found |= {item} if isinstance(item, str) else _prices(item)
    return found


def compute(request: Request, market: Market) -> Array:
    """`request` for all symbols, float64 (bars, symbols), read-only; NaN where a symbol has no bar or no value yet."""
    result = np.full(market.valid.shape, np.nan)
    names = sorted(_prices(request))
    for s in range(len(market.symbols)):
        own = market.valid[:, s]
        columns = {name: np.ascontiguousarray(getattr(market, name)[own, s]) for name in names}
        result[own, s] = _on_own_bars(request, columns)
    result.flags.writeable = False
    return result


class Hub:
    """Indicators of one market, shared by all containers, within a byte budget (least recently used go first).

    `computed` and `served` count requests. What does not fit the budget is computed again when asked for.
    """

    def __init__(
        self, market: Market, budget: int = DEFAULT_BUDGET, known: Mapping[Request, Array] | None = None
    ) -> None:
        """`known`: values computed before (by another hub of the same market)."""
        self.market = market
        self.budget = budget
        self.computed = 0
        self.served = 0
        self._values: OrderedDict[Request, Array] = OrderedDict(known or {})
        self.bytes = sum(values.nbytes for values in self._values.values())

    def get(self, request: Request) -> Array:
        """The values of `request`, float64 (bars, symbols), read-only."""
        self.served += 1
        values = self._values.get(request)
        if values is None:
            values = compute(request, self.market)
            self.computed += 1
            self._keep(request, values)
        else:
            self._values.move_to_end(request)
        return values

    def take(self, stage: Stage) -> dict[str, Array]:
        """All that `stage` asks for, by the names it has for them."""
        return {name: self.get(request) for name, request in stage.indicators().items()}

    def warm(self, requests: Iterable[Request]) -> None:
        """Compute `requests` ahead, until the budget is spent."""
        size = self.market.valid.size * 8
        for request in requests:
            if request not in self._values and self.bytes + size <= self.budget:
                self.computed += 1
                self._keep(request, compute(request, self.market))

    def values(self) -> dict[Request, Array]:
        """What is held now."""
        return dict(self._values)

    def _keep(self, request: Request, values: Array) -> None:
        if values.nbytes > self.budget:
            return
        self._values[request] = values
        self.bytes += values.nbytes
        while self.bytes > self.budget:
            _, dropped = self._values.popitem(last=False)
            self.bytes -= dropped.nbytes
