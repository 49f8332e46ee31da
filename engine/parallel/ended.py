"""How a process ended, and whether it has: of children that are not reaped yet."""

import os
import signal


def has_ended(pid: int) -> bool:
    """Whether a child of this process has ended. It is not reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def by_signal(number: int) -> str:
    """What is said of a process that a signal has ended; real-time signals have no names of their own."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        first = int(signal.SIGRTMIN)
        name = f"SIGRTMIN+{number - first}" if number >= first else "reserved by the system"
    return f"its process was ended by signal {number} ({name})"
