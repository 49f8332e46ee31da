"""MACD and volatility breakout: by hand, against a plain twin, with gaps, renamed, and upside down."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.datasets.library import DatasetLibrary
from engine.market.market import Market
from tests.engine.signals import NAN, Array, closes, on_own_bars, reordered, signals, with_gaps
from tests.engine.small import small_market

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("macd", {"fast": 4, "slow": 9, "signal_window": 3, "long_only": False}),
    ("macd", {"fast": 4, "slow": 9, "signal_window": 3, "enter_on": "state"}),
    ("volatility_breakout", {"window": 6, "hold": 4, "long_only": False}),
    ("volatility_breakout", {"window": 1, "width": 0.5, "hold": 2}),
]


@pytest.fixture(scope="module")
def us_tech(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return DatasetLibrary(tmp_path_factory.mktemp("home")).market("us-tech")


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_macd_by_hand() -> None:
    """Windows 2 and 3, signal line 2: the MACD at bars 2 to 6 is 0, .5, .4167, −.7361, .3171; its signal line at bars
    3 to 6 is the mean .25, then .3611, −.3704, .0880."""
    market = closes([10, 10, 10, 13, 13, 7, 13])
    windows = {"fast": 2, "slow": 3, "signal_window": 2}
    state = [NAN, NAN, NAN, 1, 1, 0, 1]
    cross = [NAN, NAN, NAN, NAN, NAN, -1, 1]
    np.testing.assert_array_equal(signals("macd", market, **windows, enter_on="state")[:, 0], state)
    np.testing.assert_array_equal(signals("macd", market, **windows, long_only=False)[:, 0], cross)
    np.testing.assert_array_equal(
        signals("macd", market, fast=3, slow=2, signal_window=2, enter_on="state")[:, 0], state
    )


@pytest.mark.parametrize(("long_only", "below"), [(True, 0.0), (False, -1.0)])
def test_volatility_breakout_by_hand(long_only: bool, below: float) -> None:
    """Ranges are the moves 1, 2, .5, .5, 2, .5, 1. Bar 2 moves 2 after 1: long. Bar 4 moves −.5 after .5, not more than
    it: the two bars are over. Bar 5 moves −2 after .5: down. Bar 7 moves 1 after .5: long."""
    market = closes([100, 101, 103, 103.5, 103, 101, 101.5, 102.5])
    found = signals("volatility_breakout", market, window=1, width=1.0, hold=2, long_only=long_only)
    np.testing.assert_array_equal(found[:, 0], [NAN, NAN, 1, 1, 0, below, below, 1])


def test_a_further_breakout_begins_the_count_anew_and_the_opposite_ends_it() -> None:
    market = closes([10, 11, 13, 13, 14, 14, 14, 15, 12, 12])
    found = signals("volatility_breakout", market, window=1, width=1.0, hold=3)
    np.testing.assert_array_equal(found[:, 0], [NAN, NAN, 1, 1, 1, 1, 1, 1, 0, 0])


# --- against a plain twin --------------------------------------------------------------------------------------------


def ema(values: Array, window: int) -> Array:
    """An exponential average that begins with a plain one."""
    seeded = np.concatenate([[values[:window].mean()], values[window:]])
    found = pd.Series(seeded).ewm(alpha=2.0 / (window + 1.0), adjust=False).mean().to_numpy()
    return np.concatenate([np.full(window - 1, np.nan), found])


@pytest.mark.parametrize(("fast", "slow", "line"), [(12, 26, 9), (5, 30, 4)])
def test_macd_is_that_of_a_plain_twin(us_tech: Market, fast: int, slow: int, line: int) -> None:
    found = signals("macd", us_tech, fast=fast, slow=slow, signal_window=line, enter_on="state", long_only=False)
    for s in range(len(us_tech.symbols)):
        own = us_tech.valid[:, s]
        close = us_tech.close[own, s]
        macd = ema(close[slow - fast :], fast)[fast - 1 :] - ema(close, slow)[slow - 1 :]
        above = macd[line - 1 :] - ema(macd, line)[line - 1 :]
        assert (np.abs(above) > 1e-10).all()
        expected = np.concatenate([np.full(slow + line - 2, np.nan), np.sign(above)])
        np.testing.assert_array_equal(found[own, s], expected)
        assert np.isnan(found[~own, s]).all()


def broken_out(frame: pd.DataFrame, window: int, width: float, hold: int) -> Iterator[float]:
    """Volatility breakout, both ways, over one symbol's bars, as it is told: position and bars left, bar by bar."""
    before = frame.close.shift()
    true = pd.concat([frame.high - frame.low, (frame.high - before).abs(), (frame.low - before).abs()], axis=1).max(
        axis=1
    )
    average = NAN
    side, since = 0, 0
    for t in range(len(frame)):
        far, since = width * average, since + 1
        if t == window:
            average = true[1 : window + 1].mean()
        elif t > window:
            average += (true[t] - average) / window
        if np.isnan(far):
            yield NAN
            continue
        if since == hold:
            side = 0
        move = frame.close[t] - before[t]
        if abs(move) > far:
            side, since = (1 if move > 0 else -1), 0
        yield side


def test_volatility_breakout_is_that_of_a_plain_twin(us_tech: Market) -> None:
    found = signals("volatility_breakout", us_tech, window=10, width=1.2, hold=4, long_only=False)
    assert (found == 1).sum() > 100 and (found == -1).sum() > 100
    for s in range(len(us_tech.symbols)):
        own = us_tech.valid[:, s]
        frame = pd.DataFrame({name: getattr(us_tech, name)[own, s] for name in ("high", "low", "close")})
        np.testing.assert_array_equal(found[own, s], list(broken_out(frame, 10, 1.2, 4)))


# --- what changes nothing, and what turns everything round -----------------------------------------------------------


@pytest.mark.parametrize(("kind", "parameters"), KINDS)
def test_gaps_and_other_symbols_change_nothing(kind: str, parameters: dict[str, Any]) -> None:
    market = with_gaps(small_market(symbols=3))
    found = signals(kind, market, **parameters)
    assert np.isnan(found[~market.valid]).all()
    for s in range(3):
        alone, own = on_own_bars(market, s)
        np.testing.assert_array_equal(found[own, s], signals(kind, alone, **parameters)[:, 0])
    order = [2, 0, 1]
    np.testing.assert_array_equal(signals(kind, reordered(market, "xyz", order), **parameters), found[:, order])


@pytest.mark.parametrize(("kind", "parameters"), KINDS)
def test_upside_down_long_is_short(kind: str, parameters: dict[str, Any]) -> None:
    market = small_market(symbols=2)
    columns = [400.0 - getattr(market, name) for name in ("open", "low", "high", "close")]
    turned = Market.from_columns(market.symbols, market.time, *columns, valid=market.valid)
    both = {**parameters, "long_only": False}
    found = signals(kind, market, **both)
    assert (found == 1).any() and (found == -1).any()
    np.testing.assert_array_equal(signals(kind, turned, **both), -found)
    longs = {**parameters, "long_only": True}
    np.testing.assert_array_equal(signals(kind, market, **longs), np.where(found < 0, 0.0, found))
