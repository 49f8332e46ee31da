"""Times of a user's file, as nanoseconds UTC: ISO dates or epochs, with a zone or without."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import numpy.typing as npt
import pandas as pd

from app.datasets.refusal import refuse
from engine.errors import DataError, nearest
from engine.market.dataset import DAY

Ints = npt.NDArray[np.int64]

_OFFSET = r"(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$"
#: Epochs are told apart by the column's greatest number: in the largest unit in which it lies before the year 2262.
_UNITS = (10**9, 10**6, 10**3, 1)
#: Below it are no epochs but, say, row numbers: seconds in 1973 are the least that is taken.
_LEAST_EPOCH = 1e8
INTRADAY = 20 * 3600 * 10**9


@dataclass(frozen=True)
class Stamps:
    """Parsed times: `utc` where the file says which instant it is, else None; `wall` as the file's clock had them."""

    wall: Ints
    utc: Ints | None
    #: IANA name of the zone the file itself states, else None.
    zone: str | None = None


def check_zone(tz: str) -> str:
    """`tz`, an IANA name. Raises DataError when there is no such zone."""
    try:
        ZoneInfo(tz)
    except (ValueError, KeyError, OSError):
        raise DataError(f"no time zone '{tz}'; {_hint(tz)}") from None
    return tz


def parse(column: pd.Series, rows: Ints, file: str) -> Stamps:
    """The times of `column`. Raises DataError naming the row of the first that is neither an ISO date nor an epoch."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        _all_there(column.isna().to_numpy(), column, rows, file)
        name = str(column.dtype.tz)
        stamps = Stamps(_nanoseconds(column.dt.tz_localize(None)), _nanoseconds(column.dt.tz_convert(None)), name)
        return stamps if name in available_timezones() else Stamps(stamps.wall, stamps.utc)
    if pd.api.types.is_datetime64_dtype(column.dtype):
        _all_there(column.isna().to_numpy(), column, rows, file)
        return Stamps(_nanoseconds(column), None)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _numbers(column, rows, file)
    return _strings(column, rows, file)


def to_utc(stamps: Stamps, symbols: npt.NDArray[np.integer], tz: str | None, rows: Ints, file: str) -> tuple[Ints, str]:
    """Canonical times (int64 ns UTC) and the zone whose dates are the sessions.

    Daily and slower bars stand at 00:00 UTC of the date their clock showed (in `tz`, for instants, where it is given).
    Intraday bars without an offset need `tz`. Raises DataError for missing zones, and for times that the change of
    the clocks leaves out, or repeats without an order that tells which is which.
    """
    wall = stamps.wall
    if stamps.utc is not None and tz is not None:
        wall = _nanoseconds(pd.Series(pd.DatetimeIndex(stamps.utc, tz="UTC").tz_convert(tz).tz_localize(None)))
    if not _intraday(wall, symbols):
        return wall // DAY * DAY, "UTC"
    if stamps.utc is not None:
        return stamps.utc, tz or stamps.zone or "UTC"
    if tz is None:
        raise refuse(
            file, rows[0], "intraday times without a zone; say where they were taken, as --tz America/New_York"
        )
    return _localized(wall, symbols, tz, rows, file), tz


def _intraday(wall: Ints, symbols: npt.NDArray[np.integer]) -> bool:
    """Whether some symbol's bars stand mostly closer than 20 hours, and not all at midnight."""
    order = np.argsort(symbols, kind="stable")
    steps, same = np.abs(np.diff(wall[order])), np.diff(symbols[order]) == 0
    if not (wall % DAY).any() or not same.any():
        return False
    medians = pd.Series(steps[same]).groupby(symbols[order][1:][same]).median()
    return bool((medians < INTRADAY).any())


def _numbers(column: pd.Series, rows: Ints, file: str) -> Stamps:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    _all_there(~np.isfinite(values), column, rows, file)
    if ((values >= 19000101) & (values <= 21001231)).all():
        return _strings(column.astype("int64").astype("str"), rows, file)  # ISO 8601's basic form of a date
    _all_there(np.full(len(values), np.abs(values).max() < _LEAST_EPOCH), column, rows, file)
    unit = next((unit for unit in _UNITS if np.abs(values).max() * unit < 2**63), None)
    if unit is None:
        raise refuse(file, rows[int(np.abs(values).argmax())], "an epoch beyond the year 2262")
    if pd.api.types.is_integer_dtype(column.dtype):
        whole = column.to_numpy(dtype=np.int64)
    else:
        whole, unit = np.round(values * (unit / 1000)).astype(np.int64), 1000  # to the microsecond
    utc = whole * unit
    return Stamps(utc, utc)


def _strings(column: pd.Series, rows: Ints, file: str) -> Stamps:
    text = column.astype("str").str.strip()
    if text.str.fullmatch(r"-?\d+(\.\d+)?").all() and not text.str.fullmatch(r"\d{8}").all():
        return _numbers(pd.to_numeric(text), rows, file)
    text = text.str.replace(r"^(\d{4})/(\d{1,2})/(\d{1,2})", r"\1-\2-\3", regex=True)
    aware = (text.str.contains(":") & text.str.contains(_OFFSET, regex=True)).to_numpy()
    wall = pd.to_datetime(
        text.str.replace(_OFFSET, "", regex=True).where(aware, text), format="ISO8601", errors="coerce"
    )
    year = wall.dt.year
    _all_there((wall.isna() | (year < 1678) | (year > 2261)).to_numpy(), column, rows, file)
    if not aware.any():
        return Stamps(_nanoseconds(wall), None)
    if not aware.all():
        raise refuse(file, rows[int(np.argmax(aware != aware[0]))], "some times carry an offset and some do not")
    utc = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    _all_there(utc.isna().to_numpy(), column, rows, file)
    return Stamps(_nanoseconds(wall), _nanoseconds(utc.dt.tz_convert(None)))


def _localized(wall: Ints, symbols: npt.NDArray[np.integer], tz: str, rows: Ints, file: str) -> Ints:
    index = pd.DatetimeIndex(wall.view("datetime64[ns]"))
    earlier = index.tz_localize(tz, ambiguous=np.ones(len(wall), bool), nonexistent="NaT")
    later = index.tz_localize(tz, ambiguous=np.zeros(len(wall), bool), nonexistent="NaT")
    if earlier.isna().any():
        k = int(earlier.isna().argmax())
        raise refuse(
            file, rows[k], f"{index[k]} does not exist in {tz}: the clocks were put forward; is the zone right?"
        )
    utc = earlier.as_unit("ns").asi8.copy()
    second = later.as_unit("ns").asi8
    doubled = np.flatnonzero(utc != second)
    for code in np.unique(symbols[doubled]):
        own = doubled[symbols[doubled] == code]
        for night in np.split(own, np.flatnonzero(np.diff(wall[own]) > DAY) + 1):
            back = np.flatnonzero(np.diff(wall[night]) <= 0)
            if len(back) == 0:
                stamp = index[night[0]]
                raise refuse(
                    file, rows[night[0]], f"{stamp} came twice in {tz}, and the file has it once: write offsets"
                )
            utc[night[back[0] + 1 :]] = second[night[back[0] + 1 :]]
    return utc


def _nanoseconds(values: pd.Series) -> Ints:
    return values.to_numpy(dtype="datetime64[ns]").astype(np.int64)


def _all_there(bad: npt.NDArray[np.bool_], column: pd.Series, rows: Ints, file: str) -> None:
    if bad.any():
        k = int(bad.argmax())
        shown = "" if pd.isna(column.iloc[k]) else str(column.iloc[k]).strip()
        reason = f"'{shown}' is not an ISO date or an epoch; write dates as 2024-01-31" if shown else "no time"
        raise refuse(file, rows[k], reason)


def _hint(tz: str) -> str:
    hint = nearest(tz, available_timezones())
    return hint if hint.startswith("did") else "use an IANA name such as America/New_York"
