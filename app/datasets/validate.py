"""What bars may not be."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from app.datasets.refusal import Bools, Ints, Screen

Floats = npt.NDArray[np.float64]
PRICES = ("open", "high", "low", "close")
ACTIONS = ("split", "dividend")


def judge(time: Ints, symbol: Ints, symbols: Sequence[str], values: Mapping[str, Floats], screen: Screen) -> None:
    """Tell `screen` of the rows that no bar can be.

    These are missing and non-finite prices, prices not above zero, high below low, negative or infinite volume, splits
    and dividends that cannot be, and times within a symbol that repeat or go back. Odd but possible bars are left to
    `engine.market.quality`. Where bad rows are dropped, a time is judged among the rows that stay otherwise.
    """

    def shown(reason: str, k: int) -> str:
        """`reason`, with the row's symbol, time and prices."""
        stamp = str(np.datetime64(int(time[k]), "ns").astype("datetime64[s]")).replace("T00:00:00", "")
        prices = ", ".join(f"{name} {values[name][k]:g}" for name in (*PRICES, "volume"))
        return f"{reason} ({symbols[symbol[k]]}, {stamp}: {prices})"

    bad = np.zeros(len(time), dtype=np.bool_)

    def note(where: Bools, reason: str) -> None:
        np.logical_or(bad, where, out=bad)
        screen.note(where, reason, partial(shown, reason))

    for name in PRICES:
        note(np.isnan(values[name]), f"no {name}")
        note(np.isinf(values[name]), f"the {name} is not finite")
        note(values[name] <= 0, f"the {name} is not above zero")
    note(values["high"] < values["low"], "the high is below the low")
    note(values["volume"] < 0, "the volume is negative")
    note(np.isposinf(values["volume"]), "the volume is not finite")
    judge_actions(values, note)
    if not screen.drop:
        same, back = _order(time, symbol)
        note(same, "the time stands twice for this symbol")
        note(back, "the time goes back; sort each symbol's rows oldest first")
        return
    lose_no_action(values, screen)
    stays = np.flatnonzero(~bad)
    again, _ = _order(time[stays], symbol[stays])
    same = _at(stays[again], len(time))
    note(same, "the time stands twice for this symbol")
    stays = stays[~again]
    astray = _at(stays[_astray(time[stays], symbol[stays])], len(time))
    for code in np.unique(symbol[astray]):
        if 2 * astray[symbol == code].sum() > (symbol[stays] == code).sum():
            k = int((astray & (symbol == code)).argmax())
            raise screen.refusal(k, f"most times of {symbols[code]} go back; sort each symbol's rows oldest first")
    note(astray, "the time is out of order for this symbol")
    there, lost = happens(values), astray.copy()
    for k in np.flatnonzero(same & (there["split"] | there["dividend"])):
        first = stays[(time[stays] == time[k]) & (symbol[stays] == symbol[k])][0]
        lost[k] = any(there[name][k] and values[name][k] != values[name][first] for name in ACTIONS)
    lose_no_action({name: np.where(lost, values[name], np.nan) for name in ACTIONS}, screen)


def happens(values: Mapping[str, Floats]) -> dict[str, Bools]:
    """Rows at which there is a split, or a dividend: bool (rows,) each. 0, and a split of 1, are none."""
    split, dividend = values["split"], values["dividend"]
    return {
        "split": ~np.isnan(split) & (split != 0) & (split != 1),
        "dividend": ~np.isnan(dividend) & (dividend != 0),
    }


def lose_no_action(values: Mapping[str, Floats], screen: Screen) -> None:
    """Raise DataError where a row that is to be left out states a split or a dividend that can be."""
    if screen.drop:
        for name, there in happens(values).items():
            if (lost := screen.bad & there & (values[name] > 0) & np.isfinite(values[name])).any():
                raise screen.refusal(
                    int(lost.argmax()),
                    f"it would be dropped, and the {name} it states be lost; mend the row, or state the {name} in a "
                    "file of actions",
                )


def judge_actions(values: Mapping[str, Floats], note: Callable[[Bools, str], None]) -> None:
    """Complain of splits and dividends that cannot be. A split of 0 and 1, and a dividend of 0, are none."""
    note(values["split"] < 0, "the split is negative")
    note(np.isinf(values["split"]), "the split is not finite")
    note(values["dividend"] < 0, "the dividend is negative")
    note(np.isinf(values["dividend"]), "the dividend is not finite")


def _order(time: Ints, symbol: Ints) -> tuple[Bools, Bools]:
    """Rows whose time repeats one that the symbol had already, and rows that go back to one it had not."""
    order = np.argsort(symbol, kind="stable")
    by_symbol, codes = time[order], symbol[order]
    follows = np.diff(codes, prepend=-1) == 0
    step = np.diff(by_symbol, prepend=by_symbol[:1])
    by_time = np.lexsort((np.arange(len(time)), by_symbol, codes))
    repeated = np.zeros(len(time), dtype=np.bool_)
    repeated[by_time[1:]] = (np.diff(by_symbol[by_time]) == 0) & (np.diff(codes[by_time]) == 0)
    same, back = np.zeros_like(repeated), np.zeros_like(repeated)
    same[order] = follows & repeated
    back[order] = follows & (step < 0) & ~repeated
    return same, back


def _astray(time: Ints, symbol: Ints) -> Bools:
    """The fewest rows without which each symbol's times rise; no time may repeat within a symbol."""
    astray = np.zeros(len(time), dtype=np.bool_)
    order = np.argsort(symbol, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(symbol[order])) + 1):
        if (np.diff(time[own]) < 0).any():
            astray[own] = True
            astray[own[_longest_rise(time[own])]] = False
    return astray


def _longest_rise(time: Ints) -> list[int]:
    """Places of a longest rising subsequence of `time` (n,): patience sorting, O(n log n), from the end.

    Of two rows of which one must go, the earlier stays.
    """
    ends: list[int] = []  # of the rises of each length: minus the latest time at which one can begin, and where that is
    places: list[int] = []
    after = [-1] * len(time)
    for k, moment in reversed([*enumerate((-time).tolist())]):
        length = bisect_left(ends, moment)
        after[k] = places[length - 1] if length else -1
        ends[length : length + 1] = [moment]
        places[length : length + 1] = [k]
    rise, k = [], places[-1] if places else -1
    while k >= 0:
        rise.append(k)
        k = after[k]
    return rise


def _at(places: npt.NDArray[np.intp], rows: int) -> Bools:
    flags = np.zeros(rows, dtype=np.bool_)
    flags[places] = True
    return flags
