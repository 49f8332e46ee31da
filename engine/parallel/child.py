"""The child of a cell: the only process in which stages run. It takes containers one by one and reports each at once.

Everything it says goes through one pipe as plain bytes and numbers; what a container prints goes to a file that the
cell reads when the container fails.
"""

import gc
import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from engine.config import LimitsSection
from engine.errors import StageError
from engine.outcome import Outcome, run
from engine.parallel.seal import limit_memory, peak_bytes, seal
from engine.shared import Shared
from engine.spec import resolve
from engine.sweep import canonical

#: Kinds of messages: the child is ready (with its peak memory), a container has ended.
READY, END = 0, 1
#: Exit codes of a child that failed outside of any container: by our fault; because a user's stages cannot be loaded.
INTERNAL, UNLOADABLE = 70, 71
#: MiB that importing a user's stages may map beyond what a container may.
_IMPORTS_MB = 2048.0
_ERROR_CHARACTERS = 20_000


def live(
    pipe: Connection,
    output: int,
    parent: int,
    indices: Sequence[int],
    limits: LimitsSection,
    shared: Callable[[], Shared],
    describe: bool = False,
) -> NoReturn:
    """Be the child: run the containers `indices` in order and exit. `output`: a file descriptor for what they print.

    `shared` is called here, so that a user's modules are imported in this process only. With `describe` nothing is
    run: each is reported with its parameters alone.
    """
    code = 0
    try:
        seal(output, parent)
        limit_memory(limits.memory_mb + _IMPORTS_MB)
        ready = shared()
        limit_memory(limits.memory_mb)
        gc.freeze()
        _send(pipe, READY, peak_bytes())
        for index in indices:
            if _one(ready, index, limits, pipe, describe):
                break
    except StageError as problem:
        code = UNLOADABLE
        os.write(output, str(problem).encode(errors="replace"))
    except BaseException:  # nothing may escape: the rest of this process is the cell's own program
        code = INTERNAL
        os.write(output, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _send(pipe: Connection, *message: Any) -> None:
    pipe.send_bytes(pickle.dumps(message, protocol=5))


def _one(shared: Shared, index: int, limits: LimitsSection, pipe: Connection, describe: bool = False) -> bool:
    """Run one container and report it. Returns whether the rest should go to a fresh child."""
    peak, wall, cpu, own = peak_bytes(), time.perf_counter(), time.process_time(), time.thread_time()
    # counts user and system time of this process alone; its default action ends it, whatever it is doing
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)
    params, spec_hash, status, error, outcome = "{}", "", "done", None, None
    try:
        spec = resolve(shared, index)
        params, spec_hash = canonical(spec.params), spec.spec_hash
        outcome = None if describe else run(spec, shared)
    except MemoryError as problem:
        status, error = "out_of_memory", _describe(problem, limits)
    except (Exception, SystemExit) as problem:
        status, error = "failed", _describe(problem, limits)
    signal.setitimer(signal.ITIMER_PROF, 0.0)
    # the process clock counts every thread, but only in ticks while a CPU timer has been set; the thread's own is exact
    busy = max(time.process_time() - cpu, time.thread_time() - own)
    used = (time.perf_counter() - wall, busy, max(peak_bytes() - peak, 0))
    if status == "done" and used[0] > limits.wall_seconds:  # the cell may look too late to see it
        status, error, outcome = "timed_out", late(limits), None
    _send(pipe, END, status, params, spec_hash, used, error, _packed(outcome))
    return status == "out_of_memory"


def late(limits: LimitsSection) -> str:
    """What is said of a container that took too long."""
    return f"no result after wall_seconds = {limits.wall_seconds:g}; raise it under [limits] if it needs more"


def _packed(outcome: Outcome | None) -> tuple[Any, ...] | None:
    """An outcome as plain bytes and texts."""
    if outcome is None:
        return None
    return (
        outcome.log.tobytes(),
        None if outcome.metrics is None else outcome.metrics.tobytes(),
        None if outcome.test_metrics is None else outcome.test_metrics.tobytes(),
        outcome.sketch.tobytes(),
        None if outcome.report is None else canonical(outcome.report),
    )


def _describe(problem: BaseException, limits: LimitsSection) -> str:
    """A traceback, its last line the error itself."""
    if isinstance(problem, MemoryError):
        return f"MemoryError: it needed more than memory_mb = {limits.memory_mb:g} beyond what its process starts with"
    if isinstance(problem, SystemExit):
        return f"SystemExit: a stage called sys.exit({problem.code!r})"
    text = "".join(traceback.format_exception(problem)).strip()
    return text if len(text) <= _ERROR_CHARACTERS else "…" + text[-_ERROR_CHARACTERS:]
