"""Loads every kernel before a cell forks, so that no child compiles or reads the cache for itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from annotated_types import Ge

from engine.classifiers.base import Classifier
from engine.config import pattern, tables
from engine.digest import digests
from engine.events import EVENT
from engine.market.market import Market
from engine.outcome import run
from engine.parallel.block import BENCHMARK
from engine.parallel.versions import Versions
from engine.plan import prepare
from engine.registry import BUILT_IN
from engine.shared import Shared
from engine.spec import resolve
from engine.strategies.by_regime import ByRegime


def load_kernels(experiment: Mapping[str, Any]) -> None:
    """Run a tiny container of the built-in strategies under each classifier of an experiment, its plain TOML data.

    Stages that it does not name are left alone: some import what takes a second to load.
    """
    Versions([{}])
    bars = 40
    close = 100.0 + np.sin(np.arange(bars))
    two = np.column_stack([close, close[::-1]])
    market = Market.from_columns(["A", "B"], np.arange(bars) * 86_400 * 10**9, two, two + 1.0, two - 1.0, two)
    classifiers = [BUILT_IN.classifiers[kind] for kind in _kinds(experiment, "classifier", BUILT_IN.classifiers)]
    strategies = [kind for kind in _kinds(experiment, "strategy", BUILT_IN.strategies) if kind != ByRegime.kind]
    for table in [tiny(model) for model in classifiers] or [{"kind": "none"}]:
        generated = pattern(experiment) == "signal_generation"
        raw = {
            "experiment": {"name": "warm", **({"pattern": "signal_generation"} if generated else {})},
            "data": {"dataset": "warm", "test_start": "1970-01-20"},
            "classifier": table,
            "risk": {"stop_loss": 0.05},
            "strategy": [{"kind": kind} for kind in ["buy_and_hold", *strategies]],
        }
        _, plan = prepare(raw, market)
        shared = Shared(plan)
        for index in [*range(plan.containers), BENCHMARK]:
            log = run(resolve(shared, index), shared).log
            digests(np.frombuffer(log.tobytes(), EVENT))  # read-only, as a cell sees it: a signature of its own


def _kinds(experiment: Mapping[str, Any], name: str, known: Mapping[str, Any]) -> list[str]:
    """The built-in kinds that the tables `name` mention, once each."""
    mentioned = [table.get(key) for table in tables(experiment, name) for key in ("kind", "base")]
    return list(dict.fromkeys(kind for kind in mentioned if isinstance(kind, str) and kind in known))


def tiny(model: type[Classifier]) -> dict[str, Any]:
    """A classifier's table for a market of a few bars: the least that its whole numbers (windows, counts) allow."""
    least = {
        name: bound.ge
        for name, field in model.model_fields.items()
        for bound in field.metadata
        if field.annotation is int and isinstance(bound, Ge)
    }
    return {"kind": model.kind, **least, "dwell": 2}
