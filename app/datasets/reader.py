"""A user's file as a table of bars: CSV or Parquet, one symbol or many under each other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from app.datasets import features, frames, times
from app.datasets.columns import ACTION_ALIASES, CLOCK, find_columns, mapped
from app.datasets.files import File
from app.datasets.frames import Frame
from app.datasets.refusal import Ints, Screen
from app.datasets.times import Stamps
from app.datasets.validate import ACTIONS, lose_no_action
from app.datasets.wanted import Wanted
from engine.errors import DataError
from engine.market.market import COLUMNS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """The rows of a file in its order: all that could be read, not judged yet."""

    screen: Screen
    stamps: Stamps
    #: int64 (rows,): number of the row's symbol in `symbols`.
    symbol: Ints
    symbols: tuple[str, ...]
    #: float64 (rows,) for each of COLUMNS (a missing volume is 0, a missing price NaN) and of ACTIONS (NaN: none).
    values: Mapping[str, Floats]
    #: float64 (rows,) by name, NaN where missing; and when they are known, where a column says so.
    features: Mapping[str, Floats]
    available: Stamps | None

    def settled(self) -> "Table":
        """The rows that stay, where `screen` was told of more. Raises DataError."""
        keep = self.screen.settle()
        return replace(
            self,
            stamps=self.stamps.kept(keep),
            symbol=self.symbol[keep],
            values={name: array[keep] for name, array in self.values.items()},
            features={name: array[keep] for name, array in self.features.items()},
            available=None if self.available is None else self.available.kept(keep),
        )


def read(file: File, wanted: Wanted, symbol: str | None) -> Table:
    """The bars of `file`. `symbol`: the only symbol, where it has no column for it; None when it must have one.

    Raises DataError for a file that cannot be read, is empty or lacks a column; and, unless bad rows are dropped, for
    the first row with a time, symbol or number that is none.
    """
    asked: dict[str, int] = {}
    rest: dict[int, Callable[[Iterable[str]], str]] = {}
    available: list[int] = []

    def choose(header: list[str]) -> dict[str, int]:
        places = find_columns(header, wanted.mapping, file.label)
        if wanted.available_at is not None:
            available.append(mapped("the time of availability", wanted.available_at, header, file.label))
        asked.update(features.find(header, wanted, file.label))
        if wanted.all_features:
            used = (*places.values(), *asked.values(), *available)
            rest.update(features.further(header, used, file.label))
        return places

    frame = frames.read(file, choose, lambda: available, wanted.drop)
    columns, screen = frame.columns, frame.screen
    if "symbol" in columns and (wanted.symbol is not None or wanted.symbol_from is not None):
        raise DataError(f"{file.label}: it has a column of symbols; leave the symbol's name out")
    if "symbol" not in columns and symbol is None:
        raise DataError(
            f"{file.label}: no column of symbols, which each of several files needs; use --symbol-from filename where "
            "each file is a symbol, --symbol NAME where all are one, or --map symbol=COLUMN"
        )
    codes, symbols = _symbols(columns.get("symbol"), symbol or "", screen)
    values = {name: _floats(name, columns.get(name), screen) for name in (*COLUMNS, *ACTIONS)}
    values["volume"][np.isnan(values["volume"])] = 0.0
    for place, named in rest.items():
        if _any_number(frame.table.iloc[:, place]):
            asked[named(asked)] = place
    known = {name: _floats(name, frame.table.iloc[:, place], screen) for name, place in asked.items()}
    for name, array in known.items():
        screen.note(np.isinf(array), f"the {name} is not finite")
    stamps = times.parse(_moment(columns), screen)
    since = _available(frame, available[0], known, screen) if available and known else None
    lose_no_action(values, screen)
    return Table(screen, stamps, codes, symbols, values, known, since).settled()


def read_actions(file: File, drop: bool, symbol: str | None) -> Table:
    """The splits and dividends of a file of their own. `symbol`: whose they are, where it has no column for it."""

    def choose(header: list[str]) -> dict[str, int]:
        return find_columns(header, {}, file.label, ACTION_ALIASES, ("time",))

    frame = frames.read(file, choose, list, drop)
    columns, screen = frame.columns, frame.screen
    if not set(ACTIONS) & set(columns):
        raise DataError(f"{file.label}: row 1: no column for splits or dividends; call one 'split' or 'dividend'")
    if "symbol" not in columns and symbol is None:
        raise DataError(f"{file.label}: row 1: no column for the symbol, and there are several; call one 'symbol'")
    codes, symbols = _symbols(columns.get("symbol"), symbol or "", screen)
    values = {name: _floats(name, columns.get(name), screen) for name in ACTIONS}
    stamps = times.parse(_moment(columns), screen)
    return Table(screen, stamps, codes, symbols, values, {}, None).settled()


def _moment(columns: Mapping[str, pd.Series]) -> pd.Series:
    moment = columns["time"]
    if CLOCK in columns:
        moment = moment.astype("str").str.strip() + " " + columns[CLOCK].astype("str").str.strip()
    return moment


def _available(frame: Frame, place: int, known: Mapping[str, Floats], screen: Screen) -> Stamps:
    """When each row's features are known. A row without any needs no time."""
    column = frame.table.iloc[:, place]
    own = Screen(screen.files, screen.source, screen.row, drop=True)
    stamps = times.parse(column, own)
    needed = ~np.all([np.isnan(values) for values in known.values()], axis=0)
    screen.note(
        needed & ~own.settle(),
        "the time of availability is not an ISO date or an epoch",
        lambda k: f"the time of availability '{column.iloc[k]}' is not an ISO date or an epoch; write 2024-01-31",
    )
    return stamps


def _symbols(column: pd.Series | None, symbol: str, screen: Screen) -> tuple[Ints, tuple[str, ...]]:
    if column is None:
        return np.zeros(len(screen.row), dtype=np.int64), (symbol,)
    names = column.astype("str").where(column.notna(), "").str.strip()
    codes, symbols = pd.factorize(names, sort=True)
    for k, name in enumerate(symbols):
        if not name:
            screen.note(codes == k, "no symbol")
        elif len(name) > 64 or not name.isprintable():
            words = f"{name[:64]!r} is no name for a symbol"
            screen.note(codes == k, "no name for a symbol", lambda _, words=words: words)
    return codes.astype(np.int64), tuple(str(name) for name in symbols)


def _floats(name: str, column: pd.Series | None, screen: Screen) -> Floats:
    """float64 (rows,). Only what is missing is NaN; `screen` is told of text that is no number."""
    if column is None:
        return np.full(len(screen.row), np.nan)
    if _numeric(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan).copy()
    values = np.array([_number(value) for value in column], dtype=np.float64)
    hint = "write a split of 4 for 1 as 4" if name == "split" else "write it as 1234.5"
    screen.note(
        np.isnan(values) & ~column.isna().to_numpy(),
        f"{name}: not a number",
        lambda k: f"{name}: '{column.iloc[k]}' is not a number; {hint}",
    )
    return values


def _numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)


def _any_number(column: pd.Series) -> bool:
    if _numeric(column):
        return bool(column.notna().any())
    return any(not np.isnan(_number(value)) for value in column.dropna())


def _number(value: object) -> float:
    if isinstance(value, bool) or "_" in str(value):
        return np.nan
    try:
        return float(str(value))
    except ValueError:
        return np.nan
