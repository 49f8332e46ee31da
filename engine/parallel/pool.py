"""Runs a plan's containers: batches go through joblib as cells, blocks of results come back as they are finished."""

import contextlib
import gc
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import joblib
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError

from engine.errors import BulkheadError
from engine.own.load import loaded
from engine.parallel.block import BLOCK_CONTAINERS, Block
from engine.parallel.cell import run_cell
from engine.parallel.warm import load_kernels
from engine.plan import Plan
from engine.shared import Shared
from engine.sweep import Point

#: A batch should take about a second: what a container of one symbol and this many bars takes, in seconds.
_SECONDS, _BARS = 2e-4, 5000
#: More containers to a fork than to a block: a fork costs as much as some hundred containers.
_BATCH = 32 * BLOCK_CONTAINERS
#: How often a batch is tried again when its worker was lost.
_TRIES = 3
NO_POINTS: Mapping[int, Point] = MappingProxyType({})


@lru_cache(maxsize=1)
def _load(path: str) -> Plan:
    plan: Plan = joblib.load(path, mmap_mode="r")
    return plan


@lru_cache(maxsize=2)
def _shared(path: str, real: bool) -> Shared:
    """What containers share. `real`: with the user's own stages, if there are any; only in a child then."""
    plan = _load(path)
    return Shared(plan, loaded(plan.own)) if real and plan.sources else Shared(plan)


def _placed(path: str, real: bool, points: dict[int, Point]) -> Shared:
    """What containers share, told the points of those that are run now."""
    shared = _shared(path, real)
    shared.points = points
    return shared


def _cell(path: str, indices: list[int], alone: bool, points: dict[int, Point]) -> list[Block]:
    """A joblib task: run a batch of the plan at `path`. `points`: those of its containers that a search asked for."""
    plan = _load(path)
    _shared(path, not plan.sources)  # before the fork, so that every child finds ready what is not the user's
    groups = [[index] for index in indices] if alone else [indices]
    return run_cell(groups, plan.limits, lambda: _placed(path, True, points), lambda: _placed(path, False, points))


def _warm(path: str, workers: int) -> int:
    """A joblib task: load everything a cell needs, and wait until every worker has."""
    if workers > 1:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner, which then stops its workers
    plan = _load(path)
    load_kernels(plan.raw)
    if not plan.sources:
        _shared(path, True)
    gc.collect()
    gc.freeze()  # children are forked from here: what is loaded now is never looked at again
    folder = Path(path).parent
    (folder / f"warm-{os.getpid()}").touch()
    deadline = time.monotonic() + 60.0
    while len(list(folder.glob("warm-*"))) < workers and time.monotonic() < deadline:
        time.sleep(0.002)
    return os.getpid()


class Pool:
    """Workers made ready for one plan. Use as a context manager; `blocks` then runs containers."""

    def __init__(self, plan: Plan, workers: int, backend: str = "loky") -> None:
        self.plan = plan
        self.workers = 1 if backend == "sequential" else workers
        self.backend = "sequential" if workers == 1 else backend
        self._stack = contextlib.ExitStack()
        self._path = ""

    def __enter__(self) -> "Pool":
        # a string hash that differs between workers must not be able to reach a result
        os.environ.setdefault("PYTHONHASHSEED", "0")
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bulkhead-"))
        self._path = str(Path(folder) / "plan.joblib")
        joblib.dump(self.plan, self._path)
        self._parallel = self._stack.enter_context(
            joblib.Parallel(
                n_jobs=self.workers,
                backend=self.backend,
                return_as="generator_unordered",
                batch_size=1,
                pre_dispatch="2*n_jobs",
                max_nbytes=None,
            )
        )
        list(self._parallel(joblib.delayed(_warm)(self._path, self.workers) for _ in range(self.workers)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        _load.cache_clear()
        _shared.cache_clear()

    def blocks(self, indices: Sequence[int], points: Mapping[int, Point] = NO_POINTS) -> Iterator[Block]:
        """Run the containers `indices`, in any order; yields blocks as they are finished. `points`: where a search
        asked for them, the point of each.

        A worker that is lost (killed from outside) costs only time: what it had not handed over is run again.
        Raises BulkheadError when workers keep being lost.
        """
        left = dict.fromkeys(int(index) for index in indices)
        for _ in range(_TRIES if left else 0):
            try:
                tasks = self._batches(list(left))
                alone = self._alone()
                asked = ((task, {index: points[index] for index in task if index in points}) for task in tasks)
                for blocks in self._parallel(
                    joblib.delayed(_cell)(self._path, task, alone, own) for task, own in asked
                ):
                    for block in blocks:
                        for result in block.results:
                            left.pop(result.index, None)
                        yield block
                return
            except TerminatedWorkerError:
                continue
        if left:
            raise BulkheadError(
                f"workers were lost {_TRIES} times with {len(left)} containers to go; see the system's log"
            )

    def _alone(self) -> bool:
        """Whether each container gets a child of its own: asked for, or because own stages are not proven yet."""
        isolation = self.plan.limits.isolation
        return isolation == "container" or (isolation == "auto" and bool(self.plan.sources) and not self.plan.trusted)

    def _batches(self, indices: list[int]) -> list[list[int]]:
        cost = _SECONDS * max(self.plan.market.valid.size / _BARS, 1.0)
        shares = 4 * self.workers if self.workers > 1 else 1  # so that workers end together
        size = min(_BATCH, int(1.0 / cost), -(-len(indices) // shares))
        return [found.tolist() for found in np.array_split(np.array(indices), -(-len(indices) // max(size, 1)))]
