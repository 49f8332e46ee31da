"""A batch's results on their way into blocks, and what a child says of a container as a result."""

import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.digest import digests
from engine.events import EVENT, empty_log
from engine.outcome import Outcome
from engine.parallel.block import BLOCK_BYTES, BLOCK_CONTAINERS, SKETCH, Block, Result, Usage, encode

#: Seconds after which a cell hands over what it has.
HAND_OVER = 2.0
_NO_SKETCH = np.zeros(SKETCH, np.float32)


class Said(NamedTuple):
    """What a child says of a container. The outcome's arrays follow as raw bytes, of these sizes; none: no outcome."""

    status: str
    params: str
    spec_hash: str
    usage: tuple[float, float, int]
    error: str | None
    sizes: tuple[int, ...]
    report: str | None = None


def raw(outcome: Outcome | None) -> list[npt.NDArray[Any]]:
    """The arrays of an outcome, contiguous."""
    if outcome is None:
        return []
    nothing = np.empty(0)
    metrics = nothing if outcome.metrics is None else outcome.metrics
    test = nothing if outcome.test_metrics is None else outcome.test_metrics
    return [np.ascontiguousarray(array) for array in (outcome.log, metrics, test, outcome.sketch)]


class Packer:
    """Collects results into blocks and closes each before it outgrows its bounds."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.results: list[Result] = []
        self._logs: list[npt.NDArray[np.void]] = []
        self._sketches: list[npt.NDArray[np.float32]] = []
        self._rows = 0
        self._until = time.perf_counter() + HAND_OVER

    @property
    def due(self) -> bool:
        """Whether there is something to hand over, and it is time."""
        return bool(self.results or self.blocks) and time.perf_counter() >= self._until

    def add(self, index: int, said: Said, data: bytes = b"") -> Result:
        """Take what a child, or the cell for it, says of container `index`."""
        log, sketch = empty_log(0), _NO_SKETCH
        made: dict[str, Any] = {}
        if said.sizes:
            stops = np.cumsum(said.sizes).tolist()
            parts = [data[stop - size : stop] for stop, size in zip(stops, said.sizes, strict=True)]
            log, sketch = np.frombuffer(parts[0], EVENT), np.frombuffer(parts[3], np.float32)
            found = digests(log)
            made = {
                "digest": found.log,
                "decisions_digest": found.decisions,
                "fills_digest": found.fills,
                "signals_digest": found.signals,
                "metrics": np.frombuffer(parts[1]) if parts[1] else None,
                "test_metrics": np.frombuffer(parts[2]) if parts[2] else None,
            }
        start = self._place(len(log))
        result = Result(
            index,
            said.status,
            said.params,
            said.spec_hash,
            Usage(*said.usage),
            said.error,
            row_start=start,
            row_count=len(log),
            report=said.report,
            **made,
        )
        self.results.append(result)
        self._logs.append(log)
        self._sketches.append(sketch)
        self._rows += len(log)
        return result

    def close(self) -> list[Block]:
        """All blocks."""
        if self.results:
            self._flush()
        return self.blocks

    def _place(self, rows: int) -> int:
        """Where in its block a log of so many rows will begin; closes the block before, if it has no room."""
        full = len(self.results) == BLOCK_CONTAINERS or (self._rows + rows) * EVENT.itemsize > BLOCK_BYTES
        if self.results and full:
            self._flush()
        return self._rows

    def _flush(self) -> None:
        self.blocks.append(encode(self.results, self._logs, np.stack(self._sketches)))
        self.results, self._logs, self._sketches, self._rows = [], [], [], 0
