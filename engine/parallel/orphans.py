"""The processes that a child has started: none of them outlives it, wherever in the tree of processes it has gone.

A child leads a session of its own, and wears a mark that everything it starts inherits, through fork, exec and setsid:
the limit of file locks, which Linux keeps and has not looked at since 2.4.25.
"""

import contextlib
import os
import resource
import signal
from collections.abc import Iterator

_LOCKS = 10  # RLIMIT_LOCKS, which the module `resource` does not name
_MARK = 1 << 40
_ROUNDS = 100


def lead() -> None:
    """Begin a session, and wear the mark."""
    if os.getsid(0) != os.getpid():
        os.setsid()
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(_LOCKS, (_MARK | os.getpid(),) * 2)


def end(leader: int) -> None:
    """Kill all that a child has started. It must not have been reaped yet, so that its number is still its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    killed: set[int] = {leader}
    for _ in range(_ROUNDS):  # one may have started another before its end
        found = [process for process in _marked(_MARK | leader) if process not in killed]
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
