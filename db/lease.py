"""Who owns a run: an advisory lock on `HOME/runs/<id>.lock`, and an epoch in the run's row.

The lock says who is alive: the kernel drops it the moment its holder ends, however that happens. The epoch says who is
newest: it grows with each claim, and a commit with an older one is refused, so that a holder that lost its lock without
noticing can do no harm. The lock is a POSIX record lock: a forked child does not inherit it. A holder that was stopped
keeps it: to take its run over, the lock's file is replaced.
"""

import errno
import fcntl
import os
import shutil
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.errors import DiskFullError, StoreError

#: Seconds without a sign of life (`Store.beat`) after which a run may be taken from a holder that still has its lock.
STALE = 60.0
#: Bytes that a holder keeps free for itself, so that it can still write how the run stands when the disk is full.
RESERVE_BYTES = 512 << 10

# A POSIX lock is dropped when its process closes *any* descriptor of the file, so a process must not probe its own.
_held: dict[str, int] = {}
_guard = threading.RLock()


class RunLock:
    """The lock of one run (or `what` else), taken on construction.

    Errors raised: StoreError when somebody has it, here or elsewhere.
    """

    def __init__(self, path: Path, what: str = "run") -> None:
        self.path = path
        with _guard:
            if (owner := holder(path)) is not None:
                raise StoreError(f"{what} {path.stem} is being worked on by process {owner}")
            self._handle = _take(path, what)
            _held[str(path)] = os.getpid()

    def release(self) -> None:
        """Give the lock back and remove its file. Doing it twice does nothing."""
        with _guard:
            if _held.get(str(self.path)) == os.getpid():
                if self.ours:
                    self.path.unlink()
                del _held[str(self.path)]
                os.close(self._handle)

    @property
    def ours(self) -> bool:
        """Whether nobody has taken the run over."""
        try:
            return os.path.samestat(os.fstat(self._handle), os.stat(self.path))
        except OSError:
            return False

    @classmethod
    def wrest(cls, path: Path) -> Self:
        """The lock of one run, taken from whoever has it: that one's lock is then on a file that nobody looks at."""
        with _guard:
            path.unlink(missing_ok=True)
            return cls(path)


class Lease:
    """The right to write a run's results, held by one process at a time. As a context manager it gives itself back.

    `folder`: where its holder keeps what is of use only while it works. Errors raised: StoreError.
    """

    def __init__(self, run_id: int, epoch: int, hypothesis_id: int, lock: RunLock, folder: Path) -> None:
        self.run_id = run_id
        self.epoch = epoch
        self.hypothesis_id = hypothesis_id
        self.folder = folder
        self._lock = lock
        self._reserve = folder / "reserve"
        shutil.rmtree(folder, ignore_errors=True)  # what a holder left that was killed
        try:
            folder.mkdir(parents=True)
            with self._reserve.open("wb") as file:
                file.write(bytes(RESERVE_BYTES))
        except OSError as error:
            self.release()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFullError(
                    f"the disk of {folder} is full; make room, then 'bulkhead resume {run_id}' goes on"
                ) from None
            raise StoreError(f"{folder} cannot be made: {error.strerror}") from None

    def spend_reserve(self) -> None:
        """Make the room that was kept free usable."""
        self._reserve.unlink(missing_ok=True)

    def release(self) -> None:
        """Give the lease back, and remove the folder. A run that was not finished then shows as interrupted."""
        if self._lock.ours:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(path: Path) -> int | None:
    """The process id of who holds the lock at `path`, None if nobody. It only asks, so it stands in no claim's way."""
    with _guard:
        if _held.get(str(path)) == os.getpid():
            return os.getpid()
        try:
            handle = os.open(path, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return _query(handle)
        finally:
            os.close(handle)


def tidy(folder: Path) -> None:
    """Remove locks and folders that holders have left in `folder` who were killed."""
    for run_id in sorted({path.stem for path in folder.glob("[0-9]*") if path.stem.isdecimal()}):
        path = folder / f"{run_id}.lock"
        with suppress(StoreError):  # somebody has it
            lock = RunLock(path)
            shutil.rmtree(folder / run_id, ignore_errors=True)
            lock.release()


def _take(path: Path, what: str) -> int:
    """An open descriptor of `path` that has its lock."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(handle), os.stat(path)):
                    return handle
            except FileNotFoundError:
                pass  # its last holder removed the file while we were taking it
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
    except BlockingIOError:
        raise StoreError(f"{what} {path.stem} is being worked on by another process") from None
    except OSError as error:
        raise StoreError(f"{what} {path.stem} cannot be locked: {path}: {error.strerror}") from None


def _query(handle: int) -> int | None:
    """Ask the kernel who has a write lock on an open file: C's `fcntl(handle, F_GETLK, struct flock *)`."""
    if sys.platform == "darwin":
        question = struct.pack("@qqihh", 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
        _, _, pid, kind, _ = struct.unpack("@qqihh", fcntl.fcntl(handle, fcntl.F_GETLK, question))
    else:
        question = struct.pack("@hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack("@hhqqi4x", fcntl.fcntl(handle, fcntl.F_GETLK, question))
    return None if kind == fcntl.F_UNLCK else int(pid)
