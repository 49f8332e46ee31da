"""Two datasets bar by bar: which bars were added and removed, and which values changed."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from app.datasets.storage import stated
from engine.market.dataset import Dataset, describe, is_intraday
from engine.market.market import COLUMNS, Market

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Of the descriptions, what can differ without a bar that does, or be its reason.
DESCRIBED = ("frequency", "zone", "adjustment")


@dataclass(frozen=True, slots=True)
class Change:
    """`what`: `added`, `removed` or `changed`. Of an added or removed bar `column` is the close.

    `old`, `new`: None where there was no bar, or nothing in the column.
    """

    what: str
    symbol: str
    #: ISO 8601, UTC; a date alone for daily and slower bars.
    time: str
    column: str
    old: float | None
    new: float | None


@dataclass(frozen=True)
class Difference:
    """Bars of a symbol each; `values`: how many values differ in the bars that changed."""

    old: Dataset
    new: Dataset
    added: int
    removed: int
    changed: int
    values: int
    #: Field of the description to what it was and what it is, where that differs.
    described: dict[str, tuple[str, str]]
    #: By symbol, then time, then column; as many as were asked for.
    changes: tuple[Change, ...]

    @property
    def same(self) -> bool:
        return not (self.added or self.removed or self.changed or self.described)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {
            "old": asdict(self.old),
            "new": asdict(self.new),
            "same": self.same,
            "changes": [asdict(change) for change in self.changes],
        }


def difference(old: Market, new: Market, limit: int | None = None) -> Difference:
    """What differs between two markets, each the whole dataset. `limit`: how many changes are listed."""
    before, after = describe(old), describe(new)
    described = {
        name: (str(getattr(before, name)), str(getattr(after, name)))
        for name in DESCRIBED
        if getattr(before, name) != getattr(after, name)
    }
    counts = np.zeros(4, dtype=np.int64)
    changes: list[Change] = []
    columns = [_columns(market) for market in (old, new)]
    for symbol in sorted({*old.symbols, *new.symbols}):  # one by one: no array is of all symbols' times
        pair = _Pair(symbol, (old, new), columns)
        counts += pair.counts()
        changes += islice(pair.changes(), None if limit is None else limit - len(changes))
    added, removed, changed, values = counts.tolist()
    return Difference(before, after, added, removed, changed, values, described, tuple(changes))


class _Pair:
    """The bars of one symbol in two markets, the old one first, on the union of their times."""

    def __init__(self, symbol: str, markets: Sequence[Market], columns: Sequence[dict[str, Floats]]) -> None:
        self.symbol = symbol
        self.intraday = any(is_intraday(market.frequency) for market in markets)
        own = [_own(market, symbol) for market in markets]
        times = [market.time[bars] for market, bars in zip(markets, own, strict=True)]
        self.time = np.union1d(*times)
        places = [np.searchsorted(self.time, time) for time in times]
        #: bool (2, bars): whether there is a bar.
        self.present = np.zeros((2, len(self.time)), dtype=np.bool_)
        self.names = list(dict.fromkeys([*columns[0], *columns[1]]))
        #: float64 (2, bars) by column.
        self.values = {name: np.full((2, len(self.time)), np.nan) for name in self.names}
        for side in (0, 1):
            self.present[side, places[side]] = True
            for name, values in columns[side].items():
                if len(own[side]):
                    self.values[name][side, places[side]] = values[own[side], markets[side].symbols.index(symbol)]
        both = self.present.all(axis=0)
        #: bool (columns, bars): bars of both that differ in the column.
        self.differs = np.stack([both & _unequal(*self.values[name]) for name in self.names])

    def counts(self) -> Ints:
        """Bars that were added, removed and changed, and values that differ: int64 (4,)."""
        was, is_ = self.present
        return np.array(
            [(~was & is_).sum(), (was & ~is_).sum(), self.differs.any(axis=0).sum(), self.differs.sum()], np.int64
        )

    def changes(self) -> Iterator[Change]:
        """All that differs, by time, then column."""
        was, is_ = self.present
        for bar in np.flatnonzero((was != is_) | self.differs.any(axis=0)):
            if was[bar] and is_[bar]:
                for k in np.flatnonzero(self.differs[:, bar]):
                    yield self._change("changed", self.names[k], bar)
            else:
                yield self._change("added" if is_[bar] else "removed", "close", bar)

    def _change(self, what: str, column: str, bar: int) -> Change:
        old, new = (None if np.isnan(value) else float(value) for value in self.values[column][:, bar])
        moment = datetime.fromtimestamp(int(self.time[bar]) // 10**9, UTC)
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ" if self.intraday else "%Y-%m-%d")
        return Change(what, self.symbol, stamp, column, old, new)


def _own(market: Market, symbol: str) -> npt.NDArray[np.intp]:
    """Numbers of the symbol's bars; none where the market has no such symbol."""
    if symbol not in market.symbols:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(market.valid[:, market.symbols.index(symbol)])


def _columns(market: Market) -> dict[str, Floats]:
    return {name: getattr(market, name) for name in COLUMNS} | stated(market) | dict(market.features)


def _unequal(old: Floats, new: Floats) -> npt.NDArray[np.bool_]:
    return ~((old == new) | (np.isnan(old) & np.isnan(new)))
