"""Taking a bundle into a home: its data and signal logs are kept; the code in it only when it is trusted."""

from dataclasses import dataclass
from pathlib import Path

import tomli_w

from app.services import replays, stages
from app.services.bundle_reading import Bundle
from app.services.home import Home
from app.services.signal_keeping import keep
from engine.errors import DataError, StoreError
from engine.market.market import Market
from engine.own.source import Source
from engine.own.stages import OwnStages
from engine.signals.stored import SignalLog


@dataclass(frozen=True, slots=True)
class Kept:
    """A log that a bundle brought, and where it lies in the home; `new`: whether it was not there before."""

    digest: str
    run: int
    index: int
    new: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a bundle. strange: files of own stages that the home has not had, and that it was not told to
    trust; dataset_named: whether the dataset has its name here, too."""

    name: str
    what: str
    sources: tuple[Source, ...]
    strange: tuple[Source, ...]
    dataset: str
    dataset_hash: str
    dataset_new: bool
    dataset_named: bool
    logs: tuple[Kept, ...]


def take(home: Home, bundle: Bundle, trust: bool = False) -> Taken:
    """Keep what a bundle brings. Nothing of it is run. DataError when its logs are of data that is nowhere."""
    name, hash = bundle.manifest.dataset, bundle.manifest.dataset_hash
    brought = bundle.market()
    there = _known(home, hash)
    if brought is None and not there and bundle.logs:
        raise DataError(
            f"the bundle's signal logs are of dataset '{name}' ({hash[:12]}), which neither it nor this home has; "
            "add that version with 'bulkhead data add', or ask for a bundle made --with-data"
        )
    whole = brought if brought is not None else (home.datasets.market(hash) if bundle.logs else None)
    if whole is not None:
        for log in bundle.logs.values():
            check_log(log, whole)
    if brought is not None and not there:
        home.datasets.take(brought, name)
    if trust and bundle.sources:
        with home.store() as store:
            store.allow_sources(bundle.sources)
    logs = tuple(_kept(home, bundle, log) for log in bundle.logs.values())
    here = brought is not None or there
    return Taken(
        name=bundle.name,
        what=bundle.manifest.what,
        sources=bundle.sources,
        strange=stages.strange(home, bundle.sources),
        dataset=name,
        dataset_hash=hash,
        dataset_new=brought is not None and not there,
        dataset_named=here and hash in home.datasets.versions(name),
        logs=logs,
    )


def own_of(home: Home, bundle: Bundle, trust: bool) -> OwnStages | None:
    """The own stages that a bundle brings, None without any. ConfigError for code that this home has not had."""
    return stages.allowed(home, bundle.sources, bundle.raw, trust) if bundle.sources else None


def check_log(log: SignalLog, whole: Market) -> None:
    """Raise DataError when a log is not of these bars."""
    try:
        market = whole.select(log.symbols, log.end)
    except DataError as error:
        raise DataError(
            f"the bundle cannot be used: a signal log is of other bars ({error}); ask for another"
        ) from None
    signals = log.rows[log.rows["symbol"] >= 0]
    test = log.bars if log.chosen_before is None else market.first_bar(log.chosen_before)
    sound = log.bars == len(market.time) and log.first < test <= log.bars
    if not sound or not market.valid[signals["bar"], signals["symbol"]].all():
        raise DataError("the bundle cannot be used: a signal log is of other bars than its dataset's; ask for another")


def _known(home: Home, hash: str) -> bool:
    try:
        home.datasets.get(hash)
    except DataError:
        return False
    return True


def _kept(home: Home, bundle: Bundle, log: SignalLog) -> Kept:
    """The log in the home: the same on the same bars, if there is one, else a new run."""
    about = (log.dataset, log.symbols, log.end, log.first)
    with home.store() as store:
        for run_id, index in store.signal_places(log.digest):
            same = store.container(run_id, index).signals_digest == log.digest
            if same and replays.made_on(store.run(run_id)) == about:
                return Kept(log.digest, run_id, index, False)
    cut = {key: day for key, day in (("end", log.end), ("test_start", log.chosen_before)) if day is not None}
    text = tomli_w.dumps(
        {
            "experiment": {"name": f"{bundle.name[:180]} {log.digest[:8]}", "pattern": "signal_generation"},
            "data": {"dataset": log.dataset_name, "symbols": list(log.symbols), **cut},
            "imported": {
                "name": ", ".join(log.strategies)[:200],
                "file": Path(bundle.path).name,
                "sha256": next(p.sha256 for p in bundle.manifest.parts if p.name == f"logs/{log.digest}.arrow"),
                "rows": len(log.rows),
            },
        }
    )
    try:
        return Kept(log.digest, keep(home, log, text), 0, True)
    except (ValueError, IndexError) as error:
        raise StoreError(f"signals {log.digest[:12]} cannot be kept: {error}; ask for another bundle") from None
