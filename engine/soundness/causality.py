"""Causality: what a stage says on a prefix of the market must be the prefix of what it says on the whole.

A different decision is look-ahead. Values that differ in their last digits alone are not bit-stable, and allowed.
"""

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import StageError
from engine.soundness.case import Case, output
from engine.soundness.finding import Finding
from engine.soundness.peek import Changes, locate
from engine.soundness.words import day, told

CHECK, STABILITY = "causality", "bit-stability"
#: Cuts at random bars, and at bars where the output changes.
CUTS, CHANGES = 50, 200
#: Values of this size and below in difference (in units of the value, above 1) are of rounding.
ROUNDING = 1e-12
#: How many bars at which the output differs are looked at for what is peeked at.
_TRIED = 4


@dataclass
class _Cuts:
    """What the cuts have shown: differing decisions as (bar, cut), the largest difference of rounding, failures."""

    made: int
    decided: list[tuple[int, int]]
    rounding: float
    failed: list[tuple[int, str]]


def causality(
    case: Case, cuts: int = CUTS, changes: int = CHANGES, seconds: float = 2.0, at_least: int = 12
) -> list[Finding]:
    """Cut the market at so many bars and compare; where a decision differs, find the bar that was peeked at.

    After `seconds` no more than `at_least` cuts are made. The bars are drawn, so that any number of them is spread.
    """
    whole = output(case)
    bars = places(whole, cuts, changes)
    shown = _cut(case, whole, bars, seconds, at_least)
    if shown.failed and not shown.decided:
        shown.decided = _tails(case, whole, shown.failed)
    if shown.decided:
        return [_look_ahead(case, whole, shown)]
    made = f"{shown.made} cut{'' if shown.made == 1 else 's'}"
    found = [Finding(CHECK, "ok", f"{made} of {len(whole):,} bars: what it says never depends on later bars")]
    if shown.rounding:
        found.append(
            Finding(
                STABILITY,
                "note",
                f"not bit-stable: values differ by up to {shown.rounding:.0e} with what follows, the decisions are the "
                "same; allowed, but two runs may differ in last digits",
            )
        )
    if shown.failed:
        bar, words = shown.failed[0]
        found.append(Finding(CHECK, "note", f"it fails on the first {bar + 1:,} bars alone: {words}", bar=bar))
    return found


def places(whole: npt.NDArray[np.float64], cuts: int, changes: int) -> list[int]:
    """The bars to cut after, in the order to do it: random ones, and some at which the output `whole` changes."""
    draw = np.random.default_rng(len(whole))
    last = len(whole) - 1
    same = (whole[1:] == whole[:-1]) | (np.isnan(whole[1:]) & np.isnan(whole[:-1]))
    moved = 1 + np.flatnonzero(~same.all(axis=1))
    moved = moved[moved < last]
    chosen = draw.permutation(moved)[:changes]
    anywhere = draw.integers(0, max(last, 1), cuts)
    return list(dict.fromkeys(draw.permutation(np.concatenate([chosen, anywhere])).tolist()))


def _cut(case: Case, whole: npt.NDArray[np.float64], bars: list[int], seconds: float, at_least: int) -> _Cuts:
    shown = _Cuts(0, [], 0.0, [])
    started = time.perf_counter()
    for bar in bars:
        if shown.made >= at_least and time.perf_counter() - started > seconds:
            break
        shown.made += 1
        try:
            found = output(case.upto(bar + 1))
        except (Exception, SystemExit) as error:
            shown.failed.append((bar, told(error)))
            continue
        differs = difference(found, whole[: bar + 1])
        wrong = np.flatnonzero((differs > ROUNDING).any(axis=1))
        if len(wrong):
            shown.decided.append((int(wrong[0]), bar))
        elif (differs > 0).any():
            shown.rounding = max(shown.rounding, float(differs.max()))
    return shown


def difference(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far values are apart in units of the larger, or of 1; infinite where only one of them is NaN."""
    if np.array_equal(one, other, equal_nan=True):
        return np.zeros(one.shape)
    size = np.maximum(np.maximum(np.abs(one), np.abs(other)), 1.0)
    with np.errstate(invalid="ignore"):
        apart = np.where(one == other, 0.0, np.abs(one - other) / size)
    nan_one, nan_other = np.isnan(one), np.isnan(other)
    return np.where(nan_one & nan_other, 0.0, np.where(nan_one | nan_other, np.inf, apart))


def _tails(case: Case, whole: npt.NDArray[np.float64], failed: list[tuple[int, str]]) -> list[tuple[int, int]]:
    """Where a prefix alone makes the stage fail: its decisions that differ when the bars after are changed instead."""
    found = []
    for bar, _ in failed[:10]:
        changes = Changes(case, bar)
        for number in range(3):
            try:
                differs = difference(output(changes.case(number, bar + 1, len(whole)))[: bar + 1], whole[: bar + 1])
            except (Exception, SystemExit):
                continue
            wrong = np.flatnonzero((differs > ROUNDING).any(axis=1))
            if len(wrong):
                found.append((int(wrong[0]), bar))
    return found


def _look_ahead(case: Case, whole: npt.NDArray[np.float64], shown: _Cuts) -> Finding:
    """The finding of some differing decisions: the earliest for which it can be said what was peeked at."""
    bars = sorted(dict.fromkeys(shown.decided))
    share = f"{len({cut for _, cut in bars})} of {shown.made} cuts"
    peek = None
    for bar, cut in bars[:_TRIED]:
        try:
            peek = locate(case, whole, bar, cut)
        except StageError:
            continue
        if peek is not None:
            break
    if peek is None:
        bar = bars[0][0]
        words = f"what it says at bar {bar} ({day(case.market, bar)}) changes with later bars ({share})"
        return Finding(CHECK, "look-ahead", words, bar=bar)
    symbol = case.symbols[peek.symbol]
    shape = peek.column or "values"
    column = f"{shape} of {peek.of}" if peek.of and peek.of != symbol else shape
    where = f"{symbol}, {day(case.market, bar)}"
    through = f", through its indicator '{peek.through}'" if peek.through else ""
    if not peek.alone:
        said = f"uses bars {bar + 1} to {peek.bar} together at bar {bar} ({where})"
    elif peek.column == "existence":
        said = f"uses at bar {bar} ({where}) that there is a bar {peek.bar}"
    else:
        said = f"uses bar {peek.bar}'s {column} at bar {bar} ({where}){through}"
    return Finding(CHECK, "look-ahead", f"{said}; {share} show it", bar=bar, peeked=peek.bar, column=peek.column)
