"""A backup is one state of the database, whole, while a run writes; else there is none."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db import backup
from db.engine import FILE
from db.schema import HEAD
from db.store import Store
from db.verify import verify
from engine.errors import StoreError
from tests.db.samples import block, new_run, process, said

WRITER = """
import sys
from pathlib import Path
from db.store import Store
from tests.db.samples import block, new_run
with Store(Path(sys.argv[1])) as store, store.claim(store.create_run(new_run(100_000))) as lease:
    store.start(lease)
    print("ready", flush=True)
    at = 0
    while True:
        store.commit(lease, block(range(at, at + 20)))
        at += 20
"""


def fill(store: Store, containers: int = 40) -> int:
    run_id = store.create_run(new_run(containers))
    with store.claim(run_id) as lease:
        for start in range(0, containers, 20):
            store.commit(lease, block(range(start, start + 20)))
        store.finish(lease, "done")
    return run_id


def beside(path: Path) -> list[str]:
    return sorted(one.name for one in path.iterdir())


def test_a_copy_holds_everything(store: Store, tmp_path: Path) -> None:
    run_id = fill(store)
    made = backup.copy(tmp_path, tmp_path / "copies" / "bulkhead.sqlite")
    assert (made.runs, made.containers, made.schema) == (1, 40, HEAD)
    assert beside(tmp_path / "copies") == [FILE] and made.size == made.path.stat().st_size
    with Store(tmp_path / "copies") as copy:
        assert copy.runs() == store.runs() and copy.run(run_id) == store.run(run_id)
        assert copy.containers(run_id) == store.containers(run_id)
        for idx in (0, 19, 39):
            assert copy.events(run_id, idx).tobytes() == store.events(run_id, idx).tobytes()
    with closing(sqlite3.connect(made.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_copy_taken_while_a_run_writes_is_one_state_of_it(store: Store, tmp_path: Path) -> None:
    with process(WRITER, tmp_path) as writer:
        assert said(writer) == "ready"
        copies = []
        for number in range(5):
            before = store.runs()[0].done
            while store.runs()[0].done == before and writer.poll() is None:
                pass  # until it has written more
            folder = tmp_path / f"copy-{number}"
            copies.append((folder, backup.copy(tmp_path, folder / FILE)))
        assert writer.poll() is None, "it wrote all the time"
        writer.kill()
    counts = []
    for folder, made in copies:
        assert verify(folder).damage == []
        with Store(folder) as copy:
            (run,) = copy.runs()
            assert run.done == made.containers == copy.count(run.id) and run.done % 20 == 0
            counts.append(run.done)
    assert counts == sorted(counts) and counts[-1] > counts[0]


def test_a_file_that_is_there_stays(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    target.write_text("mine")
    before = beside(tmp_path)
    with pytest.raises(StoreError, match="is there already; choose another name"):
        backup.copy(tmp_path, target)
    assert target.read_text() == "mine" and beside(tmp_path) == before


def test_a_damaged_database_gives_no_copy(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        fill(store, 200)
    data = bytearray((tmp_path / FILE).read_bytes())
    for start in range(16384 * 3, len(data), 16384):
        data[start : start + 8] = b"\xff" * 8
    (tmp_path / FILE).write_bytes(bytes(data))
    with pytest.raises(StoreError, match="damaged"):
        backup.copy(tmp_path, tmp_path / "copies" / "copy.sqlite")
    assert beside(tmp_path / "copies") == []


def test_rows_that_refer_to_missing_ones_give_no_copy(store: Store, tmp_path: Path) -> None:
    fill(store)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute("DELETE FROM block")
    with pytest.raises(StoreError, match=r"refers to missing rows.*was not made; see 'bulkhead verify'"):
        backup.copy(tmp_path, tmp_path / "copies" / "copy.sqlite")
    assert beside(tmp_path / "copies") == []


def test_what_cannot_be_copied(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database in"):
        backup.copy(tmp_path, tmp_path / "copy.sqlite")
    assert not list(tmp_path.iterdir())
    (tmp_path / FILE).touch()
    with pytest.raises(StoreError, match="is empty"):
        backup.copy(tmp_path, tmp_path / "copy.sqlite")
    (tmp_path / FILE).write_bytes(b"no database at all, just text " * 100)
    with pytest.raises(StoreError, match="not a database"):
        backup.copy(tmp_path, tmp_path / "copy.sqlite")


def test_a_place_that_cannot_be_written_to(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        backup.copy(tmp_path, tmp_path / "file" / "copy.sqlite")
