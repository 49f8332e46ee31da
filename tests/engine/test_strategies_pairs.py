"""Pairs: by hand, against a plain twin, on the bars that both have, and with the two swapped."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.datasets.library import DatasetLibrary
from engine.errors import ConfigError
from engine.market.market import Market
from engine.plan import prepare
from tests.engine.signals import NAN, Array, closes, reordered, signals, with_gaps
from tests.engine.small import experiment, small_market

VARIANTS: list[dict[str, Any]] = [
    {"window": 30},
    {"window": 20, "hedge": "regression", "enter": 1.5},
    {"window": 40, "enter": 1.2, "leave": 0.0, "stop": 2.2},
    {"window": 15, "hedge": "regression", "enter": 1.0, "leave": 0.8, "stop": 1.8},
]


@pytest.fixture(scope="module")
def us_tech(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return DatasetLibrary(tmp_path_factory.mktemp("home")).market("us-tech")


# --- by hand ---------------------------------------------------------------------------------------------------------


def logged(spread: list[float]) -> Market:
    """Two symbols whose log price ratio is `spread`: the second stays at 1."""
    return closes(np.exp(spread).tolist(), [1.0] * len(spread))


def test_pairs_by_hand() -> None:
    """Windows of four: (0, 0, 0, 4) has mean 1 and deviation √3, its last z is √3 = 1.73; (0, 0, 4, 1) has its last
    at its mean less .25, z = −.15; (0, 4, 1, 1) z = −.33; (4, 1, 1, −6) has mean 0 and deviation 3.67, z = −1.63."""
    market = logged([0, 0, 0, 4, 1, 1, -6])
    found = signals("pairs", market, window=4, enter=1.5, leave=0.2)
    np.testing.assert_array_equal(found[:, 0], [NAN, NAN, NAN, -1, 0, 0, 1])
    np.testing.assert_array_equal(found[:, 1], [NAN, NAN, NAN, 1, 0, 0, -1])
    stopped = signals("pairs", market, window=4, enter=1.5, leave=0.2, stop=1.7)
    np.testing.assert_array_equal(stopped[:, 0], [NAN, NAN, NAN, 0, 0, 0, 1])


def test_what_is_stopped_is_not_entered_the_same_way_before_it_came_back() -> None:
    """Bar 2 is beyond the stop: no entry. Bars 3, 4: long, left at bar 5, which is beyond the stop too. Bar 6: short,
    stopped at bar 7; bar 8 would be an entry, but z has not been below .5 since. At bar 10 it is, so bar 11 is one."""
    spread = [0, 0, 1, 0, 0, 9, 9, 15, 15, 17, 15.9, 18]
    z = z_scores(np.array(spread, dtype=float), np.zeros(12), 3)
    assert z[2:].round(2).tolist() == [1.41, -0.71, -0.71, 1.41, 0.71, 1.41, 0.71, 1.41, -0.08, 1.2]
    free = signals("pairs", logged(spread), window=3, enter=0.6, leave=0.5)
    np.testing.assert_array_equal(free[2:, 0], [-1, 1, 1, -1, -1, -1, -1, -1, 0, -1])
    stopped = signals("pairs", logged(spread), window=3, enter=0.6, leave=0.5, stop=1.4)
    np.testing.assert_array_equal(stopped[2:, 0], [0, 1, 1, 0, -1, 0, 0, 0, 0, -1])


def test_a_spread_that_does_not_move_says_nothing() -> None:
    market = closes([1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 4.0, 6.0, 8.0, 10.0])
    assert np.isnan(signals("pairs", market, window=3)).all()
    assert np.isnan(signals("pairs", market, window=3, hedge="regression")).all()
    still = closes([1.0, 2.0, 3.0, 4.0, 5.0], [2.0] * 5)
    assert np.isnan(signals("pairs", still, window=3, hedge="regression")).all()


# --- against a plain twin --------------------------------------------------------------------------------------------


def z_scores(a: Array, b: Array, window: int, hedge: str = "ratio") -> Array:
    """Of log prices on the bars both have: pandas' rolling mean and deviation, or NumPy's regression."""
    if hedge == "ratio":
        spread = pd.Series(a - b)
        return ((spread - spread.rolling(window).mean()) / spread.rolling(window).std(ddof=0)).to_numpy()
    found = [NAN] * (window - 1)
    for t in range(window, len(a) + 1):
        x, y = b[t - window : t], a[t - window : t]
        residuals = y - np.polyval(np.polyfit(x, y, 1), x)
        found.append(residuals[-1] / residuals.std())
    return np.array(found)


def positions(z: Array, enter: float = 2.0, leave: float = 0.5, stop: float = np.inf) -> Iterator[float]:
    """Of the spread, in words of its state: flat, long, short, or stopped from one of them."""
    state = "flat"
    for value in z:
        if np.isnan(value):
            yield NAN
            continue
        back = {"long": value > -leave, "stopped long": value > -leave}
        back |= {"short": value < leave, "stopped short": value < leave}
        if back.get(state):
            state = "flat"
        if state == "long" and value < -stop:
            state = "stopped long"
        if state == "short" and value > stop:
            state = "stopped short"
        if enter < value <= stop and state != "stopped short":
            state = "short"
        if -stop <= value < -enter and state != "stopped long":
            state = "long"
        yield {"long": 1.0, "short": -1.0}.get(state, 0.0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_pairs_are_those_of_a_plain_twin(us_tech: Market, variant: dict[str, Any]) -> None:
    found = signals("pairs", us_tech, which="all", **variant)
    rules = {key: value for key, value in variant.items() if key in ("enter", "leave", "stop")}
    for i in (0, 2):
        both = us_tech.valid[:, i] & us_tech.valid[:, i + 1]
        z = z_scores(*np.log(us_tech.close[both, i : i + 2]).T, variant["window"], variant.get("hedge", "ratio"))
        expected = np.array(list(positions(z, **rules)))
        assert (expected == 1).sum() > 20 and (expected == -1).sum() > 20
        np.testing.assert_array_equal(found[both, i], expected)
        np.testing.assert_array_equal(found[both, i + 1], -expected)
        assert np.isnan(found[~both, i : i + 2]).all()


# --- which bars, which symbols ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_bars_count_that_both_have(variant: dict[str, Any]) -> None:
    market = with_gaps(small_market(symbols=2))
    found = signals("pairs", market, **variant)
    both = market.valid.all(axis=1)
    joint = Market.from_columns(market.symbols, market.time[both], *[market.close[both]] * 4)
    np.testing.assert_array_equal(found[both], signals("pairs", joint, **variant))
    assert np.isnan(found[~both]).all()


def test_the_first_two_or_two_by_two() -> None:
    market = small_market(symbols=5)
    first, every = (signals("pairs", market, window=20, which=which) for which in ("first", "all"))
    np.testing.assert_array_equal(first[:, :2], every[:, :2])
    assert np.isnan(first[:, 2:]).all() and np.isnan(every[:, 4]).all() and np.isfinite(every[:, 2:4]).any()
    others = signals("pairs", reordered(market, "abcde", [2, 3, 0, 1, 4]), window=20, which="all")
    np.testing.assert_array_equal(others, every[:, [2, 3, 0, 1, 4]])
    with pytest.raises(ConfigError, match="strategy 'pairs' takes at least 2"):
        prepare(experiment({"kind": "pairs"}), small_market(symbols=1))


def test_swapped_the_legs_are_the_same() -> None:
    market = with_gaps(small_market(symbols=2))
    found = signals("pairs", market, window=20, enter=1.5, stop=2.5)
    assert {-1.0, 0.0, 1.0} == set(found[np.isfinite(found)].tolist())
    swapped = signals("pairs", reordered(market, "ba", [1, 0]), window=20, enter=1.5, stop=2.5)
    np.testing.assert_array_equal(swapped[:, ::-1], found)
