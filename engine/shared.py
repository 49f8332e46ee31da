"""What the containers of one process share, all of it immutable: the market, the hubs, and results of pure stages.

Regimes and signals depend on data alone, so containers that ask for the same stage with the same parameters get the
same arrays, read-only, as long as they fit the budget.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.experiment import build_sweep
from engine.indicators.hub import DEFAULT_BUDGET, Hub
from engine.market.actions import in_first_units
from engine.market.index import index_market
from engine.market.market import frozen
from engine.plan import Plan
from engine.registry import BUILT_IN

RESULTS_BUDGET = 64 << 20


class Shared:
    """A plan made ready to run containers from."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.market = plan.market
        #: What stages above risk see of it.
        self.seen = in_first_units(plan.market)
        self.sweep = build_sweep(plan.raw, BUILT_IN.with_modules(plan.modules))
        self.hub = self._hub(None)
        self._series: dict[str, Hub] = {}
        self._results: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._bytes = 0

    def series(self, reference: str) -> Hub:
        """The hub of what a classifier sees: a reference symbol's name, or "" for the index."""
        if reference not in self._series:
            self._series[reference] = self._hub(reference)
        return self._series[reference]

    def _hub(self, reference: str | None) -> Hub:
        market = self.seen if reference is None else index_market(self.seen, reference or None)
        known = self.plan.indicators.get(reference, {})
        return Hub(market, DEFAULT_BUDGET, {request: frozen(np.asarray(values)) for request, values in known.items()})

    def result(self, key: tuple[Any, ...], compute: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """The result stored under `key`, computed when it is not there; `size` gives its bytes."""
        found = self._results.get(key)
        if found is not None:
            self._results.move_to_end(key)
            return found[0]
        value = compute()
        self._results[key] = (value, size(value))
        self._bytes += size(value)
        while self._bytes > RESULTS_BUDGET:
            _, (_, freed) = self._results.popitem(last=False)
            self._bytes -= freed
        return value
