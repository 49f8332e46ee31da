"""A commit is all or nothing, whoever else writes, and however its process ends."""

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from db import write
from db.engine import Database
from db.store import Store
from engine.errors import StoreError
from tests.db.samples import block, new_run, process, result, said

TABLES = ("container", "metrics", "block", "block_log", "block_sketch", "journal")

HALF = """
import sys
from pathlib import Path
from db import write
from db.store import Store
from tests.db.samples import block
real = write.commit_block
def half(*arguments):
    real(*arguments)
    print("inside", flush=True)
    sys.stdin.read()
write.commit_block = half
store = Store(Path(sys.argv[1]))
store.commit(store.claim(1), block(range(100)))
"""
WRITER = """
import sys
from pathlib import Path
from db.store import Store
from tests.db.samples import block, new_run
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
with store.claim(store.create_run(new_run(20))) as lease:
    store.start(lease)
    for index in range(20):
        store.runs()
        store.commit(lease, block([index]))
    store.finish(lease, "done")
print(lease.run_id, flush=True)
"""


def counts(home: Path) -> dict[str, int]:
    connection = sqlite3.connect(home / "bulkhead.sqlite")
    found = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    return found


def test_what_a_commit_writes(store: Store, tmp_path: Path) -> None:
    with store.claim(store.create_run(new_run(4))) as lease:
        store.commit(lease, block([result(3, test_metrics=result(3).metrics), 1, result(2, "failed")]))
    assert counts(tmp_path) == dict(zip(TABLES, (3, 3, 1, 1, 1, 1), strict=True))
    connection = sqlite3.connect(tmp_path / "bulkhead.sqlite")
    journal = connection.execute("SELECT run_id, epoch, block_id, first, last, containers FROM journal").fetchall()
    connection.close()
    assert journal == [(1, 1, 1, 1, 3, 3)]


def test_a_failure_inside_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.claim(store.create_run(new_run(4))) as lease:
        monkeypatch.setattr(write, "_METRICS", "INSERT INTO nowhere VALUES (1)")
        with pytest.raises(StoreError, match="no such table: nowhere"):
            store.commit(lease, block([0, 1]))
        monkeypatch.undo()
        assert set(counts(tmp_path).values()) == {0}
        assert (store.progress(1).done, store.run(1).trials) == (0, 0)
        store.commit(lease, block([0, 1]))
    assert (store.progress(1).done, store.run(1).trials) == (2, 2)


def test_a_container_is_committed_once(store: Store, tmp_path: Path) -> None:
    with store.claim(store.create_run(new_run(4))) as lease:
        store.commit(lease, block([0, 1]))
        before = counts(tmp_path)
        with pytest.raises(StoreError, match="a container of this block already"):
            store.commit(lease, block([2, 1]))
    assert counts(tmp_path) == before and store.progress(1).done == 2


def test_a_value_of_the_wrong_type_is_refused(store: Store, tmp_path: Path) -> None:
    store.create_run(new_run())
    database = Database(tmp_path / "bulkhead.sqlite")
    with pytest.raises(StoreError, match="store TEXT value in INTEGER column"), database.writing() as connection:
        connection.exec_driver_sql("UPDATE run SET seed = 'seven'")
    database.close()


def test_killed_in_the_middle_of_a_commit(store: Store, tmp_path: Path) -> None:
    run_id = store.create_run(new_run(100))
    with process(HALF, tmp_path) as child:
        assert said(child) == "inside"
        assert store.progress(run_id).done == 0  # readers do not wait, and see nothing of it
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert set(counts(tmp_path).values()) == {0}
    assert (store.progress(run_id).status, store.run(run_id).trials) == ("interrupted", 0)
    with store.claim(run_id) as lease:
        store.commit(lease, block(range(100)))
    assert store.progress(run_id).done == 100


def test_many_writers_at_once(store: Store, tmp_path: Path) -> None:
    children = [process(WRITER, tmp_path) for _ in range(3)]
    for child in children:
        assert said(child) == "ready"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    finished = []
    for child in children:
        with child:
            finished.append(int(said(child)))
    assert sorted(finished) == [1, 2, 3]
    runs = store.runs()
    assert [(run.status, run.done) for run in runs] == [("done", 20)] * 3
    assert len({run.digest for run in runs}) == 1
    assert store.run(1).trials == 60
    assert counts(tmp_path)["container"] == 60


def test_the_writer_waits_for_another_instead_of_failing(store: Store, tmp_path: Path) -> None:
    """The case that fails at once under a deferred BEGIN: read first, then write what somebody else has changed."""
    database = Database(tmp_path / "bulkhead.sqlite")
    with database.writing() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM run")
        with process(CREATE, tmp_path) as child:
            assert said(child) == "ready"
            connection.exec_driver_sql("INSERT INTO source VALUES ('a', 'b')")
            connection.commit()
            assert said(child) == "1"
    database.close()


CREATE = """
import sys
from pathlib import Path
from db.store import Store
from tests.db.samples import new_run
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
print(store.create_run(new_run()), flush=True)
"""


def test_every_connection_is_set_up(store: Store, tmp_path: Path) -> None:
    database = Database(tmp_path / "bulkhead.sqlite")
    wanted = {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "wal_autocheckpoint": 0,
        "busy_timeout": 30000,
    }
    with database.reading() as connection:
        assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted} == wanted
    database.close()


def test_a_checkpoint_is_left_to_who_has_the_lock(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(Database, "outside_transaction", lambda _self, statement: done.append(statement))
    database, other = Database(tmp_path / "bulkhead.sqlite"), Database(tmp_path / "bulkhead.sqlite")
    with other.locked() as got:
        assert got
        database.checkpoint()
        assert done == []
    database.checkpoint()
    assert done == ["PRAGMA wal_checkpoint(PASSIVE)"]


def test_a_checkpoint_that_fails_does_not_undo_a_commit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: Database, _statement: str) -> None:
        raise StoreError("database or disk is full")

    monkeypatch.setattr(Database, "outside_transaction", full)
    monkeypatch.setattr("db.engine.WAL_BYTES", 1)
    with store.claim(store.create_run(new_run(1))) as lease:
        store.commit(lease, block([0]))
        store.finish(lease, "done")
    assert (store.progress(1).status, store.progress(1).done) == ("done", 1)


def test_a_finished_run_is_in_the_database_itself(store: Store, tmp_path: Path) -> None:
    """Not only in the write-ahead log: the main file alone, copied, has it."""
    with store.claim(store.create_run(new_run(2))) as lease:
        store.commit(lease, block([0, 1]))
        store.finish(lease, "done")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "bulkhead.sqlite").write_bytes((tmp_path / "bulkhead.sqlite").read_bytes())
    with Store(copy) as alone:
        assert alone.progress(1).status == "done" and len(alone.events(1, 1)) == 1


def test_the_log_is_moved_when_it_has_grown(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.engine.WAL_BYTES", 2 << 20)
    with store.claim(store.create_run(new_run(64))) as lease:
        for index in range(64):
            store.commit(lease, block([index]))
    assert os.stat(tmp_path / "bulkhead.sqlite-wal").st_size < 8 << 20
