"""Runs the containers of a search, batch by batch: what a batch left decides which points come next."""

from collections.abc import Iterator, Mapping

from engine.parallel.block import Block, Result
from engine.parallel.pool import Pool
from engine.projections.catalogue import METRICS
from engine.search import Search
from engine.sweep import Point


def searched_blocks(pool: Pool, search: Search, stored: Mapping[int, float]) -> Iterator[Block]:
    """Run all containers of a fresh `search`; yields blocks as they are finished.

    stored: the objective of containers that need not be run again, by index, NaN where one has none.
    """
    place = METRICS.index(search.objective)
    start = 0
    while asked := search.ask():
        points: dict[int, Point] = dict(enumerate(asked, start))
        figures = {index: stored[index] for index in points if index in stored}
        for block in pool.blocks([index for index in points if index not in figures], points):
            figures |= {result.index: _figure(result, place) for result in block.results}
            yield block
        search.tell([figures[index] for index in points])
        start += len(points)


def _figure(result: Result, place: int) -> float:
    return float("nan") if result.metrics is None else float(result.metrics[place])
