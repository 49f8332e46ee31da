"""The child of a cell: the only process in which stages run. It takes containers one by one and reports each at once.

Everything it says goes through one pipe as frames; what a container prints goes to a file that the cell reads when the
container fails. A container is blamed only for what it does as the first of its child: one that crashes, or finds no
memory, after others is left to a fresh child, where nothing of theirs can be at fault.
"""

import contextlib
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, NoReturn

import numpy.typing as npt

from engine.config import LimitsSection
from engine.errors import BulkheadError, StageError, TooLargeError
from engine.outcome import Outcome, run
from engine.parallel.filter import fix_limits
from engine.parallel.frames import Writer
from engine.parallel.packer import Said, raw
from engine.parallel.seal import adopt, follow, keep_only, limit_files, limit_memory, peak_bytes, seal
from engine.parallel.state import State, preload
from engine.shared import Shared
from engine.spec import resolve
from engine.sweep import canonical


class Told(IntEnum):
    """What a child says: it is ready (its peak memory); a container has ended (`Said`); the rest is for others (whether
    each alone, why, and modules to import first); it cannot go on (a status and why)."""

    READY = 0
    END = 1
    REST = 2
    BROKEN = 3


#: Exit code of a child whose pipe was closed, or is another file.
LOST = 72
#: MiB that importing a user's stages may map beyond what a container may.
_IMPORTS_MB = 2048.0
_ERROR_CHARACTERS = 20_000


def live(
    pipe: int,
    word: bytes,
    output: int,
    parent: int,
    mark: int,
    indices: Sequence[int],
    limits: LimitsSection,
    shared: Callable[[], Shared],
    describe: bool = False,
    imports: Sequence[str] = (),
) -> NoReturn:
    """Be the child: run the containers `indices` in order and exit. `output`: a file descriptor for what they print.

    `shared` is called here, so that a user's modules are imported in this process only; `imports` before it. With
    `describe` nothing is run: each is reported with its parameters alone.
    """
    report = None
    try:
        output, pipe = keep_only(output, pipe)
        report = Writer(pipe, word)
        os.register_at_fork(after_in_child=lambda: _forked(pipe))
        seal(output, parent, mark)
        adopt()
        limit_files(limits.max_output_mb)
        limit_memory(limits.memory_mb + _IMPORTS_MB, beyond=limits.memory_mb)
        preload(imports)
        ready = shared()
        limit_memory(limits.memory_mb, beyond=0.0)
        fix_limits()
        sources = [] if describe else [source.name for source in ready.plan.sources]
        one = _One(ready, limits, report, output, State(sources, ready.plan.seed) if sources else None)
        gc.freeze()
        report.send((Told.READY, peak_bytes()))
        for number, index in enumerate(indices):
            if one.describe(index) if describe else one.run(index, number):
                break
    except BaseException as problem:  # nothing may escape: the rest of this process is the cell's own program
        with contextlib.suppress(BaseException):
            status = "failed" if isinstance(problem, StageError) else "internal_error"
            words = str(problem) if isinstance(problem, StageError) else _shortened(problem)
            if report is not None and report.intact():
                report.send((Told.BROKEN, status, words))
    finally:
        os._exit(0)


class _One:
    """Runs one container after the other."""

    def __init__(self, shared: Shared, limits: LimitsSection, report: Writer, output: int, state: State | None) -> None:
        self.shared, self.limits, self.report, self.output, self.state = shared, limits, report, output, state
        self.files = frozenset(source.file for source in shared.plan.sources)
        self.streams = () if state is None else (sys.stdout, sys.stderr)
        self.peak = peak_bytes()
        if state is not None:
            shared.guard = state.guard

    def describe(self, index: int) -> bool:
        """Report a container's parameters."""
        spec = resolve(self.shared, index)
        self._send((Told.END, *Said("done", canonical(spec.params), spec.spec_hash, (0.0, 0.0, 0), None, ())))
        return False

    def run(self, index: int, number: int) -> bool:
        """Run a container, the child's `number`-th, and report it. Returns whether the rest is for other children."""
        limits, state = self.limits, self.state
        wall, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
        # counts user and system time of this process alone; its default action ends it, whatever it is doing
        signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)
        params, spec_hash, status, error = "{}", "", "done", None
        outcome: Outcome | None = None
        try:
            if state is None:
                spec = resolve(self.shared, index)
            else:
                spec = state.apart(lambda: resolve(self.shared, index))
                state.stages([stage for stage in (*spec.strategies, spec.classifier, spec.risk) if stage is not None])
                state.settle()  # validators run once for all containers that share a stage: they change nothing
            params, spec_hash = canonical(spec.params), spec.spec_hash
            outcome = run(spec, self.shared)
        except MemoryError:
            status, error = "out_of_memory", _no_memory(limits)
        except BaseException as problem:
            status, error = _blamed(problem, self.files)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        # the process clock counts every thread, but only in ticks while a CPU timer has been set; the thread's own is
        # exact
        busy = max(time.process_time() - cpu, time.thread_time() - own)
        peak, self.peak = self.peak, peak_bytes()
        used = (time.perf_counter() - wall, busy, self.peak - peak)
        if status == "done" and used[0] > limits.wall_seconds:  # the cell may look too late to see it
            status, error, outcome = "timed_out", late(limits), None
        if state is not None:
            state.restore() if error else state.settle()
        if self._printed() >= int(limits.max_output_mb * 2**20):
            status, error, outcome = "too_large", too_much(limits), None
        left = "" if state is None else state.left
        if number and (left or status == "out_of_memory"):
            # behind others it is not blamed, and what it gave is not kept: alone, it is the same whatever came before
            self._send((Told.REST, bool(left), left, ()))
            return True
        arrays = raw(outcome)
        sizes = tuple(array.nbytes for array in arrays)
        report = None if outcome is None or outcome.report is None else canonical(outcome.report)
        self._send((Told.END, *Said(status, params, spec_hash, used, error, sizes, report)), arrays)
        if left or status == "out_of_memory":
            self._send((Told.REST, bool(left), left, ()))
            return True
        if state is not None and state.imported:
            self._send((Told.REST, False, "", tuple(state.imported)))
            return True
        return False

    def _send(self, message: tuple[object, ...], arrays: Sequence[npt.NDArray[Any]] = ()) -> None:
        if self.state is not None and not self.report.intact():
            os._exit(LOST)
        try:
            self.report.send(message, arrays)
        except OSError:
            os._exit(LOST)

    def _printed(self) -> int:
        """Bytes of output; and an empty file for the next, so that the words of one are not taken for another's."""
        for stream in self.streams:
            with contextlib.suppress(OSError, ValueError):  # a stage may have closed it
                stream.flush()
        try:
            size = os.fstat(self.output).st_size
            if size:
                os.ftruncate(self.output, 0)
                os.lseek(self.output, 0, os.SEEK_SET)
        except OSError:
            return 0  # it was closed, as the pipe was
        return size


def _forked(pipe: int) -> None:
    """In what a stage has forked: it has nothing to report, and ends with the child."""
    with contextlib.suppress(OSError):
        os.close(pipe)
    follow()


def late(limits: LimitsSection) -> str:
    """What is said of a container that took too long."""
    return f"no result after wall_seconds = {limits.wall_seconds:g}; raise it under [limits] if it needs more"


def too_much(limits: LimitsSection) -> str:
    """What is said of a container that printed too much."""
    return (
        f"it printed, or wrote to a file, more than max_output_mb = {limits.max_output_mb:g}; "
        "raise it under [limits] if it needs more"
    )


def _no_memory(limits: LimitsSection) -> str:
    return f"MemoryError: it needed more than memory_mb = {limits.memory_mb:g} beyond what its process starts with"


def _blamed(problem: BaseException, files: frozenset[str]) -> tuple[str, str]:
    """The status of a container that ended with an exception, and its traceback, the last line the error itself.

    It failed when Bulkhead says so, or the user's code (of `files`) took part; else the fault is ours.
    """
    if isinstance(problem, TooLargeError):
        return "too_large", str(problem)
    if isinstance(problem, SystemExit):
        return "failed", f"SystemExit: a stage called sys.exit({problem.code!r})"
    theirs = isinstance(problem, BulkheadError) or _takes_part(problem, files)
    return "failed" if theirs else "internal_error", _shortened(problem)


def _takes_part(problem: BaseException | None, files: frozenset[str]) -> bool:
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        if any(frame.f_code.co_filename in files for frame, _ in traceback.walk_tb(problem.__traceback__)):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


def _shortened(problem: BaseException) -> str:
    text = "".join(traceback.format_exception(problem)).strip()
    return text if len(text) <= _ERROR_CHARACTERS else "…" + text[-_ERROR_CHARACTERS:]
