"""Running an experiment: config text in, a stored run out. The command line and the browser both go through here."""

import json
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from app.services import checking, replays, stages
from app.services.full import full, pause
from app.services.heartbeat import Heartbeat
from app.services.home import Home
from db.store import BENCHMARK, Lease, NewRun, Store
from engine import config
from engine.config import LogSection
from engine.errors import ConfigError, DataError, StageError, StoreError
from engine.experiment import Experiment, parse_experiment
from engine.fingerprint import engine_version, fingerprint, platform_facts
from engine.market.market import Market
from engine.own.stages import OwnStages
from engine.parallel.block import Block
from engine.parallel.pool import Pool
from engine.parallel.searched import searched_blocks
from engine.plan import Plan, plan_on
from engine.search import Search, figure
from engine.shared import Shared
from engine.signals.stored import SignalLog, told
from engine.spec import resolve

BACKENDS = ("loky", "sequential")
#: Blocks that may wait for the disk before no more are computed.
_UNCOMMITTED = 32
Progress = Callable[[int, int, int], None]


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


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended, with the keys of `bulkhead run --json`. `error`: why it is paused, and how to go on."""

    run: int
    containers: int
    done: int
    failed: int
    seconds: float
    startup_seconds: float
    digest: str | None
    status: str
    error: str | None = None


def default_workers() -> int:
    """As many as there are cores this process may use."""
    return len(os.sched_getaffinity(0))


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
    home: Home, text: str, trust: bool = False, own: OwnStages | None = None, market: Market | None = None
) -> Prepared:
    """Parse, validate and resolve an experiment, and check its own stages that are new or changed.

    Raises InputError in one line, for a stage that looks ahead too; stores nothing but what the checks said.

    Own stages are those of the home's folder, or those that the config brings along; `trust`: also if they are strange.
    `own`, `market`: take these, those of a stored run.
    """
    raw = config.load(text)
    config.check_sections(raw)
    own = stages.of_config(home, raw, trust) if own is None else own
    replayed = replays.of_config(home, raw, partial(_made, home, trust))
    experiment = parse_experiment(raw, own.registry, replayed.told if replayed else None)
    used = own.of(raw)
    gate = checking.gate(home, used.hashes, used.sources)
    try:
        if replayed is not None:
            found = replays.market_of(home, replayed.logs)
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


def _made(home: Home, trust: bool, log: LogSection) -> SignalLog:
    """A signal log made anew from the config that another brings along. ConfigError when it comes out different."""
    if log.config is None:
        raise ConfigError(f"[[log]] {log.digest[:12]} cannot be made here")
    prepared = check(home, log.config, trust)
    with tempfile.TemporaryDirectory(prefix="bulkhead-log-") as folder:
        making = Home(Path(folder))
        with making.store() as store:
            execute(store, prepared, create(store, prepared, 1, "sequential"), 1, "sequential")
            container, rows = store.container(1, 0), store.events(1, 0)
    plan = prepared.plan
    if container.signals_digest != log.digest:
        raise ConfigError(
            f"[[log]] {log.digest[:12]} comes out different here ({str(container.signals_digest)[:12]}, "
            f"{container.status}); reproduce it alone to see why"
        )
    spec = resolve(Shared(plan), 0)
    data = prepared.experiment.data
    return SignalLog(
        reference=log.digest,
        digest=log.digest,
        rows=told(rows),
        strategies=spec.names[5:],
        classifier=spec.names[1],
        regimes=spec.classifier.regimes if spec.classifier else (),
        dataset=plan.market.dataset,
        dataset_name=prepared.dataset,
        symbols=plan.market.symbols,
        end=data.end,
        bars=len(plan.market.time),
        first=plan.first,
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


def create(store: Store, prepared: Prepared, workers: int, backend: str) -> int:
    """Store a queued run; returns its id."""
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
        )
    )


def _committed(store: Store, lease: Lease, blocks: Iterator[Block]) -> Iterator[Block]:
    """Commit each block in a thread of its own while the next one is computed; yields it once it is stored."""
    with ThreadPoolExecutor(1, "commit") as writer:
        waiting: deque[tuple[Block, Future[None]]] = deque()
        for block in blocks:
            waiting.append((block, writer.submit(store.commit, lease, block)))
            while waiting and (len(waiting) > _UNCOMMITTED or waiting[0][1].done()):
                yield _stored(*waiting.popleft())
        while waiting:
            yield _stored(*waiting.popleft())


def _stored(block: Block, commit: Future[None]) -> Block:
    commit.result()
    return block


def execute(
    store: Store,
    prepared: Prepared,
    run_id: int,
    workers: int,
    backend: str = "loky",
    progress: Progress | None = None,
    order: Iterable[int] | None = None,
    take_over: bool = False,
) -> Report:
    """Run all containers of a created run that are not stored yet, and store each batch as it is finished.

    `progress` is called with (done, failed, all). `order`: the order to dispatch in; it changes no result.
    A KeyboardInterrupt stops the run and keeps what is committed; where a disk is full it is paused. `take_over`: also
    if a process holds it that gives no sign of life.
    """
    plan, opened = prepared.plan, time.perf_counter()
    total = plan.containers
    with store.claim(run_id, take_over) as lease, Heartbeat(store, lease):
        before, stored = store.progress(run_id), set(store.committed(run_id).tolist())
        done, failed = before.done, before.failed
        startup = seconds = 0.0
        try:
            with Pool(plan, workers, backend, lease.folder) as pool:
                startup = time.perf_counter() - opened
                store.start(lease, startup)
                for block in pool.blocks([] if BENCHMARK in stored else [BENCHMARK]):
                    store.commit_benchmark(lease, block)
                started = time.perf_counter()
                if plan.search is None:
                    wanted = range(total) if order is None else order
                    blocks = pool.blocks([index for index in wanted if index not in stored])
                else:
                    search = Search(prepared.experiment.sweep, plan.search, plan.seed)
                    blocks = searched_blocks(pool, search, _figures(store, run_id, search.objective))
                for block in _committed(store, lease, blocks):
                    good = sum(result.status == "done" for result in block.results)
                    done, failed = done + good, failed + len(block.results) - good
                    if progress:
                        progress(done, failed, total)
                seconds = time.perf_counter() - started
            digest = store.finish(lease, "done", seconds=seconds)
        except KeyboardInterrupt:
            store.finish(lease, "stopped")
            raise
        except BaseException as error:
            if reason := full(error):
                line = pause(store, lease, reason)
                now = store.progress(run_id)
                return Report(run_id, total, now.done, total - now.done, seconds, startup, None, "paused", line)
            store.finish(lease, "failed", error=str(error) or type(error).__name__)
            raise
    return Report(run_id, total, done, total - done, seconds, startup, digest, "done")


def _figures(store: Store, run_id: int, objective: str) -> dict[int, float]:
    """What a search was told of a run's stored containers, by index."""
    return {found.index: figure(found.metrics, objective) for found in store.containers(run_id)}


def resumable(home: Home, store: Store, run_id: int, take_over: bool = False) -> Prepared:
    """A stored run that is not complete, ready to go on: its config, its data and its own stages as they were.

    StoreError when it is complete, somebody works on it, or what would come now is not what came before. `take_over`:
    not for somebody who gives no sign of life.
    """
    run = store.run(run_id)
    if run.status == "done":
        raise StoreError(f"run {run_id} is done, so there is nothing to resume; see it with 'bulkhead show {run_id}'")
    silence = store.silence(run_id)
    if run.pid is not None and silence is None:
        raise StoreError(f"run {run_id} is being worked on by process {run.pid}; wait for it, or stop it")
    if silence is not None and not take_over:
        raise StoreError(
            f"run {run_id} is held by process {run.pid}, which has given no sign of life for {silence:,.0f} s; "
            f"end it, or take the run over with 'bulkhead resume {run_id} --take-over'"
        )
    again = "so its digest would not be that of an unbroken run: run the experiment again"
    if (run.engine, run.fingerprint) != (engine_version(), fingerprint()):
        raise StoreError(f"run {run_id} was begun with another version of Bulkhead or on another platform, {again}")
    try:
        market = home.datasets.market(run.dataset_hash)
    except DataError as error:
        raise StoreError(
            f"run {run_id} ran on dataset '{run.dataset}' ({run.dataset_hash[:12]}), which this home cannot give "
            f"({error}); add that version again with 'bulkhead data add'"
        ) from None
    own = stages.stored(home, run.plan, tuple(store.sources(run_id)) if run.plan.get("own") else ())
    prepared = check(home, run.config, own=own, market=market)
    if json.loads(json.dumps(described(prepared))) != run.plan:
        raise StoreError(f"run {run_id} is resolved to something else now, {again}")
    return prepared


def resume(
    home: Home,
    run_id: int,
    workers: int,
    backend: str = "loky",
    progress: Progress | None = None,
    take_over: bool = False,
) -> Report:
    """Go on with a run that was interrupted, stopped or failed: run what is not stored, as if it had never broken off.

    Errors raised: those of `resumable`. See `execute`.
    """
    with home.store() as store:
        prepared = resumable(home, store, run_id, take_over)
        return execute(store, prepared, run_id, workers, backend, progress, take_over=take_over)
