"""What a worker does: functions that travel to it, and what it keeps from one to the next.

A plan reaches a worker once: as a file that is memory-mapped where runner and workers share a disk, else as a parcel
that is known by the hash of its content.
"""

import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import joblib

from engine.errors import InputError
from engine.fingerprint import engine_version, platform_facts
from engine.own.load import loaded
from engine.parallel.block import Block
from engine.parallel.cell import run_cell
from engine.parallel.desk import Desk
from engine.parallel.warm import load_kernels
from engine.plan import Plan
from engine.shared import Shared
from engine.sweep import Point

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Parcel:
    """A plan on its way to another machine. `digest`: SHA-256 of `data`, hex; equal digests are equal plans.

    engine, platform: of the runner that sends it (`fingerprint`): results are the same bytes only on the same ones.
    """

    digest: str
    data: bytes = field(compare=False, repr=False)
    engine: str
    platform: dict[str, str] = field(compare=False)


@dataclass(frozen=True)
class Task:
    """A batch of containers. `alone`: each in a child of its own. `points`: those that a search asked for, by index."""

    indices: tuple[int, ...]
    alone: bool
    points: dict[int, Point]


@lru_cache(maxsize=1)
def load(source: str | Parcel) -> Plan:
    """The plan in a file or a parcel, its arrays memory-mapped: no stage can write to them."""
    if not isinstance(source, Parcel):
        plan: Plan = joblib.load(source, mmap_mode="r")
        return plan
    file = os.memfd_create("plan", os.MFD_CLOEXEC)
    try:
        with open(file, "wb", closefd=False) as whole:
            whole.write(source.data)
        plan = joblib.load(f"/proc/self/fd/{file}", mmap_mode="r")
        return plan
    finally:
        os.close(file)


@lru_cache(maxsize=2)
def _shared(source: str | Parcel, real: bool) -> Shared:
    """What containers share. `real`: with the user's own stages, if there are any; only in a child then."""
    plan = load(source)
    return Shared(plan, loaded(plan.own)) if real and plan.sources else Shared(plan)


def _placed(source: str | Parcel, real: bool, points: dict[int, Point]) -> Shared:
    """What containers share, told the points of those that are run now."""
    shared = _shared(source, real)
    shared.points = points
    return shared


def forget() -> None:
    """Let go of what is kept of a plan."""
    load.cache_clear()
    _shared.cache_clear()
    _ready.cache_clear()


def cell(source: str | Parcel, task: Task, folder: str | None = None) -> list[Block]:
    """A joblib task: run a batch of a plan. `folder`: where its desk is, on this machine."""
    plan = load(source)
    _shared(source, not plan.sources)  # before the fork, so that every child finds ready what is not the user's
    groups: Sequence[Sequence[int]] = [[index] for index in task.indices] if task.alone else [task.indices]
    described = lambda: _placed(source, False, task.points)  # noqa: E731
    with Desk(Path(folder) if folder else None) as desk:
        return run_cell(
            groups, plan.limits, lambda: _placed(source, True, task.points), described, desk, bool(plan.sources)
        )


def cell_elsewhere(parcel: Parcel, task: Task) -> list[Block]:
    """As `cell`, in a worker that this runner did not start.

    Raises InputError when its results could be others than the runner's own.
    """
    _ready(parcel)
    return cell(parcel, task)


@lru_cache(maxsize=1)
def _ready(parcel: Parcel) -> None:
    from distributed import get_worker

    here, there = platform_facts(), parcel.platform
    differ = [f"{name} {here.get(name)} instead of {there[name]}" for name in there if here.get(name) != there[name]]
    if engine_version() != parcel.engine:
        differ.insert(0, f"Bulkhead {engine_version()} instead of {parcel.engine}")
    if differ:
        raise InputError(f"a worker of the cluster has {', '.join(differ)}: start it with what the runner has")
    threads = get_worker().state.nthreads
    if threads > 1:  # cells fork, and a fork of one thread's while another holds a lock waits for it for ever
        raise InputError(
            f"a worker of the cluster has {threads} threads; start it with --nthreads 1 --nworkers {threads}"
        )
    load_kernels(load(parcel).raw)


def warm(path: str, workers: int) -> int:
    """A joblib task: load everything a cell needs, and wait until every worker has."""
    plan = load(path)
    load_kernels(plan.raw)
    if not plan.sources:
        _shared(path, True)
    gc.collect()
    gc.freeze()  # children are forked from here: what is loaded now is never looked at again
    folder = Path(path).parent
    (folder / f"warm-{os.getpid()}").touch()
    deadline = time.monotonic() + 60.0
    while len(list(folder.glob("warm-*"))) < workers and time.monotonic() < deadline:
        time.sleep(0.002)
    return os.getpid()


def follow(runner: int) -> None:
    """Be a worker of the process `runner`: end with it, and leave Ctrl-C to it, which then stops its workers.

    A worker of a runner that is gone would go on with tasks nobody waits for.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != runner:
            os._exit(0)
