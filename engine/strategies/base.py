"""A strategy turns bars, indicators and regimes into signals. One class a file; this is the protocol.

To write your own, derive from `Strategy`, give it a `kind`, declare its parameters as fields, ask for indicators in
`indicators()`, and return signals from `signal()`. A value at bar t may use bars up to and including t, no later one.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from engine.contracts import CONTRACTS, Contract, Role
from engine.market.market import Market
from engine.stage import Regimes, Stage

Array = npt.NDArray[np.float64]


class Strategy(Stage):
    """A strategy whose signals depend on data alone."""

    family: ClassVar[str] = "strategy"
    contract: ClassVar[Contract] = CONTRACTS[Role.STRATEGY]
    #: How many symbols it takes at least.
    least_symbols: ClassVar[int] = 1

    @classmethod
    def among(cls, table: Mapping[str, Any], known: "Mapping[str, type[Strategy]]", where: str) -> "type[Strategy]":
        """The class that a table of a config means, where `known` are the strategies there are by kind: this one.

        One that is made of another strategy finds it here. Raises ConfigError, which names the place `where`.
        """
        return cls

    @abstractmethod
    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        """Signals, float64 (bars, symbols), in [−1, 1]; NaN: no opinion, hold what is held.

        `indicators[name]` is float64 (bars, symbols), read-only; `regimes` is None without a classifier.
        """


class RandomStrategy(Strategy):
    """A strategy that draws: the container hands it one generator for each symbol, seeded from the experiment's seed.

    Draw in bar order, so that the signals on a prefix of the market are a prefix of the signals.
    """

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        raise TypeError(f"{self.kind} draws random numbers: call random_signal with generators")

    @abstractmethod
    def random_signal(
        self,
        market: Market,
        indicators: Mapping[str, Array],
        regimes: Regimes | None,
        generators: Mapping[str, np.random.Generator],
    ) -> Array:
        """As `signal`, with a generator for each symbol of `market.symbols`."""
