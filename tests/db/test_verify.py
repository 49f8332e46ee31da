"""Bytes flipped on pages of every kind: found, or without effect on any result. Never a silently different one."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.engine import FILE, PAGE_BYTES
from db.schema import HEAD
from db.store import BENCHMARK, Store
from db.verify import verify
from engine.errors import StoreError
from engine.own.source import Source
from tests.db.samples import block, new_run, result
from tests.faults.tier import count

#: What the first byte of a page says it is; anything else is the continuation of a large value, or free.
KINDS = {2: "index, inner", 5: "table, inner", 10: "index, leaf", 13: "table, leaf"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of three runs and 2,463 containers, done and failed, their benchmarks, own stages, large texts."""
    home = tmp_path_factory.mktemp("sound")
    with Store(home) as store:
        for count, status in ((2400, "done"), (80, "stopped"), (20, "done")):
            sources = (Source("mine", "x = 1\n" * 2 * count),)
            run_id = store.create_run(new_run(count, name=f"run of {count}", sources=sources, config="# c\n" * 20_000))
            with store.claim(run_id) as lease:
                store.start(lease)
                benchmark = result(BENCHMARK, spec_hash="b" * 64, digest="b" * 64, metrics=result(3).metrics)
                store.commit_benchmark(lease, block([benchmark]))
                for at in range(0, count if status == "done" else 40, 20):
                    mixed = [result(i, "failed" if i % 7 == 0 else "done") for i in range(at, at + 20)]
                    store.commit(lease, block(mixed))
                store.finish(lease, status, seconds=1.5)
    return home


def everything(home: Path) -> list[Any]:
    """All results of a database, as a reader gets them."""
    found: list[Any] = []
    with Store(home) as store:
        for summary in store.runs():
            run = store.run(summary.id)
            found += [run.id, run.name, run.config, run.plan, run.seed, run.dataset_hash, run.status, run.done]
            found += [run.failed, run.digest, run.decisions_digest, run.hypothesis, store.sources(run.id)]
            found += store.containers(run.id)
            found += [store.container(run.id, BENCHMARK), store.parameters(run.id), store.failures(run.id)]
            found += [store.events(run.id, idx).tobytes() for idx in range(BENCHMARK, run.done + run.failed, 7)]
            found += [array.tobytes() for array in store.sketches(run.id)]
    return found


def flipped(sound: Path, home: Path, case: int) -> str:
    """A copy of the database with some bytes of a page changed; returns the kind of the page."""
    made = random.Random(case)
    data = bytearray((sound / FILE).read_bytes())
    pages: dict[str, list[int]] = {}
    for start in range(0, len(data), PAGE_BYTES):
        kind = "first" if start == 0 else KINDS.get(data[start], "continued")
        pages.setdefault(kind, []).append(start)
    kinds = sorted(pages)
    kind = kinds[case % len(kinds)]
    start = made.choice(pages[kind])
    for _ in range(made.choice((1, 1, 2, 8, 64))):
        # half of them near the page's header, where little changes much
        place = start + (made.randrange(120) if made.random() < 0.5 else made.randrange(PAGE_BYTES))
        data[place] ^= made.randrange(1, 256)
    (home / FILE).write_bytes(bytes(data))
    return kind


@pytest.fixture(scope="module")
def intact(sound: Path) -> list[Any]:
    assert verify(sound).damage == []
    return everything(sound)


@pytest.mark.parametrize("case", range(count(200, 30)))
def test_flipped_bytes_are_found_or_change_nothing(sound: Path, intact: list[Any], tmp_path: Path, case: int) -> None:
    kind = flipped(sound, tmp_path, case)
    try:
        found = verify(tmp_path)
    except StoreError as error:
        assert str(error).isprintable()
        return
    assert all(one.problem.isprintable() and one.where for one in found.damage)
    if found.damage:
        return
    assert everything(tmp_path) == intact, f"a page of kind '{kind}'"


def test_every_kind_of_page_is_there(sound: Path, tmp_path: Path) -> None:
    kinds = {flipped(sound, tmp_path, case) for case in range(30)}
    assert kinds == {"first", "continued", *KINDS.values()}


@pytest.mark.parametrize(
    ("statement", "what", "words"),
    [
        ("UPDATE container SET digest = 'x' WHERE run_id = 1 AND idx = 3", "container 1/3", "checksum differs"),
        ("UPDATE metrics SET sharpe = 9 WHERE run_id = 2 AND idx = 8", "container 2/8", "checksum differs"),
        ("UPDATE metrics SET sharpe = 9 WHERE run_id = 2 AND idx = -1", "container 2/benchmark", "checksum differs"),
        ("UPDATE run SET config = 'x' WHERE id = 3", "run 3", "checksum differs"),
        ("UPDATE run SET digest = 'x' WHERE id = 3", "run 3", "its digest is not that of its containers"),
        ("UPDATE run SET decisions_digest = 'x' WHERE id = 1", "run 1", "its decisions of digest"),
        ("UPDATE run SET done = done + 1 WHERE id = 1", "run 1", "it counts"),
        ("UPDATE run SET status = 'dome' WHERE id = 1", "run 1", "status 'dome'"),
        ("UPDATE run SET finished = 'x' WHERE id = 1", "run 1", "'x' is no time"),
        ("UPDATE source SET text = 'x'", "source ", "does not have its hash"),
        ("UPDATE block_log SET data = x'00' WHERE block_id = 5", "block 5 of run 1", "do not have their checksum"),
        ("UPDATE block SET sketch_crc = 1 WHERE id = 5", "block 5 of run 1", "do not have their checksum"),
        ("UPDATE block SET rows = rows + 1 WHERE id = 5", "block 5 of run 1", "not hold what its containers say"),
        ("DELETE FROM journal WHERE id = 5", "run 1", "its journal counts"),
        ("DELETE FROM block_sketch WHERE block_id = 5", "block 5 of run 1", "do not have their checksum"),
        ("PRAGMA foreign_keys=OFF; DELETE FROM block WHERE id = 5", "database", "to a missing one of table block"),
        ("DELETE FROM container WHERE run_id = 1 AND idx = 9", "run 1", "it counts"),
    ],
)  # fmt: skip
def test_damage_is_named(sound: Path, tmp_path: Path, statement: str, what: str, words: str) -> None:
    (tmp_path / FILE).write_bytes((sound / FILE).read_bytes())
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.executescript(statement)
    found = verify(tmp_path).damage
    assert any(words in one.problem and f"{one.what} {one.where}".startswith(what) for one in found), found


def test_one_damaged_container_hides_no_other(sound: Path, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes((sound / FILE).read_bytes())
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute("UPDATE container SET wall = 9 WHERE run_id = 1 AND idx IN (3, 5, 2399)")
    assert [one.where for one in verify(tmp_path).damage] == ["1/3", "1/5", "1/2399"]


def test_nothing_is_changed_by_looking(sound: Path) -> None:
    before = (sound / FILE).read_bytes()
    found = verify(sound)
    assert (found.runs, found.containers, found.blocks, found.sources, found.schema) == (3, 2463, 126, 3, HEAD)
    assert (sound / FILE).read_bytes() == before


def test_without_a_database_there_is_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database in"):
        verify(tmp_path)
    assert not list(tmp_path.iterdir())
