"""What the market did after a signal: returns from the next open, over some of the symbol's own bars."""

from typing import Any

import numpy as np

from engine.compiled import kernel
from engine.signals.newey_west import mean_error
from engine.signals.window import Bools, Floats, Ints, Window

#: In the symbol's own bars.
HORIZONS = (1, 5, 10, 20)


@kernel
def _returns(opens, valid, horizons):  # type: ignore[no-untyped-def]
    """See `forward_returns`."""
    bars, symbols = valid.shape
    out = np.full((len(horizons), bars, symbols), np.nan)
    own = np.empty(bars, np.int64)
    prices = np.empty(bars)
    for s in range(symbols):
        count = 0
        for t in range(bars):
            if valid[t, s]:
                own[count] = t
                prices[count] = opens[t, s]
                count += 1
        for k in range(len(horizons)):
            for i in range(count - 1 - horizons[k]):
                entry = prices[i + 1]
                leaving = prices[i + 1 + horizons[k]]
                if 0.0 < entry < np.inf and np.isfinite(leaving):
                    out[k, own[i], s] = leaving / entry - 1.0
    return out


def forward_returns(window: Window) -> Floats:
    """Returns from the open of a symbol's next own bar to the open h own bars later, float64 (HORIZONS, bars, symbols).

    A value stands at the bar whose close decides. NaN where the symbol has no bar, the window reaches the first bar
    that is held out, or the entry's price is not positive.
    """
    found: Floats = _returns(window.open, window.valid, np.array(HORIZONS))
    return found


def bar_means(returns: Floats, there: Bools) -> tuple[Floats, Ints]:
    """The mean over symbols of each bar that has some, float64 (n,), and which bars these are. Both (bars, symbols)."""
    counts = there.sum(axis=1)
    bars = np.flatnonzero(counts)
    sums = np.where(there, returns, 0.0).sum(axis=1)
    return sums[bars] / counts[bars], bars


def signed(window: Window, values: Floats, returns: Floats) -> list[dict[str, Any]]:
    """By horizon: the mean signed return, its error, t and bars, hit rate and observations, and parts by regime.

    `values`: the signals in force, float64 (bars, symbols). The return counts with the sign of the signal; where that
    is 0, it does not. A bar is the mean over its symbols, and the label is the one known at its close. A regime's
    `episodes` are the stretches of its label that some of its bars lie in.
    """
    signs = np.sign(values)
    parts = []
    for horizon, unsigned in zip(HORIZONS, returns, strict=True):
        there = ~np.isnan(unsigned) & (signs != 0.0)
        gained = unsigned * signs
        series, bars = bar_means(gained, there)
        observations = int(there.sum())
        hits = int((gained[there] > 0.0).sum())
        codes, stretches = window.codes[bars], window.stretches[bars]
        parts.append(
            {
                "horizon": horizon,
                **mean_error(series, horizon),
                "observations": observations,
                "hit_rate": hits / observations if observations else None,
                "by_regime": [
                    {
                        "regime": name,
                        **mean_error(series[codes == code], horizon),
                        "episodes": len(np.unique(stretches[codes == code])),
                    }
                    for name, code in window.labels
                ],
            }
        )
    return parts


def buckets(values: Floats, returns: Floats) -> list[dict[str, Any]]:
    """By horizon: of the bars and symbols with a signal of −1, 0 and 1 the mean unsigned return, its error, t and bars.

    A bar is the mean over its symbols in the bucket; `observations` are bars and symbols.
    """
    parts = []
    for horizon, unsigned in zip(HORIZONS, returns, strict=True):
        known = ~np.isnan(unsigned)
        row = []
        for value in (-1, 0, 1):
            there = known & (values == value)
            series, _ = bar_means(unsigned, there)
            row.append({"signal": value, **mean_error(series, horizon), "observations": int(there.sum())})
        parts.append({"horizon": horizon, "buckets": row})
    return parts
