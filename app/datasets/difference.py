"""Two datasets bar by bar: which bars were added and removed, and which values changed."""

from collections.abc import Iterator
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
    pair = _Pair(old, new)
    before, after = describe(old), describe(new)
    there = pair.present
    described = {
        name: (str(getattr(before, name)), str(getattr(after, name)))
        for name in DESCRIBED
        if getattr(before, name) != getattr(after, name)
    }
    return Difference(
        before,
        after,
        int((~there[0] & there[1]).sum()),
        int((there[0] & ~there[1]).sum()),
        int(pair.differs.any(axis=0).sum()),
        int(pair.differs.sum()),
        described,
        tuple(islice(pair.changes(), limit)),
    )


class _Pair:
    """Two markets on the union of their times and symbols. Arrays are (2, bars, symbols): the old one first."""

    def __init__(self, old: Market, new: Market) -> None:
        self.time = np.union1d(old.time, new.time)
        self.symbols = sorted({*old.symbols, *new.symbols})
        self.intraday = is_intraday(new.frequency) or is_intraday(old.frequency)
        self.present = np.stack([self._dense(market, market.valid, False) for market in (old, new)])
        sides = [_columns(market) for market in (old, new)]
        self.names = list(dict.fromkeys([*sides[0], *sides[1]]))
        self.values = {
            name: np.stack(
                [
                    self._dense(market, side[name] if name in side else np.full(market.valid.shape, np.nan), np.nan)
                    for market, side in zip((old, new), sides, strict=True)
                ]
            )
            for name in self.names
        }
        both = self.present.all(axis=0)
        #: bool (columns, bars, symbols): bars of both that differ in the column.
        self.differs = np.stack([both & _unequal(*self.values[name]) for name in self.names])

    def changes(self) -> Iterator[Change]:
        """All that differs, by symbol, then time, then column."""
        odd = (self.present[0] != self.present[1]) | self.differs.any(axis=0)
        for s, bar in np.argwhere(odd.T):
            was, is_ = self.present[:, bar, s]
            if was and is_:
                for k in np.flatnonzero(self.differs[:, bar, s]):
                    yield self._change("changed", self.names[k], bar, s)
            else:
                yield self._change("added" if is_ else "removed", "close", bar, s)

    def _change(self, what: str, column: str, bar: int, s: int) -> Change:
        old, new = (None if np.isnan(value) else float(value) for value in self.values[column][:, bar, s])
        moment = datetime.fromtimestamp(int(self.time[bar]) // 10**9, UTC)
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ" if self.intraday else "%Y-%m-%d")
        return Change(what, self.symbols[s], stamp, column, old, new)

    def _dense(self, market: Market, values: npt.NDArray[Any], missing: object) -> npt.NDArray[Any]:
        whole = np.full((len(self.time), len(self.symbols)), missing, dtype=values.dtype)
        columns = [self.symbols.index(symbol) for symbol in market.symbols]
        whole[np.ix_(np.searchsorted(self.time, market.time), columns)] = values
        return whole


def _columns(market: Market) -> dict[str, Floats]:
    return {name: getattr(market, name) for name in COLUMNS} | stated(market) | dict(market.features)


def _unequal(old: Floats, new: Floats) -> npt.NDArray[np.bool_]:
    return ~((old == new) | (np.isnan(old) & np.isnan(new)))
