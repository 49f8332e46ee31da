"""Signals of a strategy on a market, as a container asks for them, and markets to ask on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.indicators.hub import Hub
from engine.market.market import Market
from engine.registry import BUILT_IN
from engine.stage import Regimes
from engine.steps import dense_signals

Array = npt.NDArray[np.float64]
NAN = float("nan")


def signals(kind: str, market: Market, regimes: Regimes | None = None, /, **parameters: Any) -> Array:
    """The dense signals of a built-in strategy, float64 (bars, symbols)."""
    strategy = BUILT_IN.strategies[kind].among(parameters, BUILT_IN.strategies, kind)(**parameters)
    return dense_signals(strategy, market, Hub(market), regimes, seed=3)


def closes(*columns: Sequence[float], days: Sequence[str] | None = None, **more: Any) -> Market:
    """A market of close prices alone, one column a symbol, NaN where it has no bar; from 1970-01-01 or on `days`."""
    close = np.array(columns, dtype=np.float64).T
    time = np.arange(len(close)) * 86_400 * 10**9 if days is None else np.array(days, "datetime64[ns]").astype(np.int64)
    return Market.from_columns([f"S{s}" for s in range(len(columns))], time, close, close, close, close, **more)


def with_gaps(market: Market, share: float = 0.2, seed: int = 1) -> Market:
    """`market` without some bars of every symbol, not the same ones."""
    valid = market.valid & (np.random.default_rng(seed).random(market.valid.shape) >= share)
    columns = [getattr(market, name) for name in ("open", "high", "low", "close", "volume")]
    return Market.from_columns(market.symbols, market.time, *columns, valid=valid, session=market.session)


def on_own_bars(market: Market, s: int) -> tuple[Market, npt.NDArray[np.intp]]:
    """Symbol `s` alone, on its own bars, and which bars of `market` these are."""
    own = np.flatnonzero(market.valid[:, s])
    columns = [getattr(market, name)[own, s] for name in ("open", "high", "low", "close", "volume")]
    return Market.from_columns([market.symbols[s]], market.time[own], *columns), own


def reordered(market: Market, names: Sequence[str], order: Sequence[int]) -> Market:
    """`market` with its symbols in another order, under other names."""
    columns = [getattr(market, name)[:, list(order)] for name in ("open", "high", "low", "close", "volume")]
    valid = market.valid[:, list(order)]
    return Market.from_columns(names, market.time, *columns, valid=valid, session=market.session)


def mirrored(market: Market) -> Market:
    """`market` with every price p turned into 10,000 / p: what rose by a factor falls by it."""
    columns = [1e4 / getattr(market, name) for name in ("open", "low", "high", "close")]
    return Market.from_columns(market.symbols, market.time, *columns, valid=market.valid, session=market.session)
