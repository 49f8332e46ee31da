"""How often signals come, how much they change, and how long they hold."""

from typing import Any

import numpy as np

from engine.compiled import kernel
from engine.signals.window import Floats, Log, Window


def counts(window: Window, rows: Log) -> dict[str, Any]:
    """How many SIGNAL rows there are, and how many a year: in all, by symbol and by regime (known at the row's close).

    A year is one of the market's bars; for a symbol, of its own bars; for a regime, of the bars with its label.
    """
    own = window.valid.sum(axis=0)
    of_symbols = np.bincount(rows["symbol"], minlength=len(window.symbols))
    codes = window.codes[rows["bar"] - window.first]
    return {
        **_rate(window, len(rows), window.bars),
        "by_symbol": [
            {"symbol": symbol, **_rate(window, int(events), int(bars))}
            for symbol, events, bars in zip(window.symbols, of_symbols, own, strict=True)
        ],
        "by_regime": [
            {"regime": name, **_rate(window, int((codes == code).sum()), int((window.codes == code).sum()))}
            for name, code in window.labels
        ],
    }


def _rate(window: Window, events: int, bars: int) -> dict[str, Any]:
    return {"events": events, "per_year": events / window.years(bars) if bars else None}


@kernel
def _holdings(values, valid):  # type: ignore[no-untyped-def]
    """How many stretches of own bars have signals of one sign, and how many bars they have together."""
    bars, symbols = valid.shape
    holdings = 0
    held = 0
    last = np.zeros(symbols)
    for t in range(bars):
        for s in range(symbols):
            if valid[t, s]:
                sign = np.sign(values[t, s])
                if sign != 0.0:
                    held += 1
                    holdings += sign != last[s]
                last[s] = sign
    return holdings, held


def turnover(window: Window, values: Floats, before: Floats) -> dict[str, Any]:
    """Turnover of the signals in force, float64 (bars, symbols), those before the first bar being `before` (symbols,).

    `per_year`: half the |change|, the mean over the symbols that have the bar and over bars, times bars per year.
    `holdings`: stretches of a symbol's own bars with signals of one sign, from 0 or from the other sign; `holding`:
    their mean length in those bars, the last ones counting as long as they have lasted.
    """
    changes = np.abs(np.diff(values, axis=0, prepend=before[None]))
    present = window.valid.sum(axis=1)
    bars = np.flatnonzero(present)
    per_bar = 0.5 * np.where(window.valid, changes, 0.0).sum(axis=1)[bars] / present[bars]
    holdings, held = _holdings(values, window.valid)
    return {
        "per_year": float(per_bar.mean()) * window.bars_per_year if len(bars) else None,
        "holdings": int(holdings),
        "holding": held / holdings if holdings else None,
    }
