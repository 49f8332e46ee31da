"""A cell's desk: a small file that says which container its child runs now, and a list of those to be killed.

Whoever wants to see what is running, or to end one container, needs only the run's folder: nothing is asked of the
runner.
"""

import os
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_NOTE = struct.Struct("<qqd")
_KILLS = "kills"
#: The index of a desk where nothing runs.
IDLE = -2


@dataclass(frozen=True, slots=True)
class Seat:
    """A container that runs now: its index, the process it runs in, and since when (seconds of `time.time`)."""

    index: int
    pid: int
    since: float


class Desk:
    """The desk of one cell in `folder`; without a folder it keeps no notes and nobody can be killed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._path = folder / f"cell-{os.getpid()}" if folder else None
        self._handle: int | None = None
        self._stamp = 0, 0
        self._kills: frozenset[int] = frozenset()

    def __enter__(self) -> Self:
        if self._path is not None:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None and self._path is not None:
            os.close(self._handle)
            self._path.unlink(missing_ok=True)

    def note(self, index: int, pid: int) -> None:
        """Write down that `pid` runs container `index` from now on."""
        if self._handle is not None:
            os.pwrite(self._handle, _NOTE.pack(index, pid, time.time()), 0)

    def kills(self) -> frozenset[int]:
        """The indices of containers that are to be killed, as the file has them now."""
        if self._folder is None:
            return self._kills
        try:
            found = os.stat(self._folder / _KILLS)
        except FileNotFoundError:
            return self._kills
        stamp = found.st_mtime_ns, found.st_ino  # two lists within one tick of the clock are two files
        if stamp != self._stamp:
            self._stamp, self._kills = stamp, _read(self._folder)
        return self._kills


def _read(folder: Path) -> frozenset[int]:
    try:
        return frozenset(int(line) for line in (folder / _KILLS).read_text().split())
    except FileNotFoundError:
        return frozenset()


def ask_to_kill(folder: Path, indices: Iterable[int]) -> None:
    """Put containers on the list of those to be killed."""
    wanted = sorted(_read(folder) | set(indices))
    draft = folder / f"{_KILLS}-{os.getpid()}"
    draft.write_text("\n".join(map(str, wanted)))
    draft.replace(folder / _KILLS)


def seats(folder: Path) -> list[Seat]:
    """The containers that run now under a run's folder, by index."""
    found = []
    for path in folder.glob("cell-*"):
        try:
            note = path.read_bytes()
        except FileNotFoundError:
            continue
        if len(note) == _NOTE.size:
            index, pid, since = _NOTE.unpack(note)
            if index != IDLE:
                found.append(Seat(index, pid, since))
    return sorted(found, key=lambda seat: seat.index)
