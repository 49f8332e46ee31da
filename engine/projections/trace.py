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


#: Why something came to nothing, in words.
REASONS = {
    "no_change": "nothing to change",
    "stopped": "the symbol is stopped",
    "no_cash": "no cash for it",
    "below_lot": "less than one lot",
    "replaced": "a newer order took its place",
    "bankrupt": "equity is used up",
    "end_of_data": "the data ended first",
    "cool_down": "the symbol cools down after its stop",
    "halted": "trading is halted",
    "delisted": "the symbol has ended",
    "not_member": "the symbol is outside the universe",
    "expired": "its price was not reached in time",
    "long_only": "short positions are not allowed",
    "no_size": "its size is not known yet",
    "leverage": "longs and shorts would be too much",
    "margin": "there is no margin for it",
    "net": "the net position would be too large",
    "max_weight": "the symbol's weight would be too large",
}
_STOPS = {
    "stop_loss": "stop loss",
    "stop_atr": "stop by ATR",
    "trailing_stop": "trailing stop",
    "take_profit": "profit taken",
}
_HALTS = {
    "margin_call": "margin call",
    "daily_loss": "loss of the session at its limit",
    "max_drawdown": "drawdown at its limit",
}
_CUTS = {
    "net": "the net position would have been",
    "leverage": "all positions would have been",
    "margin": "all positions would have been",
    "max_weight": "its value would have been",
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
        case "RESIZE" if reason == "volume":
            return f"{side} {symbol} cut to {number('quantity')}, all this bar's volume gives of {number('actual')}"
        case "RESIZE" if reason in _CUTS:
            return (
                f"{side} {symbol} cut to {number('quantity')}: {_CUTS[reason]} {number('actual')} of {number('limit')}"
            )
        case "RESIZE":
            return (
                f"{side} {symbol} cut to {number('quantity')}: "
                f"it needed {number('actual')} of cash, there was {number('limit')}"
            )
        case "REJECTION":
            return f"nothing comes of it for {symbol}: {REASONS.get(reason, reason)}"
        case "STOP" if reason == "bankrupt":
            return f"bankrupt: equity is {number('actual')}, {symbol} is closed"
        case "STOP" if reason in _HALTS:
            return f"{_HALTS[reason]}: equity is {number('actual')}, the limit {number('limit')}; {symbol} is closed"
        case "STOP" if reason == "time_stop":
            return f"time stop: {symbol} was held for {number('actual')} bars"
        case "STOP" if reason == "left_universe":
            return f"{symbol} has left the universe and is closed"
        case "STOP" if reason == "delisted":
            return f"{symbol} has no more bars: closed at its last price, {number('price')}"
        case "STOP":
            return f"{_STOPS[reason]}: {symbol} closed at {number('actual')}, at or beyond {number('limit')}"
        case "SPLIT":
            return f"split of {symbol}, {number('value')} for one: {number('quantity')} are held now"
        case "CASH" if reason == "dividend":
            return f"dividend of {number('limit')} a unit on {number('quantity')} {symbol}: {number('value')}"
        case "CASH" if reason == "borrow":
            return f"borrowing {symbol} for {number('quantity')} days: {number('value')}"
        case "CASH":
            return f"interest on {number('limit')} for {number('quantity')} days: {number('value')}"
        case "REBALANCE" if reason == "drift":
            return f"a weight has drifted {number('actual')} from its target, the band is {number('limit')}"
        case "REBALANCE":
            return "scheduled rebalance"
        case "FILL":
            done = "bought" if side == "buy" else "sold"
            return f"{done} {number('quantity')} {symbol} at {number('price')}, commission {number('commission')}"
    return str(row["kind"])
