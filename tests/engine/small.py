"""A small market and experiments on it, for tests of the engine."""

from typing import Any

import numpy as np

from engine.market.market import Market
from engine.own.stages import OwnStages
from engine.plan import NO_STAGES, Plan, prepare

_DAY = 86_400 * 10**9


def small_market(bars: int = 300, symbols: int = 2, seed: int = 1, missing: bool = True) -> Market:
    """A random walk; the second symbol lists late and misses some bars."""
    generator = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0003, 0.02, (bars, symbols)), axis=0))
    open_ = close * np.exp(generator.normal(0, 0.005, close.shape))
    high, low = np.maximum(open_, close) * 1.005, np.minimum(open_, close) * 0.995
    valid = np.ones(close.shape, bool)
    if missing and symbols > 1:
        valid[: bars // 5, 1] = False
        valid[generator.integers(bars // 5, bars, 10), 1] = False
    names = [f"S{s}" for s in range(symbols)]
    volume = generator.integers(1000, 2000, close.shape).astype(float)
    return Market.from_columns(
        names, np.arange(bars) * _DAY, open_, high, low, close, volume, valid=valid, dataset="small"
    )


def experiment(*strategies: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """The plain data of an experiment's TOML."""
    return {
        "experiment": {"name": "test", "seed": 7},
        "data": {"dataset": "small"},
        "strategy": list(strategies),
        **sections,
    }


def plan_of(
    *strategies: dict[str, Any], market: Market | None = None, own: OwnStages = NO_STAGES, **sections: Any
) -> Plan:
    """The plan of an experiment on the small market."""
    return prepare(experiment(*strategies, **sections), market or small_market(), own)[1]
