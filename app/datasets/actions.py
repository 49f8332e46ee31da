"""Splits and dividends of the bars' own columns and of a file of their own, as a market's actions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.datasets import times
from app.datasets.reader import Table
from app.datasets.refusal import Bools, Screen
from app.datasets.rows import Rows
from app.datasets.validate import happens, judge_actions
from engine.errors import nearest
from engine.market.actions import Action
from engine.market.dataset import DAY, sessions_of
from engine.market.market import ACTION

Floats = npt.NDArray[np.float64]

#: What would count twice, in prices that are adjusted for it already.
_TWICE = {"raw": (), "split": ("split",), "total_return": ("split", "dividend")}


@dataclass
class _Due:
    """What happens to one symbol at one bar: new units for one old, and money for each new unit."""

    split: float = 1.0
    dividend: float = 0.0

    def then(self, split: float, dividend: float) -> None:
        """A later day's actions at the same bar: its split comes after the dividends until now."""
        self.split *= split
        self.dividend = self.dividend / split + dividend


def gather(rows: Rows, table: Table | None, adjustment: str) -> npt.NDArray[np.void]:
    """ACTION of all splits and dividends, `bar` on the union of the rows' times, `symbol` by `rows.symbols`.

    An action of `table` stands at the symbol's first bar on or after its day; those before a symbol's first bar concern
    no holding and are left out. Raises DataError for what prices of this `adjustment` hold already, and, unless bad
    rows are dropped, for actions of no symbol, after its last bar, or stated twice.
    """
    present = _present(rows.values, rows.screen, adjustment)
    _once_a_session(rows, rows.screen)
    own = {(int(rows.symbol[k]), int(rows.time[k])): _of(rows.values, k) for k in np.flatnonzero(present)}
    due = {} if table is None else _filed(rows, table, adjustment, own)
    for place, (split, dividend) in own.items():  # of the bar's own day, which is the last of those that stand there
        due.setdefault(place, _Due()).then(split, dividend)
    bars = np.unique(rows.time)
    found = []
    for (symbol, time), one in sorted(due.items()):
        bar = int(np.searchsorted(bars, time))
        if one.split != 1.0:
            found.append((bar, symbol, int(Action.SPLIT), one.split))
        if one.dividend > 0.0:
            found.append((bar, symbol, int(Action.DIVIDEND), one.dividend))
    return np.array(found, ACTION)


def _filed(
    rows: Rows, table: Table, adjustment: str, own: Mapping[tuple[int, int], tuple[float, float]]
) -> dict[tuple[int, int], _Due]:
    """The actions of a file of their own, by symbol and time of the bar; `own`: those of the bars' columns."""
    screen = table.screen
    judge_actions(table.values, screen.note)
    table = table.settled()
    number = {symbol: k for k, symbol in enumerate(rows.symbols)}
    code = np.array([number.get(symbol, -1) for symbol in table.symbols], np.int64)[table.symbol]
    present = _present(table.values, screen, adjustment)
    screen.note(
        present & (code < 0),
        "a symbol without bars",
        lambda k: f"no bars of '{table.symbols[table.symbol[k]]}'; {nearest(table.symbols[table.symbol[k]], number)}",
    )
    day = times.known_from(table.stamps, None, rows.zone, rows.of_days)
    day = day // DAY * DAY if rows.of_days else day
    at, early = np.full(len(day), times.MISSING), np.zeros(len(day), np.bool_)
    for own in np.unique(code[present & (code >= 0)]):
        bars = np.sort(rows.time[rows.symbol == own])
        mine = np.flatnonzero(present & (code == own))
        place = np.searchsorted(bars, day[mine])
        early[mine] = day[mine] < bars[0]
        at[mine[place < len(bars)]] = bars[place[place < len(bars)]]
    screen.note(
        present & (code >= 0) & (at == times.MISSING),
        "after the symbol's last bar",
        lambda k: f"no bar of '{rows.symbols[code[k]]}' on this day or later; add bars up to it, or take the row out",
    )
    present &= ~early & (at != times.MISSING)
    due: dict[tuple[int, int], _Due] = {}
    seen: set[tuple[int, int, str]] = set()
    twice, both = np.zeros(len(day), np.bool_), np.zeros(len(day), np.bool_)
    for k in np.flatnonzero(present)[np.argsort(day[present], kind="stable")]:
        split, dividend = _of(table.values, k)
        there = {"split": split != 1.0, "dividend": dividend > 0.0}
        place = int(code[k]), int(at[k])
        beside = own.get(place, (1.0, 0.0))
        stated = {(int(code[k]), int(day[k]), name) for name in there if there[name]}
        twice[k] = bool(stated & seen)
        both[k] = (there["split"] and beside[0] != 1.0) or (there["dividend"] and beside[1] > 0.0)
        if not (twice[k] or both[k]):
            seen |= stated
            due.setdefault(place, _Due()).then(split, dividend)
    screen.note(twice, "stated twice for this symbol and day")
    screen.note(both, "stated at this bar by the bars' own columns already")
    screen.settle()
    return due


def _present(values: Mapping[str, Floats], screen: Screen, adjustment: str) -> Bools:
    """Rows at which something happens. DataError for what the prices hold already."""
    there = happens(values)
    for name in _TWICE[adjustment]:
        if there[name].any():
            raise screen.refusal(
                int(there[name].argmax()),
                f"a {name} in prices that hold {name}s already ('{adjustment}') would count twice; call them 'raw' if "
                f"they are as traded, or leave the column out with --map {name}=",
            )
    return there["split"] | there["dividend"]


def _of(values: Mapping[str, Floats], k: int) -> tuple[float, float]:
    split, dividend = float(values["split"][k]), float(values["dividend"][k])
    return (1.0 if np.isnan(split) or split == 0 else split), (0.0 if np.isnan(dividend) else dividend)


def _once_a_session(rows: Rows, screen: Screen) -> None:
    """Raise DataError where intraday bars repeat a day's split or dividend at each of its bars."""
    if rows.of_days:
        return
    bars, place = np.unique(rows.time, return_inverse=True)
    session = sessions_of(bars, "1min", rows.zone)[place]
    for name, flags in happens(rows.values).items():
        there = np.flatnonzero(flags)
        _, first = np.unique(np.stack([rows.symbol[there], session[there]]), axis=1, return_index=True)
        if len(first) < len(there):
            again = int(np.delete(there, first)[0])
            raise screen.refusal(
                again, f"a second {name} of this symbol in one session; write it at its first bar only"
            )
