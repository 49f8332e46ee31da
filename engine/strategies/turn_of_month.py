"""The turn of the month: long over the last and the first days of trading."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pydantic import Field

from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy

#: A market with more sessions a year than this trades at weekends too.
WEEKDAYS_ALONE = 300.0


def days_from_begin(market: Market, weekmask: str) -> npt.NDArray[np.int64]:
    """The trading day of its month that each bar lies on, from 1, int64 (bars,).

    Counted are the dates that the market has had; in its first month, of which it may have a part only, the calendar's.
    """
    dates = market.dates
    months = dates.astype("datetime64[M]")
    begins = np.diff(dates, prepend=dates[:1] - 1) != np.timedelta64(0)
    days = np.cumsum(begins)
    before = np.maximum.accumulate(np.where(np.diff(months, prepend=months[:1] - 1) != np.timedelta64(0), days, 0)) - 1
    calendar = np.busday_count(months.astype("datetime64[D]"), dates + 1, weekmask=weekmask)
    return np.where(months == months[:1], calendar, days - before)


def days_to_end(market: Market, weekmask: str) -> npt.NDArray[np.int64]:
    """How many trading days the calendar has from each bar's date, itself included, to the end of its month."""
    ends = (market.dates.astype("datetime64[M]") + 1).astype("datetime64[D]")
    return np.asarray(np.busday_count(market.dates, ends, weekmask=weekmask), dtype=np.int64)


class TurnOfMonth(Strategy):
    """Long from the `before`-th last to the `after`-th trading day of the month, else out.

    The days that a month has had are those of the market's bars; the days it still has are the calendar's weekdays (all
    days in a market that trades at weekends), never those of later bars: holidays ahead are not known. What is decided
    at a day's close is filled at the next open, so that the last day's return needs `before` = 2. Days are the dates of
    sessions in the market's zone (Lakonishok and Smidt, Are seasonal anomalies real?, Review of Financial Studies 1,
    1988; McConnell and Xu, Equity returns at the turn of the month, Financial Analysts Journal 64, 2008).
    """

    kind = "turn_of_month"

    before: int = Field(
        2, ge=0, le=20, description="last trading days of a month to be long on", json_schema_extra={"unit": "days"}
    )
    after: int = Field(
        3, ge=0, le=20, description="first trading days of a month to be long on", json_schema_extra={"unit": "days"}
    )

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        weekmask = "1111111" if market.sessions_per_year > WEEKDAYS_ALONE else "1111100"
        late = (days_to_end(market, weekmask) <= self.before) & (self.before > 0)
        early = days_from_begin(market, weekmask) <= self.after
        held = (late | early)[:, None]
        return np.where(market.valid, held.astype(np.float64), np.nan)
