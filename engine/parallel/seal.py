"""What a process does to itself before it runs a user's code: it dies with its parent, prints to a file, is bounded."""

import ctypes
import faulthandler
import os
import resource
import signal
import sys

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def seal(output: int, parent: int) -> None:
    """Die with the parent, leave its terminal and its input alone, and print to `output`."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for fatal in (signal.SIGTERM, signal.SIGPROF, signal.SIGXCPU):
        signal.signal(fatal, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - lives as long as the process
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    faulthandler.enable(file=2)  # a crash leaves its stack where the cell will read it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def mapped_bytes() -> int:
    """Bytes of address space this process has mapped."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def peak_bytes() -> int:
    """Most memory this process has had resident, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def limit_memory(megabytes: float) -> None:
    """Let this process map so many MiB beyond what it has mapped now. Only the soft limit: it may be set anew."""
    room = mapped_bytes() + int(megabytes * 2**20)
    resource.setrlimit(resource.RLIMIT_AS, (room, resource.getrlimit(resource.RLIMIT_AS)[1]))
