"""ATR and volatility of a symbol on its own bars, by the book: what sizes positions and places stops."""

import math
from itertools import pairwise
from typing import Any

from tests.oracle.rules import Market, Rules

Table = list[list[float | None]]  # [bar][symbol]


def split_factors(market: Market) -> list[list[float]]:
    """What turns a price at [bar][symbol] into units of the first day: the product of the splits up to that bar."""
    bars, symbols = len(market["close"]), len(market["close"][0])
    factors = [[1.0] * symbols for _ in range(bars)]
    for bar, symbol, kind, value in market.get("actions", []):
        if kind == 0:
            for t in range(bar, bars):
                factors[t][symbol] *= value
    return factors


def average_true_range(bars: list[tuple[float, float, float]], window: int) -> list[float | None]:
    """Wilder's ATR of (high, low, close): the mean of the first `window` true ranges, then smoothed by 1 / window."""
    found: list[float | None] = [None] * len(bars)
    ranges: list[float] = []
    last = 0.0
    for t in range(1, len(bars)):
        high, low, _ = bars[t]
        before = bars[t - 1][2]
        ranges.append(max(high - low, abs(high - before), abs(low - before)))
        if len(ranges) < window:
            continue
        last = sum(ranges) / window if len(ranges) == window else (last * (window - 1) + ranges[-1]) / window
        found[t] = last
    return found


def volatility(closes: list[float], window: int) -> list[float | None]:
    """Population standard deviation of the last `window` returns from close to close."""
    found: list[float | None] = [None] * len(closes)
    returns = [after / before - 1 for before, after in pairwise(closes)]
    for t in range(window, len(closes)):
        last = returns[t - window : t]
        mean = sum(last) / window
        found[t] = math.sqrt(sum((r - mean) ** 2 for r in last) / window)
    return found


def _table(market: Market, window: int, of_bars: Any) -> Table:
    """`of_bars` on each symbol's own bars in units of the first day; None on bars the symbol lacks."""
    factors = split_factors(market)
    table: Table = [[None] * len(row) for row in market["close"]]
    for s in range(len(market["close"][0])):
        own = [t for t in range(len(table)) if market["close"][t][s] is not None]
        bars = [tuple(market[name][t][s] * factors[t][s] for name in ("high", "low", "close")) for t in own]
        for t, value in zip(own, of_bars(bars, window), strict=True):
            table[t][s] = value
    return table


def tables(market: Market, rules: Rules) -> dict[str, Table]:
    """`stop_atr`: the range that stops use; `size_atr`, `volatility`: what sizes. In units of the first day."""
    found = {}
    if rules["stop_atr"] is not None or rules["trailing_atr"] is not None:
        found["stop_atr"] = _table(market, rules["atr_window"], average_true_range)
    if rules["sizing"] == "risk":
        found["size_atr"] = _table(market, rules["sizing_window"], average_true_range)
    if rules["sizing"] in ("inverse_volatility", "volatility_target"):
        found["volatility"] = _table(
            market, rules["sizing_window"], lambda bars, window: volatility([bar[2] for bar in bars], window)
        )
    return found
