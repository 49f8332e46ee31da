"""A classifier labels the whole market, bar by bar, with one of its regimes. One class a file; this is the protocol.

It sees one series: the equal-weight index of the symbols, or the `reference` symbol. The label at bar t may use bars
up to and including t, no later one.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from engine.contracts import CONTRACTS, Contract, Role
from engine.errors import StageError
from engine.events import EVENT, NO_CAUSE, NO_SYMBOL, Kind, Level, Source
from engine.market.market import Market, frozen
from engine.stage import Stage

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


class Classifier(Stage):
    """A classifier of regimes."""

    family: ClassVar[str] = "classifier"
    contract: ClassVar[Contract] = CONTRACTS[Role.CLASSIFIER]
    #: The names of the regimes, in the order of their codes.
    regimes: ClassVar[tuple[str, ...]]

    reference: str | None = Field(
        None, description="symbol whose bars are classified; default: the equal-weight index of all symbols"
    )

    @abstractmethod
    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        """Codes into `regimes`, int64 (bars,); −1 where there is no label (yet, or no bar).

        `market` has one symbol, the index or the reference; `indicators[name]` is float64 (bars, 1).
        """


def carried(codes: Codes, bars: int, classifier: Classifier) -> Codes:
    """`codes` with gaps after the first label filled by the label before. Raises StageError when they are malformed."""
    names = classifier.regimes
    if codes.shape != (bars,) or codes.dtype != np.int64:
        raise StageError(
            f"classifier '{classifier.kind}': label() must return int64 ({bars},), not {codes.dtype} {codes.shape}"
        )
    if bars and (codes.max() >= len(names) or codes.min() < -1):
        raise StageError(f"classifier '{classifier.kind}': codes must lie in −1..{len(names) - 1} ({', '.join(names)})")
    places = np.maximum.accumulate(np.where(codes >= 0, np.arange(bars), -1))
    return np.where(places >= 0, codes[places], -1)


def regime_rows(codes: Codes, first: int) -> npt.NDArray[np.void]:
    """The REGIME events of carried `codes`: the label at the first trading bar, then every change; read-only."""
    before = np.concatenate([[-1], codes[first:-1]])
    bars = first + np.flatnonzero((codes[first:] != before) & (codes[first:] >= 0))
    rows = np.zeros(len(bars), EVENT)
    rows["bar"] = bars
    rows["cause"] = NO_CAUSE
    rows["symbol"] = NO_SYMBOL
    rows["source"] = Source.CLASSIFIER
    rows["reason"] = codes[bars]
    rows["kind"] = Kind.REGIME
    rows["level"] = Level.CLASSIFIER
    for name in ("price", "quantity", "commission", "value", "limit", "actual"):
        rows[name] = np.nan
    return frozen(rows)
