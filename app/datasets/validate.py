"""What bars may not be: rows that are refused, the first of them named."""

import numpy as np
import numpy.typing as npt

from app.datasets.reader import Rows
from app.datasets.refusal import refuse

Bools = npt.NDArray[np.bool_]
PRICES = ("open", "high", "low", "close")


def validate(rows: Rows) -> None:
    """Raise DataError for the first row, in the file's order, that no bar can be.

    Refused are missing and non-finite prices, prices not above zero, high below low, negative or infinite volume, and
    times within a symbol that repeat or go back. Odd but possible bars are left to `engine.market.quality`.
    """
    complaints: list[tuple[int, str]] = []

    def refused(bad: Bools, reason: str) -> None:
        if bad.any():
            complaints.append((int(bad.argmax()), reason))

    values = rows.values
    for name in PRICES:
        refused(np.isnan(values[name]), f"no {name}")
        refused(np.isinf(values[name]), f"the {name} is not finite")
        refused(values[name] <= 0, f"the {name} is not above zero")
    refused(values["high"] < values["low"], "the high is below the low")
    refused(values["volume"] < 0, "the volume is negative")
    refused(np.isposinf(values["volume"]), "the volume is not finite")
    same, back = _order(rows)
    refused(same, "the time stands twice for this symbol")
    refused(back, "the time goes back; sort each symbol's rows oldest first")
    if complaints:
        k, reason = min(complaints, key=lambda complaint: complaint[0])  # of one row, the first complaint above
        raise refuse(rows.file, rows.row[k], _shown(rows, k, reason))


def _order(rows: Rows) -> tuple[Bools, Bools]:
    """Rows whose time repeats one that the symbol had already, and rows that go back to one it had not."""
    order = np.argsort(rows.symbol, kind="stable")
    time, symbol = rows.time[order], rows.symbol[order]
    follows = np.diff(symbol, prepend=-1) == 0
    step = np.diff(time, prepend=time[0])
    by_time = np.lexsort((np.arange(len(time)), time, symbol))
    repeated = np.zeros(len(time), dtype=np.bool_)
    repeated[by_time[1:]] = (np.diff(time[by_time]) == 0) & (np.diff(symbol[by_time]) == 0)
    same, back = np.zeros_like(repeated), np.zeros_like(repeated)
    same[order] = follows & repeated
    back[order] = follows & (step < 0) & ~repeated
    return same, back


def _shown(rows: Rows, k: int, reason: str) -> str:
    """`reason`, with the row's symbol, time and prices."""
    stamp = str(np.datetime64(int(rows.time[k]), "ns").astype("datetime64[s]")).replace("T00:00:00", "")
    prices = ", ".join(f"{name} {rows.values[name][k]:g}" for name in (*PRICES, "volume"))
    return f"{reason} ({rows.symbols[rows.symbol[k]]}, {stamp}: {prices})"
