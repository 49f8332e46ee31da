"""What is kept of a finished container: its log, and the projections and digests made of it at once."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.container import Container
from engine.errors import TooLargeError
from engine.market.market import Market, frozen
from engine.parallel.block import SKETCH
from engine.plan import Plan
from engine.projections.account import Account, project
from engine.projections.metrics import measure
from engine.shared import Shared
from engine.spec import Spec

Array = npt.NDArray[np.float64]
NO_SKETCH = frozen(np.zeros(SKETCH, np.float32))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A container's log and what is stored beside it. Metrics are float64 in the order of METRICS.

    `sketch`: float32 (SKETCH,), equity over the starting cash at evenly spaced bars. Signal generation has no account,
    so no metrics and no sketch, but a `report`.
    """

    log: npt.NDArray[np.void]
    metrics: Array | None
    test_metrics: Array | None
    sketch: npt.NDArray[np.float32]
    report: dict[str, Any] | None = None


def run(spec: Spec, shared: Shared) -> Outcome:
    """Run one container and work out what is kept of it. Raises TooLargeError for a log of too many rows."""
    container = Container(spec, shared)
    log = container.run()
    plan, market = shared.plan, shared.market
    if len(log) > plan.limits.max_events:
        raise TooLargeError(
            f"its log has {len(log)} rows, more than max_events = {plan.limits.max_events}; raise it under [limits]"
        )
    if container.report is not None:
        return Outcome(log, None, None, NO_SKETCH, container.report)
    account = project(log, market.bars, plan.first, spec.portfolio.initial_cash, plan.test, spec.execution.multiplier)
    metrics, test_metrics = both_parts(account, market, plan, spec)
    return Outcome(
        log,
        metrics,
        test_metrics,
        sketch(account.equity / spec.portfolio.initial_cash),
    )


def both_parts(account: Account, market: Market, plan: Plan, spec: Spec) -> tuple[Array, Array | None]:
    """The metrics up to the held-out bars, and those of the held-out bars (None without any)."""
    cash, last = spec.portfolio.initial_cash, len(market.time)
    split = last if plan.test is None else plan.test

    def part(number: int, start: int, stop: int, base: float) -> Array:
        return measure(
            account,
            market.session,
            plan.first,
            start,
            stop,
            base,
            market.bars_per_year,
            market.sessions_per_year,
            spec.portfolio.risk_free,
            number,
        )

    metrics = part(0, plan.first, split, cash)
    if plan.test is None:
        return metrics, None
    return metrics, part(1, split, last, float(account.equity[split - 1 - plan.first]))


@lru_cache(maxsize=8)
def sketch_bars(bars: int) -> npt.NDArray[np.int64]:
    """Which of `bars` bars a sketch shows: SKETCH evenly spaced ones, the first and last among them, int64."""
    return frozen(np.linspace(0, bars - 1, SKETCH).round().astype(np.int64))


def sketch(curve: Array) -> npt.NDArray[np.float32]:
    """`curve` at the bars of a sketch, float32 (SKETCH,)."""
    return curve[sketch_bars(len(curve))].astype(np.float32)
