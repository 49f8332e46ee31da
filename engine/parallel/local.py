"""Workers of this machine: joblib's loky processes, or this process itself."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from engine.errors import WorkersLost
from engine.parallel import tasks
from engine.parallel.block import Block
from engine.plan import Plan

#: How often workers may be lost while they are made ready.
_TRIES = 3


class Local:
    """Workers made ready for one plan. A context manager. `folder`: where plan and desks lie (default: a new one)."""

    def __init__(self, plan: Plan, workers: int, folder: Path | None = None) -> None:
        self.plan = plan
        self.workers = workers
        self._folder = folder
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Local":
        """Raises WorkersLost when workers keep ending before they are ready."""
        try:
            return self._ready()
        except BaseException:
            self.__exit__()
            raise

    def _ready(self) -> "Local":
        # a string hash that differs between workers must not be able to reach a result
        os.environ.setdefault("PYTHONHASHSEED", "0")
        home = self._folder
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bulkhead-", dir=home))
        self._desks = str(home or folder)
        self._path = str(Path(folder) / "plan.joblib")
        joblib.dump(self.plan, self._path)
        # follow before the first task: a worker that takes the place of a lost one may wait long for it. Given to the
        # backend, since joblib forgets what is given to Parallel when it puts new workers in the place of lost ones
        given: dict[str, Any] = {"backend": "sequential"}
        if self.workers > 1:
            given = {"backend": "loky", "initializer": tasks.follow, "initargs": (os.getpid(),)}
        with joblib.parallel_config(**given):
            parallel = joblib.Parallel(
                n_jobs=self.workers,
                return_as="generator_unordered",
                batch_size=1,
                pre_dispatch="2*n_jobs",
                max_nbytes=None,
            )
        self._parallel = self._stack.enter_context(parallel)
        warm = joblib.delayed(tasks.warm)
        for left in reversed(range(_TRIES)):
            try:
                list(self._parallel(warm(self._path, self.workers) for _ in range(self.workers)))
                break
            except TerminatedWorkerError as error:
                if not left:
                    raise WorkersLost("workers ended while they were made ready; see the system's log") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        tasks.forget()

    def cells(self, batches: Iterable[tasks.Task]) -> Iterator[list[Block]]:
        """Run the batches; yields the blocks of each as it is finished. Raises WorkersLost when one was killed."""
        try:
            cell = joblib.delayed(tasks.cell)
            yield from self._parallel(cell(self._path, task, self._desks) for task in batches)
        except TerminatedWorkerError as error:
            raise WorkersLost("a worker process ended; see the system's log") from error
