"""A user's file as rows of bars: CSV or Parquet, one symbol or many under each other."""

import csv
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from app.datasets import times
from app.datasets.columns import CLOCK, find_columns
from app.datasets.refusal import refuse
from engine.errors import DataError
from engine.market.market import COLUMNS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_MISSING = ["", "nan", "NaN", "NAN", "null", "NULL", "None", "N/A", "n/a", "NA", "-"]
_UNREADABLE = (
    OSError,
    EOFError,
    zlib.error,
    csv.Error,
    pa.ArrowException,
    pd.errors.ParserError,
    pd.errors.ParserWarning,
)


@dataclass(frozen=True)
class Rows:
    """The rows of a file in its order, not judged yet."""

    #: Name of the file, for messages, and int64 (rows,): where a row stands in it, as `refuse` counts.
    file: str
    row: Ints
    #: int64 (rows,), nanoseconds UTC, and the zone whose dates are the sessions.
    time: Ints
    zone: str
    #: int64 (rows,): number of the row's symbol in `symbols`.
    symbol: Ints
    symbols: tuple[str, ...]
    #: float64 (rows,) for each of COLUMNS. A missing volume is 0, as is a file's without a volume; a missing price NaN.
    values: Mapping[str, Floats]


def read(
    path: Path, symbol: str, *, named: bool = False, tz: str | None = None, mapping: Mapping[str, str] | None = None
) -> Rows:
    """The rows of the file at `path`. `symbol` is the only symbol's name where the file has no column for it.

    `named`: the user chose that name, so a column of symbols is refused. Raises DataError, naming the row, for a file
    that cannot be read, is empty, lacks a column, or has a time or number that is none.
    """
    if tz is not None:
        times.check_zone(tz)
    frame, places, row = _frame(path, mapping or {})
    file = path.name
    if len(frame) == 0:
        raise DataError(f"{file}: no rows; a dataset needs at least one bar")
    columns = {name: frame.iloc[:, place] for name, place in places.items()}
    if "symbol" in columns and named:
        raise DataError(f"{file}: it has a column of symbols; leave the symbol's name out")
    codes, symbols = _symbols(columns.get("symbol"), symbol, row, file)
    values = {name: _floats(name, columns.get(name), row, file) for name in COLUMNS}
    moment = columns["time"]
    if CLOCK in columns:
        moment = moment.astype("str").str.strip() + " " + columns[CLOCK].astype("str").str.strip()
    time, zone = times.to_utc(times.parse(moment, row, file), codes, tz, row, file)
    return Rows(file, row, time, zone, codes, symbols, values)


def header(path: Path) -> list[str]:
    """The names of a file's columns. Raises DataError for a file that cannot be read."""
    with _readable(path) as parquet:
        return [str(name) for name in pq.read_schema(path).names] if parquet else _csv_header(path)[0]


def _frame(path: Path, mapping: Mapping[str, str]) -> tuple[pd.DataFrame, dict[str, int], Ints]:
    """The file's table, the places of its columns, and its rows' numbers."""
    with _readable(path) as parquet:
        return _parquet(path, mapping) if parquet else _csv(path, mapping)


@contextmanager
def _readable(path: Path) -> Iterator[bool]:
    """Whether the file is Parquet; in the block, what makes it unreadable becomes a DataError."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if not head:
            raise DataError(f"{path.name}: the file is empty")
        yield head == b"PAR1" or path.suffix.lower() in (".parquet", ".pq")
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name}: the file is empty") from None
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise DataError(f"{path.name}: neither Parquet nor CSV in UTF-8; save it as one of them") from None
    except _UNREADABLE as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise DataError(f"{path.name}: it cannot be read, perhaps it is cut short ({reason})") from None


def _parquet(path: Path, mapping: Mapping[str, str]) -> tuple[pd.DataFrame, dict[str, int], Ints]:
    frame = pq.ParquetFile(path).read().to_pandas(ignore_metadata=True)  # an index is a column like any other
    places = find_columns([str(name) for name in frame.columns], mapping, path.name)
    return frame, places, np.arange(1, len(frame) + 1)


def _csv_header(path: Path) -> tuple[list[str], str, dict[str, Any]]:
    """The names of the columns, what separates them, and how pandas is to read the file."""
    options: dict[str, Any] = {
        "encoding": "utf-8-sig",
        "header": None,
        "skip_blank_lines": False,
        "skipinitialspace": True,
        "compression": "gzip" if path.suffix.lower() == ".gz" else None,
    }
    line = str(pd.read_csv(path, sep="\0", nrows=1, dtype=str, keep_default_na=False, quoting=3, **options).iat[0, 0])
    separator = max(",;\t|", key=line.count)
    names = [name.strip() for name in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    return names, separator, options


def _csv(path: Path, mapping: Mapping[str, str]) -> tuple[pd.DataFrame, dict[str, int], Ints]:
    """Numbers become the nearest float64 (pandas 3.1 and later); times and symbols stay text (there is an NA)."""
    header, separator, options = _csv_header(path)
    places = find_columns(header, mapping, path.name)
    text = {places[name] for name in ("time", CLOCK, "symbol") if name in places}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            path,
            sep=separator,
            skiprows=1,
            names=range(len(header)),
            index_col=False,
            dtype=dict.fromkeys(text, str),
            na_values={place: _MISSING for place in range(len(header)) if place not in text},
            keep_default_na=False,
            low_memory=False,
            **options,
        )
    row = np.arange(2, len(frame) + 2)
    blank = (frame.isna() | (frame == "")).all(axis=1).to_numpy()
    return frame[~blank].reset_index(drop=True), places, row[~blank]


def _symbols(column: pd.Series | None, symbol: str, row: Ints, file: str) -> tuple[Ints, tuple[str, ...]]:
    if column is None:
        return np.zeros(len(row), dtype=np.int64), (symbol,)
    names = column.astype("str").where(column.notna(), "").str.strip()
    codes, symbols = pd.factorize(names, sort=True)
    for k, name in enumerate(symbols):
        if not name or len(name) > 64 or not name.isprintable():
            first = row[int(np.argmax(codes == k))]
            raise refuse(file, first, "no symbol" if not name else f"{name[:64]!r} is no name for a symbol")
    return codes.astype(np.int64), tuple(str(name) for name in symbols)


def _floats(name: str, column: pd.Series | None, row: Ints, file: str) -> Floats:
    """float64 (rows,). Only a missing value is NaN; text that is no number is refused."""
    if column is None:
        return np.zeros(len(row))
    numeric = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    if numeric:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan).copy()
    else:
        values = np.array([_number(value) for value in column], dtype=np.float64)
        wrong = np.isnan(values) & ~column.isna().to_numpy()
        if wrong.any():
            k = int(wrong.argmax())
            raise refuse(file, row[k], f"{name}: '{column.iloc[k]}' is not a number; write it as 1234.5")
    if name == "volume":
        values[np.isnan(values)] = 0.0
    return values


def _number(value: object) -> float:
    if isinstance(value, bool) or "_" in str(value):
        return np.nan
    try:
        return float(str(value))
    except ValueError:
        return np.nan
