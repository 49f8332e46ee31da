"""What a dataset says of itself: its hash, its calendar, its adjustment, and what it holds beside bars."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from engine.market.actions import Action, ends
from engine.market.market import ACTION, COLUMNS, Market, midnight

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SECOND = 10**9
DAY = 86_400 * SECOND
ADJUSTMENTS = ("raw", "split", "total_return")

#: Bars slower than intraday: name, days between two bars, bars per year (of a market that rests at weekends).
SLOW = (("1d", 1.0, 252.0), ("1w", 7.0, 52.0), ("1mo", 30.4375, 12.0), ("3mo", 91.3125, 4.0), ("1y", 365.25, 1.0))


@dataclass(frozen=True)
class Dataset:
    """The description of stored bars. `name` and `version` are those it was asked for by, else empty and 0."""

    hash: str
    symbols: tuple[str, ...]
    #: `1d`, `1w`, `1mo`, `3mo`, `1y`, or intraday in minutes or seconds: `1min`, `60min`, `30s`.
    frequency: str
    bars_per_year: float
    #: For daily and slower bars, each a session, the same as `bars_per_year`.
    sessions_per_year: float
    #: IANA name of the zone whose dates are the sessions of intraday bars; `UTC` for daily and slower bars.
    zone: str
    #: `raw`, `split` or `total_return`.
    adjustment: str
    #: ISO 8601, UTC; a date alone for daily and slower bars.
    first: str
    last: str
    #: Number of distinct times.
    bars: int
    name: str = ""
    version: int = 0
    #: Numbers of corporate actions, and names of further columns, in order.
    splits: int = 0
    dividends: int = 0
    features: tuple[str, ...] = ()

    @property
    def intraday(self) -> bool:
        return is_intraday(self.frequency)


def is_intraday(frequency: str) -> bool:
    return frequency.endswith(("min", "s"))


def canonical_hash(
    time: Ints,
    symbols: Sequence[str],
    columns: Mapping[str, Floats],
    actions: npt.NDArray[np.void] | None = None,
    features: Mapping[str, Floats] | None = None,
) -> str:
    """SHA-256 (hex) over canonical arrays: never over a file, an order of symbols, or a sign of zero.

    `time`: int64 (bars,), increasing; `columns`: float64 (bars, symbols) for each of COLUMNS, NaN where a symbol has
    no bar; `actions`: ACTION, of which splits and dividends count, as ends follow from the bars; `features`: float64
    (bars, symbols) by name. Bytes are little-endian; symbols are taken by name; −0.0 counts as 0, and every NaN as one.
    Without actions and features the hash is that of the bars alone.
    """
    digest = hashlib.sha256(b"bulkhead bars 1\n")
    digest.update(f"{len(time)} {len(symbols)}\n".encode())
    digest.update(np.ascontiguousarray(time, dtype="<i8").tobytes())
    order = sorted(range(len(symbols)), key=lambda s: symbols[s])
    for s in order:
        digest.update(_counted(symbols[s]))
        for column in COLUMNS:
            digest.update(_bytes(columns[column][:, s]))
    stated = _stated(np.empty(0, ACTION) if actions is None else actions, order)
    if len(stated):
        digest.update(f"actions {len(stated)}\n".encode())
        for name in ACTION.names or ():
            digest.update(np.ascontiguousarray(stated[name], dtype=ACTION[name]).tobytes())
    for name in sorted(features or {}):
        digest.update(b"feature " + _counted(name))
        for s in order:
            digest.update(_bytes((features or {})[name][:, s]))
    return digest.hexdigest()


def _counted(name: str) -> bytes:
    text = name.encode()
    return f"{len(text)} ".encode() + text


def _bytes(column: Floats) -> bytes:
    values = np.array(column, dtype="<f8") + 0.0  # −0.0 + 0.0 is 0.0
    values[np.isnan(values)] = np.nan
    return values.tobytes()


def _stated(actions: npt.NDArray[np.void], order: Sequence[int]) -> npt.NDArray[np.void]:
    """The splits and dividends among `actions`, their symbols numbered by their place in `order`; sorted."""
    stated = actions[actions["kind"] != Action.END].copy()
    place = np.empty(len(order), dtype=np.int32)
    place[list(order)] = np.arange(len(order))
    stated["symbol"] = place[stated["symbol"]]
    return np.sort(stated, order=["bar", "symbol", "kind"])


def describe(market: Market) -> Dataset:
    """The description of `market`, as it says of itself."""
    first, last = (
        datetime.fromtimestamp(int(t) // SECOND, UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ" if is_intraday(market.frequency) else "%Y-%m-%d"
        )
        for t in (market.time[0], market.time[-1])
    )
    return Dataset(
        hash=market.dataset,
        symbols=market.symbols,
        frequency=market.frequency,
        bars_per_year=market.bars_per_year,
        sessions_per_year=market.sessions_per_year,
        zone=market.zone,
        adjustment=market.adjustment,
        first=first,
        last=last,
        bars=len(market.time),
        splits=int((market.actions["kind"] == Action.SPLIT).sum()),
        dividends=int((market.actions["kind"] == Action.DIVIDEND).sum()),
        features=tuple(sorted(market.features)),
    )


def frequency_of(time: Ints) -> str:
    """The bar frequency of int64 `time` (bars,), by the median distance of two bars; one bar alone is daily.

    Bars all at 00:00 UTC are daily or slower; others are intraday when they are mostly closer than 20 hours.
    """
    if len(time) < 2:
        return "1d"
    steps = np.diff(time)
    median = float(np.median(steps))
    if (time % DAY != 0).any() and median < 20 * 3600 * SECOND:
        values, counts = np.unique(steps, return_counts=True)
        seconds = max(1, int(values[counts.argmax()]) // SECOND)  # the usual step, not the rare long one
        return f"{seconds // 60}min" if seconds % 60 == 0 else f"{seconds}s"
    days = median / DAY
    return min(SLOW, key=lambda slow: abs(np.log(days / slow[1])))[0]


def sessions_of(time: Ints, frequency: str, zone: str) -> npt.NDArray[np.int32]:
    """Running numbers of sessions, int32 (bars,): dates in `zone` for intraday bars, else one each."""
    if not is_intraday(frequency):
        return np.arange(len(time), dtype=np.int32)
    _, numbers = np.unique(np.searchsorted(_midnights(time, zone), time, side="right"), return_inverse=True)
    return numbers.astype(np.int32)


def _midnights(time: Ints, zone: str) -> Ints:
    """The first instants of all dates in `zone` that `time` touches, and one before and after."""
    first, last = (datetime.fromtimestamp(int(t) // SECOND, ZoneInfo(zone)).date() for t in (time[0], time[-1]))
    dates = (first + timedelta(days=k) for k in range((last - first).days + 2))
    return np.array([midnight(day, zone) for day in dates], dtype=np.int64)


def trades_every_day(time: Ints, zone: str) -> bool:
    """Whether Saturday is a day of trading like Wednesday: crypto does so, a stock exchange's odd Saturday does not."""
    starts = _midnights(time, zone)
    dates = np.unique(np.searchsorted(starts, time, side="right") - 1)
    first = datetime.fromtimestamp(int(time[0]) // SECOND, ZoneInfo(zone)).weekday()
    weekdays = (first + dates) % 7
    saturdays, wednesdays = int((weekdays == 5).sum()), int((weekdays == 2).sum())
    return saturdays > 0 and 2 * saturdays >= wednesdays


def build(
    time: Ints,
    symbols: Sequence[str],
    columns: Mapping[str, Floats],
    *,
    zone: str = "UTC",
    adjustment: str = "raw",
    actions: npt.NDArray[np.void] | None = None,
    features: Mapping[str, Floats] | None = None,
) -> Market:
    """The market of canonical arrays: symbols by name; calendar, hash and ends of symbols derived.

    `columns`: float64 (bars, symbols) for each of COLUMNS, NaN where a symbol has no bar. `actions`: ACTION, splits
    and dividends; `features`: float64 (bars, symbols) by name. `zone` matters to intraday bars only.
    """
    order = sorted(range(len(symbols)), key=lambda s: symbols[s])
    sorted_symbols = [symbols[s] for s in order]
    values = {name: columns[name][:, order] for name in COLUMNS}
    known = {name: (features or {})[name][:, order] for name in sorted(features or {})}
    stated = _stated(np.empty(0, ACTION) if actions is None else actions, order)
    frequency = frequency_of(time)
    zone = zone if is_intraday(frequency) else "UTC"
    session = sessions_of(time, frequency, zone)
    daily = 365.0 if trades_every_day(time, zone) else 252.0
    if is_intraday(frequency):
        per_session = float(np.median(np.bincount(session)))
        sessions_per_year, bars_per_year = daily, daily * per_session
    else:
        per_year = {name: count for name, _, count in SLOW} | {"1d": daily}
        sessions_per_year = bars_per_year = per_year[frequency]
    market = Market.from_columns(
        sorted_symbols,
        time,
        *(values[name] for name in COLUMNS),
        session=session,
        frequency=frequency,
        bars_per_year=bars_per_year,
        sessions_per_year=sessions_per_year,
        adjustment=adjustment,
        zone=zone,
        actions=np.concatenate([stated, ends(np.isfinite(values["close"]))]),
        features=known,
    )
    return replace(market, dataset=canonical_hash(market.time, market.symbols, values, stated, known))
