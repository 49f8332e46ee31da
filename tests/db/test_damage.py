"""Damage is found when what was damaged is read, and said in one line; it is never silently wrong."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from db.store import Store
from engine.errors import StoreError
from tests.db.samples import block, new_run, result


@pytest.fixture
def run_id(store: Store) -> int:
    with store.claim(store.create_run(new_run(4))) as lease:
        store.commit(lease, block([0, result(1, test_metrics=result(1).metrics), 4, result(3, "failed")]))
        store.finish(lease, "done")
    return lease.run_id


def change(home: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(home / "bulkhead.sqlite")
    with connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


def flip(home: Path, table: str) -> None:
    """Flip one bit in the middle of a table's blob."""
    connection = sqlite3.connect(home / "bulkhead.sqlite")
    data = bytearray(connection.execute(f"SELECT data FROM {table}").fetchone()[0])
    connection.close()
    data[len(data) // 2] ^= 1
    change(home, f"UPDATE {table} SET data = ?", bytes(data))


def test_a_flipped_bit_in_a_log(store: Store, run_id: int, tmp_path: Path) -> None:
    flip(tmp_path, "block_log")
    with pytest.raises(StoreError, match=f"event log of container {run_id}/4 is damaged.*restore"):
        store.events(run_id, 4)


def test_a_flipped_bit_in_a_sketch(store: Store, run_id: int, tmp_path: Path) -> None:
    flip(tmp_path, "block_sketch")
    with pytest.raises(StoreError, match=f"sketch of run {run_id} is damaged.*restore"):
        store.sketches(run_id)


@pytest.mark.parametrize("table", ["block_log", "block_sketch"])
def test_a_missing_blob(store: Store, run_id: int, tmp_path: Path, table: str) -> None:
    change(tmp_path, f"DELETE FROM {table}")
    with pytest.raises(StoreError, match="damaged"):
        store.events(run_id, 4)
    if table == "block_sketch":
        with pytest.raises(StoreError, match="damaged"):
            store.sketches(run_id)


@pytest.mark.parametrize(
    "changes",
    [
        "status = 'failed'",
        "error = 'x'",
        "params = '{}'",
        "spec_hash = 'a'",
        "digest = NULL",
        "decisions_digest = 'a'",
        "fills_digest = 'a'",
        "signals_digest = 'a'",
        "position = 1",
        "row_start = 1",
        "row_count = 1",
        "wall = 9",
        "cpu = 9",
        "memory = 9",
        "checksum = checksum + 1",
        "idx = 77",
    ],
)
def test_a_changed_container(store: Store, run_id: int, tmp_path: Path, changes: str) -> None:
    change(tmp_path, f"UPDATE container SET {changes} WHERE idx = 0")
    asks: list[Callable[[], object]] = [lambda: store.containers(run_id)]
    if not changes.startswith("idx"):
        asks += [lambda: store.container(run_id, 0), lambda: store.events(run_id, 0)]
    for ask in asks:
        with pytest.raises(StoreError, match=f"container {run_id}/(0|77) is damaged.*restore"):
            ask()


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("value", [12.5, None])
def test_a_changed_metric(store: Store, run_id: int, tmp_path: Path, part: int, value: float | None) -> None:
    change(tmp_path, "UPDATE metrics SET sharpe = ? WHERE idx = 1 AND part = ?", value, part)
    with pytest.raises(StoreError, match=f"container {run_id}/1 is damaged"):
        store.containers(run_id, "sharpe")


def test_missing_metrics(store: Store, run_id: int, tmp_path: Path) -> None:
    change(tmp_path, "DELETE FROM metrics WHERE idx = 0")
    with pytest.raises(StoreError, match=f"container {run_id}/0 is damaged"):
        store.container(run_id, 0)


@pytest.mark.parametrize("column", ["name", "config", "plan", "platform", "dataset_hash", "engine", "fingerprint"])
def test_a_changed_run(store: Store, run_id: int, tmp_path: Path, column: str) -> None:
    change(tmp_path, f"UPDATE run SET {column} = '{{\"a\": 1}}'")
    with pytest.raises(StoreError, match=f"run {run_id} is damaged"):
        store.run(run_id)


@pytest.mark.parametrize("text", ["{", "[1]", "null"])
def test_a_plan_that_is_no_longer_json(store: Store, run_id: int, tmp_path: Path, text: str) -> None:
    change(tmp_path, "UPDATE run SET plan = ?", text)
    with pytest.raises(StoreError, match=f"run {run_id} is damaged"):
        store.run(run_id)


def test_a_text_that_is_no_longer_text(store: Store, run_id: int, tmp_path: Path) -> None:
    change(tmp_path, "UPDATE container SET params = CAST(x'ff' AS TEXT) WHERE idx = 0")
    with pytest.raises(StoreError, match="restore it from a backup"):
        store.containers(run_id)


def test_a_damaged_page(tmp_path: Path) -> None:
    with Store(tmp_path) as store, store.claim(store.create_run(new_run(200))) as lease:
        store.commit(lease, block(range(200)))
        store.finish(lease, "done")
    path = tmp_path / "bulkhead.sqlite"
    data = bytearray(path.read_bytes())
    page = 16384
    for start in range(page, len(data), page):  # all but the first, which holds the schema
        data[start : start + 8] = b"\xff" * 8
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match=r"(malformed|not a Bulkhead database|damaged)"), Store(tmp_path) as store:
        store.containers(1)


def test_a_truncated_file(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.create_run(new_run())
    path = tmp_path / "bulkhead.sqlite"
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(StoreError, match="bulkhead.sqlite"), Store(tmp_path) as store:
        store.runs()
