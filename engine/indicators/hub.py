"""The indicator hub: every distinct request is computed once, for each symbol on its own valid bars."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from engine.errors import StageError
from engine.indicators.request import Request, outputs
from engine.indicators.ta import functions
from engine.market.market import Market, frozen
from engine.stage import Stage

Array = npt.NDArray[np.float64]
DEFAULT_BUDGET = 1 << 30
#: Computes own indicators on a market, without their lag.
Own = Callable[[Sequence[Request], Market], list[Array]]


def _on_own_bars(request: Request, columns: "dict[str | Request, Array]") -> Array:
    """`request` over one symbol's own bars: `columns` holds 1-D arrays of its leaves, without missing bars."""
    if request.source:
        return _lagged(columns[replace(request, lag=0)], request.lag)
    inputs = [columns[item] if isinstance(item, str) else _on_own_bars(item, columns) for item in request.inputs]
    size = len(next(iter(columns.values())))
    if size == 0 or any(not np.isfinite(values).any() for values in inputs):
        return np.full(size, np.nan)  # nothing to compute from; TA-Lib refuses such input
    result = getattr(functions, request.function)(*inputs, **dict(request.parameters))
    if isinstance(result, tuple):
        result = result[outputs(request.function).index(request.output)]
    return _lagged(np.asarray(result, dtype=np.float64), request.lag)


def _lagged(values: Array, lag: int) -> Array:
    """1-D `values`, `lag` bars later."""
    if not lag:
        return values
    size = len(values)
    return np.concatenate([np.full(min(lag, size), np.nan), values[: max(size - lag, 0)]])


def leaves(request: Request) -> "dict[str | Request, None]":
    """What a request reads, its inputs' included: price columns, and own indicators (without their lag)."""
    if request.source:
        return {replace(request, lag=0): None}
    found: dict[str | Request, None] = {}
    for item in request.inputs:
        found |= {item: None} if isinstance(item, str) else leaves(item)
    return found


def compute(request: Request, market: Market, own: Mapping[Request, Array] | None = None) -> Array:
    """`request` for all symbols, float64 (bars, symbols), read-only; NaN where a symbol has no bar or no value yet.

    `own`: the values, without lag, of the user's own indicators in it.
    """
    result = np.full(market.valid.shape, np.nan)
    whole = {item: getattr(market, item) if isinstance(item, str) else (own or {})[item] for item in leaves(request)}
    for s in range(len(market.symbols)):
        there = market.valid[:, s]
        columns = {item: np.ascontiguousarray(values[there, s]) for item, values in whole.items()}
        result[there, s] = _on_own_bars(request, columns)
    return frozen(result)


class Hub:
    """Indicators of one market, shared by all containers, within a byte budget (least recently used go first).

    `computed` and `served` count requests. What does not fit the budget is computed again when asked for.
    """

    def __init__(
        self,
        market: Market,
        budget: int = DEFAULT_BUDGET,
        known: Mapping[Request, Array] | None = None,
        own: Own | None = None,
    ) -> None:
        """`known`: values computed before (by another hub of the same market). `own`: computes own indicators."""
        self.market = market
        self._own = own
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
            values = compute(request, self.market, self._own_values([request]))
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
        room = max(self.budget - self.bytes, 0) // max(size, 1)
        wanted = [request for request in dict.fromkeys(requests) if request not in self._values][:room]
        own = self._own_values(wanted)
        for request in wanted:
            self.computed += 1
            self._keep(request, compute(request, self.market, own))

    def _own_values(self, wanted: Iterable[Request]) -> dict[Request, Array]:
        """The values of the own indicators in some requests, asked for together."""
        found = dict.fromkeys(leaf for request in wanted for leaf in leaves(request) if isinstance(leaf, Request))
        if not found:
            return {}
        if self._own is None:
            raise StageError(f"own indicator '{next(iter(found)).function}': there is no stage file to compute it from")
        return dict(zip(found, self._own(list(found), self.market), strict=True))

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
