"""What the trading kernel remembers and obeys, packed in structured arrays (a call then costs about a microsecond)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.events import NO_CAUSE, NO_SYMBOL

#: One row per container: the account. `intent`, `move`, `action`: the next rows to read; `rows`: the next row of the
#: log; `begun`: the bar whose open is done. `base`, `peak`: equity at the last close of the session before, and the
#: highest so far. `halted`: 1 until `session` is over, 2 for good.
ACCOUNT = np.dtype(
    [
        ("cash", "<f8"),
        ("equity", "<f8"),
        ("base", "<f8"),
        ("peak", "<f8"),
        *((name, "<i8") for name in ("rows", "intent", "move", "action", "begun", "pending")),
        *((name, "<i8") for name in ("newest", "bankrupt", "halted", "session")),
    ],
    align=True,
)

#: One row per symbol: the position, the pending order, and the memory of its stop. `order`, `fill`, `signal`,
#: `decision` and `stop` are rows of the log: the pending ORDER, the newest FILL, the newest SIGNAL, this bar's TARGET
#: and this bar's STOP. `best`: the best price since the entry; `atr`: the ATR at the entry; `count`: closes
#: it has seen; `inside`: the bar inside which it began, or −1. `meant`: what its decision wanted; `wanted`: what this
#: settlement does, and `delta` the difference to what is held; `at`: what the pending order would be filled at, before
#: slippage, in this settlement; `left`: bars it is good for.
BOOK = np.dtype(
    [
        *(
            (name, "<f8")
            for name in ("quantity", "entry", "target", "meant", "wanted", "delta", "weighted", "stop_weighted")
        ),
        *((name, "<f8") for name in ("next_target", "ordered", "best", "atr", "order_atr", "price", "at")),
        *((name, "<f8") for name in ("fees", "charged", "level")),
        *((name, "<i8") for name in ("pending", "order", "fill", "signal", "stopped", "decision", "stop", "decided")),
        *(
            (name, "<i8")
            for name in ("style", "left", "count", "inside", "ended", "cut", "partial", "filled", "why", "stop_bar")
        ),
    ],
    align=True,
)

#: How an order stands in the market: `style` of BOOK.
MARKET, LIMIT, STOP_ORDER = 0, 1, 2
#: When it is filled: `fill` of RULES.
NEXT_OPEN, NEXT_CLOSE, SAME_CLOSE = 0, 1, 2
#: How a wanted quantity follows from a target: `sizing` of RULES.
BY_WEIGHT, BY_CASH, BY_QUANTITY = 0, 1, 2
#: What bounds buying: `margin` of RULES. Cash; credit; credit, but `max_leverage` sooner.
PAID, BY_CREDIT, BY_LEVERAGE = 0, 1, 2

_FLAT = np.zeros(1, BOOK)
for _name in ("order", "fill", "signal", "decision", "stop"):
    _FLAT[_name] = NO_CAUSE
_FLAT["stop_bar"] = -(2**31)
_FLAT["inside"] = -1

#: One row: the rules of risk, portfolio and execution. Rates are shares (0.001 = 10 basis points); a rule that is off
#: is NaN, or 0 for a count; `watch` is 1 when a bar with a position cannot be skipped.
RULES = np.dtype(
    [
        *((name, "<f8") for name in ("initial_cash", "slippage", "impact", "participation", "commission", "per_unit")),
        *((name, "<f8") for name in ("per_order", "least", "lot", "tick", "multiplier", "offset", "size")),
        *((name, "<f8") for name in ("borrow", "financing", "max_weight", "max_net", "max_leverage", "maintenance")),
        *((name, "<f8") for name in ("stop_loss", "stop_atr", "take_profit", "trailing_stop", "trailing_atr")),
        *((name, "<f8") for name in ("daily_loss", "max_drawdown", "drift")),
        *(
            (name, "<i8")
            for name in ("first", "rebalance", "decision", "fill", "style", "good_for", "sizing", "margin")
        ),
        *((name, "<i8") for name in ("linear", "stops", "intrabar", "optimistic", "time_stop", "cool_down", "watch")),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Blank:
    """The state before the first bar, as bytes to copy: a container's own copy then costs a microsecond."""

    account: bytes
    book: bytes

    @classmethod
    def of(cls, rules: npt.NDArray[np.void], symbols: int) -> "Blank":
        """An account that holds the starting cash, and a flat book."""
        account = np.zeros(1, ACCOUNT)
        for name in ("cash", "equity", "base", "peak"):
            account[name] = rules["initial_cash"]
        account["newest"] = NO_SYMBOL
        account["begun"] = account["session"] = -1
        return cls(account.tobytes(), _FLAT.repeat(symbols).tobytes())

    def open(self) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void]]:
        """A new account, ACCOUNT (1,), and book, BOOK (symbols,)."""
        return np.frombuffer(bytearray(self.account), ACCOUNT), np.frombuffer(bytearray(self.book), BOOK)
