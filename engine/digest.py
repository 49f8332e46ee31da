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
def _split(log, wide, short, tiny, amounts):  # type: ignore[no-untyped-def]
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


def _digest(names: tuple[str, ...], count: int, *columns: npt.NDArray[Any]) -> str:
    digest = hashlib.sha256(f"{','.join(names)};{count};".encode())
    for column in columns:
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def digests(log: Log) -> Digests:
    """The digests of a log. Columns are hashed one after the other, each whole, in the order they are named."""
    n = len(log)
    wide, short, tiny = np.empty((3, n), "<i4"), np.empty((2, n), "<i2"), np.empty((3, n), "i1")
    amounts = np.empty((6, n), "<f8")
    _split(log, wide, short, tiny, amounts)
    whole = hashlib.sha256(f"{','.join(WIDE + SHORT + TINY + AMOUNTS)};{n};".encode())
    for columns in (wide, short, tiny):
        whole.update(columns.data)
    decisions = whole.copy()  # the same hash, before the amounts
    whole.update(amounts.data)
    kinds = tiny[0]
    fills = np.flatnonzero(kinds == FILL)
    told = np.flatnonzero((kinds == SIGNAL) | (kinds == REGIME))
    return Digests(
        whole.hexdigest(),
        decisions.hexdigest(),
        _digest(
            ("bar", "symbol", "side", *AMOUNTS[:3]),
            len(fills),
            wide[0].take(fills),
            wide[2].take(fills),
            tiny[2].take(fills),
            amounts[:3].take(fills, axis=1),
        ),
        _digest(
            ("bar", "symbol", *SHORT, "kind", "value"),
            len(told),
            wide[0].take(told),
            wide[2].take(told),
            short.take(told, axis=1),
            kinds.take(told),
            amounts[3].take(told),
        ),
    )


def text_digest(text: str) -> str:
    """The SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()
