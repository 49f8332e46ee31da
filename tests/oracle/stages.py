"""Built-in stages once more, bar by bar, for one symbol at a time."""

import math
from typing import Any


def _finite(*values: float | None) -> bool:
    return all(value is not None and math.isfinite(value) for value in values)


def ma_cross(
    fast: list[Any],
    slow: list[Any],
    valid: list[bool],
    enter_on: str = "cross",
    long_only: bool = True,
) -> list[float | None]:
    """The dense signal of a moving-average crossing: a value where the rule says something, None elsewhere.

    `fast` and `slow` stand on the market's bars, None (or NaN) where the symbol has no bar or the average is not
    ready. With "cross", bars without a crossing have no opinion.
    """
    up, down = 1.0, 0.0 if long_only else -1.0
    signal: list[float | None] = []
    previous: tuple[Any, Any] | None = None  # both averages at the symbol's own previous bar
    for bar, is_valid in enumerate(valid):
        value: float | None = None
        if is_valid:
            f, s = fast[bar], slow[bar]
            if enter_on == "cross":
                if previous is not None and _finite(f, s, *previous):
                    if f > s and previous[0] <= previous[1]:
                        value = up
                    elif f < s and previous[0] >= previous[1]:
                        value = down
            elif enter_on == "state":
                if _finite(f, s):
                    if f > s:
                        value = up
                    elif f < s:
                        value = down
                    else:
                        value = 0.0  # the sign of no difference
            else:
                raise ValueError(enter_on)
            previous = (f, s)
        signal.append(value)
    return signal
