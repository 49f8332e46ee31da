"""Figures by regime agree with a plain walk over the bars, and look at no label that was not known in time."""

import math

import numpy as np
import pytest

from engine.projections.by_regime import Part, bar_returns, by_regime

YEAR = 252.0


def walked(equity: list[float], base: float, known: list[int], entries: list[int], code: int, free: float) -> Part:
    """The same, bar by bar."""
    returns, episodes, deepest, peak, grown = [], 0, 0.0, math.nan, 1.0
    before = base
    for bar, value in enumerate(equity):
        if known[bar] == code:
            if bar == 0 or known[bar - 1] != code:
                episodes += 1
                peak = before
            peak = max(peak, value)
            deepest = min(deepest, value / peak - 1.0)
            returns.append(value / before - 1.0)
            grown *= value / before
        before = value
    sharpe = None
    if len(returns) > 1:
        mean = sum(returns) / len(returns)
        deviation = math.sqrt(sum((r - mean) ** 2 for r in returns) / (len(returns) - 1))
        sharpe = (mean - free / YEAR) / deviation * math.sqrt(YEAR) if deviation > 0 else None
    began = sum(known[entry] == code for entry in entries)
    return Part(code, episodes, len(returns), len(returns) / len(equity), grown - 1.0, sharpe, deepest, began)


@pytest.mark.parametrize("seed", range(20))
def test_it_agrees_with_a_walk(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bars, regimes = int(rng.integers(1, 400)), int(rng.integers(1, 4))
    equity = 1000.0 * np.exp(np.cumsum(rng.normal(0, 0.02, bars)))
    stay = rng.random(bars) < (0.5 if seed % 2 else 0.95)
    known = np.full(bars, -1)
    for bar in range(1, bars):
        known[bar] = known[bar - 1] if stay[bar] else rng.integers(0, regimes)
    entries = rng.integers(0, bars, 30)
    codes = range(-1, regimes)
    for part in by_regime(equity, 990.0, known, entries, codes, YEAR, 0.03):
        plain = walked(equity.tolist(), 990.0, known.tolist(), entries.tolist(), part.code, 0.03)
        assert (part.episodes, part.bars, part.trades) == (plain.episodes, plain.bars, plain.trades)
        assert part.share == plain.share
        assert part.total_return == pytest.approx(plain.total_return, rel=1e-9, abs=1e-12)
        assert part.max_drawdown == pytest.approx(plain.max_drawdown, rel=1e-9, abs=1e-12)
        assert part.sharpe == (None if plain.sharpe is None else pytest.approx(plain.sharpe, rel=1e-9))


def test_parts_chain_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    equity = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, 1000)))
    known = rng.integers(-1, 2, 1000)
    parts = by_regime(equity, 100.0, known, np.zeros(0, np.int64), (-1, 0, 1), YEAR)
    assert math.prod(1.0 + part.total_return for part in parts) == pytest.approx(equity[-1] / 100.0)
    assert sum(part.bars for part in parts) == 1000 and sum(part.share for part in parts) == pytest.approx(1.0)


def test_a_drawdown_does_not_reach_into_the_next_episode() -> None:
    equity = np.array([100.0, 90.0, 60.0, 60.0, 57.0])
    calm, wild = by_regime(equity, 100.0, np.array([0, 0, 1, 0, 0]), np.array([0, 3]), (0, 1), YEAR)
    assert calm.max_drawdown == pytest.approx(-0.10) and wild.max_drawdown == pytest.approx(60 / 90 - 1)
    assert (calm.episodes, wild.episodes) == (2, 1)
    assert (calm.trades, wild.trades) == (2, 0)


def test_what_is_bankrupt_earns_nothing_more() -> None:
    equity = np.array([50.0, -10.0, -10.0, -10.0])
    before, after = by_regime(equity, 100.0, np.array([0, 0, 1, 1]), np.zeros(0, np.int64), (0, 1), YEAR)
    assert before.total_return == pytest.approx(-1.1) and before.max_drawdown == pytest.approx(-1.1)
    assert (after.total_return, after.max_drawdown, after.sharpe) == (0.0, 0.0, None)
    assert bar_returns(np.zeros(3), 0.0).tolist() == [0.0, 0.0, 0.0]


def test_a_regime_that_never_came_has_nothing() -> None:
    (never,) = by_regime(np.array([101.0, 102.0]), 100.0, np.array([0, 0]), np.zeros(0, np.int64), (7,), YEAR)
    assert never == Part(7, 0, 0, 0.0, 0.0, None, 0.0, 0)
    (nothing,) = by_regime(np.zeros(0), 100.0, np.zeros(0, np.int64), np.zeros(0, np.int64), (0,), YEAR)
    assert nothing == Part(0, 0, 0, 0.0, 0.0, None, 0.0, 0)
