"""What the trading kernel remembers and obeys, packed in four structured arrays (a call then costs under 1 µs)."""

import numpy as np
import numpy.typing as npt

from engine.events import NO_CAUSE, NO_SYMBOL

#: One row per container: the account. `intent`, `move`: the next rows to read; `rows`: the next row of the log.
ACCOUNT = np.dtype(
    [
        ("cash", "<f8"),
        ("equity", "<f8"),
        ("rows", "<i8"),
        ("intent", "<i8"),
        ("move", "<i8"),
        ("pending", "<i8"),
        ("newest", "<i8"),
        ("bankrupt", "<i8"),
    ],
    align=True,
)

#: One row per symbol: the position, the pending order, and the memory of its stop. `order`, `fill`, `decision` and
#: `stop` are rows of the log: the pending ORDER, the newest FILL, this bar's TARGET and this bar's STOP.
BOOK = np.dtype(
    [
        ("quantity", "<f8"),
        ("entry", "<f8"),
        ("target", "<f8"),
        ("wanted", "<f8"),
        ("delta", "<f8"),
        ("weighted", "<f8"),
        ("stop_weighted", "<f8"),
        ("next_target", "<f8"),
        ("pending", "<i8"),
        ("order", "<i8"),
        ("fill", "<i8"),
        ("stopped", "<i8"),
        ("decision", "<i8"),
        ("stop", "<i8"),
        ("decided", "<i8"),
        ("ordered", "<f8"),
    ],
    align=True,
)

_FLAT = np.zeros(1, BOOK)
for _name in ("order", "fill", "decision", "stop"):
    _FLAT[_name] = NO_CAUSE

#: One row: the rules of risk, portfolio and execution. Rates are shares (0.001 = 10 basis points); `stop_loss` is
#: NaN and `rebalance` 0 where there is none; `decision` is 1 when quantities are fixed at the decision's closes.
RULES = np.dtype(
    [
        ("initial_cash", "<f8"),
        ("slippage", "<f8"),
        ("commission", "<f8"),
        ("lot", "<f8"),
        ("stop_loss", "<f8"),
        ("rebalance", "<i8"),
        ("decision", "<i8"),
        ("first", "<i8"),
    ],
    align=True,
)


def open_account(rules: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """A new account of shape (1,) holding the starting cash."""
    cash = rules["initial_cash"][0]
    return np.array([(cash, cash, 0, 0, 0, 0, NO_SYMBOL, 0)], ACCOUNT)


def open_book(symbols: int) -> npt.NDArray[np.void]:
    """A flat book of shape (symbols,)."""
    return _FLAT.repeat(symbols)
