"""Twelve bugs, planted in the runner that calls one of these functions: the harness must see every one of them."""

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import engine.steps as steps
from db import results, write
from db.store import Store
from engine.indicators.hub import Hub
from engine.parallel import pool, tasks
from engine.parallel.pool import Pool
from engine.strategies import ma_cross, random_entry


def _around(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    setattr(owner, name, make(getattr(owner, name)))


def global_generator() -> None:
    """One generator for all containers of a process."""
    shared = np.random.default_rng(1)

    def make(real: Any) -> Any:
        return lambda self, market, indicators, regimes, generators: real(
            self, market, indicators, regimes, dict.fromkeys(generators, shared)
        )

    _around(random_entry.RandomEntry, "random_signal", make)


def set_order() -> None:
    """A strategy that goes through its symbols as a set has them."""

    def make(real: Any) -> Any:
        def signal(self: Any, market: Any, *rest: Any) -> Any:
            first = next(iter({*market.symbols}))
            found = real(self, market, *rest).copy()
            found[:, market.symbols.index(first)] *= 0.5
            return found

        return signal

    _around(ma_cross.MaCross, "signal", make)


def worker_seed() -> None:
    """Randomness that is seeded with the process."""
    _around(steps, "generator", lambda real: lambda *_: np.random.default_rng(os.getpid()))


def clock() -> None:
    """The time in a result."""

    def make(real: Any) -> Any:
        def signal(self: Any, market: Any, *rest: Any) -> Any:
            found = real(self, market, *rest).copy()
            found[found > 0] *= 0.5 + (time.time() % 1e3) / 1e4
            return found

        return signal

    _around(ma_cross.MaCross, "signal", make)


def shared_indicators() -> None:
    """Indicators that a strategy may write to, and one that does."""

    def writable(real: Any) -> Any:
        def get(self: Hub, request: Any) -> Any:
            found = real(self, request)
            if not found.flags.writeable:
                found = self._values[request] = np.array(found)
            return found

        return get

    def make(real: Any) -> Any:
        def signal(self: Any, market: Any, indicators: Any, *rest: Any) -> Any:
            found = real(self, market, indicators, *rest)
            for array in indicators.values():
                array *= 1.0 + self.fast * 1e-3
            return found

        return signal

    _around(Hub, "get", writable)
    _around(ma_cross.MaCross, "signal", make)


def counted_before_written() -> None:
    """A block is counted in one transaction and stored in the next."""

    def commit(self: Store, lease: Any, block: Any) -> None:
        good = sum(result.status == "done" for result in block.results)
        with self._database.writing() as connection:
            changes = "done = done + ?, failed = failed + ?"
            write.update_run(connection, lease.run_id, lease.epoch, changes, (good, len(block.results) - good))
        with self._database.writing() as connection:
            write.commit_block(connection, lease.run_id, lease.epoch, block)

    Store.commit = commit  # type: ignore[method-assign]


def committed_twice() -> None:
    """A commit that is made once more, and passes over what is there."""
    _replacing()
    real = Store.commit

    def commit(self: Store, lease: Any, block: Any) -> None:
        real(self, lease, block)
        real(self, lease, block)

    Store.commit = commit  # type: ignore[method-assign]


def _replacing() -> None:
    write._CONTAINER = write._CONTAINER.replace("INSERT", "INSERT OR REPLACE")
    write._METRICS = write._METRICS.replace("INSERT", "INSERT OR REPLACE")


def last_block_dropped() -> None:
    """The last block is forgotten."""

    def make(real: Any) -> Any:
        def blocks(self: Pool, indices: Any, *rest: Any) -> Iterator[Any]:
            found = list(real(self, indices, *rest))
            yield from found[:-1] if len(found) > 1 else found

        return blocks

    _around(pool.Pool, "blocks", make)


def done_again() -> None:
    """A resumed run does not know what is done."""
    _replacing()
    _around(Store, "committed", lambda real: lambda self, run_id: real(self, run_id)[:0])


def epoch_ignored() -> None:
    """A lease that was taken over is good enough."""

    def update(connection: Any, run_id: int, epoch: int, changes: str, values: Any) -> None:
        connection.exec_driver_sql(f"UPDATE run SET {changes} WHERE id = ?", (*values, run_id))

    write.update_run = update
    _replacing()


def checksum_ignored() -> None:
    """What is read is not compared with its checksum."""
    results.block_checksum = lambda log, sketch: _Any()  # type: ignore[assignment,return-value]
    results.checksum = lambda *_: _Any()  # type: ignore[assignment,return-value]


class _Any:
    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


def wrong_one_blamed() -> None:
    """The verdict on a container goes to its neighbour."""

    def make(real: Any) -> Any:
        def run_cell(*arguments: Any, **options: Any) -> Any:
            blocks = real(*arguments, **options)
            found = []
            for block in blocks:
                rows = list(block.results)
                for place in range(len(rows) - 1):
                    if rows[place].status != "done" and rows[place + 1].status == "done":
                        first, second = rows[place].index, rows[place + 1].index
                        rows[place : place + 2] = [
                            rows[place]._replace(index=second), rows[place + 1]._replace(index=first)
                        ]  # fmt: skip
                        break
                found.append(replace(block, results=tuple(rows)))
            return found

        return run_cell

    _around(tasks, "run_cell", make)


#: Bug, by what it is called.
BUGS: dict[str, Callable[[], None]] = {
    "a module-global generator": global_generator,
    "iteration over a set": set_order,
    "randomness seeded by worker": worker_seed,
    "a clock in a result": clock,
    "a shared mutable indicator": shared_indicators,
    "commit before write": counted_before_written,
    "double commit": committed_twice,
    "a dropped last block": last_block_dropped,
    "a resumed run that does again what is done": done_again,
    "a stale lease that commits": epoch_ignored,
    "a missing checksum check": checksum_ignored,
    "the wrong container blamed": wrong_one_blamed,
}


def plant(name: str) -> None:
    """Plant a bug in this process."""
    BUGS[name]()


def shuffle() -> None:
    """Run containers in another order: no bug, a result must not see it."""
    real = Pool.blocks

    def blocks(self: Pool, indices: Any, *rest: Any) -> Iterator[Any]:
        order = list(indices)
        random.Random(7).shuffle(order)
        yield from real(self, order, *rest)

    Pool.blocks = blocks  # type: ignore[method-assign,assignment]
