"""Mean reversion between bands: the kernel that `rsi_reversion` and `bollinger_reversion` share."""

import numpy as np

from engine.compiled import kernel


@kernel
def revert(value, lower, middle, upper, valid, long_only):  # type: ignore[no-untyped-def]
    """Long below `lower` until `value` is back at `middle`; mirrored above `upper` unless `long_only`.

    All arrays float64 (bars, symbols). Signals of the same shape: 1, 0, −1; NaN until every input is finite.
    """
    bars, symbols = value.shape
    out = np.full((bars, symbols), np.nan)
    for s in range(symbols):
        held = 0.0
        for t in range(bars):
            v = value[t, s]
            if not (valid[t, s] and np.isfinite(v) and np.isfinite(lower[t, s]) and np.isfinite(upper[t, s])):
                continue
            if (held > 0.0 and v >= middle[t, s]) or (held < 0.0 and v <= middle[t, s]):
                held = 0.0
            if v < lower[t, s]:
                held = 1.0
            elif v > upper[t, s] and not long_only:
                held = -1.0
            out[t, s] = held
    return out
