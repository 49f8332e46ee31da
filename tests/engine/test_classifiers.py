"""Every classifier on series worked out by hand, and the rules that all of them share."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import percentileofscore

from engine.classifiers.adx_trend import AdxTrendRegimes
from engine.classifiers.base import Classifier, carried
from engine.classifiers.breakout import BreakoutRegimes
from engine.classifiers.drawdown import DrawdownRegimes
from engine.classifiers.trend import TrendRegimes
from engine.classifiers.volatility_quantile import VolatilityQuantileRegimes, trailing_rank
from engine.classifiers.volatility_trend import VolatilityTrendRegimes
from engine.indicators.hub import Hub
from engine.market.index import index_market
from engine.market.market import Market
from engine.parallel.warm import tiny
from engine.registry import BUILT_IN
from engine.steps import classify
from tests.engine.small import small_market

_DAY = 86_400 * 10**9
NAN = np.nan
#: Parameters under which each classifier has something to say about 300 bars.
SMALL: dict[str, dict[str, Any]] = {
    "volatility": {"window": 5, "baseline": 30},
    "trend": {"window": 10},
    "volatility_quantile": {"window": 5, "history": 40},
    "adx_trend": {"window": 5, "average": 10, "slope": 4},
    "volatility_trend": {"window": 5, "baseline": 30, "average": 20},
    "drawdown": {"correction": 0.05, "bear": 0.1, "recovery": 0.02, "rally": 0.1},
    "breakout": {"window": 15, "hold": 5},
    "markov_switching": {"min_history": 80, "fit_every": 60},
}
EVERY = pytest.mark.parametrize("kind", SMALL)


def market(*close: float) -> Market:
    values = np.array(close, dtype=float)
    return Market.from_columns(["A"], np.arange(len(values)) * _DAY, values, values, values, values)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


def small(kind: str, **values: Any) -> Classifier:
    return BUILT_IN.classifiers[kind](**SMALL[kind], **values)


def codes(classifier: Classifier, bars: Market) -> np.ndarray:
    """The labels as a container has them, gaps filled and dwelt."""
    series = index_market(bars, classifier.reference)
    return classify(classifier, series, Hub(series), 0).regimes.codes


def raw(classifier: Classifier, bars: Market) -> np.ndarray:
    """The labels as the classifier itself gives them."""
    series = index_market(bars, classifier.reference)
    hub = Hub(series)
    return classifier.label(series, {name: hub.get(request) for name, request in classifier.indicators().items()})


def names(classifier: Classifier, found: np.ndarray) -> list[str | None]:
    return [None if code < 0 else classifier.regimes[code] for code in found]


def test_volatility_ranks_among_its_latest_values() -> None:
    stage = VolatilityQuantileRegimes(history=4, low=0.3, high=0.7)
    values = {"volatility": column(NAN, 3, 1, NAN, 4, 2, 5, 4, 1, 3)}
    # 2 among (3, 1, 4): 1/3. 5 among (1, 4, 2): 1. 4 among (4, 2, 5): 1.5/3, an equal one being half. 1 among
    # (2, 5, 4): 0. 3 among (5, 4, 1): 1/3
    found = stage.label(market(*[1.0] * 10), values)
    assert names(stage, found) == [None] * 5 + ["middle", "high", "middle", "low", "middle"]


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(2, 12))
def test_the_rank_is_scipys_mean_percentile(values: list[int], history: int) -> None:
    series = np.array(values, dtype=float)
    ranks = trailing_rank(series, history)
    assert np.isnan(ranks[: history - 1]).all()
    for t in range(history - 1, len(series)):
        others = series[t - history + 1 : t]
        assert ranks[t] == pytest.approx(percentileofscore(others, series[t], kind="mean") / 100.0, abs=1e-12)


def test_adx_says_whether_and_the_slope_says_which_way() -> None:
    stage = AdxTrendRegimes(threshold=20.0)
    values = {"adx": column(NAN, 25, 25, 25, 20, 30, 19), "slope": column(1, NAN, 1, -1, 1, 0, -1)}
    assert names(stage, stage.label(market(*[1.0] * 7), values)) == [
        *(None, None, "up", "down", "range", "range", "range")
    ]


def test_adx_of_closes_alone_is_the_share_of_the_way_that_led_somewhere() -> None:
    bars = index_market(small_market(bars=120))
    window, changes = 7, np.diff(bars.close[:, 0])

    def smoothed(moves: np.ndarray) -> np.ndarray:  # Wilder's running sum
        sums = [moves[: window - 1].sum()]
        for move in moves[window - 1 :]:
            sums.append(sums[-1] * (1.0 - 1.0 / window) + move)
        return np.array(sums[1:])

    directed = 100.0 * np.abs(smoothed(changes)) / smoothed(np.abs(changes))
    expected = [directed[:window].mean()]
    for value in directed[window:]:
        expected.append((expected[-1] * (window - 1) + value) / window)
    found = Hub(bars).get(AdxTrendRegimes(window=window).indicators()["adx"])[:, 0]
    np.testing.assert_allclose(found[np.isfinite(found)], expected, rtol=1e-9)


def test_a_straight_rise_is_up_a_straight_fall_is_down() -> None:
    stage = AdxTrendRegimes(window=3, average=3, slope=2)
    rise, fall = (raw(stage, market(*line)) for line in (np.arange(10.0, 30.0), np.arange(30.0, 10.0, -1.0)))
    assert names(stage, rise) == [None] * 5 + ["up"] * 15
    assert names(stage, fall) == [None] * 5 + ["down"] * 15


def test_volatility_times_trend() -> None:
    stage = VolatilityTrendRegimes(enter=1.5, leave=1.0, band=0.1)
    bars = market(10, 12, 10, 8, 10, 12, 12)
    values = {
        "volatility": column(1, 1, 1.6, 1.2, 0.9, 0.9, 2),
        "level": column(NAN, *[1] * 6),
        "average": column(*[10] * 6, NAN),
    }
    # above 11 up, below 9 down, between as before; turbulent above 1.5, calm below 1
    assert names(stage, stage.label(bars, values)) == [
        *(None, "calm_up", "turbulent_up", "turbulent_down", "calm_down", "calm_up", None)
    ]


def test_falls_from_the_peak() -> None:
    stage = DrawdownRegimes(correction=0.1, bear=0.2, recovery=0.05, rally=0.25)
    closes = [100, 91, 90, 94, 95, 110, 99, 88, 70, 80, 60, 74, 75, 68, 67.5, 71, 72, 60, 61]
    # 90: −10 % of 100. 94 is not yet −5 %; 95 is. 99 and 88: −10 and −20 % of 110. Lowest 60, so 75 is +25 %: the peak
    # is 75 from there, 67.5 its −10 %, 71 short of 71.25, 60 its −20 %, and 61 not 75
    assert names(stage, raw(stage, market(*closes))) == [
        *("bull", "bull", "correction", "correction", "bull", "bull", "correction"),
        *("bear", "bear", "bear", "bear", "bear"),
        *("bull", "bull", "correction", "correction", "bull", "bear", "bear"),
    ]


def test_breakouts_last_and_begin_anew() -> None:
    stage = BreakoutRegimes(window=2, hold=3)
    closes = [5, 6, 7, 6.5, 6.6, 6.5, 6.4, 6.4, 6.45, 6.3, 8, 7]
    # 7 > 6; 6.5 and 6.6 are inside, the third bar of the break; 6.5 is inside (6.5 to 6.6): range. 6.4 < 6.5 and 6.4 is
    # inside (6.4 to 6.5); 6.45 > 6.4 turns it, 6.3 < 6.4 turns it back, 8 turns it, 7 is inside (6.3 to 8)
    assert names(stage, raw(stage, market(*closes))) == [
        *(None, None, "breakout_up", "breakout_up", "breakout_up", "range"),
        *("breakout_down", "breakout_down", "breakout_up", "breakout_down", "breakout_up", "breakout_up"),
    ]


def plainly(given: list[int], dwell: int) -> list[int]:
    """The rule of dwell in plain Python."""
    held: list[int] = []
    for code in given:
        stood = next((i for i, old in enumerate(reversed(held)) if old != held[-1]), len(held))
        stays = bool(held) and held[-1] >= 0 and stood < dwell
        held.append(held[-1] if stays else code)
    return held


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.integers(-1, 2), min_size=1, max_size=60), st.integers(1, 8))
def test_dwell(given: list[int], dwell: int) -> None:
    filled = carried(np.array(given, dtype=np.int64), len(given), TrendRegimes())
    found = carried(np.array(given, dtype=np.int64), len(given), TrendRegimes(dwell=dwell))
    assert found.tolist() == plainly(filled.tolist(), dwell)
    labels = found[found >= 0]
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    assert (np.diff(starts) >= dwell).all()  # the last run may be shorter
    if dwell == 1:
        assert found.tolist() == filled.tolist()


def test_dwell_by_hand() -> None:
    given = np.array([-1, 0, 1, 1, 0, 2, -1, 1, 1], dtype=np.int64)
    # 0 stands from bar 1; bars 2 and 3 are too early, bar 4 asks for it anyway; 2 stands from bar 5 to 7
    assert carried(given, 9, TrendRegimes(dwell=3)).tolist() == [-1, 0, 0, 0, 0, 2, 2, 2, 1]


def test_every_classifier_is_tried_here() -> None:
    assert set(SMALL) == set(BUILT_IN.classifiers)


@EVERY
def test_labels_name_regimes_and_come_out_the_same_twice(kind: str) -> None:
    bars = small_market(bars=300, symbols=3)
    stage = small(kind)
    assert len(set(stage.regimes)) == len(stage.regimes)
    found = raw(stage, bars)
    assert found.dtype == np.int64 and found.shape == (300,)
    assert set(found.tolist()) <= set(range(-1, len(stage.regimes))) and len(set(found.tolist()) - {-1}) > 1
    np.testing.assert_array_equal(found, raw(small(kind), bars))


@EVERY
def test_dwell_holds_for_every_classifier(kind: str) -> None:
    bars = small_market(bars=300, symbols=3)
    once, long = codes(small(kind), bars), codes(small(kind, dwell=9), bars)
    assert long.tolist() == plainly(once.tolist(), 9)


@EVERY
def test_bars_that_the_reference_lacks_change_nothing_but_their_own_labels(kind: str) -> None:
    whole = small_market(bars=300, symbols=2, missing=False)
    own = np.random.default_rng(3).random(300) < 0.8
    valid = np.stack([np.ones(300, bool), own], axis=1)
    columns = [getattr(whole, name) for name in ("open", "high", "low", "close", "volume")]
    gaps = Market.from_columns(whole.symbols, whole.time, *columns, valid=valid)
    alone = Market.from_columns(["S1"], whole.time[own], *(values[own, 1] for values in columns))
    stage = small(kind, reference="S1")
    found = raw(stage, gaps)
    np.testing.assert_array_equal(found[own], raw(small(kind), alone))
    assert (found[~own] == -1).all()
    filled = codes(stage, gaps)
    later = np.flatnonzero(~own[1:]) + 1
    np.testing.assert_array_equal(filled[later], filled[later - 1])


@EVERY
def test_a_tiny_table_of_each_is_accepted(kind: str) -> None:
    table = tiny(BUILT_IN.classifiers[kind])
    assert table.pop("kind") == kind
    assert BUILT_IN.classifiers[kind](**table).dwell == 2
