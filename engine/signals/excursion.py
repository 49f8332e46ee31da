"""How far prices went for a signal, and against it, before twenty bars were over."""

from typing import Any

import numpy as np

from engine.compiled import kernel
from engine.signals.window import Floats, Log, Window

#: In the symbol's own bars, the one of the entry among them.
SPAN = 20


@kernel
def _reach(bar, symbol, sign, opens, high, low, valid, span):  # type: ignore[no-untyped-def]
    """Favourable and adverse excursions of the signals with complete windows, float64 (n, 2)."""
    out = np.empty((len(bar), 2))
    rows = 0
    for k in range(len(bar)):
        s = symbol[k]
        entry = highest = lowest = np.nan
        seen = 0
        t = bar[k] + 1
        while t < len(valid) and seen < span:
            if valid[t, s]:
                if seen == 0:
                    entry = opens[t, s]
                    highest, lowest = high[t, s], low[t, s]
                else:
                    highest, lowest = max(highest, high[t, s]), min(lowest, low[t, s])
                seen += 1
            t += 1
        if seen < span or not 0.0 < entry < np.inf or not np.isfinite(highest - lowest):
            continue
        up, down = highest / entry - 1.0, lowest / entry - 1.0
        out[rows, 0] = (up if sign[k] > 0.0 else -down) + 0.0
        out[rows, 1] = (down if sign[k] > 0.0 else -up) + 0.0
        rows += 1
    return out[:rows]


def excursions(window: Window, rows: Log) -> Floats:
    """Of SIGNAL rows, in their order, the best and the worst price reached: float64 (n, 2), shares of the entry's open.

    Each non-zero signal enters at the symbol's next own open, and is followed over SPAN own bars by their highs and
    lows, in its direction: the first column is favourable, the second adverse (0 or less where the entry's open lies
    within its bar). Those whose bars do not all come before the held-out ones are left out.
    """
    rows = rows[rows["value"] != 0.0]
    bar = rows["bar"].astype(np.int64) - window.first
    symbol, sign = rows["symbol"].astype(np.int64), np.sign(rows["value"])
    found: Floats = _reach(bar, symbol, sign, window.open, window.high, window.low, window.valid, SPAN)
    return found


def excursion(window: Window, rows: Log) -> dict[str, Any]:
    """Mean, median, 5th and 95th percentile (linear interpolation) of both excursions; `count`: of signals followed."""
    found = excursions(window, rows)
    favourable, adverse = (_spread(found[:, side]) for side in (0, 1))
    return {"bars": SPAN, "count": len(found), "favourable": favourable, "adverse": adverse}


def _spread(values: Floats) -> dict[str, float | None]:
    if not len(values):
        return {"mean": None, "median": None, "p5": None, "p95": None}
    p5, median, p95 = np.percentile(values, (5.0, 50.0, 95.0)).tolist()
    return {"mean": float(values.mean()), "median": median, "p5": p5, "p95": p95}
