"""The tables of all files under each other: in one time, each row of it a bar that can be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from app.datasets import times
from app.datasets.reader import Table
from app.datasets.refusal import Bools, Ints, Screen, joined
from app.datasets.validate import judge
from app.datasets.wanted import Wanted
from engine.errors import DataError
from engine.market.dataset import DAY

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Bars as rows, in the order of the files. Arrays are (rows,); `values` and `features` as in `Table`."""

    screen: Screen
    #: int64, nanoseconds UTC of the bar's open, or 00:00 UTC of its date; and the zone whose dates are the sessions.
    time: Ints
    zone: str
    #: Whether bars are known by their dates, as daily and slower ones are.
    of_days: bool
    #: int64: number of the row's symbol in `symbols`, which are sorted.
    symbol: Ints
    symbols: tuple[str, ...]
    values: Mapping[str, Floats]
    features: Mapping[str, Floats]
    #: int64, to be compared with `time`; None when features stand at their own rows.
    available: Ints | None

    def kept(self, keep: Bools) -> "Rows":
        """The rows `keep`, and their symbols only."""
        codes, symbol = np.unique(self.symbol[keep], return_inverse=True)
        return replace(
            self,
            time=self.time[keep],
            symbol=symbol.astype(np.int64),
            symbols=tuple(self.symbols[code] for code in codes),
            values={name: array[keep] for name, array in self.values.items()},
            features={name: array[keep] for name, array in self.features.items()},
            available=None if self.available is None else self.available[keep],
        )


def together(tables: Sequence[Table], wanted: Wanted) -> Rows:
    """The rows of all tables, each of them a bar, at least one of each file.

    Raises DataError for the first row that is no bar, unless such rows are dropped.
    """
    for table in tables:
        not_empty(table.screen)
    symbols = tuple(sorted({symbol for table in tables for symbol in table.symbols}))
    number = {symbol: k for k, symbol in enumerate(symbols)}
    tables = [
        replace(table, symbol=np.array([number[s] for s in table.symbols], np.int64)[table.symbol]) for table in tables
    ]
    walls = [times.clock(table.stamps, wanted.tz) for table in tables]
    of_days = not times.intraday(np.concatenate(walls), np.concatenate([table.symbol for table in tables]))
    zone = "UTC" if of_days else _zone(tables, wanted.tz)
    moments = [
        wall // DAY * DAY if of_days else times.instants(table.stamps, table.symbol, wanted.tz, table.screen)
        for table, wall in zip(tables, walls, strict=True)
    ]
    since = [_since(table, wanted.tz, zone, of_days) for table in tables]
    screen = joined([table.screen for table in tables])
    names = list(dict.fromkeys(name for table in tables for name in table.features))
    rows = Rows(
        screen,
        np.concatenate(moments),
        zone,
        of_days,
        np.concatenate([table.symbol for table in tables]),
        symbols,
        {name: np.concatenate([table.values[name] for table in tables]) for name in tables[0].values},
        {name: np.concatenate([_feature(table, name) for table in tables]) for name in names},
        np.concatenate(since) if wanted.available_at is not None else None,
    )
    rows = rows.kept(screen.settle())
    judge(rows.time, rows.symbol, rows.symbols, rows.values, screen)
    rows = rows.kept(screen.settle())
    for k in range(len(tables)):
        not_empty(screen, k)
    return _opened(rows) if wanted.stamp == "close" else rows


def not_empty(screen: Screen, file: int = 0) -> None:
    """Raise DataError when no row of a file stayed: then something else is wrong than some rows."""
    if not (screen.source == file).any():
        _, row, reason = next(out for out in screen.out if out[0] == file)
        raise DataError(f"{screen.files[file]}: every row would be dropped, the first, row {row}: {reason}")


def _zone(tables: Sequence[Table], tz: str | None) -> str:
    """The zone of intraday bars: `tz`, else what the files state, else UTC."""
    zones = {table.stamps.zone or "UTC": table.screen.files[0] for table in tables if table.stamps.utc is not None}
    if tz is None and len(zones) > 1:
        (zone, file), (other, second) = list(zones.items())[:2]
        raise DataError(
            f"{file} has times in {zone}, {second} in {other}; say which zone's dates the sessions are, as --tz {zone}"
        )
    return tz or next(iter(zones), "UTC")


def _since(table: Table, tz: str | None, zone: str, of_days: bool) -> Ints:
    if table.available is None:
        return np.full(len(table.symbol), times.MISSING)
    return times.known_from(table.available, tz, zone, of_days)


def _feature(table: Table, name: str) -> Floats:
    """A file without the column knows nothing of the feature."""
    return table.features[name] if name in table.features else np.full(len(table.symbol), np.nan)


def _opened(rows: Rows) -> Rows:
    """Bars that are stamped by their close, by their open: earlier by the usual step between bars of a symbol."""
    if rows.of_days:
        raise DataError(
            "daily and slower bars are known by their date, which is neither their open nor their close; leave out "
            "--stamp close"
        )
    order = np.lexsort((rows.time, rows.symbol))
    steps = np.diff(rows.time[order])[np.diff(rows.symbol[order]) == 0]
    values, counts = np.unique(steps, return_counts=True)
    return replace(rows, time=rows.time - values[counts.argmax()])
