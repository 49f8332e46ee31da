"""Which strategy stands behind a target, and which one moved it: each strategy's part in every order.

A target weight is split among the strategies in proportion to weight × signal, so that the parts add up to it. An
order follows a change of the target; a strategy's share in it is its part's share of that change.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.events import Kind, Source

Log = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]
#: A target that moved by less moved by rounding.
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Shares:
    """Of each ORDER in order: its seq; the strategies' parts in its target weight; their shares in the change.

    seqs: int64 (orders,). parts: float64 (orders, strategies), sum: the target. shares: the same shape, sum: 1; NaN for
    an order that follows no change of a target: a STOP's; of a REBALANCE's it is the share in the target.
    """

    seqs: npt.NDArray[np.int64]
    parts: Floats
    shares: Floats


def order_shares(log: Log, weights: Floats, symbols: int) -> Shares:
    """The strategies' parts in the orders of a log. weights: float64 (regimes + 1, strategies), as the ensemble's."""
    strategies = weights.shape[1]
    signals = np.zeros((strategies, symbols))
    parts, change = np.zeros((symbols, strategies)), np.full((symbols, strategies), np.nan)
    label = 0
    seqs, behind, moved = [], [], []
    kinds = log["kind"]
    wanted = np.isin(kinds, [Kind.REGIME, Kind.SIGNAL, Kind.TARGET, Kind.ORDER])
    first = int(Source.STRATEGY)
    for seq in np.flatnonzero(wanted).tolist():
        row = log[seq]
        kind, s = row["kind"], row["symbol"]
        if kind == Kind.REGIME:
            label = int(row["reason"]) + 1
        elif kind == Kind.SIGNAL:
            signals[row["source"] - first, s] = row["value"]
        elif kind == Kind.TARGET:
            before = parts[s].copy()
            parts[s] = _parts(weights[label] * signals[:, s], float(row["value"]))
            change[s] = _share(parts[s] - before)
        else:
            origin = kinds[row["cause"]]
            seqs.append(seq)
            behind.append(parts[s].copy())
            if origin == Kind.TARGET:
                moved.append(change[s].copy())
            else:
                moved.append(_share(parts[s]) if origin == Kind.REBALANCE else np.full(strategies, np.nan))
    shape = (len(seqs), strategies)
    return Shares(np.array(seqs, np.int64), np.array(behind).reshape(shape), np.array(moved).reshape(shape))


def _parts(pulls: Floats, target: float) -> Floats:
    """`target` split in proportion to `pulls`, weight × signal of each strategy."""
    total = float(pulls.sum())
    if abs(total) <= _NOTHING:
        return np.zeros(len(pulls))
    return pulls * (target / total)


def _share(change: Floats) -> Floats:
    """Each one's share of a change; NaN where nothing changed."""
    total = float(change.sum())
    return change / total if abs(total) > _NOTHING else np.full(len(change), np.nan)
