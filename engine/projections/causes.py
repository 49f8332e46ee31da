"""Why an event happened and what came of it: walks along the `cause` column of a log."""

import numpy as np
import numpy.typing as npt

from engine.events import Kind, Source

Log = npt.NDArray[np.void]


def chain(log: Log, seq: int) -> list[int]:
    """The events from `seq` back to the first, whose cause is its bar: each one's cause follows it."""
    causes = log["cause"]
    found = [seq]
    while 0 <= (cause := int(causes[found[-1]])) < found[-1]:
        found.append(cause)
    return found


def effects(log: Log, seq: int) -> list[int]:
    """The events that `seq` is the cause of, in order."""
    return [int(row) for row in np.flatnonzero(log["cause"] == seq)]


def contributors(log: Log, seq: int) -> list[int]:
    """What TARGET `seq` was made of, in order: the current REGIME, each strategy's newest SIGNAL on its symbol."""
    before = log[:seq]
    regimes = np.flatnonzero(before["kind"] == Kind.REGIME)
    signals = np.flatnonzero((before["kind"] == Kind.SIGNAL) & (before["symbol"] == log["symbol"][seq]))
    newest = {int(before["source"][row]): int(row) for row in signals if before["source"][row] >= Source.STRATEGY}
    return sorted([*(int(row) for row in regimes[-1:]), *newest.values()])


def regime_codes(log: Log, bars: int) -> npt.NDArray[np.int64]:
    """The label in force at the close of each bar, int64 (bars,); −1 before the first REGIME."""
    rows = log[log["kind"] == Kind.REGIME]
    codes = np.full(bars, -1, np.int64)
    ends = [*rows["bar"][1:].tolist(), bars]
    for code, start, stop in zip(rows["reason"].tolist(), rows["bar"].tolist(), ends, strict=False):
        codes[start:stop] = code
    return codes
