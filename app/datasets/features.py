"""Further columns of numbers: which of a file's they are, by which names stages know them, and when they are known."""

import keyword
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from app.datasets.columns import mapped
from app.datasets.times import MISSING
from app.datasets.wanted import Wanted
from engine.errors import DataError
from engine.market.market import COLUMNS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}")
#: What a stored dataset, or a market, calls something else.
RESERVED = (*COLUMNS, "time", "date", "symbol", "split", "dividend", "valid", "mark", "bar", "session")
#: Names of a column that has none, as pandas writes them.
_NAMELESS = re.compile(r"(unnamed: \d+|index|index level \d+|level_\d+)?", re.IGNORECASE)
ALL = "all"


def parse_features(pairs: Iterable[str]) -> dict[str, str]:
    """`["pe", "cap=Market Cap", …]` as name to column, "" where the column has that name. Raises DataError."""
    features = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        name = name.strip() if equals else identifier(name)
        if not column and equals:
            raise DataError(f"'{pair}' is not NAME=COLUMN; write for example pe=P/E, or pe for a column of that name")
        features[_checked(name, pair)] = column or ("" if name == pair.strip() else pair)
    return features


def identifier(column: str) -> str:
    """`column` as a name in a program: in lower case, whatever is no letter or digit an underscore; "" for none."""
    return re.sub(r"[^a-z0-9]+", "_", column.strip().lower()).strip("_")


def suggested(header: Sequence[str], taken: Iterable[str]) -> dict[str, str]:
    """Name to column of what can be a feature by its name alone, of the columns that are not `taken`."""
    used = set(taken)
    found: dict[str, str] = {}
    for column in header:
        name = identifier(column)
        if column not in used and name not in found and _sound(name) and not _NAMELESS.fullmatch(column.strip()):
            found[name] = column
    return found


def find(header: Sequence[str], wanted: Wanted, file: str) -> dict[str, int]:
    """Places in `header` of the features that are asked for by name. Raises DataError for one that is not there."""
    return {
        name: mapped(name, column, header, file) if column else _by_name(name, header, file)
        for name, column in wanted.features.items()
    }


def further(header: Sequence[str], used: Iterable[int], file: str) -> dict[int, Callable[[Iterable[str]], str]]:
    """Places of the columns that are not `used`, each with what gives its feature's name beside those there are.

    The name is asked of columns of numbers only: it raises DataError where it cannot be a feature's, or is taken.
    """

    def named(place: int, taken: Iterable[str]) -> str:
        name = _checked(identifier(header[place]), header[place])
        if name in taken:
            raise DataError(
                f"{file}: row 1: column '{header[place]}' and another would both be feature '{name}'; name one "
                f"yourself, as --feature other={header[place]}"
            )
        return name

    places = {*range(len(header))} - {*used}
    return {place: partial(named, place) for place in sorted(places) if not _NAMELESS.fullmatch(header[place].strip())}


def place(time: Ints, symbol: Ints, features: Mapping[str, Floats], available: Ints | None) -> dict[str, Floats]:
    """The features' values at the rows at which they stand, float64 (rows,) by name; NaN elsewhere.

    Rows are bars, in any order. A value stands at the symbol's first bar at or after `available` (int64 ns), and at
    none if there is no such bar; of several the one known last stays, of those known at once the last row's.
    """
    if available is None or not features:
        return dict(features)
    order = np.lexsort((time, symbol))
    target = np.full(len(time), -1, dtype=np.int64)
    edges = np.flatnonzero(np.diff(symbol[order])) + 1
    for own in np.split(order, edges):
        at = np.searchsorted(time[own], available[own], side="left")
        there = (at < len(own)) & (available[own] != MISSING)
        target[own[there]] = own[at[there]]
    placed = {}
    for name, values in features.items():
        placed[name] = np.full(len(time), np.nan)
        known = np.flatnonzero((target >= 0) & ~np.isnan(values))
        known = known[np.argsort(available[known], kind="stable")]
        placed[name][target[known]] = values[known]  # of assignments to one place NumPy keeps the last
    return placed


def _by_name(name: str, header: Sequence[str], file: str) -> int:
    """The column called `name`: exactly, else as an identifier when that is unique."""
    exact = [k for k, column in enumerate(header) if column == name]
    alike = exact or [k for k, column in enumerate(header) if identifier(column) == name]
    return alike[0] if len(alike) == 1 else mapped(name, name, header, file)


def _sound(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and name not in RESERVED and not keyword.iskeyword(name)


def _checked(name: str, given: str) -> str:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise DataError(f"'{given}' is no name for a feature; give it one of a-z, 0-9 and _, as --feature pe='{given}'")
    if name in RESERVED:
        raise DataError(f"'{name}' is a bar's own; call the feature something else, as --feature my_{name}='{given}'")
    return name
