"""An event log in words: numbers replaced by the names, times and reasons they stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.events import NO_CAUSE, NO_SYMBOL, VALUES, Kind, Level, Reason, Side

Log = npt.NDArray[np.void]

SECOND = 10**9
#: The fields of a row in words, in order.
FIELDS = (
    *("seq", "time", "bar", "kind", "level", "source", "symbol", "side"),
    *("price", "quantity", "commission", "value", "limit", "actual", "reason", "cause"),
)


@dataclass(frozen=True, slots=True)
class Names:
    """What the numbers in a log stand for. `stages`: by `Source`; `time`: int64 (bars,), nanoseconds UTC."""

    symbols: tuple[str, ...]
    stages: tuple[str, ...]
    regimes: tuple[str, ...]
    time: npt.NDArray[np.int64]


def iso(time: npt.NDArray[np.int64]) -> list[str]:
    """Times in ISO 8601, UTC, to the second (to the nanosecond where they need it)."""
    unit = "s" if not (time % SECOND).any() else "ns"
    return [f"{text}Z" for text in np.datetime_as_string(time.view("datetime64[ns]"), unit=unit)]  # type: ignore[call-overload]


def columns(log: Log, names: Names) -> dict[str, list[Any]]:
    """The rows of `log` in words, a list for each of FIELDS; None where a row has nothing to say."""
    kinds = log["kind"].tolist()
    found: dict[str, list[Any]] = {
        "seq": list(range(len(log))),
        "time": iso(names.time[log["bar"]]),
        "bar": log["bar"].tolist(),
        "kind": [Kind(kind).name for kind in kinds],
        "level": [Level(level).name.lower() for level in log["level"].tolist()],
        "source": [names.stages[source] for source in log["source"].tolist()],
        "symbol": [None if symbol == NO_SYMBOL else names.symbols[symbol] for symbol in log["symbol"].tolist()],
        "side": [Side(side).name.lower() if side else None for side in log["side"].tolist()],
        "reason": [
            names.regimes[reason] if kind == Kind.REGIME else Reason(reason).name.lower() if reason else None
            for reason, kind in zip(log["reason"].tolist(), kinds, strict=True)
        ],
        "cause": [None if cause == NO_CAUSE else cause for cause in log["cause"].tolist()],
    }
    for name in VALUES:
        found[name] = [value if value == value else None for value in log[name].tolist()]
    return {name: found[name] for name in FIELDS}


def rows(log: Log, names: Names, seqs: Sequence[int] | None = None) -> list[dict[str, Any]]:
    """The rows of `log` (or only `seqs`, in that order) in words, one dict each."""
    picked = log if seqs is None else log[list(seqs)]
    found = columns(picked, names)
    if seqs is not None:
        found["seq"] = list(seqs)
    return [dict(zip(FIELDS, values, strict=True)) for values in zip(*found.values(), strict=True)]


_REASONS = {
    "no_change": "nothing to change",
    "stopped": "the symbol is stopped",
    "no_cash": "no cash for it",
    "below_lot": "less than one lot",
    "replaced": "a newer order took its place",
    "bankrupt": "equity is used up",
    "end_of_data": "the data ended first",
}


def sentence(row: Mapping[str, Any]) -> str:
    """What a row (of `rows`) says, in one sentence."""
    symbol, value, reason = row["symbol"], row["value"], row["reason"]
    side = row["side"] or "hold"

    def number(name: str) -> str:
        return "–" if row[name] is None else f"{row[name]:,.6g}"

    match row["kind"]:
        case "REGIME":
            return f"the market is {reason}"
        case "SIGNAL":
            return f"{row['source']} says {number('value')} for {symbol}"
        case "TARGET":
            return f"target weight of {symbol}: {value:.2%} of equity"
        case "ORDER":
            return (
                f"{side} about {number('quantity')} {symbol} for a weight of {value:.2%}, last close {number('price')}"
            )
        case "RESIZE":
            return (
                f"{side} {symbol} cut to {number('quantity')}: "
                f"it needed {number('actual')} of cash, there was {number('limit')}"
            )
        case "REJECTION":
            return f"nothing comes of it for {symbol}: {_REASONS.get(reason, reason)}"
        case "STOP" if reason == "bankrupt":
            return f"bankrupt: equity is {number('actual')}, {symbol} is closed"
        case "STOP":
            return f"stop loss: {symbol} closed at {number('actual')}, at or beyond {number('limit')}"
        case "REBALANCE":
            return "scheduled rebalance"
        case "FILL":
            done = "bought" if side == "buy" else "sold"
            return f"{done} {number('quantity')} {symbol} at {number('price')}, commission {number('commission')}"
    return str(row["kind"])
