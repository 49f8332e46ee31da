"""What a decision peeks at: later bars are changed, in ranges and one by one, until it is known which bar, and what of
it, makes the decision another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.market.market import COLUMNS
from engine.soundness.case import Case, output
from engine.soundness.markets import changed
from engine.stage import Regimes

ROUNDING = 1e-12
#: Different ways in which bars are changed, and how far ahead single bars are tried before ranges.
WAYS, _NEAR = 8, 5
_HOUR = 3600 * 10**9
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Peek:
    """What of a later bar a decision needs.

    `column`: None for several together, `existence` where only the number of bars matters; `of`: whose; `symbol`: the
    decision's. `through`: the indicator by which it got there. `alone`: False where only the bars from the decision up
    to this one, all changed, make a difference.
    """

    bar: int
    column: str | None
    of: str
    symbol: int
    through: str = ""
    alone: bool = True


class Changes:
    """A case with other bars after bar `after`. Way 0 raises prices, 1 lowers them, the others draw for each bar."""

    def __init__(self, case: Case, after: int) -> None:
        self.whole = case
        self.after = after
        market = case.market
        self.names = [*COLUMNS, *market.features]
        self.factors: list[Array] = []
        shape = market.valid.shape
        for way in range(WAYS):
            draw = np.random.default_rng([way, after])
            by_bar = np.exp(draw.normal(0.0, 0.1 if way < 5 else 1.0, shape))
            self.factors.append(np.full(shape, 1.5) if way == 0 else np.full(shape, 0.6) if way == 1 else by_bar)

    def column(self, name: str) -> Array:
        market = self.whole.market
        found: Array = market.features[name] if name in market.features else getattr(market, name)
        return found

    def case(
        self, way: int, start: int, stop: int, columns: list[str] | None = None, symbols: list[int] | None = None
    ) -> Case:
        """Bars `start` to `stop` changed, or only some columns and symbols of them.

        Columns beside those of the market: `valid` (bars are taken away), `time` (an hour later), `regime`.
        """
        case, market = self.whole, self.whole.market
        names = self.names if columns is None else columns
        places = slice(None) if symbols is None else symbols
        rows = slice(start, stop)
        values: dict[str, npt.NDArray[Any]] = {}
        for name in names:
            if name in self.names:
                values[name] = np.array(self.column(name))
                values[name][rows, places] *= self.factors[way][rows, places]
        if columns is not None and "valid" in columns:
            values["valid"] = np.array(market.valid)
            values["valid"][rows, places] = False
        if columns is not None and "time" in columns:
            step = int(np.diff(market.time).min()) if len(market.time) > 1 else 2 * _HOUR
            values["time"] = np.array(market.time)
            values["time"][rows] += min(_HOUR, step // 2)
        regimes = case.regimes
        if regimes is not None and (columns is None or "regime" in columns):
            codes = np.array(regimes.codes)
            codes[rows] = (codes[rows] + 1 + way) % len(regimes.names)
            codes.flags.writeable = False
            regimes = Regimes(codes, regimes.names)
        return replace(case, market=changed(market, values), regimes=regimes)


def locate(case: Case, whole: Array, bar: int, cut: int) -> Peek | None:
    """What the decision at `bar` peeks at, which differs when the market ends after bar `cut`; None: not found."""
    bars = len(whole)
    symbol = _symbol(case, whole, bar, cut)
    changes = Changes(case, bar)

    def differs(found: Case) -> bool:
        try:
            value = float(output(found)[bar, symbol])
        except Exception:
            return False
        before = float(whole[bar, symbol])
        if np.isnan(value) or np.isnan(before):
            return bool(np.isnan(value) != np.isnan(before))
        return abs(value - before) > ROUNDING * max(abs(value), abs(before), 1.0)

    for columns in (None, ["valid"], ["time"]):
        ways = range(WAYS) if columns is None else range(1)
        found = _nearest(partial(_differ, differs, changes, columns), ways, bar, bars)
        if found is not None:
            way, peeked, alone = found
            if not alone:
                return Peek(peeked, None if columns is None else columns[0], "", symbol, alone=False)
            return _column(changes, differs, way, peeked, symbol, columns)
    return _existence(case, whole, bar, cut, symbol, differs)


def _differ(
    differs: Callable[[Case], bool], changes: Changes, columns: list[str] | None, way: int, start: int, stop: int
) -> bool:
    """Whether the decision is another when bars `start` to `stop` are changed in this way."""
    return differs(changes.case(way, start, stop, columns))


def _symbol(case: Case, whole: Array, bar: int, cut: int) -> int:
    """The column of the decision that differs."""
    try:
        found = output(case.upto(cut + 1))[bar]
    except Exception:
        return 0
    same = (found == whole[bar]) | (np.isnan(found) & np.isnan(whole[bar]))
    far = np.where(same, 0.0, np.nan_to_num(np.abs(found - whole[bar]), nan=np.inf))
    return int(np.argmax(far))


def _nearest(
    differs: Callable[[int, int, int], bool], ways: range, bar: int, bars: int
) -> tuple[int, int, bool] | None:
    """The way, the nearest later bar whose change makes a difference, and whether it does so alone."""
    for peeked in range(bar + 1, min(bar + 1 + _NEAR, bars)):
        for way in ways:
            if differs(way, peeked, peeked + 1):
                return way, peeked, True
    best: tuple[int, int] | None = None
    for way in ways:
        stop = bars if best is None else best[1]
        if not differs(way, bar + 1, stop):
            continue
        low, high = bar + 1, stop  # up to `low` it makes no difference, up to `high` it does
        while high - low > 1:
            middle = (low + high) // 2
            if differs(way, bar + 1, middle):
                high = middle
            else:
                low = middle
        best = way, high
        if high == bar + 2:
            break
    if best is None:
        return None
    way, peeked = best[0], best[1] - 1
    for other in (way, *ways):
        if differs(other, peeked, peeked + 1):
            return other, peeked, True
    return way, peeked, False


def _column(
    changes: Changes, differs: Callable[[Case], bool], way: int, peeked: int, symbol: int, columns: list[str] | None
) -> Peek:
    """What of bar `peeked` makes the difference, and whose."""
    case = changes.whole
    own = None if len(case.symbols) != len(case.market.symbols) else symbol
    names = columns or ["close", "open", "high", "low", "volume", *case.market.features, "regime"]
    for name, some in _parts(names, len(case.market.symbols), own):
        if name == "regime" and case.regimes is None:
            continue
        for other in dict.fromkeys([way, *range(WAYS)]):
            if differs(changes.case(other, peeked, peeked + 1, [name], some)):
                of = case.market.symbols[some[0]] if some and name not in ("regime", "time") else ""
                of = "" if own is None else of
                through = _through(changes, differs, other, peeked, name, some)
                return Peek(peeked, name, of, symbol, through)
    return Peek(peeked, None, "", symbol)


def _parts(names: list[str], symbols: int, own: int | None) -> Iterator[tuple[str, list[int] | None]]:
    """Columns of the decision's own symbol first, then of the others, then of all together."""
    order = ([] if own is None else [own]) + [s for s in range(symbols) if s != own]
    for s in order:
        for name in names:
            yield name, [s]
    for name in names:
        yield name, None


def _through(
    changes: Changes, differs: Callable[[Case], bool], way: int, peeked: int, name: str, some: list[int] | None
) -> str:
    """The indicator by which a changed price gets to the decision; empty when the stage reads the price itself."""
    case = changes.whole
    if name == "regime":
        return ""
    other = changes.case(way, peeked, peeked + 1, [name], some)
    before, after = case.given(case.seen()), other.given(other.seen())
    if not before or differs(replace(other, values=before)):
        return ""
    for one in before:
        if differs(replace(case, values={**before, one: after[one]})):
            return one
    return ""


def _existence(
    case: Case, whole: Array, bar: int, cut: int, symbol: int, differs: Callable[[Case], bool]
) -> Peek | None:
    """No change of a bar matters: the first bar that must be there for the decision to be what it is."""
    low, high = cut + 1, len(whole)  # with `low` bars it is another, with `high` it is the same
    if high <= low or not differs(case.upto(low)):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if differs(case.upto(middle)):
            low = middle
        else:
            high = middle
    return Peek(high - 1, "existence", "", symbol)
