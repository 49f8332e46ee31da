"""The store: all that a home keeps of its runs, behind one narrow interface. Nothing outside `db/` writes SQL."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from db import lease as leases
from db import narrow, results, runs, write
from db.lease import Lease, RunLock, holder, tidy
from db.rows import (
    Condition,
    Container,
    Failure,
    NewRun,
    Parameter,
    Request,
    Run,
    RunState,
    RunSummary,
    Value,
    now,
    printable,
)
from db.schema import open_database
from db.workflows import Workflows
from engine.errors import StoreError
from engine.own.source import Source
from engine.parallel.block import BENCHMARK, Block

__all__ = [
    "BENCHMARK",
    "Condition",
    "Container",
    "Failure",
    "Lease",
    "NewRun",
    "Parameter",
    "Request",
    "Run",
    "RunState",
    "RunSummary",
    "Store",
    "Value",
]

#: How a runner can leave a run. `interrupted` is never stored: it is what a run looks like whose runner is gone.
ENDS = ("done", "stopped", "paused", "failed")

R = TypeVar("R", RunSummary, Run, RunState)


class Store:
    """The runs of one home. A context manager; threads may share it, a forked child may not.

    Errors raised by all methods: StoreError, one line, when the database or what is asked of it cannot be used.
    """

    def __init__(self, home: Path) -> None:
        """Open `home/bulkhead.sqlite`; make it if there is none, migrate it if it is older."""
        self.home = home
        self._database = open_database(home)
        #: The workflows that runs are phases of.
        self.workflows = Workflows(home, self._database)

    # --- writing: by the holder of a run's lease -------------------------------------------------------------------

    def create_run(self, new: NewRun) -> int:
        """Store a queued run; returns its id."""
        with self._database.writing() as connection:
            return write.create_run(connection, new)

    def claim(self, run_id: int, take_over: bool = False) -> Lease:
        """The right to write the run's results; StoreError while another process, or this one, has it.

        `take_over`: also from a process that has given no sign of life for `db.lease.STALE` seconds.
        """
        lock = None if take_over and self.silence(run_id) else RunLock(self._lock(run_id))
        try:
            with self._database.writing() as connection:
                if lock is None:
                    if not self.silence(run_id):  # somebody was faster, or it has come back to life
                        raise StoreError(f"run {run_id} is being worked on by another process")
                    lock = RunLock.wrest(self._lock(run_id))
                epoch, hypothesis = write.claim(connection, run_id, os.getpid())
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        lease = Lease(run_id, epoch, hypothesis, lock, self.folder(run_id))
        tidy(self.home / "runs")
        return lease

    def beat(self, lease: Lease) -> None:
        """A sign of life of the run's holder. StoreError when the lease is not the run's newest."""
        with self._database.writing() as connection:
            write.update_run(connection, lease.run_id, lease.epoch, "heartbeat = ?", (now(),))

    def enqueue(self, lease: Lease) -> None:
        """Mark the run as on its way, though nothing of it runs yet: of one that goes on, how it had ended is over."""
        changes = "status = ?, finished = NULL, error = NULL, heartbeat = ?"
        with self._database.writing() as connection:
            write.update_run(connection, lease.run_id, lease.epoch, changes, ("queued", now()))

    def start(self, lease: Lease, startup_seconds: float | None = None) -> None:
        """Mark the run as running. A resumed run keeps the time it was first started."""
        changes = "status = ?, started = coalesce(started, ?), finished = NULL, error = NULL, startup_seconds = ?"
        with self._database.writing() as connection:
            write.update_run(connection, lease.run_id, lease.epoch, changes, ("running", now(), startup_seconds))

    def commit(self, lease: Lease, block: Block, tried: bool = True) -> None:
        """Store a block in one transaction: all of it, counted once, or nothing. `tried`: they are new trials.

        StoreError when the lease is not the run's newest, or a container of the block is stored already.
        """
        count = len(block.results)
        done = sum(result.status == "done" for result in block.results)
        if any(result.index < 0 for result in block.results):
            raise ValueError("a benchmark is stored by commit_benchmark")
        with self._database.writing() as connection:
            changes = "done = done + ?, failed = failed + ?, heartbeat = ?"
            write.update_run(connection, lease.run_id, lease.epoch, changes, (done, count - done, now()))
            write.commit_block(connection, lease.run_id, lease.epoch, block)
            connection.exec_driver_sql(
                "UPDATE hypothesis SET trials = trials + ? WHERE id = ?", (count if tried else 0, lease.hypothesis_id)
            )
        self._database.wrote(len(block.log) + len(block.sketch))

    def commit_benchmark(self, lease: Lease, block: Block) -> None:
        """Store the run's benchmark: a block of one container, of index `BENCHMARK`. It is counted nowhere."""
        if [result.index for result in block.results] != [BENCHMARK]:
            raise ValueError(f"a benchmark is one container of index {BENCHMARK}")
        with self._database.writing() as connection:
            write.update_run(connection, lease.run_id, lease.epoch, "heartbeat = ?", (now(),))
            write.commit_block(connection, lease.run_id, lease.epoch, block)

    def finish(
        self, lease: Lease, status: str, *, seconds: float | None = None, error: str | None = None
    ) -> str | None:
        """Mark the run as ended, in one of `ENDS`; returns its digest, None while containers are missing."""
        if status not in ENDS:
            raise ValueError(f"a run cannot end as {status!r}")
        changes = "status = ?, finished = ?, seconds = ?, error = ?, pid = NULL, digest = ?, decisions_digest = ?"
        with self._database.writing() as connection:
            digest, decisions = write.digests(connection, lease.run_id) or (None, None)
            values = (status, now(), seconds, printable(error), digest, decisions)
            write.update_run(connection, lease.run_id, lease.epoch, changes, values)
        self._database.checkpoint()
        return digest

    def forget_failed(self, lease: Lease) -> int:
        """Take back what containers left that are not done, so that they can be run again; returns how many."""
        with self._database.writing() as connection:
            return write.forget_failed(connection, lease.run_id, lease.epoch)

    # --- writing: by anybody ----------------------------------------------------------------------------------------

    def request(self, run_id: int, action: str, idx: int | None = None) -> None:
        """Ask a run's holder for something: stop, pause, or kill container `idx`."""
        with self._database.writing() as connection:
            write.request(connection, run_id, action, idx)

    def handled(self, request: Request) -> None:
        """Note that a request was obeyed."""
        with self._database.writing() as connection:
            write.handled(connection, request.id)

    def reveal(self, run_id: int) -> int:
        """Count a look at a run's test figures; returns how many there were, for its hypothesis on its dataset."""
        with self._database.writing() as connection:
            reveals = write.reveal(connection, run_id)
        if reveals is None:
            raise StoreError(f"there is no run {run_id}")
        return reveals

    def allow_sources(self, sources: Sequence[Source]) -> None:
        """Keep source files as if a run of this home had used them: `known_sources` then has them."""
        with self._database.writing() as connection:
            write.keep_sources(connection, sources)

    # --- reading: by anybody, at any time --------------------------------------------------------------------------

    def requests(self, run_id: int) -> list[Request]:
        """What a run's holder was asked and has not obeyed yet, in order."""
        with self._database.reading() as connection:
            return runs.requests(connection, run_id)

    def folder(self, run_id: int) -> Path:
        """Where a run's holder writes down what it does now; there only while it works."""
        return self.home / "runs" / str(run_id)

    def silence(self, run_id: int) -> float | None:
        """For how many seconds a run's holder has given no sign of life; None without one, or while it is not long."""
        run = self.progress(run_id)
        if run.pid is None or run.heartbeat is None:
            return None
        passed = datetime.fromisoformat(now()) - datetime.fromisoformat(run.heartbeat)
        return passed.total_seconds() if passed.total_seconds() > leases.STALE else None

    def runs(self) -> list[RunSummary]:
        """All runs, by id."""
        return self._settled(runs.summaries)

    def states(self) -> list[RunState]:
        """The states of all runs, by id: next to nothing to ask for, so that a page can wait for a change."""
        return self._settled(runs.states)

    def run(self, run_id: int) -> Run:
        """A run in full."""
        return self._only(run_id, self._settled(lambda connection: runs.details(connection, run_id)))

    def progress(self, run_id: int) -> RunSummary:
        """A run as `runs` has it; cheap enough to ask for several times a second."""
        return self._only(run_id, self._settled(lambda connection: runs.summaries(connection, run_id)))

    def containers(
        self,
        run_id: int,
        sort: str | None = None,
        *,
        descending: bool | None = None,
        top: int | None = None,
        offset: int = 0,
        status: str | None = None,
        where: Sequence[Condition] = (),
    ) -> list[Container]:
        """A run's stored containers without its benchmark, by index, or by `sort`: a metric (before `test_start`), or
        a swept parameter.

        What is undefined comes last, what is equal by index. `descending` defaults to a metric's better side first (the
        larger one where neither is better), and to a parameter's smaller one. `top` and `offset` cut a page out;
        `status` keeps those that ended so, `where` those that fulfil all conditions. InputError for an unknown name.
        """
        with self._database.reading() as connection:
            return results.ordered(connection, run_id, sort, descending, top, offset, conditions(status, where))

    def count(self, run_id: int, *, status: str | None = None, where: Sequence[Condition] = ()) -> int:
        """How many containers `containers` would give without `top`. Their rows are not read, so not verified."""
        with self._database.reading() as connection:
            return narrow.count(connection, run_id, conditions(status, where))

    def parameters(self, run_id: int) -> list[Parameter]:
        """What a run swept, by name, as its stored containers have it. Read without verifying their checksums."""
        with self._database.reading() as connection:
            return narrow.parameters(connection, run_id)

    def columns(
        self, run_id: int, names: Sequence[str], *, where: Sequence[Condition] = ()
    ) -> tuple[npt.NDArray[np.int64], list[npt.NDArray[Any]]]:
        """The indices, ascending, of a run's done containers, and for each of `names` what they have there.

        A metric (before `test_start`) is float64 with NaN where it is undefined; a parameter is an object array of
        values, None where there is none (truth is 1 and 0). A narrow read for charts: of the rows only this is read,
        so their checksums, which cover whole rows, are not verified.
        """
        with self._database.reading() as connection:
            return narrow.columns(connection, run_id, names, conditions("done", where))

    def container(self, run_id: int, idx: int) -> Container:
        """One stored container; `BENCHMARK` is the run's benchmark."""
        with self._database.reading() as connection:
            return results.one(connection, run_id, idx)

    def committed(self, run_id: int) -> npt.NDArray[np.int64]:
        """The indices of a run's stored containers, int64, ascending; its benchmark, if stored, is first."""
        with self._database.reading() as connection:
            return results.committed(connection, run_id)

    def find(self, digest: str) -> tuple[int, int | None] | None:
        """The oldest run (index None) or container with this digest, None if there is none here."""
        with self._database.reading() as connection:
            return results.find(connection, digest)

    def events(self, run_id: int, idx: int) -> npt.NDArray[np.void]:
        """A container's event log: an `EVENT` array of its own rows. StoreError when it is damaged."""
        with self._database.reading() as connection:
            return results.events(connection, run_id, idx)

    def logs(self, run_id: int) -> Iterator[tuple[int, npt.NDArray[np.void]]]:
        """The event logs of all done containers of a run: index and `EVENT` rows, block by block, each read once.

        StoreError for one that is damaged. Keep no log longer than needed: those of a block share its memory.
        """
        with self._database.reading() as connection:
            yield from results.logs(connection, run_id)

    def spec_hashes(self, run_id: int) -> dict[str, int]:
        """The done containers of a run by spec hash; of equal ones the last."""
        with self._database.reading() as connection:
            return results.spec_hashes(connection, run_id)

    def signal_places(self, digest: str) -> list[tuple[int, int]]:
        """The first container of each run whose signals have a digest that begins so; if of none, whose log has.

        `digest`: 8 characters and more.
        """
        with self._database.reading() as connection:
            return results.signal_places(connection, digest)

    def reports(self, run_id: int, idx: int | None = None) -> dict[int, Any]:
        """The signal reports of a run, by index (of one container alone). StoreError for a damaged one."""
        with self._database.reading() as connection:
            return results.reports(connection, run_id, idx)

    def sketches(
        self, run_id: int, idxs: Sequence[int] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Equity sketches of the containers that are done: their indices, ascending, and float32 (containers, SKETCH).

        `idxs`: only these (`BENCHMARK` may be one); None: all but the benchmark. StoreError when one is damaged.
        """
        with self._database.reading() as connection:
            return results.sketches(connection, run_id, idxs)

    def sources(self, run_id: int) -> list[Source]:
        """The files of the user's own stages that a run used, by name. StoreError when one is damaged."""
        with self._database.reading() as connection:
            return runs.sources(connection, run_id)

    def known_sources(self, hashes: Sequence[str]) -> set[str]:
        """Those of some hashes whose source a run of this home has used."""
        with self._database.reading() as connection:
            return runs.known_sources(connection, hashes)

    def failures(self, run_id: int) -> list[Failure]:
        """The containers that are not done, grouped by status and last line of error, the most frequent first."""
        with self._database.reading() as connection:
            return runs.failures(connection, run_id)

    def close(self) -> None:
        """Close the database's connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lock(self, run_id: int) -> Path:
        return self.home / "runs" / f"{run_id}.lock"

    def _settled(self, read: Callable[[Connection], list[R]]) -> list[R]:
        """Runs as they are, not as the rows have them: a claimed run whose lock is free has lost its runner."""
        with self._database.reading() as connection:
            found = read(connection)
        owners = {run.id: holder(self._lock(run.id)) for run in found if run.pid is not None}
        if None in owners.values():
            # A runner stores how it ended before it gives the lock back: what looks abandoned may just have ended.
            with self._database.reading() as connection:
                found = read(connection)
        return [_settle(run, owners.get(run.id, run.pid)) for run in found]

    @staticmethod
    def _only(run_id: int, found: list[R]) -> R:
        if not found:
            raise StoreError(f"there is no run {run_id}")
        return found[0]


def conditions(status: str | None, where: Sequence[Condition]) -> tuple[Condition, ...]:
    """`where` with the one status that is wanted, if one is."""
    return (*where, *(() if status is None else (Condition("status", (status,)),)))


def _settle(run: R, owner: int | None) -> R:
    """The run with the process that `owner` says is working on it."""
    if run.pid is None:
        return run
    gone = owner is None and run.status in ("queued", "running")
    return replace(run, pid=owner, status="interrupted" if gone else run.status)
