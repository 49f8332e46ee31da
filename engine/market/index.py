"""The one series that stands for the whole market: what a classifier labels."""

from dataclasses import replace
from typing import Any

import numpy as np

from engine.market.market import COLUMNS, Floats, Market, frozen

#: The index begins here, and is named so.
BASE = 100.0
NAME = "index"


def index_market(market: Market, reference: str | None = None) -> Market:
    """A market of one symbol on the time axis of `market`: the reference, the only symbol, or the equal-weight index.

    A symbol comes with its own bars (`valid` False elsewhere). The index exists on every bar and has
    open = high = low = close, and no volume. Its first n bars do not depend on later ones, bit for bit.
    Raises DataError when `reference` is not a symbol of the market.
    """
    if reference is not None or len(market.symbols) == 1:
        column = 0 if reference is None else market.places([reference])[0]
        return _one(market, column)
    level = _equal_weight(market)
    return replace(
        Market.from_columns([NAME], market.time, level, level, level, level, session=market.session),
        dataset=market.dataset,
        frequency=market.frequency,
        bars_per_year=market.bars_per_year,
        sessions_per_year=market.sessions_per_year,
        adjustment=market.adjustment,
        zone=market.zone,
    )


def _one(market: Market, column: int) -> Market:
    if len(market.symbols) == 1:
        return market
    arrays: dict[str, Any] = {name: frozen(getattr(market, name)[:, [column]]) for name in (*COLUMNS, "valid", "bars")}
    actions = market.actions[market.actions["symbol"] == column].copy()
    actions["symbol"] = 0
    features = {name: frozen(values[:, [column]]) for name, values in market.features.items()}
    symbols = (market.symbols[column],)
    return replace(market, symbols=symbols, actions=frozen(actions), features=features, **arrays)


def _equal_weight(market: Market) -> Floats:
    """Levels, float64 (bars,). A bar's return is the mean over the symbols that have this bar and an earlier one."""
    total = np.zeros(len(market.time))
    count = np.zeros(len(market.time))
    for s in range(len(market.symbols)):  # symbol by symbol: the order of the sum never depends on NumPy's blocking
        own = np.flatnonzero(market.valid[:, s])
        close = market.close[own, s]
        total[own[1:]] += close[1:] / close[:-1] - 1.0
        count[own[1:]] += 1.0
    growth = 1.0 + np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    if len(growth):
        growth[0] = BASE
    return np.asarray(np.cumprod(growth), dtype=np.float64)
