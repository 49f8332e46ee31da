"""vectorbt: the sweep of `sweep.py`, 200 pairs at a time. Variants: its kernels, `numba` or `rust`.

It does all 10,000 pairs: over 1,000 its speed hangs by half on how its memory happens to grow.

Fractional units and next-open fills are its own; the figures are defined as Bulkhead's.
"""

from collections.abc import Callable, Sequence

import numpy as np
import vectorbt as vbt

from benchmarks.peers import job
from benchmarks.peers.sweep import Grid, sweep

CHUNK = 200


def variant(engine: str) -> Callable[[Sequence[int], Sequence[int]], job.Figures]:
    def do(fast: Sequence[int], slow: Sequence[int]) -> job.Figures:
        vbt.settings["engine"] = engine
        grid = Grid(job.GRID)
        grid.pairs = [pair for pair in grid.pairs if pair[0] in fast and pair[1] in slow]
        found = sweep(BARS, grid, CHUNK)
        columns = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return dict(zip(job.FIGURES, columns, strict=True))

    return do


if __name__ == "__main__":
    vbt.settings.returns["year_freq"] = f"{job.DAYS} days"  # vectorbt's own default is 365
    BARS = job.bars()
    job.report(
        {engine: variant(engine) for engine in ("numba", "rust")},
        job.axes(),
        ("vectorbt", "vectorbt-rust", "numba", "numpy", "pandas"),
        warm=(2, 100),  # a whole chunk: other kernels are compiled for a few columns
    )
