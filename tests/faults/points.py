"""Named points around every write of a runner, and a way to be killed, or stopped, at one. For test processes only."""

import os
import signal
import threading
import time as clock
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.datasets import storage
from db import lease, write
from db.engine import Database
from db.store import Store
from engine.parallel.pool import Pool

#: Point: what is called there, and whether it is reached before the call or after it.
POINTS: dict[str, tuple[Any, str, str]] = {
    "before the run is created": (Store, "create_run", "before"),
    "in the transaction that creates the run": (write, "create_run", "after"),
    "after the run is created": (Store, "create_run", "after"),
    "before the lock": (lease.RunLock, "__init__", "before"),
    "between lock and claim": (lease.RunLock, "__init__", "after"),
    "in the transaction that claims": (write, "claim", "after"),
    "between claim and folder": (lease.Lease, "__init__", "before"),
    "after the claim": (Store, "claim", "after"),
    "before the workers": (Pool, "__enter__", "before"),
    "before the start is stored": (Store, "start", "before"),
    "after the start is stored": (Store, "start", "after"),
    "before the benchmark": (Store, "commit_benchmark", "before"),
    "after the benchmark": (Store, "commit_benchmark", "after"),
    "before a commit": (Store, "commit", "before"),
    "in a commit, before its rows": (write, "commit_block", "before"),
    "in a commit, after its rows": (write, "commit_block", "after"),
    "after a commit": (Store, "commit", "after"),
    "before a checkpoint": (Database, "checkpoint", "before"),
    "after a checkpoint": (Database, "checkpoint", "after"),
    "before the end": (Store, "finish", "before"),
    "in the transaction that ends the run": (write, "digests", "after"),
    "after the end": (Store, "finish", "after"),
    "before the lease is given back": (lease.Lease, "release", "before"),
    "before the lock is given back": (lease.RunLock, "release", "before"),
    "before the database is closed": (Store, "close", "before"),
}
#: While data are installed.
DATA_POINTS: dict[str, tuple[Any, str, str]] = {
    "before a file takes its name": (storage.os, "replace", "before"),
    "after a file took its name": (storage.os, "replace", "after"),
}


def reach(point: str, time: int, number: int = signal.SIGKILL) -> None:
    """From now on this process gets the signal when it is at a point for the `time`th time.

    Sent to the thread that is there, which then goes no step further; sent to the process, another may take it first.
    """
    left = time

    def at() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            signal.pthread_kill(threading.get_ident(), number)

    _wrap(point, at)


def wait_for(point: str, gate: str, name: str = "") -> None:
    """From now on this process waits at a point until the file `gate` is there; it leaves one to say that it does."""

    def at() -> None:
        if not os.path.exists(gate):
            Path(f"{gate}.reached{name}").touch()
        while not os.path.exists(gate):
            clock.sleep(0.001)

    _wrap(point, at)


def fill(point: str, folder: str) -> None:
    """The disk of a folder is full from the first time this process is at a point."""

    def at() -> None:
        with suppress(OSError), open(f"{folder}/ballast", "xb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    _wrap(point, at)


def _wrap(point: str, at: Callable[[], None]) -> None:
    owner, name, when = (POINTS | DATA_POINTS)[point]

    def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if when == "before":
                at()
            found = real(*arguments, **options)
            if when == "after":
                at()
            return found

        return call

    setattr(owner, name, wrapped(getattr(owner, name)))
