"""A strategy written bar by bar: for what depends on its own position. One method, called at each close.

It runs on the same kernels as all others, one bar at a time, and leaves the same bytes. What a strategy must remember
goes into `bar.memory`; the strategy itself is frozen.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from engine.contracts import CONTRACTS, Contract, Role
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy

#: What `on_bar` may return: a signal for every symbol alike, one for each, or no opinion.
Signal = float | Sequence[float] | Array | None


class Bar:
    """What a bar strategy sees at one close: this bar and those before, the portfolio after this bar's fills.

    Rows are float64 (symbols,), read-only; prices and quantities are in the units of the first day.
    """

    __slots__ = ("_account", "_book", "_market", "_multiplier", "_regimes", "_units", "_values", "memory", "number")

    def __init__(
        self,
        seen: Market,
        traded: Market,
        values: Mapping[str, Array],
        regimes: Regimes | None,
        account: npt.NDArray[np.void],
        book: npt.NDArray[np.void],
        multiplier: float,
    ) -> None:
        self._market = seen
        self._values = values
        self._regimes = regimes
        self._account = account
        self._book = {name: book[name] for name in ("quantity", "entry")}
        for row in self._book.values():
            row.flags.writeable = False  # this view of it: the kernel has its own
        self._multiplier = multiplier
        #: Units as traded for one of the first day, float64 (bars, symbols); None without splits.
        self._units = None if seen is traded else seen.bars["mark"] / traded.bars["mark"]
        #: Number of the bar, from 0.
        self.number = 0
        #: Where a strategy keeps what it must remember; empty at the first bar of each container.
        self.memory: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Array:
        """The indicator the strategy asked for under this name, at this bar."""
        row: Array = self._values[name][self.number]
        return row

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._market.symbols

    @property
    def time(self) -> np.datetime64:
        """Of the bar, UTC."""
        return np.datetime64(int(self._market.time[self.number]), "ns")

    @property
    def open(self) -> Array:
        row: Array = self._market.open[self.number]
        return row

    @property
    def high(self) -> Array:
        row: Array = self._market.high[self.number]
        return row

    @property
    def low(self) -> Array:
        row: Array = self._market.low[self.number]
        return row

    @property
    def close(self) -> Array:
        row: Array = self._market.close[self.number]
        return row

    @property
    def volume(self) -> Array:
        row: Array = self._market.volume[self.number]
        return row

    def feature(self, name: str) -> Array:
        """A feature of the dataset, as known at this close."""
        row: Array = np.asarray(self._market.features[name])[self.number]
        return row

    def history(self, name: str, bars: int) -> Array:
        """The last `bars` rows of a price column or an indicator, this bar's last; float64 (bars, symbols) or fewer."""
        column = self._values[name] if name in self._values else getattr(self._market, name)
        rows: Array = column[max(self.number + 1 - bars, 0) : self.number + 1]
        return rows

    @property
    def regime(self) -> str | None:
        """The label at this close; None without a classifier or before the first label."""
        if self._regimes is None:
            return None
        code = self._regimes.codes[self.number]
        return self._regimes.names[code] if code >= 0 else None

    @property
    def position(self) -> Array:
        """Units held of each symbol, negative when short."""
        held: Array = self._book["quantity"]
        return held if self._units is None else held / self._units[self.number]

    @property
    def entry(self) -> Array:
        """Average entry price of each symbol; without meaning where nothing is held."""
        price: Array = self._book["entry"]
        return price if self._units is None else price * self._units[self.number]

    @property
    def cash(self) -> float:
        return float(self._account["cash"][0])

    @property
    def equity(self) -> float:
        """Cash and positions at this close, in money."""
        held = self.position
        marks = self._market.bars["mark"][self.number]
        return self.cash + float((held[held != 0.0] * marks[held != 0.0]).sum()) * self._multiplier


class BarStrategy(Strategy):
    """A strategy whose signals may depend on its own position."""

    contract: ClassVar[Contract] = CONTRACTS[Role.BAR_STRATEGY]

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        raise TypeError(f"{self.kind} is written bar by bar: its signals are not known without its fills")

    @abstractmethod
    def on_bar(self, bar: Bar) -> Signal:
        """The signal at the close of `bar`, in [−1, 1]: a number for all symbols, one for each, or None: no opinion.

        NaN for a symbol: no opinion. It is acted on as the execution says, at the next open by default.
        """
