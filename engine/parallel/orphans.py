"""The processes that a child has started: none of them outlives it, wherever in the tree of processes it has gone.

A child leads a session of its own, and wears a mark that everything it starts inherits, through fork, exec and setsid:
the limit of file locks, which Linux keeps and has not looked at since 2.4.25. A mark is drawn for each child: two
containers of one machine may have children of the same number.
"""

import contextlib
import os
import resource
import secrets
import signal
from collections.abc import Iterator

_LOCKS = 10  # RLIMIT_LOCKS, which the module `resource` does not name
_MARK = 1 << 40
_ROUNDS = 100


def new_mark() -> int:
    """A mark that no other process wears."""
    return _MARK | secrets.randbits(40)


def lead(mark: int | None) -> None:
    """Begin a session, and wear the mark; None: keep on wearing that of who started this process."""
    if os.getsid(0) != os.getpid():
        os.setsid()
    if mark is not None:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(_LOCKS, (mark, mark))


def end(leader: int, mark: int) -> None:
    """Kill all that a child has started, which wears `mark`. It must not have been reaped yet, so that its number is
    still its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    killed: set[int] = {leader}
    for _ in range(_ROUNDS):  # one may have started another before its end
        found = [process for process in _marked(mark) if process not in killed]
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        killed.update(found)
        if not found:
            return


def _marked(mark: int) -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if resource.prlimit(int(name), _LOCKS)[0] == mark:
                    yield int(name)


def any_left() -> bool:
    """Whether something this process has started still runs; what has ended is reaped. Needs `seal.adopt`."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
