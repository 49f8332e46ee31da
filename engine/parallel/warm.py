"""Loads every kernel before a cell forks, so that no child compiles or reads the cache for itself."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from annotated_types import Ge

from engine.classifiers.base import Classifier
from engine.container import resolve
from engine.digest import digests
from engine.events import EVENT
from engine.market.market import Market
from engine.outcome import run
from engine.plan import prepare
from engine.registry import BUILT_IN
from engine.shared import Shared


def load_kernels(classifiers: Iterable[str]) -> None:
    """Run one tiny container of every built-in strategy under each of `classifiers`, with held-out bars and without.

    Classifiers that a run does not name are left alone: some import what takes a second to load.
    """
    bars = 40
    close = 100.0 + np.sin(np.arange(bars))
    market = Market.from_columns(["A"], np.arange(bars) * 86_400 * 10**9, close, close + 1.0, close - 1.0, close)
    known = [BUILT_IN.classifiers[kind] for kind in classifiers if kind in BUILT_IN.classifiers]
    for table in [tiny(model) for model in known] or [{"kind": "none"}]:
        raw = {
            "experiment": {"name": "warm"},
            "data": {"dataset": "warm", "test_start": "1970-01-20"},
            "classifier": table,
            "risk": {"stop_loss": 0.05},
            "strategy": [{"kind": strategy} for strategy in BUILT_IN.strategies],
        }
        _, plan = prepare(raw, market)
        shared = Shared(plan)
        for index in range(plan.containers):
            log = run(resolve(shared, index), shared).log
            digests(np.frombuffer(log.tobytes(), EVENT))  # read-only, as a cell sees it: a signature of its own


def tiny(model: type[Classifier]) -> dict[str, Any]:
    """A classifier's table for a market of a few bars: the least that its whole numbers (windows, counts) allow."""
    least = {
        name: bound.ge
        for name, field in model.model_fields.items()
        for bound in field.metadata
        if field.annotation is int and isinstance(bound, Ge)
    }
    return {"kind": model.kind, **least, "dwell": 2}
