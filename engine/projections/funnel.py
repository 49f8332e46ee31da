"""How many signals became targets, orders, fills and trades, and what stopped the others."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.events import Kind, Reason

Log = npt.NDArray[np.void]


def funnel(log: Log) -> dict[str, Any]:
    """Counts by stage, with the rejections by reason, the most frequent first."""
    kinds = np.bincount(log["kind"], minlength=len(Kind))
    reasons = log["reason"][log["kind"] == Kind.REJECTION]
    counts = [(Reason(reason).name.lower(), int((reasons == reason).sum())) for reason in np.unique(reasons).tolist()]
    return {
        "signals": int(kinds[Kind.SIGNAL]),
        "targets": int(kinds[Kind.TARGET]),
        "stops": int(kinds[Kind.STOP]),
        "orders": int(kinds[Kind.ORDER]),
        "fills": int(kinds[Kind.FILL]),
        "trades": trades(log),
        "resizes": int(kinds[Kind.RESIZE]),
        "rejections": dict(sorted(counts, key=lambda item: (-item[1], item[0]))),
    }


def trades(log: Log) -> int:
    """The number of closed round trips: fills after which a symbol's position is flat, or on the other side."""
    closed = 0
    fills = log["kind"] == Kind.FILL
    for symbol in np.unique(log["symbol"][fills]):
        held = positions(log, int(symbol))
        before, after = held[:-1], held[1:]
        closed += int(((after == 0.0) | (before * after < 0.0)).sum())
    return closed


def positions(log: Log, symbol: int) -> npt.NDArray[np.float64]:
    """What is held of a symbol before its first fill and after each, in units of that time: float64 (fills + 1,)."""
    own = log[((log["kind"] == Kind.FILL) | (log["kind"] == Kind.SPLIT)) & (log["symbol"] == symbol)]
    splits = own["kind"] == Kind.SPLIT
    if not splits.any():
        return np.concatenate([[0.0], np.cumsum(own["side"] * own["quantity"])])  # one by one, as the account does
    held, found = 0.0, [0.0]
    for row, split in zip(own, splits, strict=True):
        if split:
            held *= row["value"]
        else:
            held += row["side"] * row["quantity"]
            found.append(held)
    return np.array(found)
