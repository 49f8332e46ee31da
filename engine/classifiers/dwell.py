"""How long a label holds: the one rule that all classifiers share."""

import numpy as np

from engine.compiled import kernel


@kernel
def dwelt(codes, dwell):  # type: ignore[no-untyped-def]
    """Labels that hold for at least `dwell` bars, int64 (bars,), from `codes` without gaps (−1: no label yet).

    Where the raw label differs from the held one and that has stood for fewer than `dwell` bars, the held one stays;
    after that the raw label of the bar is taken. The first label is held like any other.
    """
    bars = len(codes)
    out = np.full(bars, -1, np.int64)
    held = -1
    stood = 0
    for t in range(bars):
        if codes[t] != held and (held < 0 or stood >= dwell):
            held = codes[t]
            stood = 0
        stood += 1
        out[t] = held
    return out
