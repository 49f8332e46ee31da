"""Three regimes by the fall from the peak: bull, correction and bear markets."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.classifiers.base import Array, Classifier, Codes
from engine.compiled import kernel
from engine.market.market import Market

BULL, CORRECTION, BEAR = 0, 1, 2


@kernel
def phases(close, correction, bear, recovery, rally):  # type: ignore[no-untyped-def]
    """Codes, int64 (bars,): BULL, CORRECTION, BEAR; −1 where `close`, float64 (bars, 1), is NaN."""
    bars = len(close)
    codes = np.full(bars, -1, np.int64)
    state = BULL
    peak = -np.inf
    trough = np.inf
    for t in range(bars):
        c = close[t, 0]
        if not np.isfinite(c):
            continue
        if state == BEAR:
            trough = min(trough, c)
            if c >= trough * (1.0 + rally):
                state = BULL
                peak = c
        if state != BEAR:
            peak = max(peak, c)
            if c <= peak * (1.0 - bear):
                state = BEAR
                trough = c
            elif c <= peak * (1.0 - correction):
                state = CORRECTION
            elif c >= peak * (1.0 - recovery):
                state = BULL
        codes[t] = state
    return codes


class DrawdownRegimes(Classifier):
    """Correction from where the close has fallen by `correction` from its peak until the fall is `recovery` or less;
    bear from where it has fallen by `bear` until it has risen by `rally` from its lowest close since; else bull. The
    peak is the highest close since the last bear market, the first since the first bar. Bear and bull markets are thus
    those of A. Lunde and A. Timmermann, Duration Dependence in Stock Prices, Journal of Business and Economic
    Statistics 22, 2004."""

    kind = "drawdown"
    regimes: ClassVar[tuple[str, ...]] = ("bull", "correction", "bear")

    correction: float = Field(
        0.10, gt=0, lt=1, description="fall that begins a correction", json_schema_extra={"unit": "share of the peak"}
    )
    bear: float = Field(
        0.20, gt=0, lt=1, description="fall that begins a bear market", json_schema_extra={"unit": "share of the peak"}
    )
    recovery: float = Field(
        0.05, ge=0, lt=1, description="fall at which a correction ends", json_schema_extra={"unit": "share of the peak"}
    )
    rally: float = Field(
        0.20, gt=0, le=10, description="rise that ends a bear market", json_schema_extra={"unit": "share of the trough"}
    )

    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        codes: Codes = phases(market.close, self.correction, self.bear, self.recovery, self.rally)
        return codes
