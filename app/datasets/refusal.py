"""Rows that no bar can be: refused, the first of them named, or left out and remembered, as the user says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from engine.errors import DataError

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that was left out. `row` is counted as `refuse` does; `text` is the row as it stands in the file."""

    file: str
    row: int
    reason: str
    text: str = ""


def refuse(file: str, row: int, reason: str) -> DataError:
    """The error to raise. `row` is 1-based; a CSV file's header is its row 1."""
    return DataError(f"{file}: row {int(row)}: {reason}")


class Screen:
    """The rows of one file or several, in order, and the complaints about them.

    `note` complains, `settle` acts: by default it raises DataError for the first row of which there were complaints
    (of one row, for the first complaint); with `drop` it leaves such rows out. Masks are bool, over the rows that are
    still in.
    """

    def __init__(self, files: Sequence[str], source: Ints, row: Ints, drop: bool) -> None:
        self.files, self.source, self.row, self.drop = tuple(files), source, row, drop
        #: Number of the file, row and reason of each row that was left out.
        self.out: list[tuple[int, int, str]] = []
        self._forget()

    def note(self, bad: Bools, reason: str, told: Callable[[int], str] | None = None) -> None:
        """The rows `bad` cannot be, for `reason` (the same words for all); `told`: what is said of the k-th row."""
        new = np.flatnonzero(bad & ~self._bad)
        if len(new):
            self._bad[new] = True
            self._noted.append((new, reason, told))

    @property
    def bad(self) -> Bools:
        """The rows of which there were complaints."""
        return self._bad.copy()

    def settle(self) -> Bools:
        """The rows that stay, of those that there were; from now on there are only these. Raises DataError."""
        keep = ~self._bad
        if self._noted and not self.drop:
            new, reason, told = min(self._noted, key=lambda noted: int(noted[0][0]))
            k = int(new[0])
            raise self.refusal(k, told(k) if told else reason)
        for new, reason, _ in self._noted:
            self.out += [(int(self.source[k]), int(self.row[k]), reason) for k in new]
        self.source, self.row = self.source[keep], self.row[keep]
        self._forget()
        return keep

    def refusal(self, k: int, reason: str) -> DataError:
        """The error for the k-th row, whether bad rows are dropped or not."""
        return refuse(self.files[self.source[k]], self.row[k], reason)

    def _forget(self) -> None:
        self._bad = np.zeros(len(self.row), dtype=np.bool_)
        self._noted: list[tuple[npt.NDArray[np.intp], str, Callable[[int], str] | None]] = []


def joined(screens: Sequence[Screen]) -> Screen:
    """The rows of several files, one a screen, under each other, with what was said of each and left out of it."""
    whole = Screen(
        [file for screen in screens for file in screen.files],
        np.concatenate([screen.source + k for k, screen in enumerate(screens)]),
        np.concatenate([screen.row for screen in screens]),
        screens[0].drop,
    )
    first = 0
    for k, screen in enumerate(screens):
        whole.out += [(k, row, reason) for _, row, reason in screen.out]
        for new, reason, told in screen._noted:
            whole._bad[new + first] = True
            whole._noted.append((new + first, reason, told and partial(_shifted, told, first)))
        first += len(screen.row)
    return whole


def _shifted(told: Callable[[int], str], first: int, k: int) -> str:
    return told(k - first)
