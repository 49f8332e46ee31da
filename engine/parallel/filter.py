"""System calls that a user's code is refused: signals to the processes above it, and limits set anew.

A seccomp filter (man 2 seccomp) answers them with EPERM, also for root, and for all that is started from there. Where
the kernel has none, nothing is refused; a cell then relies on what it sees.
"""

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Iterable
from typing import NamedTuple

_PR_SET_NO_NEW_PRIVS, _MODE_FILTER, _SPEC_ALLOW = 38, 1, 4
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM


class _Calls(NamedTuple):
    """Numbers of system calls on one architecture, and its own."""

    arch: int
    seccomp: int
    signals: tuple[int, ...]
    debug: tuple[int, ...]
    setrlimit: int
    prlimit: int


#: signals: kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_open; debug: ptrace, process_vm_writev.
_KNOWN = {
    "x86_64": _Calls(0xC000003E, 317, (62, 200, 234, 129, 297, 434), (101, 311), 160, 302),
    "aarch64": _Calls(0xC00000B7, 277, (129, 130, 131, 138, 240, 434), (117, 271), 164, 261),
}
_CALLS = _KNOWN.get(platform.machine()) if sys.platform == "linux" else None
_LIBC = ctypes.CDLL(None, use_errno=True) if _CALLS else None
Step = tuple[int, int, int, int]


def spare(processes: Iterable[int]) -> bool:
    """From now on refuse signals to these processes, to everyone at once (pid −1), and debugging; whether it works."""
    if _CALLS is None:
        return False
    spared = sorted({pid & 0xFFFFFFFF for pid in processes} | {0xFFFFFFFF})
    steps = [step for call in _CALLS.signals for step in _when(call, 0, spared)]
    steps += [step for call in _CALLS.debug for step in _never(call)]
    return _install(steps)


def fix_limits() -> bool:
    """From now on refuse to set resource limits, in this process and in those it starts; whether it works."""
    if _CALLS is None:
        return False
    return _install([*_never(_CALLS.setrlimit), *_unless(_CALLS.prlimit, 2)])


def above(process: int) -> list[int]:
    """The process, its parent, and so on up to the first, and each negative: its group."""
    found = []
    while process > 0 and process not in found:
        found.append(process)
        try:
            with open(f"/proc/{process}/stat", "rb") as stat:
                process = int(stat.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
    return [*found, *(-pid for pid in found)]


def _never(call: int) -> list[Step]:
    return [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSE)]


def _when(call: int, argument: int, values: list[int]) -> list[Step]:
    """Refuse a call with one of these values (32 bits) as its argument."""
    n = len(values)
    tests = [(_EQUAL, n - i, 0, value) for i, value in enumerate(values)]
    return [
        (_EQUAL, 0, n + 3, call),
        (_LOAD, 0, 0, 16 + 8 * argument),
        *tests,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _unless(call: int, argument: int) -> list[Step]:
    """Refuse a call unless its argument (a pointer) is NULL."""
    low = 16 + 8 * argument
    return [
        (_EQUAL, 0, 6, call),
        (_LOAD, 0, 0, low),
        (_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, low + 4),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _install(rules: list[Step]) -> bool:
    assert _CALLS is not None and _LIBC is not None
    start = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _CALLS.arch), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, 0)]
    steps = [*start, *rules, (_RETURN, 0, 0, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(steps), ctypes.addressof(code)))
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(_LIBC.syscall(_CALLS.seccomp, _MODE_FILTER, _SPEC_ALLOW, program) == 0)
