"""Which column of a user's file is which: by its common names in any case, or as the user says."""

import re
from collections.abc import Iterable, Mapping, Sequence

from engine.errors import DataError, nearest

#: Common names, the best first, in lower case with single spaces. An adjusted close is never taken for the close:
#: mixed with an unadjusted open it would make prices that never were.
ALIASES = {
    "time": ("datetime", "date time", "timestamp", "date", "time", "open time", "", "unnamed: 0", "index level 0"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c", "last"),
    "volume": ("volume", "vol", "v"),
    "symbol": ("symbol", "ticker", "sym"),
    "split": ("split", "splits", "stock splits"),
    "dividend": ("dividend", "dividends"),
}
REQUIRED = ("time", "open", "high", "low", "close")
#: The same for a file of splits and dividends alone.
ACTION_ALIASES = {
    "time": ("date", "ex date", "ex-date", "exdate", *ALIASES["time"]),
    "symbol": ALIASES["symbol"],
    "split": ALIASES["split"],
    "dividend": ALIASES["dividend"],
}
#: The name under which a column of times of day is returned, where dates stand in a column of their own.
CLOCK = "clock"


def parse_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """`["close=Adj Close", …]` as a mapping. Raises DataError for what is not NAME=COLUMN with a known NAME.

    `split=`, without a column, says that the file's split column is to be left out.
    """
    mapping = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        known = _known(name.strip().lower()) if equals else ""
        if not equals or (not column and known in REQUIRED):
            raise DataError(f"'{pair}' is not NAME=COLUMN; write for example close=Last")
        mapping[known] = column
    return mapping


def suggested(header: Sequence[str]) -> dict[str, str]:
    """The column that would be taken for each of `time`, `open`, … by its name; nothing where none fits, or two."""
    plain = _plain(header)
    found: dict[str, str] = {}
    for name, aliases in ALIASES.items():
        alias = next((alias for alias in aliases if alias in plain), None)
        if alias is not None and plain.count(alias) == 1:
            found[name] = header[plain.index(alias)]
    return found


def find_columns(
    header: Sequence[str],
    mapping: Mapping[str, str],
    file: str,
    aliases_of: Mapping[str, tuple[str, ...]] = ALIASES,
    required: Sequence[str] = REQUIRED,
) -> dict[str, int]:
    """Places in `header` of `time`, `open`, …; those not `required`, and CLOCK, only where there are such columns.

    Raises DataError when one is missing, stands twice, or is mapped to no such column.
    """
    plain = _plain(header)
    found = {_known(name): mapped(name, column, header, file) for name, column in mapping.items() if column}
    for name, aliases in aliases_of.items():
        if name in mapping:
            continue
        for alias in aliases:
            places = [k for k, known in enumerate(plain) if known == alias and k not in found.values()]
            if len(places) > 1:
                twice = " and ".join(f"'{header[k]}' (column {k + 1})" for k in places)
                raise DataError(
                    f"{file}: row 1: {twice} could both be the {name}; rename one, or use --map {name}=COLUMN"
                )
            if places:
                found[name] = places[0]
                break
    if "time" not in mapping and plain.count("date") == plain.count("time") == 1:
        found["time"], found[CLOCK] = plain.index("date"), plain.index("time")
    for name in required:
        if name not in found:
            raise DataError(f"{file}: row 1: no column for the {name}; {_advice(name, header, plain)}")
    return found


def _plain(header: Sequence[str]) -> list[str]:
    return [re.sub(r"[_\s]+", " ", name).strip().lower() for name in header]


def _known(name: str) -> str:
    if name not in ALIASES:
        raise DataError(f"--map: '{name}' is not a name of a bar's column; {nearest(name, ALIASES)}")
    return name


def mapped(name: str, column: str, header: Sequence[str], file: str) -> int:
    """The place of `column`, wanted as `name`: written exactly, else in any case when that is unique."""
    plain = _plain(header)
    places = [k for k, known in enumerate(header) if known == column]
    places = places or [k for k, known in enumerate(plain) if known == _plain([column])[0]]
    if len(places) == 1:
        return places[0]
    if places:
        raise DataError(f"{file}: row 1: column '{column}', mapped to {name}, stands {len(places)} times; rename one")
    raise DataError(f"{file}: row 1: no column '{column}' to map to {name}; {nearest(column, header)}")


def _advice(name: str, header: Sequence[str], plain: Sequence[str]) -> str:
    adjusted = [header[k] for k, known in enumerate(plain) if known.replace(" ", "") in ("adjclose", "adjustedclose")]
    if name == "close" and adjusted:
        return f"an adjusted close is not taken for it: if that is meant, use --map close='{adjusted[0]}'"
    return f"name one with --map {name}=COLUMN; columns are: {', '.join(header)}"
