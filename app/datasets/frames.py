"""A file as a table of cells: CSV in any common shape, or Parquet; and the rows of it as they stand there."""

import csv
import gzip
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from app.datasets.columns import CLOCK
from app.datasets.files import File
from app.datasets.refusal import Ints, Screen, refuse
from engine.errors import DataError

#: Given the names of a file's columns: the places of those that are wanted, by what they are.
Choose = Callable[[list[str]], dict[str, int]]

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
_LONG = "more cells than the header has columns"
#: Characters that are kept of a row that is left out.
_TEXT = 500


@dataclass(frozen=True)
class Frame:
    """The cells of a file. Of CSV, times and symbols are text, numbers the nearest float64 (pandas 3.1 and later)."""

    table: pd.DataFrame
    places: dict[str, int]
    screen: Screen

    @property
    def columns(self) -> dict[str, pd.Series]:
        return {name: self.table.iloc[:, place] for name, place in self.places.items()}


def read(file: File, choose: Choose, text: Callable[[], Sequence[int]], drop: bool) -> Frame:
    """The file's cells. `text`: places of more columns that stay text, asked after `choose`.

    Raises DataError for a file that cannot be read or has no row; a CSV row with more cells than columns makes it so,
    unless rows may be dropped.
    """
    with _readable(file) as parquet:
        frame = _parquet(file, choose, drop) if parquet else _csv(file, choose, text, drop)
    if len(frame.table) == 0 and not frame.screen.out:
        raise DataError(f"{file.label}: no rows; a dataset needs at least one bar")
    return frame


def header(file: File) -> list[str]:
    """The names of a file's columns. Raises DataError for a file that cannot be read."""
    with _readable(file) as parquet:
        return [str(name) for name in pq.read_schema(file.path).names] if parquet else _shape(file.path)[0]


def texts(file: File, rows: Sequence[int]) -> dict[int, str]:
    """The given rows as they stand in the file, cut after some hundred characters; of Parquet, its cells by name."""
    with _readable(file) as parquet:
        if parquet:
            table = pq.ParquetFile(file.path).read().take(pa.array([row - 1 for row in rows])).to_pylist()
            shown = [", ".join(f"{name}={value}" for name, value in cells.items()) for cells in table]
            return {row: text[:_TEXT] for row, text in zip(rows, shown, strict=True)}
        asked = set(rows)
        _, separator, _ = _shape(file.path)
        return {row: raw.strip("\r\n")[:_TEXT] for row, _, raw in _records(file.path, separator) if row in asked}


@contextmanager
def _readable(file: File) -> Iterator[bool]:
    """Whether the file is Parquet; in the block, what makes it unreadable becomes a DataError."""
    try:
        with file.path.open("rb") as opened:
            head = opened.read(4)
        if not head:
            raise DataError(f"{file.label}: the file is empty")
        yield head == b"PAR1" or file.path.suffix.lower() in (".parquet", ".pq")
    except pd.errors.EmptyDataError:
        raise DataError(f"{file.label}: the file is empty") from None
    except FileNotFoundError:
        raise DataError(f"{file.path}: no such file") from None
    except UnicodeDecodeError:
        raise DataError(f"{file.label}: neither Parquet nor CSV in UTF-8; save it as one of them") from None
    except _UNREADABLE as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise DataError(f"{file.label}: it cannot be read, perhaps it is cut short ({reason})") from None


def _parquet(file: File, choose: Choose, drop: bool) -> Frame:
    table = pq.ParquetFile(file.path).read().to_pandas(ignore_metadata=True)  # an index is a column like any other
    places = choose([str(name) for name in table.columns])
    return Frame(table, places, _screen(file, np.arange(1, len(table) + 1), drop))


def _shape(path: Path) -> tuple[list[str], str, dict[str, Any]]:
    """The names of a CSV file's columns, what separates them, and how pandas is to read the file."""
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


def _csv(file: File, choose: Choose, text: Callable[[], Sequence[int]], drop: bool) -> Frame:
    names, separator, options = _shape(file.path)
    places = choose(names)
    kept = {*(places[name] for name in ("time", CLOCK, "symbol") if name in places), *text()}
    options |= {
        "sep": separator,
        "skiprows": 1,
        "names": range(len(names)),
        "index_col": False,
        "dtype": dict.fromkeys(kept, str),
        "na_values": {place: _MISSING for place in range(len(names)) if place not in kept},
        "keep_default_na": False,
        "low_memory": False,
    }
    long: list[int] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = pd.read_csv(file.path, **options)
        except (pd.errors.ParserError, pd.errors.ParserWarning):
            lines, long = _without_long(file.path, separator, len(names))
            if not long:
                raise
            if not drop:
                raise refuse(file.label, long[0], f"{_LONG} ({len(names)})") from None
            table = pd.read_csv(lines, **options | {"compression": None})
    row = np.arange(2, len(table) + 2)
    blank = (table.isna() | (table == "")).all(axis=1).to_numpy()
    screen = _screen(file, row[~blank], drop)
    screen.out += [(0, row, _LONG) for row in long]
    return Frame(table[~blank].reset_index(drop=True), places, screen)


def _without_long(path: Path, separator: str, columns: int) -> tuple[StringIO, list[int]]:
    """The text of a CSV file with an empty line for each row of more than `columns` cells, and those rows."""
    lines, long = StringIO(), []
    for row, cells, raw in _records(path, separator):
        if row > 1 and len(cells) > columns:
            long.append(row)
            raw = "\n"
        lines.write(raw)
    lines.seek(0)
    return lines, long


def _records(path: Path, separator: str) -> Iterator[tuple[int, list[str], str]]:
    """Number, cells and text of each row of a CSV file; the header is row 1. A quoted cell may hold ends of lines."""
    raw: list[str] = []

    def lines() -> Iterator[str]:
        for line in opened:
            raw.append(line)
            yield line

    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as opened:
        for row, cells in enumerate(csv.reader(lines(), delimiter=separator, skipinitialspace=True), 1):
            yield row, cells, "".join(raw)
            raw.clear()


def _screen(file: File, row: Ints, drop: bool) -> Screen:
    return Screen([file.label], np.zeros(len(row), dtype=np.int64), row.astype(np.int64), drop)
