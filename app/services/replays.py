"""The stored signal logs that a replay names: found in the home by RUN/INDEX or digest, or made from what came along.

Every container that is done keeps its signals, whichever pattern it ran by. What decides a replay is the logs' content;
where they lie in this home is not part of its result.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.services.home import Home
from app.services.reading import Reading, read
from engine import config
from engine.config import DataSection, LogSection, ReplaySection
from engine.errors import ConfigError, DataError, StoreError
from engine.experiment import Told
from engine.market.market import Market
from engine.signals.stored import SignalLog, check_logs, names_of, regime_source, told
from engine.strategies.bar import BarStrategy

_PLACE = re.compile(r"([0-9]{1,18})/([0-9]{1,18})")
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
#: Makes a log that a config brings along.
Make = Callable[[LogSection], SignalLog]


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


def of_config(home: Home, raw: Mapping[str, Any], make: Make) -> Replayed | None:
    """The logs of a replay; None for an experiment that is none. Raises ConfigError in one line.

    make: for those that are not in this home, and that the config brings along under [[log]].
    """
    if config.pattern(raw) != "signal_replay":
        return None
    config.check_sections(raw)
    section = config.section(ReplaySection, raw, "replay")
    data = config.section(DataSection, raw, "data")
    brought = {log.digest: log for log in config.logs(raw)}
    if len(dict.fromkeys(section.signals)) < len(section.signals):
        raise ConfigError("[replay] signals: a log is named twice; give it more weight instead")

    def found(reference: str) -> SignalLog:
        try:
            return signal_log(home, reference)
        except StoreError as error:
            if reference not in brought:
                raise ConfigError(f"[replay] {error}") from None
        return make(brought[reference])

    logs = tuple(found(reference) for reference in section.signals)
    regimes = found(section.regimes) if section.regimes is not None else None
    check_logs((*logs, *((regimes,) if regimes else ())), data.end)
    if "expected" not in raw:
        _check_dataset(home, logs[0], data)
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
    """Where a log lies: run and index. Raises StoreError when it is not in this home."""
    if match := _PLACE.fullmatch(reference):
        return int(match[1]), int(match[2])
    if not _DIGEST.fullmatch(reference):
        raise StoreError(f"signals '{reference}' are neither RUN/INDEX nor a digest of 8 to 64 hex digits")
    with home.store() as store:
        found = store.find_signals(reference)
    if found is None:
        raise StoreError(f"there are no signals {reference[:12]} in this home; see 'bulkhead signals list'")
    return found


def signal_log(home: Home, reference: str) -> SignalLog:
    """The stored log that `reference` names. StoreError when there is none."""
    run_id, index = place(home, reference)
    reading = read(home, run_id, index)
    if not reading.done:
        raise StoreError(f"container {run_id}/{index} is {reading.container.status}, so it has no signals")
    assert reading.container.signals_digest is not None
    return _log(reading, reference, reading.container.signals_digest)


def _log(reading: Reading, reference: str, digest: str) -> SignalLog:
    spec, run = reading.spec, reading.run
    bound = tuple(
        name
        for name, strategy in zip(spec.names[5:], spec.strategies, strict=False)
        if isinstance(strategy, BarStrategy)
    )
    return SignalLog(
        reference=reference,
        digest=digest,
        rows=told(reading.log),
        strategies=spec.names[5:],
        classifier=spec.names[1],
        regimes=reading.regime_names,
        dataset=run.dataset_hash,
        dataset_name=run.dataset,
        symbols=reading.market.symbols,
        end=end_of(run.config, run.plan),
        bars=len(reading.market.time),
        first=reading.first,
        told_by_fills=bound,
        chosen_before=None if run.revealed else seen_before(run.config),
    )


def end_of(text: str, plan: Mapping[str, Any]) -> date | None:
    """The last date that a run asked for."""
    kept = plan.get("told", {}).get("end")
    return date.fromisoformat(kept) if kept else config.section(DataSection, config.load(text), "data").end


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
