"""The stored signal logs that a replay names: found in the home by RUN/INDEX or digest, or made from what came along.

Every container that is done keeps its signals, whichever pattern it ran by. What decides a replay is the logs' content;
where they lie in this home is not part of its result.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from app.services.home import Home
from app.services.reading import Reading, read
from db.store import Run
from engine import config
from engine.config import DataSection, ExpectedSection, LogSection, ReplaySection
from engine.errors import ConfigError, DataError, StoreError
from engine.experiment import Told
from engine.market.market import Market
from engine.plan import Plan
from engine.signals.stored import SignalLog, check_logs, names_of, regime_source, told
from engine.spec import Spec
from engine.strategies.bar import BarStrategy

_PLACE = re.compile(r"([0-9]{1,18})/([0-9]{1,18})")
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
#: Makes a log that a config brings along.
Make = Callable[[LogSection], SignalLog]
NOTHING: Mapping[str, SignalLog] = MappingProxyType({})


@dataclass(frozen=True)
class Replayed:
    """What a replay's config names. `regimes`: the log whose regimes were asked for."""

    logs: tuple[SignalLog, ...]
    regimes: SignalLog | None

    @property
    def told(self) -> Told:
        """What the logs say of themselves. Raises ConfigError when their regimes differ."""
        source = regime_source(self.logs, self.regimes)
        return Told(names_of(self.logs), source.regimes if source else ())

    def knowing(self, test_start: date | None) -> list[str]:
        """The references of logs that were chosen with knowledge of bars that this replay holds out."""
        if test_start is None:
            return []
        return [log.reference for log in self.logs if log.chosen_before is None or log.chosen_before > test_start]


def of_config(
    home: Home, raw: Mapping[str, Any], make: Make, given: Mapping[str, SignalLog] = NOTHING
) -> Replayed | None:
    """The logs of a replay; None for an experiment that is none. Raises ConfigError in one line.

    make: for those that the config brings along under [[log]], so that what it says of them is what they are. given:
    logs by digest, of a bundle. All others are looked for in the home.
    """
    if config.pattern(raw) != "signal_replay":
        return None
    config.check_sections(raw)
    section = config.section(ReplaySection, raw, "replay")
    data = config.section(DataSection, raw, "data")
    brought = {log.digest: log for log in config.logs(raw)}
    pinned = config.section(ExpectedSection, raw, "expected") if "expected" in raw else None
    # what an export pins may have been two logs of the same content
    if pinned is None and len(dict.fromkeys(section.signals)) < len(section.signals):
        raise ConfigError("[replay] signals: a log is named twice; give it more weight instead")

    @cache
    def found(reference: str) -> SignalLog:
        if reference in given:
            return given[reference]
        if reference in brought:
            return make(brought[reference])
        try:
            return signal_log(home, reference)
        except StoreError as error:
            raise ConfigError(f"[replay] {error}") from None

    logs = tuple(found(reference) for reference in section.signals)
    regimes = found(section.regimes) if section.regimes is not None else None
    check_logs((*logs, *((regimes,) if regimes else ())), data.end)
    if pinned is None:
        _check_dataset(home, logs[0], data)
    elif pinned.dataset_hash != logs[0].dataset:
        raise ConfigError(
            f"[expected] pins dataset {pinned.dataset_hash[:12]}, and {logs[0].reference} was made on "
            f"{logs[0].dataset[:12]}; export the replay again"
        )
    return Replayed(logs, regimes)


def market_of(home: Home, logs: tuple[SignalLog, ...]) -> Market:
    """The dataset that logs were made on. Raises ConfigError when this home cannot give it."""
    one = logs[0]
    try:
        return home.datasets.market(one.dataset)
    except DataError as error:
        raise ConfigError(
            f"[replay] {one.reference} was made on dataset '{one.dataset_name}' ({one.dataset[:12]}), which this home "
            f"cannot give ({error}); add that version with 'bulkhead data add'"
        ) from None


def _check_dataset(home: Home, log: SignalLog, data: DataSection) -> None:
    """Raise ConfigError when [data] names other bars than a log's, or the log's dataset has changed since."""
    name = data.dataset or log.dataset_name
    try:
        now = home.datasets.get(name)
    except DataError as error:
        raise ConfigError(f"[data] dataset: {error}") from None
    if now.hash == log.dataset:
        return
    if data.dataset:
        raise ConfigError(
            f"[data] dataset '{name}' ({now.hash[:12]}) is not what {log.reference} was made on "
            f"({log.dataset_name}, {log.dataset[:12]}); leave it out"
        )
    raise ConfigError(
        f"[replay] dataset '{name}' has changed since {log.reference} was made on it ({log.dataset[:12]}, now "
        f'{now.hash[:12]}); make the signals again, or pin those bars with [data] dataset = "{log.dataset[:12]}"'
    )


def place(home: Home, reference: str) -> tuple[int, int]:
    """Where a log lies: run and index. Raises StoreError when it is not in this home.

    Digests are of values by number of bar and symbol: logs of other symbols or data can have the same. Then only
    RUN/INDEX says which is meant.
    """
    if match := _PLACE.fullmatch(reference):
        return int(match[1]), int(match[2])
    if not _DIGEST.fullmatch(reference):
        raise StoreError(f"signals '{reference}' are neither RUN/INDEX nor a digest of 8 to 64 hex digits")
    with home.store() as store:
        found = store.signal_places(reference)
        if not found:
            raise StoreError(f"there are no signals {reference[:12]} in this home; see 'bulkhead signals list'")
        first: dict[tuple[Any, ...], tuple[int, int]] = {}
        for run_id, index in found if len(found) > 1 else ():
            run = store.run(run_id)
            digest = store.container(run_id, index).signals_digest
            first.setdefault((digest, *made_on(run)), (run_id, index))
    if len(first) > 1:
        (one, other), more = list(first.values())[:2], len(first) - 2
        raise StoreError(
            f"signals {reference[:12]} could be {one[0]}/{one[1]} or {other[0]}/{other[1]}"
            f"{f' or {more} more' if more else ''}, made on different bars; name the log as RUN/INDEX"
        )
    return found[0]


def made_on(run: Run) -> tuple[Any, ...]:
    """What a log's numbers stand for beside its values: dataset, symbols, end and first trading bar."""
    return run.dataset_hash, tuple(run.plan["symbols"]), end_of(run.config, run.plan), run.plan["first"]


def signal_log(home: Home, reference: str) -> SignalLog:
    """The stored log that `reference` names. StoreError when there is none."""
    run_id, index = place(home, reference)
    reading = read(home, run_id, index)
    if not reading.done:
        raise StoreError(f"container {run_id}/{index} is {reading.container.status}, so it has no signals")
    assert reading.container.signals_digest is not None
    return _log(reading, reference, reading.container.signals_digest)


def _log(reading: Reading, reference: str, digest: str) -> SignalLog:
    run = reading.run
    return log_of(
        reading.shared.plan,
        reading.spec,
        reading.log,
        reference=reference,
        digest=digest,
        dataset_name=run.dataset,
        end=end_of(run.config, run.plan),
        chosen_before=None if run.revealed else seen_before(run.config),
    )


def log_of(plan: Plan, spec: Spec, log: npt.NDArray[np.void], **about: Any) -> SignalLog:
    """The signal log in a container's log. `about`: the fields of SignalLog that plan and spec do not tell."""
    bound = tuple(
        name
        for name, strategy in zip(spec.names[5:], spec.strategies, strict=False)
        if isinstance(strategy, BarStrategy)
    )
    regimes = spec.classifier.regimes if spec.classifier else ()
    return SignalLog(
        rows=told(log),
        strategies=spec.names[5:],
        classifier=spec.names[1],
        regimes=plan.replay.regimes if plan.replay else regimes,
        dataset=plan.market.dataset,
        symbols=plan.market.symbols,
        bars=len(plan.market.time),
        first=plan.first,
        told_by_fills=bound,
        **about,
    )


def end_of(text: str, plan: Mapping[str, Any]) -> date | None:
    """The last date that a run asked for."""
    kept = plan.get("told", {}).get("end")
    asked = config.section(DataSection, config.load(text), "data").end
    return asked or (date.fromisoformat(kept) if kept else None)


def seen_before(text: str) -> date | None:
    """The date that the figures of a run end before; None when they cover all bars."""
    return config.section(DataSection, config.load(text), "data").test_start


def described(replayed: Replayed, test_start: date | None) -> dict[str, Any]:
    """What a reader of the replay needs beside its config, as plain JSON."""
    told = replayed.told
    source = regime_source(replayed.logs, replayed.regimes)
    end = replayed.logs[0].end
    return {
        "strategies": list(told.strategies),
        "classifier": source.classifier if source else "none",
        "regimes": list(told.regimes),
        "logs": [
            {"reference": log.reference, "digest": log.digest, "strategies": list(log.strategies)}
            for log in replayed.logs
        ],
        "regimes_of": None if source is None else source.digest,
        "end": end.isoformat() if end else None,
        "knowing": replayed.knowing(test_start),
    }
