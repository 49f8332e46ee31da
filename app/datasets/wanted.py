"""What a user wants of files: how they are to be read, and what their bars are to be called."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.datasets.times import check_zone
from engine.errors import DataError, nearest
from engine.market.dataset import ADJUSTMENTS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
BAD_ROWS = ("refuse", "drop")
STAMPS = ("open", "close")
SYMBOL_FROM = ("filename",)


@dataclass(frozen=True)
class Wanted:
    """The options of `bulkhead data add`."""

    name: str
    #: IANA zone of naive intraday times, and of sessions.
    tz: str | None = None
    #: Bar's column to file's column; "" for a column that is to be left out.
    mapping: Mapping[str, str] = field(default_factory=dict)
    #: Name of the only symbol of files without a column of symbols (default: `name`).
    symbol: str | None = None
    #: What was done to the prices: `raw`, `split` or `total_return`.
    adjustment: str = "raw"
    #: `filename`: each file is a symbol, called as the file without its suffix.
    symbol_from: str | None = None
    #: What becomes of rows that no bar can be: `refuse` them with the whole file, or `drop` them.
    bad_rows: str = "refuse"
    #: Whether an intraday time is that of the bar's `open` or its `close`.
    stamp: str = "open"
    #: A file of splits and dividends.
    actions: Path | None = None
    #: Further columns that stages may use: name to file's column; "" for the column that has that name itself.
    features: Mapping[str, str] = field(default_factory=dict)
    #: Every further column of numbers too.
    all_features: bool = False
    #: The column that says from when on the features of its row are known (default: the row's own bar).
    available_at: str | None = None

    def check(self) -> None:
        """Raise DataError for what is wrong whatever the files hold."""
        if not NAME.fullmatch(self.name):
            raise DataError(f"'{self.name}' is no name for a dataset; use up to 64 letters, digits, '.', '_' and '-'")
        for what, value, known in (
            ("adjustment", self.adjustment, ADJUSTMENTS),
            ("treatment of bad rows", self.bad_rows, BAD_ROWS),
            ("meaning of a time stamp", self.stamp, STAMPS),
            ("source of symbols", self.symbol_from, (None, *SYMBOL_FROM)),
        ):
            if value not in known:
                raise DataError(f"no {what} '{value}'; {nearest(str(value), [word for word in known if word])}")
        if self.tz is not None:
            check_zone(self.tz)
        if self.symbol is not None and not (
            self.symbol.strip() and self.symbol.isprintable() and len(self.symbol) <= 64
        ):
            raise DataError(f"{self.symbol[:64]!r} is no name for a symbol; use up to 64 characters that can be seen")
        if self.symbol is not None and self.symbol_from is not None:
            raise DataError("one name for the only symbol, and names from the files, cannot both be; choose one")
        if self.available_at is not None and not (self.features or self.all_features):
            raise DataError(
                f"'{self.available_at}' says when features are known, and none are taken; name them with --feature"
            )

    @property
    def drop(self) -> bool:
        return self.bad_rows == "drop"
