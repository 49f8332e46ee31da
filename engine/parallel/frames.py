"""What goes through the pipe between a child and its cell: frames that nothing else can be taken for.

A frame is a head (a word that only the two know, the lengths), a small pickled message, and raw bytes. Whatever a stage
writes to file descriptors that it does not own has no such head, and is told from a report.
"""

import contextlib
import os
import pickle
import struct
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

WORD_BYTES = 16
_HEAD = struct.Struct(f"<{WORD_BYTES}sIQ")
_READ = 1 << 20


class GarbledError(Exception):
    """Something stands in the pipe that is no frame."""


class Writer:
    """A child's end."""

    def __init__(self, pipe: int, word: bytes) -> None:
        self.pipe, self.word = pipe, word
        self.process = os.getpid()
        self._place = _place(pipe)

    def intact(self) -> bool:
        """Whether the pipe is still what it was, in the process that it was given to."""
        return os.getpid() == self.process and _place(self.pipe) == self._place

    def send(self, message: Any, raw: Sequence[npt.NDArray[Any]] = ()) -> None:
        """Write one frame, `raw` (contiguous) without a copy. Raises OSError when the pipe is gone."""
        body = pickle.dumps(message, protocol=5)
        size = sum([part.nbytes for part in raw])
        head = _HEAD.pack(self.word, len(body), size) + body
        written = os.writev(self.pipe, [head, *raw])  # type: ignore[list-item]  # an array is a buffer
        if written < len(head) + size:
            rest = memoryview(b"".join([head, *(part.tobytes() for part in raw)]))[written:]
            while rest:
                rest = rest[os.write(self.pipe, rest) :]


class Reader:
    """A cell's end; never waits."""

    def __init__(self, pipe: int, word: bytes) -> None:
        os.set_blocking(pipe, False)
        self.pipe, self.word = pipe, word
        self.ended = False
        self._bytes = bytearray()

    def take(self) -> list[tuple[Any, bytes]]:
        """The frames that have come, as (message, raw). Raises GarbledError; those before it have been taken then."""
        while not self.ended:
            try:
                found = os.read(self.pipe, _READ)
            except BlockingIOError:
                break
            self.ended = not found
            self._bytes += found
            if len(found) < _READ // 2 or len(self._bytes) > 8 * _READ:
                break
        frames: list[tuple[Any, bytes]] = []
        start = 0
        with memoryview(self._bytes) as view:
            while (stop := self._stop(view, start, bool(frames))) is not None and stop <= len(view):
                _, size, _ = _HEAD.unpack_from(view, start)
                body = start + _HEAD.size
                try:
                    # from our own child, and it knew the word: failure is contained here, malice is not
                    frames.append((pickle.loads(view[body : body + size]), bytes(view[body + size : stop])))  # noqa: S301
                except Exception as error:
                    if frames:
                        break  # the next look will find it
                    raise GarbledError from error
                start = stop
        del self._bytes[:start]
        return frames

    def _stop(self, view: memoryview, start: int, some: bool) -> int | None:
        """Where the frame at `start` ends; None while its head is not there, or is wrong behind `some` good ones."""
        head = view[start : start + WORD_BYTES]
        if head != self.word[: len(head)]:
            if some:
                return None  # the next look will find it
            raise GarbledError
        if len(view) - start < _HEAD.size:
            return None
        _, size, raw = _HEAD.unpack_from(view, start)
        return start + _HEAD.size + int(size) + int(raw)


def _place(pipe: int) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = os.fstat(pipe)
        return found.st_dev, found.st_ino
    return None
