"""Runs the containers of a created run and stores each batch as it is finished; heeds what it is asked meanwhile."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.services.full import full, pause
from app.services.heartbeat import Heartbeat
from app.services.steering import Steering
from db.store import BENCHMARK, Lease, Store
from engine.parallel.block import Block
from engine.parallel.pool import Pool
from engine.parallel.searched import searched_blocks
from engine.search import Search, figure

if TYPE_CHECKING:
    from app.services.running import Prepared

#: Blocks that may wait for the disk before no more are computed.
_UNCOMMITTED = 32
Progress = Callable[[int, int, int], None]


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
    prepared: "Prepared",
    run_id: int,
    workers: int,
    backend: str = "loky",
    progress: Progress | None = None,
    order: Iterable[int] | None = None,
    scheduler: str | None = None,
    queued: bool = False,
    take_over: bool = False,
) -> Report:
    """Run all containers of a created run that are not stored yet, and store each batch as it is finished.

    `progress` is called with (done, failed, all). `order`: the order to dispatch in; it changes no result. `scheduler`:
    of the cluster, for backend dask. `queued`: wait in the queue first (`steering.ahead`). A KeyboardInterrupt stops
    the run and keeps what is committed, and so does a request to stop or pause it, without the interrupt; where a disk
    is full it is paused. `take_over`: also if a process holds it that gives no sign of life.
    """
    plan, opened = prepared.plan, time.perf_counter()
    total = plan.containers
    with store.claim(run_id, take_over) as lease, Heartbeat(store, lease), Steering(store, lease) as steering:
        done = failed = 0
        startup = seconds = 0.0
        try:
            before, stored = store.progress(run_id), set(store.committed(run_id).tolist())
            done, failed = before.done, before.failed
            store.enqueue(lease)
            if queued:
                steering.wait_for_turn()
                opened = time.perf_counter()
            with Pool(plan, workers, backend, lease.folder, scheduler) as pool:
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
            store.finish(lease, steering.asked or "stopped")
            if steering.asked is None:
                raise
            return Report(run_id, total, done, total - done, seconds, startup, None, steering.asked)
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
