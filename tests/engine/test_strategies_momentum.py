"""Momentum in time and across symbols: by hand, against pandas, with gaps, renamed, and mirrored."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.datasets.library import DatasetLibrary
from engine.errors import ConfigError
from engine.market.market import Market
from engine.plan import prepare
from tests.engine.signals import NAN, Array, closes, mirrored, on_own_bars, reordered, signals, with_gaps
from tests.engine.small import experiment, small_market

#: Seven days over two turns of a month.
DAYS = ["2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02", "2024-02-29", "2024-03-01", "2024-03-04"]
VARIANTS: list[dict[str, Any]] = [
    {"lookback": 20},
    {"lookback": 30, "skip": 5},
    {"lookback": 20, "skip": 1, "every": 1},
    {"lookback": 12, "every": 7},
]


@pytest.fixture(scope="module")
def us_tech(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return DatasetLibrary(tmp_path_factory.mktemp("home")).market("us-tech")


def past_returns(market: Market, lookback: int, skip: int) -> pd.DataFrame:
    """Each symbol's return over its own bars, NaN where it has none."""
    frame = market.frame("close")
    own = {name: frame[name].dropna() for name in frame}
    found = {name: values.shift(skip) / values.shift(skip + lookback) - 1.0 for name, values in own.items()}
    return pd.DataFrame(found).reindex(frame.index)


# --- momentum in time ------------------------------------------------------------------------------------------------


def test_momentum_by_hand() -> None:
    """Decided on 1 February (110 against 100) and on 1 March (90 against 110); every second bar from the third on."""
    market = closes([100, 105, 110, 110, 95, 90, 120], days=DAYS)
    monthly = signals("momentum", market, lookback=2, long_only=False)
    np.testing.assert_array_equal(monthly[:, 0], [NAN, NAN, 1, NAN, NAN, -1, NAN])
    np.testing.assert_array_equal(signals("momentum", market, lookback=2)[:, 0], [NAN, NAN, 1, NAN, NAN, 0, NAN])
    np.testing.assert_array_equal(signals("momentum", market, lookback=2, every=2)[:, 0], [NAN, NAN, 1, NAN, 0, NAN, 1])
    skipping = signals("momentum", market, lookback=1, skip=1, every=1, long_only=False)
    np.testing.assert_array_equal(skipping[:, 0], [NAN, NAN, 1, 1, 0, -1, -1])


def test_a_month_turns_at_the_symbols_own_first_bar_and_not_at_the_first_of_all() -> None:
    market = closes([100, 101, NAN, 102, 103, NAN, 99], [NAN, NAN, 100, 101, 102, 103, 104], days=DAYS)
    found = signals("momentum", market, lookback=1, long_only=False)
    np.testing.assert_array_equal(found[:, 0], [NAN, NAN, NAN, 1, NAN, NAN, -1])
    np.testing.assert_array_equal(found[:, 1], [NAN, NAN, NAN, NAN, NAN, 1, NAN])


@pytest.mark.parametrize("variant", VARIANTS)
def test_momentum_is_that_of_pandas(us_tech: Market, variant: dict[str, Any]) -> None:
    found = signals("momentum", us_tech, **variant, long_only=False)
    returns = past_returns(us_tech, variant["lookback"], variant.get("skip", 0))
    for s, name in enumerate(us_tech.symbols):
        own = us_tech.valid[:, s]
        values = returns[name][own]
        if "every" in variant:
            begun = values.notna().cumsum()
            decides = (begun > 0) & ((begun - 1) % variant["every"] == 0)
        else:
            months = pd.Series(values.index.strftime("%Y-%m"), index=values.index)
            decides = (months != months.shift()) & months.shift().notna()
        expected = np.sign(values).where(decides)
        np.testing.assert_array_equal(found[own, s], expected)
        assert np.isnan(found[~own, s]).all() and (expected == -1).sum() > 10


@pytest.mark.parametrize("variant", VARIANTS)
def test_gaps_and_other_symbols_change_nothing(variant: dict[str, Any]) -> None:
    market = with_gaps(small_market(symbols=3))
    found = signals("momentum", market, **variant)
    for s in range(3):
        alone, own = on_own_bars(market, s)
        np.testing.assert_array_equal(found[own, s], signals("momentum", alone, **variant)[:, 0])
    order = [1, 2, 0]
    np.testing.assert_array_equal(signals("momentum", reordered(market, "xyz", order), **variant), found[:, order])


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_rose_fell_in_the_mirror(variant: dict[str, Any]) -> None:
    market = with_gaps(small_market(symbols=4))
    np.testing.assert_array_equal(
        signals("momentum", mirrored(market), **variant, long_only=False),
        -signals("momentum", market, **variant, long_only=False),
    )
    market = small_market(symbols=4, missing=False)  # with all ranked, neither end of the ranks is short of symbols
    np.testing.assert_array_equal(
        signals("cross_sectional_momentum", mirrored(market), **variant, top=1, bottom=2),
        -signals("cross_sectional_momentum", market, **variant, top=2, bottom=1),
    )


# --- momentum across symbols -----------------------------------------------------------------------------------------


def test_ranks_by_hand() -> None:
    """Returns over two bars on 1 February: 10 %, −10 %, 10 %, none; on 1 March: −10 %, 20 %, none, 5 %."""
    market = closes(
        [100, 100, 110, 100, 100, 90, 90],
        [100, 100, 90, 100, 100, 120, 120],
        [100, 100, 110, 100, 100, NAN, 100],
        [NAN, NAN, 100, 100, 100, 105, 105],
        days=DAYS,
    )
    best = signals("cross_sectional_momentum", market, lookback=2, skip=0, top=1, bottom=1)
    nothing = [NAN] * 4
    np.testing.assert_array_equal(
        best,
        [nothing, nothing, [1, -1, 0, 0], nothing, nothing, [-1, 1, NAN, 0], [NAN, NAN, 0, NAN]],
    )
    two = signals("cross_sectional_momentum", market, lookback=2, skip=0, top=2, bottom=2)
    np.testing.assert_array_equal(two[2], [1, -1, 1, 0])  # of three the top has its two, the bottom what is left
    np.testing.assert_array_equal(two[5], [-1, 1, NAN, 1])
    np.testing.assert_array_equal(two[6], [NAN, NAN, 0, NAN])


def ranked(market: Market, lookback: int, skip: int, every: int | None, top: int, bottom: int) -> Array:
    """The same from a pandas frame: a row of weights at each decision, told to each symbol at its next bar."""
    returns = past_returns(market, lookback, skip)
    months = pd.Series(returns.index.strftime("%Y-%m"))
    due = (months != months.shift()) & months.shift().notna()
    if every is not None:
        begun = returns.notna().any(axis=1).to_numpy().argmax()
        due = pd.Series((np.arange(len(returns)) >= begun) & ((np.arange(len(returns)) - begun) % every == 0))
    out = np.full(market.valid.shape, np.nan)
    waiting: dict[int, float] = {}
    for t in range(len(returns)):
        row = returns.iloc[t].reset_index(drop=True).dropna() if due[t] else pd.Series(dtype=float)
        if len(row):
            waiting = dict.fromkeys(range(len(market.symbols)), 0.0)
            order = row.sort_values(ascending=False, kind="stable").index.tolist()
            waiting |= dict.fromkeys(order[:top], 1.0)
            waiting |= dict.fromkeys(order[top:][::-1][:bottom], -1.0)
        for s in [s for s in waiting if market.valid[t, s]]:
            out[t, s] = waiting.pop(s)
    return out


@pytest.mark.parametrize(("top", "bottom"), [(1, 0), (2, 1), (3, 3), (0, 1)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_ranks_are_those_of_pandas(us_tech: Market, variant: dict[str, Any], top: int, bottom: int) -> None:
    for market in (us_tech, with_gaps(small_market(symbols=5), share=0.4)):
        found = signals("cross_sectional_momentum", market, **{"skip": 0, **variant}, top=top, bottom=bottom)
        expected = ranked(market, variant["lookback"], variant.get("skip", 0), variant.get("every"), top, bottom)
        np.testing.assert_array_equal(found, expected)


def test_names_and_order_matter_to_ties_alone() -> None:
    market = with_gaps(small_market(symbols=4))
    order = [3, 1, 0, 2]
    parameters = {"lookback": 10, "skip": 1, "every": 3, "top": 2, "bottom": 1}
    found = signals("cross_sectional_momentum", market, **parameters)
    turned = reordered(market, ["b", "d", "a", "c"], order)
    np.testing.assert_array_equal(signals("cross_sectional_momentum", turned, **parameters), found[:, order])
    alike = closes(*[[100, 100, 110, 121]] * 3)
    tied = signals("cross_sectional_momentum", alike, lookback=1, skip=0, every=1, top=1, bottom=1)
    np.testing.assert_array_equal(tied, [[NAN] * 3, *[[1, 0, -1]] * 3])


def test_one_symbol_alone_cannot_be_ranked() -> None:
    raw = experiment({"kind": "cross_sectional_momentum"})
    with pytest.raises(ConfigError, match=r"takes at least 2, and there is 1; add another"):
        prepare(raw, small_market(symbols=1))
