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
    fills = log[log["kind"] == Kind.FILL]
    closed = 0
    for symbol in np.unique(fills["symbol"]):
        own = fills[fills["symbol"] == symbol]
        after = np.cumsum(own["side"] * own["quantity"])  # added up one by one, as the account does
        before = np.concatenate([[0.0], after[:-1]])
        closed += int(((after == 0.0) | (before * after < 0.0)).sum())
    return closed
