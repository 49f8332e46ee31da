"""The equity curves of a run's containers, taken together: arrays for charts."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from app.services.home import Home
from db.store import BENCHMARK, Run
from engine import config
from engine.config import DataSection
from engine.errors import InputError
from engine.outcome import sketch_bars

Ints = npt.NDArray[np.int64]
Sketches = npt.NDArray[np.float32]

#: Shares of the containers below the edges of the bands; the middle one is the median.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Curves:
    """The equity sketches of a run's done containers: equity over the starting cash at `bars`, int64 (points,).

    `indices`: int64 (containers,), ascending; `values`: float32 (containers, points); `benchmark`: buy and hold, None
    when it is not there. `time`: of the market's bars, int64 nanoseconds UTC, or None when the data is gone. `stop`:
    bars that the market has; `test`: its first held-out one. `covered`: nothing is here from `test` on.
    """

    indices: Ints
    values: Sketches
    benchmark: Sketches | None
    bars: Ints
    time: Ints | None
    stop: int
    test: int | None
    covered: bool = False

    def cut(self) -> "Curves":
        """The same without the held-out bars."""
        if self.test is None:
            return self
        points = int(np.searchsorted(self.bars, self.test))
        benchmark = None if self.benchmark is None else self.benchmark[:points]
        return replace(self, values=self.values[:, :points], benchmark=benchmark, bars=self.bars[:points], covered=True)

    def of(self, indices: npt.ArrayLike) -> Sketches:
        """The curves of these containers, those that are here, in the order asked for."""
        return self.values[self.rows(indices)]

    def rows(self, indices: npt.ArrayLike) -> Ints:
        """Where the containers `indices` stand; those that are not here are passed over."""
        asked = np.asarray(indices, np.int64)
        places = np.searchsorted(self.indices, asked)
        here = places < len(self.indices)
        here[here] = self.indices[places[here]] == asked[here]
        return places[here]


def curves(home: Home, run: Run) -> Curves:
    """The curves of all of a run's done containers, the held-out bars with them."""
    with home.store() as store:
        indices, values = store.sketches(run.id)
        _, benchmark = store.sketches(run.id, [BENCHMARK])
    first, bars = int(run.plan["first"]), int(run.plan["bars"])
    return Curves(
        indices=indices,
        values=values,
        benchmark=benchmark[0] if len(benchmark) else None,
        bars=sketch_bars(bars - first) + first,
        time=times(home, run),
        stop=bars,
        test=run.plan.get("test"),
    )


def times(home: Home, run: Run) -> Ints | None:
    """The times of the bars a run saw; None when its data cannot be had any more."""
    try:
        data = config.load(run.config).get("data", {})
        end = config.section(DataSection, {"data": {**data, "dataset": run.dataset}}, "data").end
        found = home.datasets.market(run.dataset_hash).select(run.plan["symbols"], end).time
    except InputError:
        return None
    return found if len(found) == run.plan["bars"] else None


def bands(values: Sketches) -> Sketches:
    """The QUANTILES of curves, float32 (containers, points), at each point: (len(QUANTILES), points)."""
    # one sort of contiguous rows is several times quicker than quantiles of columns
    ordered = np.sort(np.ascontiguousarray(values.T), axis=1)
    places = np.array(QUANTILES) * (ordered.shape[1] - 1)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    share = (places - below).astype(np.float32)
    found: Sketches = (ordered[:, below] * (1 - share) + ordered[:, above] * share).T
    return found
