"""Points of a sweep drawn evenly by a Sobol' sequence, which leaves smaller holes than chance does.

(I. M. Sobol', USSR Computational Mathematics and Mathematical Physics 7, 1967; scrambled after A. B. Owen, 1998, as
scipy has it.)
"""

from itertools import accumulate

import numpy as np
import numpy.typing as npt

from engine.errors import ConfigError
from engine.sweep import MAX_POINTS, Sweep

#: So many points of the cube are looked at for each sample, before the rest is drawn by chance.
_TRIES = 64
_CHUNK = 1 << 12


def sobol(sweep: Sweep, samples: int, seed: int) -> npt.NDArray[np.int64]:
    """The ranks of `samples` distinct points that meet the conditions, int64, in the order drawn.

    All of them, in grid order, when there are no more. Of several branches the first dimension chooses one, in
    proportion to their sizes. Raises ConfigError when no point is found.
    """
    from scipy.stats import qmc  # takes half a second to load

    there: npt.NDArray[np.bool_] | None = None
    if sweep.total <= MAX_POINTS:
        grid = sweep.grid()
        if samples >= len(grid):
            return grid
        there = np.zeros(sweep.total, np.bool_)
        there[grid] = True
    generator = np.random.Generator(np.random.PCG64(seed))
    axes = max(len(branch.axes) for branch in sweep.branches)
    several = int(len(sweep.branches) > 1)
    sequence = qmc.Sobol(max(axes + several, 1), scramble=True, rng=generator)
    found: dict[int, None] = {}
    for start in range(0, _TRIES * max(samples, _CHUNK), _CHUNK):
        for rank in _ranks(sweep, sequence.random(_CHUNK), several).tolist():
            if rank not in found and (there[rank] if there is not None else sweep.holds(rank)):
                found[rank] = None
                if len(found) == samples:
                    return np.fromiter(found, np.int64)
        if not found and start > 1000 * _CHUNK:
            break
    if there is not None:  # the last few of a grid come up too rarely to wait for
        left = grid[~np.isin(grid, np.fromiter(found, np.int64, len(found)))]
        found |= dict.fromkeys(generator.permutation(left)[: samples - len(found)].tolist())
    if not found:
        raise ConfigError("the sweep is empty: no drawn point meets [sweep] where; loosen it")
    return np.fromiter(found, np.int64)


def _ranks(sweep: Sweep, cube: npt.NDArray[np.float64], several: int) -> npt.NDArray[np.int64]:
    """Points of the unit cube, float64 (points, dimensions), as ranks, int64 (points,)."""
    sizes = [branch.size for branch in sweep.branches]
    ends = np.array([*accumulate(sizes)]) / sweep.total
    taken = np.searchsorted(ends, cube[:, 0], side="right") if several else np.zeros(len(cube), np.int64)
    taken = np.minimum(taken, len(sizes) - 1)
    ranks = np.zeros(len(cube), np.int64)
    offset = 0
    for number, branch in enumerate(sweep.branches):
        own = taken == number
        place = np.zeros(int(own.sum()), np.int64)
        for i, axis in enumerate(branch.axes):
            count = len(axis.values)
            place = place * count + np.minimum((cube[own, several + i] * count).astype(np.int64), count - 1)
        ranks[own] = offset + place
        offset += branch.size
    return ranks
