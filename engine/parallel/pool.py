"""Runs a plan's containers: batches go through joblib as cells, blocks of results come back as they are finished."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from engine.errors import BulkheadError, WorkersLost
from engine.parallel.block import BLOCK_CONTAINERS, Block
from engine.parallel.cluster import Cluster
from engine.parallel.local import Local
from engine.parallel.tasks import Task
from engine.plan import Plan
from engine.sweep import Point

#: A batch should take about a second: what a container of one symbol and this many bars takes, in seconds.
_SECONDS, _BARS = 2e-4, 5000
#: More containers to a fork than to a block: a fork costs as much as some hundred containers.
_BATCH = 32 * BLOCK_CONTAINERS
#: How often in a row workers may be lost without a single container coming back.
_TRIES = 3
NO_POINTS: Mapping[int, Point] = MappingProxyType({})


class Pool:
    """Workers made ready for one plan. Use as a context manager; `blocks` then runs containers.

    backend: loky (processes of this machine), sequential (in turn) or dask (the cluster at the address `scheduler`).
    folder: where the plan and what runs now are written down, on this machine.
    """

    def __init__(
        self,
        plan: Plan,
        workers: int,
        backend: str = "loky",
        folder: Path | None = None,
        scheduler: str | None = None,
    ) -> None:
        self.plan = plan
        self._team: Local | Cluster
        if backend == "dask":
            self._team = Cluster(plan, scheduler or "")
        else:
            self._team = Local(plan, 1 if backend == "sequential" else workers, folder)

    def __enter__(self) -> "Pool":
        self._team.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._team.__exit__()

    @property
    def workers(self) -> int:
        return self._team.workers

    def blocks(self, indices: Sequence[int], points: Mapping[int, Point] = NO_POINTS) -> Iterator[Block]:
        """Run the containers `indices`, in any order; yields blocks as they are finished. `points`: where a search
        asked for them, the point of each.

        A worker that is lost (killed from outside) costs only time: what it had not handed over is run again.
        Raises BulkheadError when workers keep being lost.
        """
        left = dict.fromkeys(int(index) for index in indices)
        tries = 0
        spent, ended = 0.0, 0
        while left:
            before, alone = len(left), self._alone()
            batches = (
                Task(tuple(batch), alone, {index: points[index] for index in batch if index in points})
                for batch in self._batches(list(left), spent / ended if ended else 0.0)
            )
            try:
                for blocks in self._team.cells(batches):
                    for block in blocks:
                        # one that was thought lost may have come back, and its containers with it
                        if all(result.index in left for result in block.results):
                            for result in block.results:
                                del left[result.index]
                            spent += sum(result.usage.wall for result in block.results)
                            ended += len(block.results)
                            yield block
                why = "batches came back without them"
            except WorkersLost as lost:
                why = str(lost)
            tries = 0 if len(left) < before else tries + 1
            if tries == _TRIES:
                raise BulkheadError(f"{len(left)} containers were not run in {_TRIES} attempts: {why}")

    def _alone(self) -> bool:
        """Whether each container gets a child of its own: asked for, or because own stages are not proven yet."""
        isolation = self.plan.limits.isolation
        return isolation == "container" or (isolation == "auto" and bool(self.plan.sources) and not self.plan.trusted)

    def _batches(self, indices: list[int], measured: float) -> list[list[int]]:
        """`indices` cut into batches. `measured`: what a container took so far, in seconds; 0 before any has ended."""
        cost = max(_SECONDS * max(self.plan.market.valid.size / _BARS, 1.0), measured)
        shares = 4 * self.workers if self.workers > 1 else 1  # so that workers end together
        size = min(_BATCH, max(int(1.0 / cost), 1), -(-len(indices) // shares))
        return [found.tolist() for found in np.array_split(np.array(indices), -(-len(indices) // max(size, 1)))]
