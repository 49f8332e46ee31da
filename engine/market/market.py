"""The market: immutable arrays of bars, shared by all containers of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from mmap import mmap
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from engine.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: One bar of one symbol, packed for the kernel; `valid` is 1.0, or 0.0 where the symbol has no bar (all else NaN then).
#: `mark` is the last close, also where the symbol has no bar: what a position is worth (NaN before the first bar).
BAR = np.dtype([(name, "<f8") for name in ("open", "high", "low", "close", "volume", "valid", "mark")], align=True)

#: A corporate action, at the open of `bar` (kinds and values: `actions.py`); sorted by bar, symbol, kind.
ACTION = np.dtype([("bar", "<i4"), ("symbol", "<i4"), ("kind", "<i4"), ("value", "<f8")], align=True)

#: A bar's place in the calendar: the number of its session, and the calendar days since the bar before.
DATE = np.dtype([("session", "<i4"), ("days", "<i4")], align=True)

#: The columns of values, in the order of BAR.
COLUMNS = ("open", "high", "low", "close", "volume")

#: A day in nanoseconds, and the day from which times count.
_DAY = 86_400 * 10**9
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, eq=False)
class Market:
    """Bars of one or more symbols on one time axis. All arrays are C-contiguous and read-only.

    It pickles, and `joblib.load(path, mmap_mode="r")` maps its arrays instead of copying them.
    """

    #: Canonical hash (hex) of the dataset the bars come from; a selection keeps it.
    dataset: str
    symbols: tuple[str, ...]
    #: int64 (bars,), nanoseconds UTC, strictly increasing. Daily and slower bars stand at 00:00 UTC of their date.
    time: Ints
    #: float64 (bars, symbols); NaN where the symbol has no bar.
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    #: bool (bars, symbols); False where the symbol has no bar.
    valid: Bools
    #: BAR (bars, symbols): the same values, packed for the kernel.
    bars: npt.NDArray[np.void]
    #: int32 (bars,): running number of the bar's session, from 0; daily and slower bars are a session each.
    session: npt.NDArray[np.int32]
    frequency: str
    bars_per_year: float
    sessions_per_year: float
    #: `raw`, `split` or `total_return`.
    adjustment: str
    #: IANA name of the zone whose dates the sessions are; `UTC` for daily and slower bars.
    zone: str = "UTC"
    #: ACTION (actions,): splits, dividends and ends of symbols.
    actions: npt.NDArray[np.void] = field(default_factory=lambda: frozen(np.empty(0, ACTION)))
    #: Further columns of the dataset by name, float64 (bars, symbols), NaN where nothing was known: a value stands at
    #: the first bar at whose close it could be known.
    features: Mapping[str, Floats] = field(default_factory=dict)

    @classmethod
    def from_columns(
        cls,
        symbols: Sequence[str],
        time: npt.ArrayLike,
        open: npt.ArrayLike,
        high: npt.ArrayLike,
        low: npt.ArrayLike,
        close: npt.ArrayLike,
        volume: npt.ArrayLike | None = None,
        *,
        valid: npt.ArrayLike | None = None,
        session: npt.ArrayLike | None = None,
        dataset: str = "",
        frequency: str = "1d",
        bars_per_year: float = 252.0,
        sessions_per_year: float = 252.0,
        adjustment: str = "raw",
        zone: str = "UTC",
        actions: npt.NDArray[np.void] | None = None,
        features: Mapping[str, npt.ArrayLike] | None = None,
    ) -> "Market":
        """A market from columns of shape (bars, symbols), or (bars,) for one symbol; everything is copied.

        `valid` defaults to where the close is finite, `volume` to 0, `session` to one per bar, `actions` and
        `features` to none. Prices are not judged here. Raises DataError when shapes do not fit or times do not rise.
        """
        times = np.array(time, dtype=np.int64)
        shape = (len(times), len(symbols))
        given = {"open": open, "high": high, "low": low, "close": close}
        given["volume"] = np.zeros(shape) if volume is None else volume
        columns = {name: _shaped(name, values, shape) for name, values in given.items()}
        if valid is None:
            present = np.isfinite(columns["close"])
        else:
            present = np.asarray(valid, dtype=np.bool_).reshape(shape).copy()
        sessions = np.arange(shape[0], dtype=np.int32) if session is None else np.array(session, dtype=np.int32)
        if times.ndim != 1 or (np.diff(times) <= 0).any():
            raise DataError("market: times must be one increasing series without repeats; sort the bars by time")
        if len(set(symbols)) != len(symbols) or sessions.shape != times.shape:
            raise DataError("market: symbols must differ, and there must be one session number for each bar")
        bars = np.zeros(shape, BAR)
        for name, values in columns.items():
            values[~present] = np.nan
            bars[name] = values
        bars["valid"] = present
        bars["mark"] = carried_forward(columns["close"], present)
        return cls(
            dataset=dataset,
            symbols=tuple(symbols),
            time=frozen(times),
            valid=frozen(present),
            bars=frozen(bars),
            session=frozen(sessions),
            frequency=frequency,
            bars_per_year=float(bars_per_year),
            sessions_per_year=float(sessions_per_year),
            adjustment=adjustment,
            zone=zone,
            actions=_sorted(np.empty(0, ACTION) if actions is None else actions),
            features={name: frozen(_shaped(name, values, shape)) for name, values in (features or {}).items()},
            **{name: frozen(values) for name, values in columns.items()},
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpickled arrays are plain, read-only ones again: pickle forgets the flag, and Numba knows no `memmap`."""
        for name, value in state.items():
            self.__dict__[name] = frozen(np.asarray(value)) if isinstance(value, np.ndarray) else value
        features = self.__dict__.get("features", {})
        self.__dict__["features"] = {name: frozen(np.asarray(values)) for name, values in features.items()}

    def __repr__(self) -> str:
        return f"Market({', '.join(self.symbols)}; {len(self.time)} bars of {self.frequency}; {self.dataset[:12]})"

    def frame(self, column: str) -> "pd.DataFrame":
        """One column as a new DataFrame: index DatetimeIndex (UTC), a column for each symbol."""
        import pandas as pd  # here only: a worker process never pays for it

        if column not in (*COLUMNS, "valid"):
            raise DataError(f"market: no column '{column}'; {nearest(column, (*COLUMNS, 'valid'))}")
        index = pd.DatetimeIndex(self.time.view("datetime64[ns]"), tz="UTC", name="time")
        return pd.DataFrame(getattr(self, column).copy(), index=index, columns=list(self.symbols))

    @cached_property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """The date in `zone` of each bar's session, datetime64[D] (bars,), read-only; worked out once."""
        if self.zone == "UTC":
            days = self.time // _DAY
        else:
            zone, begins = ZoneInfo(self.zone), np.diff(self.session, prepend=-1) != 0
            seconds = (self.time[begins] // 10**9).tolist()
            local = [datetime.fromtimestamp(second, zone).date().toordinal() - _EPOCH for second in seconds]
            days = np.array(local, dtype=np.int64)[np.cumsum(begins) - 1]
        return frozen(days.astype("datetime64[D]"))

    def places(self, symbols: Sequence[str]) -> list[int]:
        """The columns of `symbols`. Raises DataError for an unknown or repeated symbol, or none at all."""
        for symbol in symbols:
            if symbol not in self.symbols:
                raise DataError(f"no symbol '{symbol}' in the dataset; {nearest(symbol, self.symbols)}")
        if not symbols or len(set(symbols)) != len(symbols):
            raise DataError("symbols must be named once each, and at least one; leave them out to take all")
        return [self.symbols.index(symbol) for symbol in symbols]

    def first_bar(self, day: date | str) -> int:
        """Number of the first bar on or after `day`, a date in the market's zone; `len(time)` when there is none."""
        return int(np.searchsorted(self.time, midnight(day, self.zone), side="left"))

    def select(self, symbols: Sequence[str] | None = None, end: date | str | None = None) -> "Market":
        """The chosen symbols, in the order asked, on the union of their bars up to and including the date `end`.

        Raises DataError for an unknown symbol, a malformed date, or when no bar is left.
        """
        columns = list(range(len(self.symbols))) if symbols is None else self.places(symbols)
        stop = len(self.time) if end is None else self.first_bar(_date(end) + timedelta(days=1))
        keep = np.flatnonzero(self.valid[:stop, columns].any(axis=1))
        if len(keep) == 0:
            raise DataError(f"no bar on or before {end}; the first is on {self._day(0)}: choose a later `end`")
        if len(keep) == len(self.time) and columns == list(range(len(self.symbols))):
            return self
        arrays: dict[str, Any] = {
            name: frozen(getattr(self, name)[keep][:, columns]) for name in (*COLUMNS, "valid", "bars")
        }
        changed = np.diff(self.session[keep], prepend=self.session[keep[0]]) != 0
        return replace(
            self,
            symbols=tuple(self.symbols[s] for s in columns),
            time=frozen(self.time[keep]),
            session=frozen(np.cumsum(changed).astype(np.int32)),
            actions=self._selected_actions(keep, columns),
            features={name: frozen(values[keep][:, columns]) for name, values in self.features.items()},
            **arrays,
        )

    @cached_property
    def calendar(self) -> npt.NDArray[np.void]:
        """DATE (bars,): each bar's session, and the calendar days since the bar before (0 for the first)."""
        rows = np.zeros(len(self.time), DATE)
        rows["session"] = self.session
        rows["days"][1:] = np.diff(self.dates).astype(np.int64)
        return frozen(rows)

    def _selected_actions(self, keep: npt.NDArray[np.intp], columns: list[int]) -> npt.NDArray[np.void]:
        """The actions of `columns` on the bars `keep`; one on a bar that is gone moves to the next that is kept."""
        place = {s: i for i, s in enumerate(columns)}
        chosen = np.array([row for row in self.actions if int(row["symbol"]) in place], ACTION)
        chosen["symbol"] = [place[int(s)] for s in chosen["symbol"]]
        chosen["bar"] = np.searchsorted(keep, chosen["bar"])
        return _sorted(chosen[chosen["bar"] < len(keep)])

    def _day(self, bar: int) -> str:
        return datetime.fromtimestamp(int(self.time[bar]) // 10**9, ZoneInfo(self.zone)).date().isoformat()


def _sorted(actions: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    return frozen(np.sort(actions, order=["bar", "symbol", "kind"]))


def _date(day: date | str) -> date:
    if isinstance(day, datetime):
        return day.date()
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise DataError(f"'{day}' is not a date; write it as YYYY-MM-DD") from None


def midnight(day: date | str, zone: str) -> int:
    """The first instant of `day` in `zone`, nanoseconds UTC. Raises DataError for a malformed date."""
    day = _date(day)
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return round((start - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)) * 10**9


def carried_forward(values: Floats, present: Bools) -> Floats:
    """`values` with each gap filled by the last value before it, float64 (bars, symbols)."""
    places = np.maximum.accumulate(np.where(present, np.arange(len(values))[:, None], -1), axis=0)
    return np.where(places >= 0, np.take_along_axis(values, np.maximum(places, 0), axis=0), np.nan)


def _shaped(name: str, values: npt.ArrayLike, shape: tuple[int, int]) -> Floats:
    """A writable float64 copy in C order of shape `shape`."""
    array = np.array(values, dtype=np.float64, order="C")
    if array.ndim == 1 and shape[1] == 1:
        array = array.reshape(-1, 1)
    if array.shape != shape:
        raise DataError(f"market: '{name}' has shape {array.shape}, needed is {shape} (bars, symbols)")
    return array


def _read_only(mapped: mmap) -> bool:
    with memoryview(mapped) as view:
        return view.readonly


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`array` in C order and read-only for good, copied unless it is: memory that an array owns, a stage could make
    writable again, and what one container wrote to it another would read."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if array.flags.c_contiguous and (isinstance(owner, bytes) or (isinstance(owner, mmap) and _read_only(owner))):
        return array
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)
