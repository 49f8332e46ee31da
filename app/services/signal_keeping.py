"""Keeping a signal log that no run here made: as a run of one container, which is done, with its report.

Pages, replays and exports find it like any other log; the run's config says in [imported] where it came from.
"""

import json
import time
from typing import Any

import numpy as np

from app.services.home import Home
from app.services.reading import plan_of
from db.store import BENCHMARK, NewRun
from engine import config
from engine.config import DataSection
from engine.digest import digests
from engine.fingerprint import engine_version, fingerprint, platform_facts
from engine.own.stages import OwnStages
from engine.parallel.block import SKETCH, Result, Usage, encode
from engine.parallel.pool import Pool
from engine.shared import Shared
from engine.signals.report import report
from engine.signals.stored import SignalLog
from engine.spec import resolve
from engine.sweep import canonical


def keep(home: Home, log: SignalLog, text: str) -> int:
    """Store a log with the config that tells where it came from; returns its run's number."""
    began, cpu = time.perf_counter(), time.process_time()
    raw = config.load(text)
    data = config.section(DataSection, raw, "data")
    whole = home.datasets.market(log.dataset)
    market = whole.select(log.symbols, log.end)
    stored = _described(log, None if data.test_start is None else market.first_bar(data.test_start))
    plan = plan_of(text, stored, 1, whole, OwnStages())
    shared = Shared(plan)
    stop = len(market.time) if plan.test is None else plan.test
    found, made = digests(log.rows), report(log.rows, shared.seen, log.first, stop, log.regimes)
    header = config.section(config.ExperimentSection, raw, "experiment")
    new = NewRun(
        name=header.name,
        config=text,
        plan=stored,
        seed=header.seed,
        containers=1,
        dataset=log.dataset_name,
        dataset_hash=log.dataset,
        engine=engine_version(),
        platform=platform_facts(),
        fingerprint=fingerprint(),
        pattern=header.pattern,
        workers=1,
        backend="sequential",
    )
    result = Result(
        0,
        "done",
        "{}",
        resolve(shared, 0).spec_hash,
        Usage(time.perf_counter() - began, time.process_time() - cpu, 0),
        digest=found.log,
        decisions_digest=found.decisions,
        fills_digest=found.fills,
        signals_digest=found.signals,
        row_count=len(log.rows),
        report=canonical(made),
    )
    block = encode([result], [log.rows], np.zeros((1, SKETCH), np.float32))
    with home.store() as store:
        run_id = store.create_run(new)
        with store.claim(run_id) as lease:
            try:
                store.start(lease)
                with Pool(plan, 1, "sequential") as pool:
                    for benchmark in pool.blocks([BENCHMARK]):
                        store.commit_benchmark(lease, benchmark)
                store.commit(lease, block)
            except BaseException as error:
                store.finish(lease, "failed", error=str(error) or type(error).__name__)
                raise
            store.finish(lease, "done", seconds=time.perf_counter() - began)
    return run_id


def _described(log: SignalLog, test: int | None) -> dict[str, Any]:
    """What is stored of the plan: what a reader needs beside the config."""
    end = log.end.isoformat() if log.end else None
    stored = {
        "symbols": list(log.symbols),
        "bars": log.bars,
        "first": log.first,
        "warmup": 0,
        "test": test,
        "told": {
            "strategies": list(log.strategies),
            "classifier": log.classifier,
            "regimes": list(log.regimes),
            "logs": [],
            "regimes_of": None,
            "end": end,
            "knowing": [],
            "digest": log.digest,
            "symbols": list(log.symbols),
        },
        "ranks": None,
    }
    told: dict[str, Any] = json.loads(json.dumps(stored))
    return told
