"""What the containers of one process share, all of it immutable: the market, the hubs, and results of pure stages.

Regimes and signals depend on data alone, so containers that ask for the same stage with the same parameters get the
same arrays, read-only, as long as they fit the budget.
"""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import ConfigError
from engine.experiment import Told, build_sweep
from engine.indicators.hub import DEFAULT_BUDGET, Hub
from engine.indicators.own import computed
from engine.indicators.request import Request
from engine.market.actions import in_first_units
from engine.market.index import index_market
from engine.market.market import Market, frozen
from engine.own import asking
from engine.own.standin import StandIn
from engine.plan import Plan
from engine.registry import Registry
from engine.stage import Stage
from engine.strategies.by_regime import ByRegime
from engine.sweep import Point, canonical

RESULTS_BUDGET = 64 << 20


def _call(work: Callable[[], Any]) -> Any:
    return work()


class Shared:
    """A plan made ready to resolve containers from, and with the real `registry` also to run them.

    registry: default: built-in stages and stand-ins for the user's own; in a child `load.loaded(plan.own)`.
    """

    def __init__(self, plan: Plan, registry: Registry | None = None) -> None:
        self.plan = plan
        self.market = plan.market
        #: What stages above risk see of it.
        self.seen = in_first_units(plan.market)
        self.registry = registry
        #: Calls what may be a user's code; a child puts in one that then undoes what it did to the process.
        self.guard: Callable[[Callable[[], Any]], Any] = _call
        told = Told(plan.replay.names, plan.replay.regimes) if plan.replay else None
        # checked it was for the plan
        self.sweep = build_sweep(plan.raw, registry or plan.own.registry, checked=False, told=told)
        self.hub = self._hub(None)
        self._series: dict[str, Hub] = {}
        self._results: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        #: Of a search: the points of the containers that are asked for now, by index.
        self.points: dict[int, Point] = {}

    def point(self, index: int) -> Point:
        """The point of container `index`. Raises ConfigError for one that a search has not asked for."""
        if self.plan.search is None:
            return Point(int(self.plan.ranks[index]))
        if index not in self.points:
            raise ConfigError(f"container {index} is found by a search, and its point is not known here")
        return self.points[index]

    def series(self, reference: str) -> Hub:
        """The hub of what a classifier sees: a reference symbol's name, or "" for the index."""
        if reference not in self._series:
            self._series[reference] = self._hub(reference)
        return self._series[reference]

    def _hub(self, reference: str | None) -> Hub:
        market = self.seen if reference is None else index_market(self.seen, reference or None)
        known = self.plan.indicators.get(reference, {})
        given = {request: frozen(np.asarray(values)) for request, values in known.items()}
        # no cycle: it would keep the plan's mapped files open after a run, since workers hide all from the collector
        return Hub(market, DEFAULT_BUDGET, given, own=partial(Shared._compute, weakref.proxy(self)))

    def _compute(self, wanted: Sequence[Request], market: Market) -> list[npt.NDArray[np.float64]]:
        """Own indicators: by their classes where they are, else by a child."""
        if self.registry is None:
            return asking.values(self.plan.own, wanted, market)
        known = self.registry.indicators
        found: list[npt.NDArray[np.float64]] = self.guard(lambda: [computed(known, one, market) for one in wanted])
        return found

    def requests(self, stage: Stage) -> dict[str, Request]:
        """What a stage asks of the hub. Of a user's own a child is asked. Raises StageError when that fails."""
        if not isinstance(stage, StandIn | ByRegime):
            return stage.indicators()
        key = ("requests", stage.kind, canonical(stage.__dict__))
        found: dict[str, Request] = self.result(key, lambda: asking.requests(self.plan.own, [stage])[0], lambda _: 1024)
        return found

    def result(self, key: tuple[Any, ...], compute: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """The result stored under `key`, computed when it is not there; `size` gives its bytes."""
        found = self._results.get(key)
        if found is not None:
            self._results.move_to_end(key)
            return found[0]
        value = self.guard(compute)
        self._results[key] = (value, size(value))
        self._bytes += size(value)
        while self._bytes > RESULTS_BUDGET:
            _, (_, freed) = self._results.popitem(last=False)
            self._bytes -= freed
        return value
