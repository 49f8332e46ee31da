"""Digests: what makes "the same result" checkable. SHA-256 over named, little-endian columns, −0.0 as 0, one NaN."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.compiled import kernel
from engine.events import Kind

Log = npt.NDArray[np.void]

#: The columns of a log by their type, in the order they are hashed.
WIDE = ("bar", "cause", "symbol")
SHORT = ("source", "reason")
TINY = ("kind", "level", "side")
AMOUNTS = ("price", "quantity", "commission", "value", "limit", "actual")
REGIME, SIGNAL, FILL = int(Kind.REGIME), int(Kind.SIGNAL), int(Kind.FILL)


@dataclass(frozen=True, slots=True)
class Digests:
    """Hex digests of a log: all of it; what was decided, without amounts; its fills; its SIGNALs and REGIMEs."""

    log: str
    decisions: str
    fills: str
    signals: str


@kernel
def _count(log):  # type: ignore[no-untyped-def]
    """How many rows are fills, and how many are signals or regimes."""
    fills = 0
    told = 0
    for i in range(len(log)):
        fills += log[i].kind == FILL
        told += log[i].kind == SIGNAL or log[i].kind == REGIME
    return fills, told


@kernel
def _split(log, wide, short, tiny, amounts, fill_wide, fill_tiny, fill_amounts, told_wide, told_short, told_tiny, told):  # type: ignore[no-untyped-def]
    f = 0
    t = 0
    for i in range(len(log)):
        row = log[i]
        wide[0, i] = row.bar
        wide[1, i] = row.cause
        wide[2, i] = row.symbol
        short[0, i] = row.source
        short[1, i] = row.reason
        tiny[0, i] = row.kind
        tiny[1, i] = row.level
        tiny[2, i] = row.side
        amounts[0, i] = row.price
        amounts[1, i] = row.quantity
        amounts[2, i] = row.commission
        amounts[3, i] = row.value
        amounts[4, i] = row.limit
        amounts[5, i] = row.actual
        for k in range(6):
            value = amounts[k, i]
            amounts[k, i] = np.nan if value != value else value + 0.0
        if row.kind == FILL:
            fill_wide[0, f] = row.bar
            fill_wide[1, f] = row.symbol
            fill_tiny[f] = row.side
            for k in range(3):
                fill_amounts[k, f] = amounts[k, i]
            f += 1
        elif row.kind == SIGNAL or row.kind == REGIME:
            told_wide[0, t] = row.bar
            told_wide[1, t] = row.symbol
            told_short[0, t] = row.source
            told_short[1, t] = row.reason
            told_tiny[t] = row.kind
            told[t] = amounts[3, i]
            t += 1


def _digest(names: tuple[str, ...], count: int, *columns: npt.NDArray[Any]) -> str:
    digest = hashlib.sha256(f"{','.join(names)};{count};".encode())
    for column in columns:
        digest.update(column.data)
    return digest.hexdigest()


def digests(log: Log) -> Digests:
    """The digests of a log. Columns are hashed one after the other, each whole, in the order they are named."""
    n = len(log)
    fills, told = _count(log)
    wide, short, tiny = np.empty((3, n), "<i4"), np.empty((2, n), "<i2"), np.empty((3, n), "i1")
    amounts = np.empty((6, n), "<f8")
    of_fills = np.empty((2, fills), "<i4"), np.empty(fills, "i1"), np.empty((3, fills), "<f8")
    of_told = np.empty((2, told), "<i4"), np.empty((2, told), "<i2"), np.empty(told, "i1"), np.empty(told, "<f8")
    _split(log, wide, short, tiny, amounts, *of_fills, *of_told)
    whole = hashlib.sha256(f"{','.join(WIDE + SHORT + TINY + AMOUNTS)};{n};".encode())
    for columns in (wide, short, tiny):
        whole.update(columns.data)
    decisions = whole.copy()  # the same hash, before the amounts
    whole.update(amounts.data)
    return Digests(
        whole.hexdigest(),
        decisions.hexdigest(),
        _digest(("bar", "symbol", "side", *AMOUNTS[:3]), fills, *of_fills),
        _digest(("bar", "symbol", *SHORT, "kind", "value"), told, *of_told),
    )


def text_digest(text: str) -> str:
    """The SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()
