"""Asking a user's code one question: in a forked child that is sealed off, bounded, and may end in any way it likes."""

import contextlib
import gc
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

from engine import errors
from engine.errors import BulkheadError, StageError
from engine.parallel import orphans
from engine.parallel.ended import by_signal, has_ended
from engine.parallel.seal import limit_memory, seal

P = ParamSpec("P")
T = TypeVar("T")
_PROJECT = Path(__file__).parents[2]
#: Seconds that a fresh process may take to start and to end, beyond what is asked of it.
_PATIENCE = 600.0
_PRINTED = 300


class Unanswered(StageError):
    """A child ended, or was ended, without an answer."""


def ask(seconds: float, memory_mb: float, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """`work(…)` in a forked child of at most so many seconds (wall and CPU) and MiB beyond what it starts with.

    Raises what `work` raises when that is an error of Bulkhead; Unanswered, in one line, however else the child ends.
    """
    reader, writer = Pipe(duplex=False)
    parent, mark = os.getpid(), orphans.new_mark()
    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            reader.close()
            _answer(writer, output.fileno(), parent, mark, seconds, memory_mb, lambda: work(*arguments, **options))
        writer.close()
        answer, late, over = None, False, False
        try:
            late = not reader.poll(seconds)
            with contextlib.suppress(EOFError, OSError):
                answer = None if late else reader.recv_bytes()
            over = answer is not None or (not late and _ends(pid))
        finally:
            reader.close()
            if not over:
                os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            orphans.end(pid, mark)
            _, status = os.waitpid(pid, 0)
        if answer is None:
            raise Unanswered(_end(status, late, seconds, _tail(output.fileno())))
    found: T = _opened(answer)
    return found


def apart(work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """`work(…)`, which asks: here in a process's main thread; else, since threads and forks do not mix (in the web
    server), in a fresh process. Arguments and result are pickled there, `work` is a function of a module."""
    if threading.current_thread() is threading.main_thread():
        return work(*arguments, **options)
    path = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "engine.own"],
            input=pickle.dumps((work, arguments, options)),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise StageError(f"the own stages gave no answer within {_PATIENCE:g} s") from None
    if ended.returncode != 0:
        raise RuntimeError(f"python -m engine.own: {ended.stderr.decode(errors='replace').strip()[-2000:]}")
    found: T = _opened(ended.stdout)
    return found


def answered(work: Callable[[], Any]) -> bytes:
    """What `work` returns, or the error of Bulkhead that it raises, as bytes for `_opened`."""
    try:
        return pickle.dumps((None, work()), protocol=5)
    except BulkheadError as error:
        return pickle.dumps((type(error).__name__, str(error)), protocol=5)


def _opened(answer: bytes) -> Any:
    # from our own child, which has the same rights as we: failure is contained here, malice is not
    error, value = pickle.loads(answer)  # noqa: S301
    if error is not None:
        raise getattr(errors, error)(value)
    return value


def _answer(
    pipe: Connection, output: int, parent: int, mark: int, seconds: float, memory_mb: float, work: Callable[[], Any]
) -> NoReturn:
    """Be the child."""
    code = 70
    try:
        seal(output, parent, mark)
        gc.freeze()
        limit_memory(memory_mb)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        pipe.send_bytes(answered(work))
        code = 0
    except MemoryError:
        code = 71
    except BaseException as error:  # nothing may escape: the rest of this process is the program that asked
        os.write(output, f"{type(error).__name__}: {error}".encode(errors="replace"))
    finally:
        os._exit(code)


def _ends(pid: int) -> bool:
    """Whether a child whose pipe is closed has ended by itself, or does so within a moment. It is not reaped."""
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        if has_ended(pid):
            return True
        time.sleep(0.002)
    return False


def _end(status: int, late: bool, seconds: float, said: str) -> str:
    """Why a child ended without an answer, in one line."""
    last = f" (its last words: {said})" if said else ""
    if late:
        return f"no answer within {seconds:g} s{last}"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGPROF:
            return f"no answer within {seconds:g} s of CPU time{last}"
        return f"{by_signal(number)}{last}"
    code = os.WEXITSTATUS(status)
    if code == 71:
        return "it needs more memory than a child may have"
    return f"its process exited with code {code}{last}"


def _tail(output: int) -> str:
    """The last line that was printed, before what faulthandler adds."""
    size = os.fstat(output).st_size
    text = os.pread(output, 8192, max(size - 8192, 0)).decode(errors="replace")
    lines = text.partition("Fatal Python error")[0].strip().splitlines()
    return " ".join(lines[-1].split())[-_PRINTED:] if lines else ""
