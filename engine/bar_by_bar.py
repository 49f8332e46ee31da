"""Strategies that know their position, the ensemble, risk and execution, walked together one bar at a time.

The kernels are those of a whole backtest, called for one bar where something happens; in between only `on_bar` runs.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from engine.ensemble.combine import MEMORY, MOVE, combine, worst_rows
from engine.ensemble.weights import Ensemble, scales
from engine.errors import StageError
from engine.events import EVENT, empty_log
from engine.execution.advance import ROWS_PER_SYMBOL, advance, finish, next_bar_of, open_bar
from engine.market.market import Market, frozen
from engine.risk.sizing import Sizing
from engine.risk.standard import Risk
from engine.stage import Regimes
from engine.steps import FIRST_STRATEGY, NO_CAPS, Trading, changes_of
from engine.strategies.bar import Bar, BarStrategy
from engine.strategies.base import Array
from engine.strategies.changes import note

Log = npt.NDArray[np.void]
_NO_ROWS, _NO_MOVES = frozen(empty_log(0)), frozen(np.empty(0, MOVE))


class Speaker:
    """One bar strategy in its place, and what it was last heard to say. `current`, `logged`: float64 (symbols,)."""

    def __init__(self, strategy: BarStrategy, name: str, place: int, bar: Bar, symbols: int) -> None:
        self.strategy = strategy
        self.name = name
        self.place = place
        self.bar = bar
        self.current, self.logged = np.zeros(symbols), np.zeros(symbols)
        self.said: float | None = None

    def rows(self, t: int, valid: npt.NDArray[np.bool_]) -> Log:
        """Ask the strategy at bar `t`: its SIGNAL rows, mostly none. Raises StageError for a value out of range."""
        self.bar.number = t
        value = self.strategy.on_bar(self.bar)
        if value is None or value is self.said:
            return _NO_ROWS
        if isinstance(value, float | int):
            if value == self.said:
                return _NO_ROWS
            self.said = value
            values = np.full(len(self.current), float(value))
        else:
            try:
                values = np.asarray(value, dtype=np.float64)
            except (TypeError, ValueError):
                raise StageError(self._wanted(type(value).__name__)) from None
            if values.shape != self.current.shape:
                raise StageError(self._wanted(f"shape {values.shape}"))
        out = np.empty(len(values), EVENT)
        rows, bad = note(values, valid, t, self.current, self.logged, FIRST_STRATEGY + self.place, out)
        if bad >= 0:
            raise StageError(
                f"strategy '{self.name}': signal {values[bad]} at bar {t} lies outside [-1, 1]; scale or clip it"
            )
        if not valid.all():
            self.said = None  # what a symbol without this bar was told counts as nothing: it will be told again
        return out[:rows]

    def _wanted(self, got: str) -> str:
        return (
            f"strategy '{self.name}': on_bar() must return a number, None, or one number for each of "
            f"{len(self.current)} symbols, not {got}"
        )


def walk(
    speakers: Sequence[Speaker],
    batches: dict[int, Log],
    ensemble: Ensemble,
    risk: Risk,
    sizing: Sizing,
    trading: Trading,
    market: Market,
    regime_events: Log,
    regimes: Regimes | None,
    accounts: Log,
    book: Log,
    first: int,
    caps: Array = NO_CAPS,
) -> Log:
    """Trade from the first trading bar to the last; the container's whole log.

    batches: the SIGNAL events of the strategies that depend on data alone, by place. market: as it is traded.
    """
    symbols, last = len(market.symbols), len(market.time)
    strategies = len(speakers) + len(batches)
    names = regimes.names if regimes else ()
    weights, scale = ensemble.matrix(strategies, names), scales(risk.regime_scale, names)
    held, memory = np.zeros((strategies, symbols)), np.zeros(symbols + 1, MEMORY)
    agenda = np.union1d(sizing.agenda, changes_of(caps, first)) if len(caps) else sizing.agenda
    told = {place: _by_bar(rows) for place, rows in batches.items()}
    labels = _by_bar(regime_events)
    planned = np.unique(np.concatenate([agenda, regime_events["bar"], *(rows["bar"] for rows in batches.values())]))
    upcoming = [int(bar) for bar in planned[::-1] if bar >= first]
    renewals = set(agenda.tolist())
    rows, moves = worst_rows(1, 1, strategies * symbols, 1, symbols)
    out, moved = np.empty(rows + 2 * strategies * symbols, EVENT), np.empty(moves, MOVE)
    log = np.empty(64 + 8 * ROWS_PER_SYMBOL * symbols, EVENT)
    room = rows + 2 * strategies * symbols + 2 * ROWS_PER_SYMBOL * symbols + 4
    world = (market.bars, market.actions, market.calendar)
    valid = market.valid
    due = first
    for t in range(first, last):
        opened = t >= due
        if opened:
            if len(log) - accounts["rows"][0] < room:
                log = np.concatenate([log[: accounts["rows"][0]], empty_log(2 * len(log) + room)])
            open_bar(t, accounts, *world, book, trading.rules, log)
        found = {speaker.place: speaker.rows(t, valid[t]) for speaker in speakers}
        plan = bool(upcoming) and upcoming[-1] == t
        spoken = any(len(rows) for rows in found.values())
        if not (opened or plan or spoken):
            continue
        targets, steps = _NO_ROWS, _NO_MOVES
        if plan or spoken:
            if plan:
                upcoming.pop()
            for place, by_bar in told.items():
                found[place] = by_bar.get(t, _NO_ROWS)
            ordered = [found[place] for place in range(strategies)]
            ends = np.array([*accumulate([len(rows) for rows in ordered])])
            renewal = np.array([t]) if t in renewals else np.empty(0, np.int64)
            count, moving = combine(
                labels.get(t, _NO_ROWS),
                np.concatenate(ordered) if strategies > 1 else ordered[0],
                np.array([0, *ends[:-1]]),
                ends,
                weights,
                scale,
                sizing.slots,
                caps,
                renewal,
                sizing.rule,
                held,
                memory,
                out,
                moved,
            )
            targets, steps = out[:count], moved[:moving]
        accounts["intent"] = accounts["move"] = 0
        if len(log) - accounts["rows"][0] < room:
            log = np.concatenate([log[: accounts["rows"][0]], empty_log(2 * len(log) + room)])
        advance(accounts, *world, trading.members, trading.atr, targets, steps, book, trading.rules, t, t + 1, log)
        due = next_bar_of(t, last, accounts, market.actions, book, trading.rules)
    if accounts["rows"][0] + symbols > len(log):
        log = np.concatenate([log, empty_log(symbols)])
    finish(last - 1, accounts, book, log)
    return log[: accounts["rows"][0]]


def _by_bar(rows: Log) -> dict[int, Log]:
    """Rows, by bar, cut at the bars."""
    if not len(rows):
        return {}
    bars, starts = np.unique(rows["bar"], return_index=True)
    return dict(zip(bars.tolist(), np.split(rows, starts[1:]), strict=True))
