"""Running an experiment: config text in, a stored run out. The command line and the browser both go through here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.services import checking, replays, signal_files, stages
from app.services.home import Home
from db.store import NewRun, Store
from engine import config
from engine.config import LogSection
from engine.errors import ConfigError, DataError, InputError, StageError
from engine.experiment import Experiment, parse_experiment
from engine.fingerprint import engine_version, fingerprint, platform_facts
from engine.market.market import Market
from engine.own.stages import OwnStages
from engine.parallel.block import decode_log
from engine.parallel.pool import Pool
from engine.plan import Plan, plan_on
from engine.shared import Shared
from engine.signals.stored import SignalLog
from engine.spec import resolve

BACKENDS = ("loky", "sequential")
#: The variable that says how many workers a run gets that is not told; `bulkhead serve --workers` sets it.
WORKERS = "BULKHEAD_WORKERS"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An experiment that can run: nothing is stored yet."""

    text: str
    experiment: Experiment
    plan: Plan
    dataset: str
    #: What is not sound in its own stages, and what else the researcher should know, a line each.
    warnings: tuple[str, ...] = ()
    replayed: replays.Replayed | None = None

    @property
    def own(self) -> OwnStages:
        """The user's own stages in it."""
        return self.plan.own


def default_workers() -> int:
    """As many as `BULKHEAD_WORKERS` says, else as there are cores this process may use. Raises InputError."""
    said = os.environ.get(WORKERS)
    if not said:
        return len(os.sched_getaffinity(0))
    if not (said.isascii() and said.isdigit() and len(said) < 5 and int(said) > 0):
        raise InputError(f"{WORKERS} is {said!r}, not a number of workers; set it to 1 or more, or not at all")
    return int(said)


def market_of(home: Home, experiment: Experiment) -> Market:
    """The experiment's dataset: the pinned version if it is an exported config. Raises DataError or ConfigError."""
    name, pinned = experiment.data.dataset, experiment.expected
    if pinned is None:
        return home.datasets.market(name)
    try:
        home.datasets.get(name)  # a sample is installed when it is first named
    except DataError:
        pass
    try:
        return home.datasets.market(pinned.dataset_hash)
    except DataError as error:
        raise ConfigError(
            f"the config pins dataset '{name}' at {pinned.dataset_hash[:12]}, which this home cannot give ({error}); "
            "add that version with 'bulkhead data add', or remove [expected] to run on other data"
        ) from None


def check(
    home: Home,
    text: str,
    trust: bool = False,
    own: OwnStages | None = None,
    market: Market | None = None,
    logs: Mapping[str, SignalLog] = replays.NOTHING,
) -> Prepared:
    """Parse, validate and resolve an experiment, and check its own stages that are new or changed.

    Raises InputError in one line, for a stage that looks ahead too; stores nothing but what the checks said.

    Own stages are those of the home's folder, or those that the config brings along; `trust`: also if they are strange.
    `own`, `market`: take these, those of a stored run or of a bundle. `logs`: those of a bundle, by digest.
    """
    raw = config.load(text)
    config.check_sections(raw)
    own = stages.of_config(home, raw, trust) if own is None else own
    replayed = replays.of_config(home, raw, partial(made, home, trust), logs)
    experiment = parse_experiment(raw, own.registry, replayed.told if replayed else None)
    used = own.of(raw)
    gate = checking.gate(home, used.hashes, used.sources)
    try:
        if replayed is not None:
            found = replays.market_of(home, replayed.logs) if market is None else market
            plan = plan_on(experiment, raw, found, own, logs=replayed.logs, regimes=replayed.regimes)
        else:
            plan = plan_on(experiment, raw, market_of(home, experiment) if market is None else market, own)
    except StageError as error:
        raise ConfigError(str(error)) from error
    plan = replace(plan, trusted=not gate.isolated)
    dataset, warnings = experiment.data.dataset, gate.warnings
    if replayed is not None:
        dataset = dataset or replayed.logs[0].dataset_name
        warnings += tuple(
            f"{reference} was chosen with knowledge of bars that this replay holds out: its test figures are no test"
            for reference in replayed.knowing(experiment.data.test_start)
        )
    return Prepared(text, experiment, plan, dataset, warnings, replayed)


def made(home: Home, trust: bool, log: LogSection) -> SignalLog:
    """A signal log made anew of what another config brings along. ConfigError when it comes out different."""
    if log.config is None:
        return signal_files.of_section(home, log)
    prepared = check(home, log.config, trust)
    plan, data = prepared.plan, prepared.experiment.data
    if plan.containers != 1:
        raise ConfigError(f"[[log]] {log.digest[:12]} makes {plan.containers:,} logs instead of one; export it again")
    with Pool(plan, 1, "sequential") as pool:
        (block,) = pool.blocks([0])
    (result,) = block.results
    if result.signals_digest != log.digest:
        raise ConfigError(
            f"[[log]] {log.digest[:12]} comes out different here ({str(result.signals_digest)[:12]}, "
            f"{result.status}); reproduce it alone to see why"
        )
    return replays.log_of(
        plan,
        resolve(Shared(plan), 0),
        decode_log(block.log),
        reference=log.digest,
        digest=log.digest,
        dataset_name=prepared.dataset,
        end=data.end or (prepared.replayed.logs[0].end if prepared.replayed else None),
        chosen_before=data.test_start,
    )


def described(prepared: Prepared) -> dict[str, Any]:
    """What a reader of the run needs beside its config: the resolved bars and the stages of its benchmark."""
    plan = prepared.plan
    return {
        "symbols": list(plan.market.symbols),
        "bars": len(plan.market.time),
        "first": plan.first,
        "warmup": plan.warmup,
        "test": plan.test,
        **({"own": list(plan.own.described)} if plan.own.described else {}),
        **({"told": _told(prepared)} if prepared.replayed else {}),
        **({"objective": plan.search.objective} if plan.search else {}),
        "ranks": None if plan.search or prepared.experiment.sweep.total == plan.containers else plan.ranks.tolist(),
    }


def _told(prepared: Prepared) -> dict[str, Any]:
    """What a replay replays."""
    replay = prepared.plan.replay
    assert prepared.replayed is not None and replay is not None
    about = replays.described(prepared.replayed, prepared.experiment.data.test_start)
    return {**about, "digest": replay.digest, "symbols": list(prepared.plan.market.symbols)}


def create(
    store: Store,
    prepared: Prepared,
    workers: int,
    backend: str,
    workflow: int | None = None,
    phase: str | None = None,
    validates: bool = False,
    extends: int | None = None,
) -> int:
    """Store a queued run; returns its id. `workflow`, `phase`, `validates`, `extends`: see `NewRun`."""
    header, plan = prepared.experiment.header, prepared.plan
    return store.create_run(
        NewRun(
            name=header.name,
            config=prepared.text,
            plan=described(prepared),
            seed=header.seed,
            containers=plan.containers,
            dataset=prepared.dataset,
            dataset_hash=plan.market.dataset,
            engine=engine_version(),
            platform=platform_facts(),
            fingerprint=fingerprint(),
            pattern=header.pattern,
            hypothesis=header.hypothesis or "",
            workers=workers,
            backend=backend,
            sources=plan.sources,
            workflow=workflow,
            phase=phase,
            validates=validates,
            extends=extends,
        )
    )
