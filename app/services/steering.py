"""What a runner is asked while it works: to stop or pause, to kill one container; and, in a queue, when it is its turn.

Requests are rows of the database, so that anybody who has the home can make them; the runner looks for them.
"""

import _thread
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psutil

from db.store import Lease, Request, RunState, Store
from engine.errors import StoreError
from engine.parallel.desk import Seat as Seat
from engine.parallel.desk import ask_to_kill, seats

#: Seconds between two looks for requests.
_LOOK = 0.2
#: The file that is there while a run waits in the queue.
_WAITS = "waits"
#: What a run is called that was asked to end so.
_ENDS = {"stop": "stopped", "pause": "paused"}


class Steering:
    """Looks for requests to a run while it is open. A context manager, in the main thread of the runner.

    `asked`: how the run was asked to end; it is then interrupted.
    """

    def __init__(self, store: Store, lease: Lease) -> None:
        self.asked: str | None = None
        self._store = store
        self._run_id = lease.run_id
        self._folder = lease.folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"steering-{lease.run_id}", daemon=True)

    def __enter__(self) -> Self:
        for request in self._store.requests(self._run_id):
            self._store.handled(request)  # they were for the runner before
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def wait_for_turn(self) -> None:
        """Wait while a run is `ahead`; meanwhile the run's folder says that it waits."""
        mark = self._folder / _WAITS
        while ahead(self._store.states(), self._run_id):
            mark.touch()
            time.sleep(_LOOK)
        mark.unlink(missing_ok=True)

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK):
            try:
                requests = self._store.requests(self._run_id)
                for request in requests:
                    self._obey(request)
                    self._store.handled(request)
            except (StoreError, OSError):  # what is wrong with the database or its disk, the runner will report
                continue

    def _obey(self, request: Request) -> None:
        if request.action == "kill" and request.idx is not None:
            ask_to_kill(self._folder, [request.idx])
        elif request.action in _ENDS and self.asked is None:
            self.asked = _ENDS[request.action]
            _thread.interrupt_main()


def ahead(runs: Iterable[RunState], run_id: int) -> list[int]:
    """What a run in the queue waits for: every run that runs, and those queued with a lower number."""
    return [
        run.id
        for run in runs
        if run.pid is not None and (run.status == "running" or (run.status == "queued" and run.id < run_id))
    ]


def waits(store: Store, run_id: int) -> bool:
    """Whether a run stands in the queue now; without --queue it is queued only while its workers start."""
    return (store.folder(run_id) / _WAITS).exists()


def ask(store: Store, run_id: int, action: str, idx: int | None = None) -> None:
    """Ask a run's runner: stop, pause, or kill container `idx`. StoreError when there is no runner to ask."""
    run = store.progress(run_id)
    if run.pid is None:
        raise StoreError(f"run {run_id} is {run.status}, and nobody works on it: there is nothing to {action}")
    if idx is not None:
        if not 0 <= idx < run.containers:
            raise StoreError(f"there is no container {run_id}/{idx}; the run has {run.containers:,}")
        if idx in store.committed(run_id):
            raise StoreError(f"container {run_id}/{idx} has ended already; see 'bulkhead container {run_id}/{idx}'")
    store.request(run_id, action, idx)


def wait(store: Store, run_id: int, patience: float, idx: int | None = None) -> None:
    """Wait until nobody works on a run any more, or until container `idx` has ended. StoreError after `patience` s."""
    deadline = time.monotonic() + patience
    while store.progress(run_id).pid is not None and (idx is None or idx not in store.committed(run_id)):
        if time.monotonic() > deadline:
            raise StoreError(
                f"run {run_id} has not answered in {patience:g} s; see its process in 'bulkhead runs --json'"
            )
        time.sleep(_LOOK / 4)


@dataclass(frozen=True, slots=True)
class RunningNow:
    """A container that this machine runs now: since how many seconds, with how many of CPU, and its memory in MiB."""

    run: int
    index: int
    pid: int
    seconds: float
    cpu: float
    memory_mb: float


def running_now(store: Store, runs: Iterable[RunState] | None = None) -> list[RunningNow]:
    """The containers that this machine runs now, by run and index. CPU and memory: of the process they run in.

    `runs`: look at these alone, as `Store.states` has just given them.
    """
    found = []
    for run in store.states() if runs is None else runs:
        for seat in seats(store.folder(run.id)) if run.pid is not None else ():
            try:
                process = psutil.Process(seat.pid)
                with process.oneshot():
                    cpu, memory = sum(process.cpu_times()[:2]), process.memory_info().rss
            except psutil.Error:
                continue  # it has just ended
            passed = max(time.time() - seat.since, 0.0)
            found.append(RunningNow(run.id, seat.index, seat.pid, passed, cpu, memory / 2**20))
    return found
