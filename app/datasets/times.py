"""Times of a user's file, as nanoseconds UTC: ISO dates or epochs, with a zone or without."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import numpy.typing as npt
import pandas as pd

from app.datasets.refusal import Bools, Ints, Screen
from engine.errors import DataError, nearest
from engine.market.dataset import DAY

_OFFSET = r"(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$"
#: Epochs are told apart by the column's greatest number: in the largest unit in which it lies before the year 2262.
_UNITS = (10**9, 10**6, 10**3, 1)
#: Below it are no epochs but, say, row numbers: seconds in 1973 are the least that is taken.
_LEAST_EPOCH = 1e8
_LATE = "an epoch beyond the year 2262"
INTRADAY = 20 * 3600 * 10**9
#: In place of a time that is not there: what NumPy's "not a time" is as a number.
MISSING = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Stamps:
    """Parsed times: `utc` where the file says which instant it is, else None; `wall` as the file's clock had them.

    MISSING where there was none, which was complained of.
    """

    wall: Ints
    utc: Ints | None
    #: IANA name of the zone the file itself states, else None.
    zone: str | None = None

    def kept(self, keep: Bools) -> "Stamps":
        return Stamps(self.wall[keep], None if self.utc is None else self.utc[keep], self.zone)


def check_zone(tz: str) -> str:
    """`tz`, an IANA name. Raises DataError when there is no such zone."""
    try:
        ZoneInfo(tz)
    except (ValueError, KeyError, OSError):
        raise DataError(f"no time zone '{tz}'; {_hint(tz)}") from None
    return tz


def parse(column: pd.Series, screen: Screen) -> Stamps:
    """The times of `column`; `screen` is told of those that are neither an ISO date nor an epoch."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        year = column.dt.year
        _judge(column, (column.isna() | (year < 1678) | (year > 2261)).to_numpy(), screen)
        column = column.where((year >= 1678) & (year <= 2261))
        if not isinstance(column.dtype, pd.DatetimeTZDtype):
            return Stamps(_nanoseconds(column), None)
        name = str(column.dtype.tz)
        wall, utc = _nanoseconds(column.dt.tz_localize(None)), _nanoseconds(column.dt.tz_convert(None))
        return Stamps(wall, utc, name if name in available_timezones() else None)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _numbers(column, screen)
    return _strings(column, screen)


def clock(stamps: Stamps, tz: str | None) -> Ints:
    """What a clock showed, int64 nanoseconds: in `tz` for instants, where it is given, else the file's own."""
    if stamps.utc is None or tz is None:
        return stamps.wall
    return wall_clock(stamps.utc, tz)


def wall_clock(time: Ints, zone: str) -> Ints:
    """Instants, int64 ns UTC (n,), as clocks in `zone` show them."""
    return _nanoseconds(pd.Series(pd.DatetimeIndex(time, tz="UTC").tz_convert(zone).tz_localize(None)))


def intraday(wall: Ints, symbols: npt.NDArray[np.integer]) -> bool:
    """Whether some symbol's bars stand mostly closer than 20 hours, and not all at midnight."""
    order = np.argsort(symbols, kind="stable")
    steps, same = np.abs(np.diff(wall[order])), np.diff(symbols[order]) == 0
    if not (wall % DAY).any() or not same.any():
        return False
    medians = pd.Series(steps[same]).groupby(symbols[order][1:][same]).median()
    return bool((medians < INTRADAY).any())


def instants(stamps: Stamps, symbols: npt.NDArray[np.integer], tz: str | None, screen: Screen) -> Ints:
    """Intraday times, int64 ns UTC. Times without an offset need `tz`; DataError where it is not given.

    `screen` is told of times that the change of the clocks leaves out, or repeats without an order that tells which is
    which: the first pass of each symbol through a doubled hour is the earlier one.
    """
    if stamps.utc is not None:
        return stamps.utc
    if tz is None:
        raise screen.refusal(0, "intraday times without a zone; say where they were taken, as --tz America/New_York")
    return _localized(stamps.wall, symbols, tz, screen)


def known_from(stamps: Stamps, tz: str | None, zone: str, of_days: bool) -> Ints:
    """Times from which on something is known, to be compared with those of bars, int64 ns; MISSING stays.

    Among daily bars (`of_days`) what a clock showed counts, as their date does. Else a time that came twice is the
    later one, and one that the clocks left out is the next there was: never too early.
    """
    if of_days:
        return clock(stamps, tz)
    if stamps.utc is not None:
        return stamps.utc
    index = pd.DatetimeIndex(stamps.wall.view("datetime64[ns]"))
    later = index.tz_localize(zone, ambiguous=np.zeros(len(index), bool), nonexistent="shift_forward")
    return later.as_unit("ns").asi8


def _numbers(column: pd.Series, screen: Screen) -> Stamps:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    absent = ~np.isfinite(values)
    _judge(column, absent, screen)
    sound = np.abs(values[~absent])
    if not len(sound):
        return Stamps(np.full(len(values), MISSING), None)
    if 19000101 <= np.median(sound) <= 21001231:  # ISO 8601's basic form of a date
        whole = column.where(pd.Series(~absent, index=column.index), 0)
        return _strings(whole.map(lambda value: f"{value:.0f}" if value == round(value) else str(value)), screen)
    unit = _unit(sound, screen.drop)
    if sound.max() < _LEAST_EPOCH:
        _judge(column, np.ones(len(values), bool), screen)
    late = ~absent & (np.abs(values) * unit >= 2.0**63)
    screen.note(late, _LATE)
    there = ~(absent | late)
    if pd.api.types.is_integer_dtype(column.dtype):
        exact = column.where(pd.Series(there, index=column.index), 0).to_numpy(dtype=np.int64)
    else:
        exact, unit = (
            np.round(np.where(there, values, 0.0) * (unit / 1000)).astype(np.int64),
            1000,
        )  # to the microsecond
    utc = np.where(there, exact * unit, MISSING)
    return Stamps(utc, utc)


def _unit(sound: npt.NDArray[np.float64], drop: bool) -> int:
    """Nanoseconds in one of the numbers. Where rows may be dropped, a few that are far out do not choose it."""
    greatest = sound.max()
    if drop and np.median(sound) >= _LEAST_EPOCH:
        greatest = np.median(sound)
    return next((unit for unit in _UNITS if greatest * unit < 2.0**63), 1)


def _strings(column: pd.Series, screen: Screen) -> Stamps:
    text = column.astype("str").where(column.notna(), "").str.strip()
    absent = (text == "").to_numpy()
    digits = text.str.fullmatch(r"-?\d+(\.\d+)?").to_numpy(dtype=bool)
    dates = text.str.fullmatch(r"\d{8}").to_numpy(dtype=bool)
    if 2 * digits.sum() > (~absent).sum() and 2 * dates.sum() <= digits.sum():
        _judge(column, ~digits, screen)
        return _numbers(_as_numbers(text, digits, screen), screen)
    text = text.str.replace(r"^(\d{4})/(\d{1,2})/(\d{1,2})", r"\1-\2-\3", regex=True)
    aware = (text.str.contains(":") & text.str.contains(_OFFSET, regex=True)).to_numpy()
    wall = pd.to_datetime(
        text.str.replace(_OFFSET, "", regex=True).where(aware, text), format="ISO8601", errors="coerce"
    )
    year = wall.dt.year
    bad = (wall.isna() | (year < 1678) | (year > 2261)).to_numpy()
    _judge(column, bad, screen)
    sound = ~bad
    wall = wall.where(sound)
    if not aware[sound].any():
        return Stamps(_nanoseconds(wall), None)
    usual = 2 * aware[sound].sum() > sound.sum()
    screen.note(sound & (aware != usual), "some times carry an offset and some do not")
    if not usual:
        return Stamps(_nanoseconds(wall), None)
    utc = pd.to_datetime(text.where(sound & aware), format="ISO8601", errors="coerce", utc=True)
    _judge(column, utc.isna().to_numpy(), screen)
    return Stamps(_nanoseconds(wall), _nanoseconds(utc.dt.tz_convert(None)))


def _as_numbers(text: pd.Series, digits: Bools, screen: Screen) -> pd.Series:
    """Text of digits as numbers, whole ones exactly; 0 for other text, and for what no int64 holds."""
    numbers = pd.to_numeric(text.where(digits, "0"), errors="coerce")
    great = digits & (np.abs(numbers.astype("float64")) >= 2.0**63).to_numpy()
    screen.note(great, _LATE)
    if great.any():
        numbers = pd.to_numeric(text.where(digits & ~great, "0"))
    return numbers.where(pd.Series(digits & ~great, index=text.index), 0)


def _localized(wall: Ints, symbols: npt.NDArray[np.integer], tz: str, screen: Screen) -> Ints:
    index = pd.DatetimeIndex(wall.view("datetime64[ns]"))
    earlier = index.tz_localize(tz, ambiguous=np.ones(len(wall), bool), nonexistent="NaT")
    later = index.tz_localize(tz, ambiguous=np.zeros(len(wall), bool), nonexistent="NaT")
    screen.note(
        np.asarray(earlier.isna()),
        f"a time that does not exist in {tz}",
        lambda k: f"{index[k]} does not exist in {tz}: the clocks were put forward; is the zone right?",
    )
    utc = earlier.as_unit("ns").asi8.copy()
    second = later.as_unit("ns").asi8
    doubled = np.flatnonzero(utc != second)
    untold = np.zeros(len(wall), bool)
    for code in np.unique(symbols[doubled]):
        own = doubled[symbols[doubled] == code]
        for night in np.split(own, np.flatnonzero(np.diff(wall[own]) > DAY) + 1):
            back = np.flatnonzero(np.diff(wall[night]) <= 0)
            if len(back) == 0:
                untold[night] = True
            else:
                utc[night[back[0] + 1 :]] = second[night[back[0] + 1 :]]
    screen.note(
        untold,
        f"a time that came twice in {tz}, and no order tells which it is",
        lambda k: f"{index[k]} came twice in {tz}, and the file has it once: write offsets",
    )
    return utc


def _nanoseconds(values: pd.Series) -> Ints:
    return values.to_numpy(dtype="datetime64[ns]").astype(np.int64)


def _judge(column: pd.Series, bad: Bools, screen: Screen) -> None:
    """Complain of `bad` times: of those that are not there, and of others that are none."""

    def told(k: int) -> str:
        return f"'{str(column.iloc[k]).strip()}' is not an ISO date or an epoch; write dates as 2024-01-31"

    if bad.any():
        absent = (column.isna() | (column.astype("str").str.strip() == "")).to_numpy()
        screen.note(bad & absent, "no time")
        screen.note(bad & ~absent, "the time is not an ISO date or an epoch", told)


def _hint(tz: str) -> str:
    hint = nearest(tz, available_timezones())
    return hint if hint.startswith("did") else "use an IANA name such as America/New_York"
