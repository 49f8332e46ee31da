"""Values of own indicators, kept between runs: a file for each, named by all that decides it, bounded in bytes."""

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.compiled import SOURCE_HASH
from engine.digest import text_digest
from engine.fingerprint import fingerprint
from engine.indicators.request import Request
from engine.market.market import ACTION, Market
from engine.sweep import canonical

Array = npt.NDArray[np.float64]
#: Bytes of all files; the ones not used for longest go first.
BUDGET = 2 << 30


def market_hash(market: Market) -> str:
    """The hash (hex) of all that an indicator can see: its bars as they were cut, symbols, calendar, features."""
    found = hashlib.sha256(canonical([market.dataset, market.symbols, market.frequency, market.zone]).encode())
    actions = [market.actions[name] for name in ACTION.names or ()]  # by field: what pads a record is anything
    for array in (market.time, market.bars, market.session, *actions, *market.features.values()):
        found.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    found.update(canonical([list(market.features), market.adjustment, market.sessions_per_year]).encode())
    return found.hexdigest()


class Kept:
    """The files of a folder; `shape` is the only one that is taken from or given to it."""

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        self.folder = folder
        self.shape = shape

    def get(self, request: Request, market: str) -> Array | None:
        """Values kept for a request (its lag aside) on a market, mapped read-only; None when none can be used."""
        path = self._path(request, market)
        try:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
            os.utime(path)
        except (OSError, ValueError, EOFError):
            return None
        if found.dtype != np.float64 or found.shape != self.shape or not found.flags.c_contiguous:
            return None
        values: Array = np.asarray(found)
        return values

    def put(self, request: Request, market: str, values: Array) -> None:
        """Keep values, whole or not at all; a folder that cannot be written to keeps nothing."""
        path = self._path(request, market)
        beside = path.with_suffix(f".{os.getpid()}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                np.save(file, values, allow_pickle=False)
            beside.replace(path)
            self._tidy()
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)

    def _path(self, request: Request, market: str) -> Path:
        parts = [fingerprint(), SOURCE_HASH, request.source, request.function, request.parameters, market]
        return self.folder / f"{text_digest(canonical(parts))}.npy"

    def _tidy(self) -> None:
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self.folder.glob("*.npy"))
        room = BUDGET - sum(size for _, size, _ in files)
        for _, size, path in files:
            if room >= 0:
                break
            path.unlink(missing_ok=True)
            room += size
