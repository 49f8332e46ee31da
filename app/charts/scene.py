"""What the container's figure shows, cut to its window: plain arrays, taken from readings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.events import Kind
from engine.market.market import COLUMNS

if TYPE_CHECKING:
    from app.services.reading import Reading

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: More candles, or more fills, than this are not drawn.
CANDLES = 2_000
FILLS = 2_000
#: With at most so many bars in view, candles are drawn unless a line is asked for.
CANDLES_FIRST = 260


@dataclass(frozen=True, slots=True)
class Curve:
    """A series of the account from bar `first` on: values, float64 (n,), of the bars first, first + 1, …"""

    first: int
    values: Floats

    def within(self, start: int, stop: int) -> tuple[Ints, Floats]:
        """The bars of start:stop that have a value, and the values."""
        begin, end = max(start, self.first), min(stop, self.first + len(self.values))
        return np.arange(begin, max(begin, end)), self.values[begin - self.first : max(begin, end) - self.first]


@dataclass(frozen=True, slots=True)
class Line:
    """An indicator to draw: its values at each bar, float64 (bars,). `pane`: whose pane it has; "": that of prices."""

    name: str
    pane: str
    values: Floats


@dataclass(frozen=True, slots=True)
class Scene:
    """A container as the figure needs it.

    `time`: what clocks in the market's zone show, int64 nanoseconds. Bars are numbered as in the market; `start` and
    `stop` bound what is in view. `prices`: float64 (bars, 5), open to volume of one symbol. `fills`: rows of the log
    (EVENT) of that symbol, `seqs` their numbers. `test`: first held-out bar; `covered`: nothing of the account is shown
    from there on. `event`: number of the chosen bar, and its price when it is a fill of this symbol. `gross`: gross
    weight, `cash`: cash, both as shares of equity.
    """

    time: Ints
    start: int
    stop: int
    symbol: str
    prices: Floats
    regimes: Ints
    regime_names: tuple[str, ...]
    equity: Curve
    benchmark: Curve | None
    drawdown: Curve
    fills: npt.NDArray[np.void]
    seqs: Ints
    test: int | None
    covered: bool
    event: int | None = None
    event_price: float | None = None
    gross: Curve | None = None
    cash: Curve | None = None
    lines: tuple[Line, ...] = ()


def scene(
    reading: "Reading",
    benchmark: "Reading | None",
    symbol: str,
    window: tuple[int, int],
    covered: bool,
    event: int | None = None,
    lines: tuple[Line, ...] = (),
) -> Scene:
    """The scene of a container that is done. `window`: bars start:stop; `event`: seq of the chosen event.

    `lines`: indicators of `symbol` to draw.
    """
    market, log = reading.market, reading.log
    column = market.symbols.index(symbol)
    end = reading.test if covered and reading.test is not None else len(market.time)
    mine = (log["kind"] == Kind.FILL) & (log["symbol"] == column) & (log["bar"] < end)
    seqs = np.flatnonzero(mine & (log["bar"] >= window[0]) & (log["bar"] < window[1]))
    row = None if event is None else log[event]
    return Scene(
        time=reading.clock,
        start=window[0],
        stop=window[1],
        symbol=symbol,
        prices=np.stack([getattr(market, name)[:, column] for name in COLUMNS], axis=1),
        regimes=reading.regimes,
        regime_names=reading.regime_names,
        equity=_curve(reading, end, reading.account.equity),
        benchmark=None if benchmark is None else _curve(benchmark, end, benchmark.account.equity),
        drawdown=_curve(reading, end, reading.drawdown),
        fills=log[seqs],
        seqs=seqs,
        test=reading.test,
        covered=covered,
        event=None if row is None else int(row["bar"]),
        event_price=None if row is None or not mine[event] else float(row["price"]),
        gross=_curve(reading, end, reading.account.gross),
        cash=_curve(reading, end, reading.cash_share),
        lines=lines,
    )


def _curve(reading: "Reading", end: int, values: Floats) -> Curve:
    return Curve(reading.first, values[: max(0, end - reading.first)])
