"""Markets to check on: one made to be awkward, the beginning of one, one with some bars changed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.market.dataset import DAY
from engine.market.market import COLUMNS, Market

#: The day on which the made market begins: a Monday.
_MONDAY = 10_959 * DAY
_LATE = 0.2


def prefix(market: Market, bars: int) -> Market:
    """The first `bars` bars: views, read-only as the whole."""
    arrays: dict[str, Any] = {name: getattr(market, name)[:bars] for name in (*COLUMNS, "valid", "bars")}
    return replace(
        market,
        time=market.time[:bars],
        session=market.session[:bars],
        actions=market.actions[market.actions["bar"] < bars],
        features={name: values[:bars] for name, values in market.features.items()},
        **arrays,
    )


def gapped(bars: int = 400, seed: int = 11, missing: bool = True) -> Market:
    """Three symbols on working days: a random walk, one that lists late and misses bars, one that hardly moves.

    Without `missing`, the same prices with every bar there.
    """
    draw = np.random.default_rng(seed)
    shape = (bars, 3)
    steps = draw.normal(0.0003, 0.02, shape)
    steps[:, 2] *= 0.01
    close = np.array([100.0, 5.0, 1000.0]) * np.exp(np.cumsum(steps, axis=0))
    open_ = close * np.exp(draw.normal(0, 0.004, shape))
    high = np.maximum(open_, close) * (1 + np.abs(draw.normal(0, 0.003, shape)))
    low = np.minimum(open_, close) * (1 - np.abs(draw.normal(0, 0.003, shape)))
    valid = np.ones(shape, bool)
    holes = draw.integers(int(bars * _LATE) + 2, bars, max(bars // 20, 3))
    if missing:
        valid[: int(bars * _LATE), 1] = False
        valid[holes, 1] = False
        valid[bars // 2 : bars // 2 + 7, 1] = False
    days = np.arange(bars)
    time = _MONDAY + (days // 5 * 7 + days % 5) * DAY
    volume = draw.integers(1000, 5000, shape).astype(np.float64)
    return Market.from_columns(["A", "B", "C"], time, open_, high, low, close, volume, valid=valid, dataset="made")


def changed(market: Market, columns: Mapping[str, npt.NDArray[Any]]) -> Market:
    """`market` with these columns (`time`, `valid`, prices, volume or features) instead of its own."""
    values = {name: np.array(columns.get(name, getattr(market, name))) for name in (*COLUMNS, "valid", "time")}
    return replace(
        Market.from_columns(
            market.symbols,
            values["time"],
            *(values[name] for name in COLUMNS),
            valid=values["valid"],
            session=market.session,
            actions=market.actions,
            features={name: columns.get(name, found) for name, found in market.features.items()},
        ),
        dataset=market.dataset,
        frequency=market.frequency,
        bars_per_year=market.bars_per_year,
        sessions_per_year=market.sessions_per_year,
        adjustment=market.adjustment,
        zone=market.zone,
    )
