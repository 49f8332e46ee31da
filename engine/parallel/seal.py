"""What a process does to itself before it runs a user's code: it dies with its parent, prints to a file, is bounded."""

import contextlib
import ctypes
import faulthandler
import fcntl
import os
import resource
import signal
import sys

from engine.parallel import filter as calls
from engine.parallel import orphans

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
#: Where a child keeps its file descriptors.
_HIGH = 500


def seal(output: int, parent: int, mark: int | None = None) -> None:
    """Die with the parent, leave it, its terminal and its input alone, lead a session, wear `mark` (`orphans`), and
    print to `output`."""
    follow()
    if os.getppid() != parent:
        os._exit(0)
    orphans.lead(mark)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for fatal in (signal.SIGTERM, signal.SIGPROF, signal.SIGXCPU, signal.SIGXFSZ):
        signal.signal(fatal, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    direct(output)
    # by lines: what is printed before a crash is then in the file
    sys.stdout = open(1, "w", 1, closefd=False)  # noqa: SIM115 - lives as long as the process
    sys.stderr = open(2, "w", 1, closefd=False)  # noqa: SIM115
    faulthandler.enable(file=2)  # a crash leaves its stack where the cell will read it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    calls.spare(calls.above(parent))


def follow() -> None:
    """Die with the parent."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def direct(output: int) -> None:
    """Let standard output and error go to `output`."""
    os.dup2(output, 1)
    os.dup2(output, 2)


def adopt() -> None:
    """Become the parent of all that this process starts, however deep, once their own are gone."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def keep_only(*wanted: int) -> list[int]:
    """Close every file descriptor but 0, 1, 2 and the wanted ones; the numbers these have from now on.

    What a process inherits by a fork, a database or the pipes of other workers, no stage can write to then.
    """
    moved = [raised(number) for number in wanted]
    start = 3
    for number in moved:
        os.closerange(start, number)
        start = number + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))
    return moved


def raised(number: int) -> int:
    """A copy of a file descriptor, above those that a loop over the usual ones meets."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = _HIGH if soft == resource.RLIM_INFINITY or soft > 2 * _HIGH else max(int(soft) // 2, 8)
    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, lowest)


def mapped_bytes() -> int:
    """Bytes of address space this process has mapped."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def peak_bytes() -> int:
    """Most memory this process has had resident, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def limit_memory(megabytes: float, beyond: float | None = None) -> None:
    """Let this process map so many MiB beyond what it has mapped now. Only the soft limit: it may be set anew.

    beyond: MiB to which it may be raised over that; 0: not at all.
    """
    room = mapped_bytes() + int(megabytes * 2**20)
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if beyond is not None:
        hard = _least(hard, room + int(beyond * 2**20))
    resource.setrlimit(resource.RLIMIT_AS, (_least(hard, room), hard))


def limit_files(megabytes: float) -> None:
    """Let no file that this process writes, its output among them, grow beyond so many MiB: SIGXFSZ ends it."""
    size = _least(resource.getrlimit(resource.RLIMIT_FSIZE)[1], int(megabytes * 2**20))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _least(limit: int, size: int) -> int:
    return size if limit == resource.RLIM_INFINITY else min(limit, size)
