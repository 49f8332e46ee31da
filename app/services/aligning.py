"""Several containers on one time axis: their equity from a common start, their drawdowns, their regimes.

The axis is the union of their markets' bars, numbered from 0: containers of the same data share every bar, others
stand where their times put them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from app.services.reading import Reading
from engine.parallel.block import BENCHMARK

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Line:
    """One account: `bars` int64 (n,) on the common axis; `equity` float64 (n,), 1 just before the common start;
    `drawdown` float64 (n,), from its own peak since it began. `runs`: whose it is (several runs can share a benchmark).
    """

    runs: tuple[int, ...]
    index: int
    bars: Ints
    equity: Floats
    drawdown: Floats


@dataclass(frozen=True, slots=True)
class Ribbon:
    """The regimes of one classifier on one dataset. `edges` float64 (n + 1,) between stretches of one label, `codes`
    int64 (n,) into `names` (−1: none yet). `of`: the places of the lines that saw them."""

    title: str
    names: tuple[str, ...]
    edges: Floats
    codes: Ints
    of: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """From bar `start` on, bars are held out of the lines at the places `of`."""

    start: int
    of: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Aligned:
    """What is drawn, from bar `start` to `stop` of the axis whose times are `time`, int64 nanoseconds UTC (bars,).

    `common`: whether all have bars in common; if not, each begins at 1 on its own. `covered`: nothing is drawn of an
    account from its held-out bars on.
    """

    time: Ints
    start: int
    stop: int
    common: bool
    lines: tuple[Line, ...]
    benchmarks: tuple[Line, ...]
    ribbons: tuple[Ribbon, ...]
    held_out: tuple[HeldOut, ...]
    covered: bool


def align(readings: Sequence[Reading], benchmarks: Sequence[Reading], covered: bool) -> Aligned:
    """Readings that are done, and the buy and hold of their runs, side by side."""
    times = {id(reading.market): reading.market.time for reading in [*readings, *benchmarks]}
    time = reduce(np.union1d, times.values())
    spans = [_span(time, reading, covered) for reading in readings]
    begin, end = max(span[0] for span in spans), min(span[1] for span in spans)
    common = begin < end
    start = begin if common else min(span[0] for span in spans)
    stop = max(int(np.searchsorted(time, reading.market.time[-1])) + 1 for reading in readings)
    tests: dict[int, list[int]] = {}
    for order, reading in enumerate(readings):
        if reading.test is not None:
            tests.setdefault(_place(time, reading, reading.test), []).append(order)
    chosen = {reading.run.id for reading in readings if reading.container.index == BENCHMARK}
    return Aligned(
        time=time,
        start=start,
        stop=stop,
        common=common,
        lines=tuple(_line(time, reading, start, covered, (reading.run.id,)) for reading in readings),
        benchmarks=_benchmarks(time, [one for one in benchmarks if one.run.id not in chosen], start, covered),
        ribbons=_ribbons(time, readings, start, stop),
        held_out=tuple(HeldOut(place, tuple(of)) for place, of in sorted(tests.items()) if place < stop),
        covered=covered and bool(tests),
    )


def _place(time: Ints, reading: Reading, bar: int) -> int:
    """Where a bar of the reading's market stands on the axis; past its end for the one after the last."""
    known = reading.market.time
    return int(np.searchsorted(time, known[bar])) if bar < len(known) else len(time)


def _end(reading: Reading, covered: bool) -> int:
    """The first bar of the market of which nothing is drawn."""
    return reading.test if covered and reading.test is not None else len(reading.market.time)


def _span(time: Ints, reading: Reading, covered: bool) -> tuple[int, int]:
    """Where an account begins, and where it ends, on the axis."""
    return _place(time, reading, reading.first), _place(time, reading, _end(reading, covered) - 1) + 1


def _line(time: Ints, reading: Reading, start: int, covered: bool, runs: tuple[int, ...]) -> Line:
    shown = slice(reading.first, _end(reading, covered))
    equity, cash = reading.account.equity[: shown.stop - shown.start], reading.spec.portfolio.initial_cash
    drawdown = equity / np.maximum(np.maximum.accumulate(equity), cash) - 1.0
    bars = np.searchsorted(time, reading.market.time[shown])
    before = int(np.searchsorted(bars, start))  # its bars before the common start
    base = float(equity[before - 1]) if before else cash
    scaled = equity[before:] / base if base > 0 else np.full(len(equity) - before, np.nan)
    return Line(runs, reading.container.index, bars[before:], scaled, drawdown[before:])


def _benchmarks(time: Ints, readings: Sequence[Reading], start: int, covered: bool) -> tuple[Line, ...]:
    """A line for each benchmark that traded differently: most runs on one dataset have the same."""
    alike: dict[tuple[object, ...], list[Reading]] = {}
    for reading in readings:
        span = _span(time, reading, covered)
        alike.setdefault((reading.container.digest, reading.market.dataset, span), []).append(reading)
    return tuple(
        _line(time, found[0], start, covered, tuple(reading.run.id for reading in found)) for found in alike.values()
    )


def _ribbons(time: Ints, readings: Sequence[Reading], start: int, stop: int) -> tuple[Ribbon, ...]:
    """A ribbon for each distinct classifier and data; of equal ones the account that began first tells most."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, reading in enumerate(readings):
        if reading.spec.classifier is not None:
            fragment = reading.spec.fragments[id(reading.spec.classifier)]
            alike.setdefault((fragment, reading.market.dataset, reading.market.symbols), []).append(place)
    found = []
    for places in alike.values():
        reading = min((readings[place] for place in places), key=lambda one: int(one.market.time[one.first]))
        assert reading.spec.classifier is not None
        bars, codes = np.searchsorted(time, reading.market.time), reading.regimes
        begins = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
        edges = np.append(bars[begins], bars[-1] + 1) - 0.5
        inside = (edges[1:] > start - 0.5) & (edges[:-1] < stop - 0.5)
        kept = np.clip(np.append(edges[:-1][inside], edges[1:][inside][-1:]), start - 0.5, stop - 0.5)
        title = f"{reading.spec.classifier.kind} on {reading.run.dataset}"
        found.append(Ribbon(title, reading.regime_names, kept, codes[begins][inside], tuple(places)))
    return tuple(found)
