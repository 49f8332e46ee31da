"""What sealing costs: the same 1,000 containers in cells, against a bare loop in one process.

    .venv/bin/python -m benchmarks.cells [--repeats 7]

- bare: resolve and run each container in this process, encode blocks of 128, store them.
- cells: `Pool` with one worker, whose cells fork a child for each batch, take its results off a pipe and encode the
  same blocks, which are stored the same way.

Both store into one database, a run each time, and must come to the same digest. They take turns, after one turn each
that is not counted (kernels, page cache). Timed is from the first container to the last commit; making the pool and
reading the data is not. The ratio is that of the medians. CPU time counts this process and its children: on an idle
machine with two cores a cell overlaps with its child, so that the ratio of wall times can be the lower one.

Prints the ratio (target: at most 1.15); writes `results/cells.json`.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from app.datasets.library import DatasetLibrary
from db.store import NewRun, Store
from engine.config import load
from engine.digest import digests
from engine.outcome import run
from engine.parallel.block import BLOCK_CONTAINERS, Block, Result, Usage, encode
from engine.parallel.pool import Pool
from engine.plan import Plan, prepare
from engine.shared import Shared
from engine.spec import resolve
from engine.sweep import canonical

HERE = Path(__file__).resolve().parent
CONFIG = HERE / "configs" / "ma_cross_1000.toml"
TARGET = 1.15


def bare_blocks(shared: Shared) -> Iterator[Block]:
    """All containers, one after the other in this process."""
    count = shared.plan.containers
    for start in range(0, count, BLOCK_CONTAINERS):
        results, logs, sketches = [], [], []
        for index in range(start, min(start + BLOCK_CONTAINERS, count)):
            began = time.perf_counter()
            spec = resolve(shared, index)
            outcome = run(spec, shared)
            found = digests(outcome.log)
            results.append(
                Result(
                    index,
                    "done",
                    canonical(spec.params),
                    spec.spec_hash,
                    Usage(time.perf_counter() - began, 0.0, 0),
                    digest=found.log,
                    decisions_digest=found.decisions,
                    fills_digest=found.fills,
                    signals_digest=found.signals,
                    metrics=outcome.metrics,
                    test_metrics=outcome.test_metrics,
                )
            )
            logs.append(outcome.log)
            sketches.append(outcome.sketch)
        yield encode(results, logs, np.stack(sketches))


def stored(store: Store, plan: Plan, blocks: Iterator[Block]) -> tuple[float, float, str | None]:
    """Store `blocks` as a run: its seconds of wall clock and of CPU up to the last commit, and its digest."""
    new = NewRun(
        name="cells",
        config="",
        plan={},
        seed=plan.seed,
        containers=plan.containers,
        dataset="sp500",
        dataset_hash=plan.market.dataset,
        engine="benchmark",
        platform={},
        fingerprint="",
    )
    with store.claim(store.create_run(new)) as lease:
        store.start(lease)
        used, began = cpu(), time.perf_counter()
        for block in blocks:
            store.commit(lease, block)
        seconds, used = time.perf_counter() - began, cpu() - used
        return seconds, used, store.finish(lease, "done")


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def measure(repeats: int) -> dict[str, Any]:
    """The runs of both kinds, in turns."""
    runs: dict[str, list[tuple[float, float]]] = {"bare": [], "cells": []}
    digests = set()
    with tempfile.TemporaryDirectory(prefix="bulkhead-benchmark-") as home:
        market = DatasetLibrary(Path(home)).market("sp500")
        _, plan = prepare(load(CONFIG.read_text()), market)
        with Store(Path(home)) as store, Pool(plan, workers=1) as pool:
            for repeat in range(repeats + 1):
                for kind in ("bare", "cells") if repeat % 2 else ("cells", "bare"):
                    # a new Shared each time: what containers share must not come from the turn before
                    blocks = bare_blocks(Shared(plan)) if kind == "bare" else pool.blocks(range(plan.containers))
                    seconds, used, digest = stored(store, plan, blocks)
                    digests.add(digest)
                    if repeat:
                        runs[kind].append((seconds, used))
    if len(digests) != 1 or None in digests:
        raise SystemExit(f"the runs differ: {digests}")
    wall = {kind: statistics.median(run[0] for run in found) for kind, found in runs.items()}
    used = {kind: statistics.median(run[1] for run in found) for kind, found in runs.items()}
    return {
        "containers": plan.containers,
        "seconds": wall,
        "cpu_seconds": used,
        "ratio": wall["cells"] / wall["bare"],
        "cpu_ratio": used["cells"] / used["bare"],
        "target": TARGET,
        "runs": runs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "cells.json")
    given = parser.parse_args()
    result = measure(given.repeats)
    given.output.parent.mkdir(exist_ok=True)
    given.output.write_text(json.dumps(result, indent=1) + "\n")
    count = result["containers"]
    for kind in ("bare", "cells"):
        wall, used = result["seconds"][kind], result["cpu_seconds"][kind]
        print(f"{kind:<6} {wall / count * 1e6:6.0f} µs a container ({used / count * 1e6:.0f} µs of CPU)")
    print(f"ratio  {result['ratio']:6.2f} (CPU {result['cpu_ratio']:.2f}); target: at most {TARGET:.2f}")


if __name__ == "__main__":
    main()
