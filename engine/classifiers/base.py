"""A classifier labels the whole market, bar by bar, with one of its regimes. One class a file; this is the protocol.

It sees one series: the equal-weight index of the symbols, or the `reference` symbol. To write your own, derive from
`Classifier`, give it a `kind` and the names of its `regimes`, declare its parameters as fields, ask for indicators in
`indicators()`, and return codes from `label()`:

    class AboveAverage(Classifier):
        kind = "above_average"
        regimes = ("above", "below")

        window: int = Field(50, ge=2, description="window of the average", json_schema_extra={"unit": "bars"})

        def indicators(self):
            return {"average": indicator("SMA", "close", timeperiod=self.window)}

        def label(self, market, indicators):
            close, average = market.close[:, 0], indicators["average"][:, 0]
            return np.where(np.isfinite(average), close < average, -1).astype(np.int64)

The label at bar t may use bars up to and including t, no later one: `np.quantile(close, 0.9)` over all bars looks
ahead, a trailing window does not. What is fitted is fitted on earlier bars and then filters forward. Loops over bars
belong into a `@kernel` (`engine/compiled.py`). Leave gaps as −1: they get the label before; `dwell` comes after that,
for every classifier alike.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from engine.classifiers.dwell import dwelt
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
    dwell: int = Field(
        1,
        ge=1,
        le=1000,
        description="a label holds at least this many bars before another may replace it",
        json_schema_extra={"unit": "bars"},
    )

    @abstractmethod
    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        """Codes into `regimes`, int64 (bars,); −1 where there is no label (yet, or no bar).

        `market` has one symbol, the index or the reference; `indicators[name]` is float64 (bars, 1).
        """


def carried(codes: Codes, bars: int, classifier: Classifier) -> Codes:
    """`codes` with gaps after the first label filled by the label before, each label held for `classifier.dwell` bars.

    int64 (bars,), −1 before the first label. Raises StageError when they are malformed.
    """
    names = classifier.regimes
    if not isinstance(codes, np.ndarray) or codes.shape != (bars,) or codes.dtype != np.int64:
        got = f"{codes.dtype} {codes.shape}" if isinstance(codes, np.ndarray) else type(codes).__name__
        raise StageError(f"classifier '{classifier.kind}': label() must return int64 ({bars},), not {got}")
    if bars and (codes.max() >= len(names) or codes.min() < -1):
        raise StageError(f"classifier '{classifier.kind}': codes must lie in −1..{len(names) - 1} ({', '.join(names)})")
    places = np.maximum.accumulate(np.where(codes >= 0, np.arange(bars), -1))
    filled = np.where(places >= 0, codes[places], -1)
    return filled if classifier.dwell == 1 else np.asarray(dwelt(filled, classifier.dwell), dtype=np.int64)


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
