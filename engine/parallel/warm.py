"""Loads every kernel before a cell forks, so that no child compiles or reads the cache for itself."""

import numpy as np

from engine.container import resolve
from engine.digest import digests
from engine.events import EVENT
from engine.market.market import Market
from engine.outcome import run
from engine.plan import prepare
from engine.registry import BUILT_IN
from engine.shared import Shared


def load_kernels() -> None:
    """Run one tiny container of every built-in stage, with held-out bars and without."""
    bars = 40
    close = 100.0 + np.sin(np.arange(bars))
    two = np.column_stack([close, close[::-1]])
    market = Market.from_columns(["A", "B"], np.arange(bars) * 86_400 * 10**9, two, two + 1.0, two - 1.0, two)
    for kind in BUILT_IN.classifiers:
        raw = {
            "experiment": {"name": "warm"},
            "data": {"dataset": "warm", "test_start": "1970-01-20"},
            "classifier": {"kind": kind, "window": 2},
            "risk": {"stop_loss": 0.05},
            "strategy": [{"kind": strategy} for strategy in BUILT_IN.strategies],
        }
        if kind == "volatility":
            raw["classifier"] |= {"baseline": 2}  # type: ignore[operator]
        _, plan = prepare(raw, market)
        shared = Shared(plan)
        for index in range(plan.containers):
            log = run(resolve(shared, index), shared).log
            digests(np.frombuffer(log.tobytes(), EVENT))  # read-only, as a cell sees it: a signature of its own
