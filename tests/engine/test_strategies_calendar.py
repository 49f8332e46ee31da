"""The turn of the month, and the dates it goes by: by hand, against pandas, over holidays, weekends and zones."""

import numpy as np
import pandas as pd
import pytest

from app.datasets.library import DatasetLibrary
from engine.market.dataset import sessions_of
from engine.market.market import Market
from tests.engine.signals import closes, reordered, signals
from tests.engine.small import small_market


def turns(days: list[str], before: int = 2, after: int = 2, sessions_per_year: float = 252.0) -> list[float]:
    market = closes([100.0] * len(days), days=days, sessions_per_year=sessions_per_year)
    return signals("turn_of_month", market, before=before, after=after)[:, 0].tolist()


def test_by_hand() -> None:
    """Wednesday 31 January 2024 is the last weekday of its month."""
    days = ["2024-01-26", "2024-01-29", "2024-01-30", "2024-01-31", "2024-02-01", "2024-02-02", "2024-02-05"]
    assert turns(days) == [0, 0, 1, 1, 1, 1, 0]
    assert turns(days, before=0, after=1) == [0, 0, 0, 0, 1, 0, 0]
    assert turns(days, before=4, after=0) == [1, 1, 1, 1, 0, 0, 0]


def test_days_that_were_are_those_of_the_market_and_days_to_come_those_of_the_calendar() -> None:
    """1 January has no trading: the 2nd is the month's first. Good Friday, 29 March 2024, has none: nobody was told."""
    assert turns(["2024-12-30", "2024-12-31", "2025-01-02", "2025-01-03", "2025-01-06"]) == [1, 1, 1, 1, 0]
    assert turns(["2024-03-26", "2024-03-27", "2024-03-28", "2024-04-01", "2024-04-02", "2024-04-03"]) == [
        *(0, 0, 1, 1, 1, 0),
    ]


def test_a_market_that_begins_within_a_month_is_not_at_its_first_day() -> None:
    assert turns(["2024-02-14", "2024-02-15", "2024-02-16"]) == [0, 0, 0]
    assert turns(["2024-02-02", "2024-02-05"]) == [1, 0]


def test_a_market_that_trades_at_weekends_counts_them() -> None:
    """30 and 31 March 2024 are a Saturday and a Sunday."""
    days = ["2024-03-28", "2024-03-29", "2024-03-30", "2024-03-31", "2024-04-01", "2024-04-02", "2024-04-03"]
    assert turns(days, sessions_per_year=365.0) == [0, 0, 1, 1, 1, 1, 0]
    assert turns(days[:2] + days[4:]) == [1, 1, 1, 1, 0]


def test_it_is_that_of_pandas(tmp_path) -> None:  # type: ignore[no-untyped-def]
    market = DatasetLibrary(tmp_path).market("us-tech")
    found = signals("turn_of_month", market, before=3, after=4)
    days = pd.DatetimeIndex(market.time)
    month = days.to_period("M")
    count = pd.Series(days).groupby(month.astype(str)).cumcount().to_numpy() + 1
    left = np.array([len(pd.bdate_range(day, end)) for day, end in zip(days, month.to_timestamp("M"), strict=True)])
    held = ((left <= 3) | (count <= 4)).astype(float)
    assert days[0] == pd.Timestamp("2000-03-01")  # so the first month is whole
    for s in range(len(market.symbols)):
        np.testing.assert_array_equal(found[:, s], np.where(market.valid[:, s], held, np.nan))


def test_gaps_and_names_change_nothing_while_the_market_has_the_day() -> None:
    market = small_market(symbols=3, missing=False)
    whole = signals("turn_of_month", market)
    valid = np.random.default_rng(2).random(market.valid.shape) < [1.0, 0.5, 0.5]
    holey = Market.from_columns(market.symbols, market.time, *[market.close] * 4, valid=valid)
    expected = np.where(valid, whole, np.nan)
    np.testing.assert_array_equal(signals("turn_of_month", holey), expected)
    np.testing.assert_array_equal(signals("turn_of_month", reordered(holey, "xyz", [2, 1, 0])), expected[:, ::-1])


# --- dates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe"])
def test_dates_are_the_sessions_dates_in_the_markets_zone(zone: str) -> None:
    """Every hour of 2023 and 2024, with changes of the clock in it."""
    time = np.arange(np.datetime64("2023-01-01T00", "h"), np.datetime64("2025-01-01T00", "h")).astype("datetime64[ns]")
    stamps = time.astype(np.int64)
    level = np.full(len(stamps), 100.0)
    market = Market.from_columns(
        ["A"], stamps, *[level] * 4, session=sessions_of(stamps, "60min", zone), frequency="60min", zone=zone
    )
    expected = pd.DatetimeIndex(stamps, tz="UTC").tz_convert(zone).tz_localize(None).normalize()
    np.testing.assert_array_equal(market.dates, expected.to_numpy().astype("datetime64[D]"))
    assert not market.dates.flags.writeable and market.dates is market.dates


def test_before_1970_days_are_not_those_after() -> None:
    market = closes([1.0, 1.0], days=["1969-12-30", "1969-12-31"])
    assert market.dates.astype(str).tolist() == ["1969-12-30", "1969-12-31"]


def test_intraday_it_goes_by_the_zones_dates() -> None:
    """The hours of Wednesday 31 January 2024 in New York run into February in UTC."""
    begin = np.datetime64("2024-01-31T05:00", "ns").astype(np.int64)  # midnight in New York
    stamps = begin + np.arange(-24, 96) * 3600 * 10**9
    level = np.full(len(stamps), 100.0)
    session = sessions_of(stamps, "60min", "America/New_York")
    market = Market.from_columns(
        ["A"], stamps, *[level] * 4, session=session, frequency="60min", zone="America/New_York"
    )
    found = signals("turn_of_month", market, before=1, after=2)[:, 0].reshape(-1, 24)
    assert (found == found[:, :1]).all()
    assert found[:, 0].tolist() == [0, 1, 1, 1, 0]
