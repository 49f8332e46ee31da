"""Splits and dividends of the bars' own columns and of a file of their own, as a market's actions."""

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.datasets import times
from app.datasets.reader import Table
from app.datasets.refusal import Bools, Screen
from app.datasets.rows import Rows
from app.datasets.times import wall_clock
from app.datasets.validate import happens, judge_actions
from engine.errors import nearest
from engine.market.actions import Action
from engine.market.dataset import DAY, sessions_of
from engine.market.market import ACTION

Floats = npt.NDArray[np.float64]

#: What would count twice, in prices that are adjusted for it already.
_TWICE = {"raw": (), "split": ("split",), "total_return": ("split", "dividend")}


class _Stated(NamedTuple):
    """What a row states. `time` is the bar's at which it stands, `date` the day it is of, a number of days."""

    symbol: int
    time: int
    date: int
    #: New units for one old, and money for each new unit.
    split: float
    dividend: float


def gather(rows: Rows, table: Table | None, adjustment: str) -> npt.NDArray[np.void]:
    """ACTION of all splits and dividends, `bar` on the union of the rows' times, `symbol` by `rows.symbols`.

    An action of `table` stands at the symbol's first bar on or after its day; those before a symbol's first bar concern
    no holding and are left out. Raises DataError for what prices of this `adjustment` hold already, and, unless bad
    rows are dropped, for actions of no symbol, after its last bar, or stated twice.
    """
    present = _present(rows.values, rows.screen, adjustment)
    _once_a_session(rows, rows.screen)
    places = np.flatnonzero(present)
    dates = wall_clock(rows.time[places], rows.zone) // DAY
    stated = [
        _Stated(int(rows.symbol[k]), int(rows.time[k]), int(date), *_of(rows.values, k))
        for k, date in zip(places, dates, strict=True)
    ]
    if table is not None:
        stated += _filed(rows, table, adjustment, stated)
    bars = np.unique(rows.time)
    found = []
    for (symbol, time), at_bar in groupby(sorted(stated), key=itemgetter(0, 1)):
        bar, split, dividend = int(np.searchsorted(bars, time)), 1.0, 0.0
        for _, of_day in groupby(at_bar, key=itemgetter(2)):
            for one in sorted(of_day, key=lambda one: one.split == 1.0):  # a day's split comes before its dividend
                split *= one.split
                dividend = dividend / one.split + one.dividend
        if split != 1.0:
            found.append((bar, symbol, int(Action.SPLIT), split))
        if dividend > 0.0:
            found.append((bar, symbol, int(Action.DIVIDEND), dividend))
    return np.array(found, ACTION)


def _filed(rows: Rows, table: Table, adjustment: str, own: list[_Stated]) -> list[_Stated]:
    """What a file of actions states; `own`: what the bars' own columns do."""
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
    date = wall_clock(day, rows.zone) // DAY
    at, early = np.full(len(day), times.MISSING), np.zeros(len(day), np.bool_)
    for symbol in np.unique(code[present & (code >= 0)]):
        bars = np.sort(rows.time[rows.symbol == symbol])
        mine = np.flatnonzero(present & (code == symbol))
        place = np.searchsorted(bars, day[mine])
        early[mine] = day[mine] < bars[0]
        at[mine[place < len(bars)]] = bars[place[place < len(bars)]]
    screen.note(
        present & (code >= 0) & (at == times.MISSING),
        "after the symbol's last bar",
        lambda k: f"no bar of '{rows.symbols[code[k]]}' on this day or later; add bars up to it, or take the row out",
    )
    present &= ~early & (at != times.MISSING)
    beside = {mark for one in own for mark in _marks(one)}
    seen: set[tuple[int, int, str]] = set()
    twice, both = np.zeros(len(day), np.bool_), np.zeros(len(day), np.bool_)
    stated = []
    for k in np.flatnonzero(present):
        one = _Stated(int(code[k]), int(at[k]), int(date[k]), *_of(table.values, k))
        twice[k], both[k] = bool(_marks(one) & seen), bool(_marks(one) & beside)
        seen |= _marks(one)
        if not (twice[k] or both[k]):
            stated.append(one)
    screen.note(both, "stated on this day by the bars' own columns already")
    screen.note(
        twice, "stated twice for this symbol and day", lambda _: "stated twice for this symbol and day; write it once"
    )
    screen.settle()
    return stated


def _marks(one: _Stated) -> set[tuple[int, int, str]]:
    """What may be stated once: symbol, day, and what it is."""
    there = {"split": one.split != 1.0, "dividend": one.dividend > 0.0}
    return {(one.symbol, one.date, name) for name in there if there[name]}


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
