"""What the kernel keeps for a process and its code can change: files, folder, signals, timers, threads, children."""

import _signal  # type: ignore[import-not-found]  # plain numbers: `signal` makes an enumeration of each
import _thread
import faulthandler
import gc
import os
import resource
import signal
import sys
from typing import Any

from engine.parallel import orphans
from engine.parallel.seal import raised

_LIMITS = tuple(getattr(resource, f"RLIMIT_{name}") for name in ("AS", "FSIZE", "NOFILE", "CPU", "STACK", "DATA"))
_SIGNALS = tuple(sorted(_signal.valid_signals()))
_TIMERS = (_signal.ITIMER_REAL, _signal.ITIMER_VIRTUAL)


class Process:
    """The state of this process, taken once."""

    def __init__(self) -> None:
        self._folder = _raised(os.open(".", os.O_RDONLY | os.O_DIRECTORY))
        self._masks = os.umask(0)
        os.umask(self._masks)
        self._streams = [(number, _raised(os.dup(number)), _place(number)) for number in range(3)]
        self._handlers = [_signal.getsignal(number) for number in _SIGNALS]
        self._mask = _signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._limits = [resource.getrlimit(limit) for limit in _LIMITS]
        self._free = _first_free()
        self._identity = _identity()
        self._threads = _thread._count()
        self._objects = sys.stdout, sys.stderr

    def restore(self) -> str:
        """Put back what can be; "" or what cannot."""
        if _thread._count() > self._threads:
            return "a thread that runs on"
        if orphans.any_left():
            return "a process that runs on"
        if _identity() != self._identity:
            return "another user, group, session or niceness"
        if [resource.getrlimit(limit) for limit in _LIMITS] != self._limits:
            return "other resource limits"
        os.fchdir(self._folder)
        os.umask(self._masks)
        self._restore_signals()
        return self._restore_files()

    def _restore_signals(self) -> None:
        if list(map(_signal.getsignal, _SIGNALS)) != self._handlers:
            for number, handler in zip(_SIGNALS, self._handlers, strict=True):
                if handler is not None and _signal.getsignal(number) is not handler:
                    _signal.signal(number, handler)
        for timer in _TIMERS:
            _signal.setitimer(timer, 0.0)
        if _signal.pthread_sigmask(signal.SIG_BLOCK, ()) != self._mask:
            _signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if not faulthandler.is_enabled():
            faulthandler.enable(file=2)

    def _restore_files(self) -> str:
        sys.stdout, sys.stderr = self._objects
        for number, kept, place in self._streams:
            if _place(number) != place:
                os.dup2(kept, number)
        if _first_free() == self._free:
            return ""
        gc.collect()  # what holds them may be a cycle; they are not closed here, lest it close another's later
        return "" if _first_free() == self._free else "files that it left open"


def _place(number: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _first_free() -> int:
    """The lowest number that no file descriptor has: another when one was opened or closed below it."""
    number = os.dup(0)
    os.close(number)
    return number


def _raised(number: int) -> int:
    """A file descriptor moved out of the way of the usual ones."""
    moved = raised(number)
    os.close(number)
    return moved


def _identity() -> tuple[Any, ...]:
    return os.getresuid(), os.getresgid(), os.getsid(0), os.getpgid(0), os.getpriority(os.PRIO_PROCESS, 0)
