"""The signal report: what a container's SIGNAL and REGIME rows are worth, before anything is traded on them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.events import Source
from engine.market.market import Market
from engine.signals.coefficient import Ranks, coefficient, ranked
from engine.signals.excursion import excursion
from engine.signals.forward import HORIZONS, buckets, forward_returns, signed
from engine.signals.turnover import counts, turnover
from engine.signals.window import Floats, InForce, Log, Window, signal_rows

#: The horizon that stands for all in a table.
USUAL = 5


def report(log: Log, market: Market, first: int, stop: int, regimes: tuple[str, ...] = ()) -> dict[str, Any]:
    """The signal report of a container, as plain data; None where a figure is undefined.

    log: EVENT, of which SIGNAL and REGIME rows before `stop` are read. market: as stages above risk see it, in first
    units, so that a split is no return. first: the first trading bar; stop: the first held-out bar, or the number of
    bars: nothing of it or after it is read. regimes: names of the classifier's labels, () without one.
    """
    window = Window.of(log, market, first, stop, regimes)
    rows = signal_rows(log, stop)
    returns = forward_returns(window)
    ranks = ranked(returns)
    sources = np.unique(rows["source"]).tolist()
    return {
        "bars": window.bars,
        "years": window.years(window.bars),
        "symbols": list(window.symbols),
        "regimes": [
            {
                "regime": name,
                "bars": int((window.codes == code).sum()),
                "episodes": len(np.unique(window.stretches[window.codes == code])),
            }
            for name, code in window.labels
        ],
        "strategies": [
            {"strategy": source - int(Source.STRATEGY), **_part(window, rows[rows["source"] == source], returns, ranks)}
            for source in sources
        ],
    }


def _part(window: Window, rows: Log, returns: Floats, ranks: list[Ranks]) -> dict[str, Any]:
    """The figures of one strategy, of its SIGNAL rows."""
    values = InForce(rows, len(window.symbols)).take(window.first - 1, window.stop)
    before, values = values[0], values[1:]
    rows = rows[rows["bar"] >= window.first]
    discrete = bool(np.isin(values, (-1.0, 0.0, 1.0)).all())
    return {
        "signals": counts(window, rows),
        "forward": signed(window, values, returns),
        "buckets": buckets(values, returns) if discrete else None,
        "coefficient": coefficient(window, values, ranks),
        "excursion": excursion(window, rows),
        "turnover": turnover(window, values, before),
    }


def summary(found: Mapping[str, Any]) -> dict[str, float | None]:
    """The row of a report in a table. Of several strategies signals and rates are added up, and the rest is None."""
    parts = [part_summary(part) for part in found["strategies"]]
    if len(parts) == 1:
        return parts[0]
    row = dict.fromkeys(SUMMARY)
    rates = [part["rate"] for part in parts]
    return row | {
        "signals": float(sum(part["signals"] or 0.0 for part in parts)),
        "rate": None if not found["bars"] else float(sum(rate or 0.0 for rate in rates)),
    }


#: The columns of a table of reports.
SUMMARY = ("signals", "rate", f"mean_{USUAL}", f"t_{USUAL}", f"hit_{USUAL}", f"ic_{USUAL}", f"ic_t_{USUAL}", "turnover")


def part_summary(part: Mapping[str, Any]) -> dict[str, float | None]:
    """The row of one strategy. `ic_t` is there only where the coefficient is one across symbols."""
    usual = HORIZONS.index(USUAL)
    forward, ranks = part["forward"][usual], part["coefficient"]["horizons"][usual]
    signals, changed = part["signals"], part["turnover"]
    values = (
        *(float(signals["events"]), signals["per_year"]),
        *(forward["mean"], forward["t"], forward["hit_rate"]),
        *(ranks["mean"], ranks.get("t"), changed["per_year"]),
    )
    return dict(zip(SUMMARY, values, strict=True))
