"""What a signal report reads: the bars from the first trading bar up to the first held-out one, and nothing beyond."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.compiled import kernel
from engine.ensemble.combine import CHANGE
from engine.events import Kind, Source
from engine.market.market import Market
from engine.projections.causes import regime_codes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Log = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Window:
    """Bars first:stop of a market with their labels; all arrays begin at `first` and end before `stop`.

    open, high, low: float64 (bars, symbols); valid: bool, likewise. codes: int64 (bars,), the label known at each
    bar's close, −1 before the first; names: of the labels. stretches: int64 (bars,), running number of the stretch of
    one label that a bar lies in.
    """

    first: int
    stop: int
    symbols: tuple[str, ...]
    open: Floats
    high: Floats
    low: Floats
    valid: Bools
    bars_per_year: float
    names: tuple[str, ...]
    codes: Ints
    stretches: Ints

    @classmethod
    def of(cls, log: Log, market: Market, first: int, stop: int, regimes: tuple[str, ...]) -> "Window":
        """The window of a log on its market. `regimes`: names of the labels, () to take no notice of them."""
        span = slice(first, stop)
        codes = regime_codes(log, stop)[span] if regimes else np.full(max(stop - first, 0), -1)
        return cls(
            first=first,
            stop=stop,
            symbols=market.symbols,
            open=market.open[span],
            high=market.high[span],
            low=market.low[span],
            valid=market.valid[span],
            bars_per_year=market.bars_per_year,
            names=regimes,
            codes=codes,
            stretches=np.cumsum(np.diff(codes, prepend=codes[:1]) != 0),
        )

    @property
    def bars(self) -> int:
        return len(self.valid)

    @property
    def labels(self) -> list[tuple[str | None, int]]:
        """Name and code of each regime, the bars before the first label (None) in front; empty without a classifier."""
        return [(name, code - 1) for code, name in enumerate((None, *self.names))] if self.names else []

    def years(self, bars: int) -> float:
        return bars / self.bars_per_year


def signal_rows(log: Log, stop: int) -> Log:
    """The SIGNAL rows of strategies before bar `stop`, EVENT, in log order."""
    rows: Log = log[(log["kind"] == Kind.SIGNAL) & (log["source"] >= Source.STRATEGY) & (log["bar"] < stop)]
    return rows


@kernel
def _carry(bar, place, symbol, value, head, last, current, start, out):  # type: ignore[no-untyped-def]
    """Fill `out` (bars, symbols) with the means of the signals in force from bar `start` on; returns the next head.

    last: float64 (strategies, symbols), the newest value of each; current: float64 (symbols,), their means.
    """
    strategies = len(last)
    for t in range(len(out)):
        while head < len(bar) and bar[head] <= start + t:
            s = symbol[head]
            last[place[head], s] = value[head]
            total = 0.0
            for i in range(strategies):
                total += last[i, s]
            if strategies > 1 and abs(total) <= CHANGE:
                total = 0.0  # opposite signals cancel; what rounding leaves is no opinion
            current[s] = total / strategies
            head += 1
        for s in range(len(current)):
            out[t, s] = current[s]
    return head


class InForce:
    """The signals in force of SIGNAL rows, which of several strategies are averaged. 0 before a symbol's first."""

    __slots__ = ("_bar", "_current", "_head", "_last", "_place", "_symbol", "_value")

    def __init__(self, rows: Log, symbols: int) -> None:
        sources, place = np.unique(rows["source"], return_inverse=True)
        self._place = place.astype(np.int64)
        self._bar = np.ascontiguousarray(rows["bar"], np.int64)
        self._symbol = np.ascontiguousarray(rows["symbol"], np.int64)
        self._value = np.ascontiguousarray(rows["value"], np.float64)
        self._head = 0
        self._last = np.zeros((max(len(sources), 1), symbols))
        self._current = np.zeros(symbols)

    def take(self, start: int, stop: int) -> Floats:
        """At the closes of bars start:stop, float64 (bars, symbols); each call goes on where the last one ended."""
        out = np.empty((max(stop - start, 0), len(self._current)))
        columns = self._bar, self._place, self._symbol, self._value
        self._head = _carry(*columns, self._head, self._last, self._current, start, out)
        return out
