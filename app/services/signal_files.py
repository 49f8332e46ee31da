"""Signals that came from elsewhere: a file's rows (time, symbol, value) on the bars of a dataset, kept like any log.

    add(home, "alpha.csv", "my_alpha", "us-tech")

What the file does not say stays as it was. Nothing is guessed: a time must be a bar's, a symbol the dataset's.
"""

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tomli_w

from app.services.home import Home
from app.services.signal_keeping import keep
from engine.config import LogSection
from engine.digest import digests
from engine.errors import ConfigError, DataError, InputError, nearest
from engine.market.dataset import DAY
from engine.market.market import Market
from engine.signals.stored import FIRST_STRATEGY, SignalLog
from engine.strategies.changes import signal_rows

COLUMNS = ("time", "symbol", "value")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
ALIASES = {"value": ("value", "signal")}


@dataclass(frozen=True)
class Table:
    """Rows in the file's order. row: int64, counted as messages do. time: int64 ns UTC of bars, 00:00 for days."""

    file: str
    row: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    symbol: Sequence[str]
    value: npt.NDArray[np.float64]

    def refusal(self, k: int, words: str) -> DataError:
        return DataError(f"{self.file}: row {int(self.row[k])}: {words}")


@dataclass(frozen=True, slots=True)
class Added:
    """An imported log: where it lies now, and what it holds. `first`, `last`: dates of the file's first and last."""

    run: int
    index: int
    name: str
    dataset: str
    symbols: tuple[str, ...]
    rows: int
    signals: int
    first: str
    last: str
    digest: str


def parse_mapping(pairs: Sequence[str]) -> dict[str, str]:
    """`["value=alpha", …]` as a mapping. Raises DataError for what is not NAME=COLUMN with a known NAME."""
    mapping = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals or not column or name not in COLUMNS:
            raise DataError(f"'{pair}' is not NAME=COLUMN with a NAME of {', '.join(COLUMNS)}; write e.g. value=alpha")
        mapping[name] = column
    return mapping


def add(
    home: Home,
    file: Path | str,
    name: str,
    dataset: str,
    *,
    mapping: Mapping[str, str] | None = None,
    tz: str | None = None,
    symbols: Sequence[str] | None = None,
    end: date | None = None,
    test_start: date | None = None,
) -> Added:
    """Keep the signals of a file as a run of one container. Raises InputError in one line, and then nothing is kept.

    mapping: columns by other names. tz: of intraday times without an offset (default: the dataset's). symbols: which
    the log is of, default those in the file, in the dataset's order. end: the last date, where the signals stop being
    followed. test_start: from there on bars are held out of the report.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"the name '{name}' must be 1 to 64 letters, digits, _ or -, and begin with a letter or _")
    known = home.datasets.get(dataset)
    whole = home.datasets.market(known.hash)
    table = _read(Path(file).expanduser(), mapping or {}, whole, tz)
    listed = _symbols(table, whole, symbols)
    market = whole.select(listed, end)
    values = _dense(table, market)
    first = int(np.flatnonzero(~np.isnan(values).all(axis=1))[0])
    if test_start is not None and not first < market.first_bar(test_start) < len(market.time):
        raise InputError(f"--test-start {test_start} must lie after the first signal and not after the last bar")
    rows = _rows(values, market, first, name)
    text = _config(name, table.file, _sha256(Path(file).expanduser()), len(table.row), dataset, listed, end, test_start)
    log = SignalLog(
        reference="",
        digest=digests(rows).signals,
        rows=rows,
        strategies=(name,),
        classifier="none",
        regimes=(),
        dataset=market.dataset,
        dataset_name=known.name or dataset,
        symbols=market.symbols,
        end=end,
        bars=len(market.time),
        first=first,
        chosen_before=test_start,
    )
    run_id = keep(home, log, text)
    days = market.dates
    said = np.flatnonzero(~np.isnan(values).all(axis=1))
    return Added(
        run_id,
        0,
        name,
        log.dataset_name,
        market.symbols,
        len(table.row),
        len(rows),
        str(days[said[0]]),
        str(days[said[-1]]),
        log.digest,
    )


def _config(
    name: str,
    file: str,
    sha256: str,
    rows: int,
    dataset: str,
    symbols: Sequence[str],
    end: date | None,
    test_start: date | None,
) -> str:
    """What is said of an imported log in place of an experiment."""
    cut = {key: day for key, day in (("end", end), ("test_start", test_start)) if day is not None}
    return tomli_w.dumps(
        {
            "experiment": {"name": name, "pattern": "signal_generation"},
            "data": {"dataset": dataset, "symbols": list(symbols), **cut},
            "imported": {"name": name, "file": file, "sha256": sha256, "rows": rows},
        }
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, mapping: Mapping[str, str], market: Market, tz: str | None) -> Table:
    """The rows of a CSV or Parquet file. Raises DataError for the first that cannot be read."""
    import pandas as pd

    from app.datasets import frames, times
    from app.datasets.columns import ALIASES as BAR_ALIASES
    from app.datasets.columns import mapped
    from app.datasets.files import File

    aliases = {"time": BAR_ALIASES["time"], "symbol": BAR_ALIASES["symbol"], **ALIASES}

    def choose(header: list[str]) -> dict[str, int]:
        plain = [" ".join(name.replace("_", " ").split()).lower() for name in header]
        places = {name: mapped(name, column, header, path.name) for name, column in mapping.items()}
        for name in COLUMNS:
            if name in places:
                continue
            found = next((alias for alias in aliases[name] if alias in plain), None)
            if found is None and name == "symbol" and len(market.symbols) == 1:
                continue
            if found is None:
                raise DataError(
                    f"{path.name}: row 1: no column for the {name}; name one with --map {name}=COLUMN; "
                    f"columns are: {', '.join(header)}"
                )
            if plain.count(found) > 1:
                raise DataError(f"{path.name}: row 1: two columns could be the {name}; use --map {name}=COLUMN")
            places[name] = plain.index(found)
        return places

    frame = frames.read(File(path, path.name), choose, list, drop=False)
    columns, screen = frame.columns, frame.screen
    stamps = times.parse(columns["time"].reset_index(drop=True), screen)
    value = _numbers(columns["value"])
    screen.note(
        ~np.isfinite(value),
        "the value is not a number",
        lambda k: f"value '{columns['value'].iloc[k]}' is not a finite number; leave out rows that say nothing",
    )
    screen.note(
        np.isfinite(value) & (np.abs(value) > 1.0),
        "the value lies outside [-1, 1]",
        lambda k: f"value {value[k]} lies outside [-1, 1]; scale or clip it",
    )
    if "symbol" in columns:
        texts = columns["symbol"].astype("str").where(columns["symbol"].notna(), "").str.strip().tolist()
    else:
        texts = [market.symbols[0]] * len(value)
    screen.settle()
    of_days = not (market.time % DAY).any()
    if of_days:
        wall = times.clock(stamps, tz)
        moment = wall // DAY * DAY
        for k in np.flatnonzero(wall != moment)[:1]:
            at = pd.Timestamp(int(wall[k]))
            raise screen.refusal(int(k), f"{at} is no bar: the dataset has days; write the date alone")
    elif stamps.utc is not None:
        moment = stamps.utc
    else:
        codes = np.unique(np.array(texts, dtype=object), return_inverse=True)[1].astype(np.int64)
        moment = times.instants(stamps, codes, times.check_zone(tz or market.zone), screen)
        screen.settle()
    return Table(path.name, screen.row, moment, texts, value)


def _numbers(column: Any) -> npt.NDArray[np.float64]:
    """float64 (rows,), NaN for what is no number."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(column.dtype):
        return np.full(len(column), np.nan)
    numbers: npt.NDArray[np.float64] = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return numbers


def _symbols(table: Table, market: Market, asked: Sequence[str] | None) -> list[str]:
    """The symbols of the log. Raises DataError for a row of another."""
    if asked is not None:
        market.places(asked)
    known = market.symbols if asked is None else tuple(asked)
    there = set(known)
    for k, symbol in enumerate(table.symbol):
        if symbol not in there:
            words = f"no symbol '{symbol}' in the dataset; {nearest(symbol, known)}" if symbol else "no symbol"
            raise table.refusal(k, words)
    used = set(table.symbol)
    return [symbol for symbol in known if asked is not None or symbol in used]


def _dense(table: Table, market: Market) -> npt.NDArray[np.float64]:
    """Values, float64 (bars, symbols), NaN where the file says nothing. Raises DataError for the first row at fault."""
    number = {symbol: s for s, symbol in enumerate(market.symbols)}
    column = np.array([number[symbol] for symbol in table.symbol], np.int64)
    bar = np.minimum(np.searchsorted(market.time, table.time), len(market.time) - 1)
    missing = (market.time[bar] != table.time) | ~market.valid[bar, column]
    back = np.zeros(len(bar), np.bool_)
    for s in range(len(market.symbols)):  # by symbol: files of one symbol under the other are in order, too
        own = np.flatnonzero(column == s)
        back[own[1:]] = np.diff(table.time[own]) <= 0
    bad = np.flatnonzero(missing | back)
    if len(bad):
        k = int(bad[0])
        at, symbol = _shown(int(table.time[k]), market), table.symbol[k]
        if missing[k]:
            raise table.refusal(k, f"{at} is no bar of {symbol}, and none near it is taken; correct or leave it out")
        own = np.flatnonzero(column[:k] == column[k])
        if (table.time[own] == table.time[k]).any():
            raise table.refusal(k, f"{symbol} has a value at {at} already; keep one of them")
        raise table.refusal(k, f"{at} comes after a later time of {symbol}; sort the rows by time")
    values = np.full(market.valid.shape, np.nan)
    values[bar, column] = table.value
    return values


def _shown(moment: int, market: Market) -> str:
    text = str(np.datetime64(moment, "s") if abs(moment) < 10**12 else np.datetime64(moment, "ns").astype("M8[s]"))
    return text[:10] if not (market.time % DAY).any() else f"{text}Z"


def _rows(values: npt.NDArray[np.float64], market: Market, first: int, name: str) -> npt.NDArray[np.void]:
    return signal_rows(values, market.valid, first, FIRST_STRATEGY, name)


def text_of(log: SignalLog, market: Market) -> str:
    """A log of one strategy without regimes as CSV (time, symbol, value), a line for each change."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(COLUMNS)
    for row in log.rows:
        at = str(np.datetime64(int(market.time[row["bar"]]), "ns").astype("M8[s]"))
        write((at, market.symbols[row["symbol"]], repr(float(row["value"]))))
    return out.getvalue()


def of_section(home: Home, section: LogSection) -> SignalLog:
    """The log whose rows a config brings along. Raises ConfigError when they are not what its digest says."""
    where = f"[[log]] {section.digest[:12]}"
    assert section.rows is not None and section.dataset_hash and section.symbols
    try:
        known = home.datasets.get(section.dataset_hash)
        market = home.datasets.market(section.dataset_hash).select(section.symbols, section.end)
        values = _dense(_parsed(section.rows, where), market)
    except (DataError, KeyError) as error:
        raise ConfigError(f"{where} cannot be put on its bars: {error}") from None
    if section.first >= len(market.time):
        raise ConfigError(f"{where}: its first bar, {section.first}, lies after the last of {len(market.time)}")
    rows = _rows(values, market, section.first, section.name)
    found = digests(rows).signals
    if found != section.digest:
        raise ConfigError(f"{where}: its rows were changed, they are {found[:12]} now; export it again")
    return SignalLog(
        reference=section.digest,
        digest=section.digest,
        rows=rows,
        strategies=(section.name,),
        classifier="none",
        regimes=(),
        dataset=market.dataset,
        dataset_name=known.name or section.dataset_hash[:12],
        symbols=market.symbols,
        end=section.end,
        bars=len(market.time),
        first=section.first,
    )


def _parsed(text: str, where: str) -> Table:
    """The rows of `text_of`. Raises ConfigError for anything else."""
    moments, symbols, values = [], [], []
    try:
        lines = csv.reader(io.StringIO(text), strict=True)
        if tuple(next(lines)) != COLUMNS:
            raise ValueError("its columns are not time, symbol, value")
        for at, symbol, value in lines:
            moments.append(int(np.datetime64(at, "s").astype("M8[ns]").astype(np.int64)))
            symbols.append(symbol)
            values.append(float(value))
    except (ValueError, csv.Error, StopIteration, OverflowError) as error:
        raise ConfigError(f"{where}: its rows cannot be read ({error or 'there are none'}); export it again") from None
    array = np.array(values, np.float64)
    if not (np.abs(array) <= 1.0).all():
        raise ConfigError(f"{where}: a value is no number in [-1, 1]; export it again")
    return Table(where, np.arange(2, len(values) + 2), np.array(moments, np.int64), symbols, array)
