"""Stored signal logs, and what a replay takes from them in place of a classifier and strategies.

A log is the SIGNAL and REGIME rows of a container of another run. It is the one thing that passes from one container to
another; it is read, never written.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from engine.classifiers.base import regime_rows
from engine.digest import text_digest
from engine.errors import ConfigError
from engine.events import Kind, Source, empty_log
from engine.market.market import Market, frozen
from engine.projections.causes import regime_codes
from engine.strategies.changes import signal_rows

Log = npt.NDArray[np.void]
FIRST_STRATEGY = int(Source.STRATEGY)


@dataclass(frozen=True)
class SignalLog:
    """A stored signal log and what it was made on.

    reference: as a config names it, RUN/INDEX or a digest. rows: SIGNAL and REGIME rows, EVENT. strategies, classifier:
    the names of what made them; regimes: their names, by code. dataset: its hash. end: as its run was told. bars and
    first: how many it ran on, and the first trading bar. told_by_fills: strategies whose signals depend on their
    fills. chosen_before: the date of the first bar that no figure of the log had seen; None: all bars were seen.
    """

    reference: str
    digest: str
    rows: Log
    strategies: tuple[str, ...]
    classifier: str
    regimes: tuple[str, ...]
    dataset: str
    dataset_name: str
    symbols: tuple[str, ...]
    end: date | None
    bars: int
    first: int
    told_by_fills: tuple[str, ...] = ()
    chosen_before: date | None = None


@dataclass(frozen=True)
class Replay:
    """What a replay's containers share: regimes and signals as they are published, from the first trading bar on.

    names: of the strategies, one for each of `signals` (EVENT rows). codes: int64 (bars,), the label at each close.
    digest: of all that decides a result.
    """

    names: tuple[str, ...]
    classifier: str
    regimes: tuple[str, ...]
    codes: npt.NDArray[np.int64]
    regime_rows: Log
    signals: tuple[Log, ...]
    digest: str

    def __setstate__(self, state: dict[str, object]) -> None:
        """Unpickled arrays are plain and read-only again (see Market)."""
        for name, value in state.items():
            if isinstance(value, np.ndarray):
                value = frozen(np.asarray(value))
            elif name == "signals":
                assert isinstance(value, tuple)
                value = tuple(frozen(np.asarray(rows)) for rows in value)
            self.__dict__[name] = value


def told(log: Log) -> Log:
    """The rows of a container's log that are its signal log, EVENT."""
    kinds = log["kind"]
    rows: Log = log[(kinds == Kind.SIGNAL) | (kinds == Kind.REGIME)]
    return rows


def names_of(logs: tuple[SignalLog, ...]) -> tuple[str, ...]:
    """The names of all strategies of the logs, one after the other; a second of a name gets a number."""
    found: dict[str, None] = {}
    for log in logs:
        for name in log.strategies:
            unique, count = name, 1
            while unique in found:
                count += 1
                unique = f"{name}_{count}"
            found[unique] = None
    return tuple(found)


def regime_source(logs: tuple[SignalLog, ...], given: SignalLog | None) -> SignalLog | None:
    """Whose regimes a replay has: the given log's, else the one that the logs agree on; None without any.

    Raises ConfigError when they disagree.
    """
    if given is not None:
        if not given.regimes:
            raise ConfigError(
                f"[replay] regimes: {given.reference} has none; name a log that was made with a classifier"
            )
        return given
    theirs = [log for log in logs if log.regimes]
    for other in theirs[1:]:
        if not _same_regimes(theirs[0], other):
            raise ConfigError(
                f"[replay] {theirs[0].reference} and {other.reference} have different regimes; "
                f'say whose count with regimes = "{theirs[0].reference}"'
            )
    return theirs[0] if theirs else None


def _same_regimes(one: SignalLog, other: SignalLog) -> bool:
    """Whether two logs have the same labels wherever both trade."""
    first, last = max(one.first, other.first), min(one.bars, other.bars)
    here, there = (regime_codes(log.rows, max(one.bars, other.bars))[first:last] for log in (one, other))
    return one.regimes == other.regimes and np.array_equal(here, there)


def check_logs(logs: tuple[SignalLog, ...], end: date | None) -> None:
    """Raise ConfigError when logs cannot be replayed together, or at all."""
    one = logs[0]
    for log in logs:
        if log.told_by_fills:
            raise ConfigError(
                f"[replay] {log.reference}: the signals of '{log.told_by_fills[0]}' depend on its own fills, "
                "which a replay would change; run it in a full backtest"
            )
        if not log.strategies:
            raise ConfigError(f"[replay] {log.reference} holds no signals; name a container that was done")
        if log.dataset != one.dataset:
            raise ConfigError(
                f"[replay] {one.reference} and {log.reference} were made on different data "
                f"({one.dataset[:12]} and {log.dataset[:12]}); replay them apart"
            )
        if log.symbols != one.symbols:
            raise ConfigError(
                f"[replay] {one.reference} and {log.reference} have other symbols ({', '.join(one.symbols)}; "
                f"{', '.join(log.symbols)}); replay them apart"
            )
        if log.end != one.end and (end is None or any(known.end is not None and known.end < end for known in logs)):
            ends = sorted(str(known.end) for known in logs if known.end is not None)
            raise ConfigError(
                f"[replay] {one.reference} and {log.reference} end on different bars; "
                f"cut them alike with [data] end = {ends[0]}"
            )
        if end is not None and log.end is not None and end > log.end:
            raise ConfigError(
                f"[data] end {end} lies after the end of {log.reference}, {log.end}; choose an earlier one"
            )


def join(logs: tuple[SignalLog, ...], source: SignalLog | None, market: Market, first: int) -> Replay:
    """The logs as a replay publishes them on `market` (cut as it runs) from bar `first` on; `source`: whose regimes."""
    bars, place = len(market.time), 0
    codes = np.full(bars, -1, np.int64)
    if source is not None:
        codes = regime_codes(source.rows[source.rows["bar"] < bars], bars)
    signals = []
    for log in logs:
        rows = log.rows[(log.rows["kind"] == Kind.SIGNAL) & (log.rows["bar"] < bars)]
        for number in range(len(log.strategies)):
            own = rows[rows["source"] == FIRST_STRATEGY + number]
            values = np.full(market.valid.shape, np.nan)
            values[own["bar"], own["symbol"]] = own["value"]
            found = signal_rows(values, market.valid, first, FIRST_STRATEGY + place, log.strategies[number])
            signals.append(frozen(found))
            place += 1
    text = ";".join([*(log.digest for log in logs), source.digest if source else "", str(first)])
    rows = regime_rows(codes, first) if source is not None else frozen(empty_log(0))
    classifier, regimes = (source.classifier, source.regimes) if source is not None else ("none", ())
    return Replay(names_of(logs), classifier, regimes, frozen(codes), rows, tuple(signals), text_digest(text))


def blank(names: tuple[str, ...], classifier: str, regimes: tuple[str, ...], digest: str) -> Replay:
    """A replay for a reader, who needs to know what its numbers stand for and has the signals in the log."""
    return Replay(names, classifier, regimes, frozen(np.empty(0, np.int64)), frozen(empty_log(0)), (), digest)
