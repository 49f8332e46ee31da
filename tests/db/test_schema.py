"""Making, opening, migrating and refusing a home's database."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlmodel import SQLModel

from db import schema
from db.engine import FILE, Database
from db.store import Store
from db.tables import MetricsRow, columns
from engine.errors import StoreError
from engine.projections.catalogue import METRICS
from tests.db.samples import block, new_run, process, said


def statements(path: Path) -> dict[str, str]:
    """What made each table and index, by name."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {name: " ".join(sql.split()) for name, sql in rows if name not in ("alembic_version", "sqlite_sequence")}


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # indexes on expressions; the next test has them
def test_alembic_finds_no_difference_between_migrations_and_tables(store: Store, tmp_path: Path) -> None:
    database = Database(tmp_path / FILE)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
    database.close()


def test_migrations_and_tables_make_the_same_statements(store: Store, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'tables.sqlite'}")
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    assert statements(tmp_path / FILE) == statements(tmp_path / "tables.sqlite")


def test_the_newest_migration_is_the_head() -> None:
    assert ScriptDirectory(str(schema.MIGRATIONS)).get_current_head() == schema.HEAD
    assert schema.HEAD in schema.known_versions()


def test_every_table_is_strict(store: Store, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    rows = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    connection.close()
    loose = {name for name, strict in rows if not strict and not name.startswith("sqlite_")}
    assert loose == {"alembic_version"}


def test_metrics_have_one_column_for_each_of_the_catalogue() -> None:
    assert columns(MetricsRow) == ("run_id", "idx", "part", *METRICS)


def test_a_new_home_is_made_with_its_folders(tmp_path: Path) -> None:
    with Store(tmp_path / "a" / "b % c'd") as store:
        assert store.create_run(new_run()) == 1
    with Store(tmp_path / "a" / "b % c'd") as store:
        assert len(store.runs()) == 1


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    with Store(tmp_path) as store:
        assert store.runs() == []


def test_opening_a_current_database_does_not_import_alembic(store: Store, tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from db.store import Store; Store(Path(sys.argv[1])).runs(); "
    with process(script + "print('alembic' in sys.modules)", tmp_path) as child:
        assert said(child) == "False"


OPEN = """
import sys
from pathlib import Path
from db.store import Store
from tests.db.samples import new_run
print("ready", flush=True)
sys.stdin.readline()
with Store(Path(sys.argv[1])) as store:
    print(store.create_run(new_run()), flush=True)
"""


def test_many_processes_open_a_new_home_at_once(tmp_path: Path) -> None:
    children = [process(OPEN, tmp_path / "home") for _ in range(4)]
    for child in children:
        assert said(child) == "ready"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    numbers = []
    for child in children:
        with child:
            numbers.append(int(said(child)))
    assert sorted(numbers) == [1, 2, 3, 4]


@pytest.mark.parametrize("content", [b"not a database at all, just text " * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_not_sqlite(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StoreError, match=FILE) as caught:
        Store(tmp_path)
    assert "\n" not in str(caught.value)
    assert (tmp_path / FILE).read_bytes() == content


def test_a_database_of_something_else(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE notes (text)")
    connection.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreError, match="is not a Bulkhead database; move it away or choose another --home"):
        Store(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_database_of_another_version(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.create_run(new_run())
    connection = sqlite3.connect(tmp_path / FILE)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(
        StoreError, match=rf"another version of Bulkhead \(schema '9999', this one knows '{schema.HEAD}'\)"
    ) as caught:
        Store(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_version_table_without_a_version(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="not a Bulkhead database"):
        Store(tmp_path)


@pytest.mark.parametrize("home", ["file", "file/below"])
def test_a_home_that_cannot_be_a_folder(tmp_path: Path, home: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="home .* cannot be used"):
        Store(tmp_path / home)


def test_a_database_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(StoreError, match="unable to open"):
        Store(tmp_path)


def test_a_failed_migration_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = schema.migrate

    def broken(connection: Connection, revision: str = "head") -> None:
        real(connection, revision)
        raise StoreError("broken")

    monkeypatch.setattr(schema, "migrate", broken)
    with pytest.raises(StoreError, match="broken"):
        Store(tmp_path)
    assert statements(tmp_path / FILE) == {}
    monkeypatch.undo()
    with Store(tmp_path) as store:
        assert store.runs() == []


def test_a_migration_that_leaves_dangling_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = schema.migrate

    def dangling(connection: Connection, revision: str = "head") -> None:
        real(connection, revision)
        connection.exec_driver_sql("INSERT INTO block VALUES (1, 99, 1, 1, 1, '', 0)")

    monkeypatch.setattr(schema, "migrate", dangling)
    with pytest.raises(StoreError, match="refer to missing ones"):
        Store(tmp_path)
    assert statements(tmp_path / FILE) == {}


def test_a_deleted_run_takes_its_rows_along(store: Store, tmp_path: Path) -> None:
    with store.claim(store.create_run(new_run(2))) as lease:
        store.commit(lease, block([0, 1]))
    database = Database(tmp_path / FILE)
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM run")
        for table in ("container", "metrics", "block", "block_log", "block_sketch", "journal"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
        assert connection.exec_driver_sql("SELECT trials FROM hypothesis").scalar() == 2
    database.close()
