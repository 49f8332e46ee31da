"""A byte that changes on the disk, on a page of any kind: it is found when it is read, or it does no harm."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from db.store import BENCHMARK, Store
from engine.errors import StoreError
from tests.faults.conftest import Bench
from tests.faults.oracle import Results, examine, opened
from tests.faults.tier import SEED, count, draw

PAGE = 16384


def read(home: Path) -> Any:
    """All that a reader can ask for of what a run came to."""
    with Store(home) as store:
        run = store.run(1)
        fixed = (run.name, run.config, run.plan, run.dataset_hash, run.engine, run.platform, run.fingerprint, run.seed)
        rows = store.containers(1, "sharpe")
        indices, sketches = store.sketches(1)
        logs = [store.events(1, index).tobytes() for index in (BENCHMARK, 0, 150, 359)]
        return (
            (
                fixed,
                run.containers,
                run.done,
                run.failed,
                run.digest,
                run.decisions_digest,
                store.committed(1).tolist(),
            ),
            [(row, row.metrics, row.test_metrics) for row in rows],
            (indices.tolist(), np.asarray(sketches).tobytes(), logs, store.failures(1), store.container(1, BENCHMARK)),
        )


def pages_of(home: Path) -> dict[str, list[int]]:
    """The numbers of a database's pages by what they hold: a kind of page of a table or an index."""
    kinds: dict[str, list[int]] = {}
    with opened(home) as connection:
        for name, kind, number in connection.execute("SELECT name, pagetype, pageno FROM dbstat"):
            kinds.setdefault(f"{kind} of {name}", []).append(number)
    return kinds


def moved(home: Path) -> None:
    """Let everything stand in the database itself."""
    with opened(home) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def judged(home: Path, whole: Any, expected: Results) -> str:
    """How damage in a home shows; `whole`: what `read` gives without."""
    try:
        now = read(home)
    except StoreError as error:
        return "on reading" if "\n" not in str(error) else f"said in several lines: {error}"
    if now == whole:
        return "harmless"
    try:
        clean = examine(home, expected).clean
    except (sqlite3.DatabaseError, StoreError):
        clean = False
    return "not at all" if clean else "by a check"


def flip(home: Path, page: int, inside: int, mask: int) -> None:
    """Change a byte of a home's database."""
    with (home / "bulkhead.sqlite").open("r+b") as file:
        file.seek((page - 1) * PAGE + inside)
        (byte,) = file.read(1)
        file.seek((page - 1) * PAGE + inside)
        file.write(bytes([byte ^ mask]))


def test_flipped_bytes(bench: Bench, tmp_path: Path) -> None:
    random, tries = draw("flipped bytes"), count(200, 20)
    home = bench.home()
    assert bench.zygote.run("run", str(bench.config), "--workers", "1", home=home).code == 0
    moved(home)
    kinds, whole = pages_of(home), read(home)
    names = sorted(kinds)
    found = {"on reading": 0, "by a check": 0, "harmless": 0}
    for number in range(tries):
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(home, copy)
        kind = names[number % len(names)] if number < len(names) else random.choice(names)
        page, inside, mask = random.choice(kinds[kind]), random.randrange(PAGE), 1 << random.randrange(8)
        flip(copy, page, inside, mask)
        label = f"seed {SEED}, flip {number}: {kind}, page {page}, byte {inside}, mask {mask}"
        ended = judged(copy, whole, bench.expected)
        assert ended in found, (label, ended)
        found[ended] += 1
    print(f"{tries} bytes flipped on {len(names)} kinds of pages: {found}")
