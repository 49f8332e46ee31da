"""What a container's event log is made of: one row per thing it decided or did.

A log is a structured array of dtype `EVENT`, in the order things happened; a row's `seq` is its number in
that array and its time is the time of its `bar`. Bars and indicator values are shared and are not copied into it.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Kind(IntEnum):
    """Kinds of data on the buses. `BAR`, `INDICATOR` and `REPORT` are batches of their own, never rows of a log."""

    BAR = 0
    REGIME = 1
    SIGNAL = 2
    TARGET = 3
    ORDER = 4
    RESIZE = 5
    REJECTION = 6
    STOP = 7
    REBALANCE = 8
    FILL = 9
    INDICATOR = 10
    SPLIT = 11
    CASH = 12
    REPORT = 13


class Level(IntEnum):
    """The four levels of buses, and the container that holds them."""

    CONTAINER = 0
    CLASSIFIER = 1
    RISK = 2
    PORTFOLIO = 3
    STRATEGY = 4


class Side(IntEnum):
    SELL = -1
    NONE = 0
    BUY = 1


class Reason(IntEnum):
    """Why a row stands there. In a REGIME row `reason` is the label's code instead (its name is the classifier's)."""

    NONE = 0
    NO_CHANGE = 1
    STOPPED = 2
    NO_CASH = 3
    BELOW_LOT = 4
    REPLACED = 5
    BANKRUPT = 6
    END_OF_DATA = 7
    STOP_LOSS = 8
    CASH = 9
    SCHEDULE = 10
    TAKE_PROFIT = 11
    TRAILING_STOP = 12
    TIME_STOP = 13
    DAILY_LOSS = 14
    MAX_DRAWDOWN = 15
    MARGIN_CALL = 16
    LEFT_UNIVERSE = 17
    DELISTED = 18
    DRIFT = 19
    LEVERAGE = 20
    MARGIN = 21
    NET = 22
    MAX_WEIGHT = 23
    VOLUME = 24
    COOL_DOWN = 25
    HALTED = 26
    NOT_MEMBER = 27
    EXPIRED = 28
    LONG_ONLY = 29
    NO_SIZE = 30
    DIVIDEND = 31
    BORROW = 32
    FINANCING = 33
    STOP_ATR = 34


class Source(IntEnum):
    """Which stage a row comes from; strategies follow in config order from `STRATEGY` on."""

    EXECUTION = 0
    CLASSIFIER = 1
    RISK = 2
    PORTFOLIO = 3
    ENSEMBLE = 4
    STRATEGY = 5


NO_CAUSE = -1
NO_SYMBOL = -1

#: Prices in the market's currency, quantities in units, `value` a weight or a signal; NaN stands for "none".
EVENT = np.dtype(
    [
        ("bar", "<i4"),
        ("cause", "<i4"),
        ("symbol", "<i4"),
        ("source", "<i2"),
        ("reason", "<i2"),
        ("kind", "i1"),
        ("level", "i1"),
        ("side", "i1"),
        ("price", "<f8"),
        ("quantity", "<f8"),
        ("commission", "<f8"),
        ("value", "<f8"),
        ("limit", "<f8"),
        ("actual", "<f8"),
    ],
    align=True,
)
COLUMNS: tuple[str, ...] = EVENT.names or ()
VALUES = ("price", "quantity", "commission", "value", "limit", "actual")
#: What was decided, without the amounts: equal in two logs that differ only in last digits.
DECISIONS = ("bar", "cause", "symbol", "source", "reason", "kind", "level", "side")


def empty_log(rows: int) -> npt.NDArray[np.void]:
    """A log of `rows` zeroed rows."""
    return np.zeros(rows, dtype=EVENT)
