"""Opening a home's database: made if there is none, migrated if it is older, refused if it is something else."""

from pathlib import Path

from sqlalchemy import Connection

from db.engine import FILE, Database
from engine.errors import StoreError

#: The newest schema version, the one of `db/tables.py` (a test compares the three: this, the migrations, the tables).
HEAD = "0002"
MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(home: Path) -> Database:
    """The database of `home`, at schema version `HEAD`; made if missing, with its folder. Errors raised: StoreError."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the home {home} cannot be used: {error.strerror}") from None
    database = Database(home / FILE)
    try:
        if version(database) != HEAD:
            with database.locked():
                _upgrade(database)
    except StoreError:
        database.close()
        raise
    return database


def version(database: Database) -> str | None:
    """The schema version the file says it has; None for an empty one. Errors raised: StoreError (not Bulkhead's)."""
    with database.reading() as connection:
        tables = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
        if not tables:
            return None
        found = None
        if "alembic_version" in tables:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found is None:
        raise StoreError(f"{database.path} is not a Bulkhead database; move it away or choose another --home")
    return str(found)


def _upgrade(database: Database) -> None:
    """Bring the file to `HEAD`, in one transaction. The caller holds the file's lock."""
    before = version(database)  # again: another process may have done it while we waited for the lock
    if before == HEAD:
        return
    if before is None:
        database.outside_transaction("PRAGMA journal_mode=WAL")
    elif before not in known_versions():
        raise StoreError(
            f"{database.path} was written by another version of Bulkhead (schema {before!r}, this one knows {HEAD!r}); "
            "use that version or choose another --home"
        )
    migrating = Database(database.path, foreign_keys=False)
    try:
        with migrating.writing() as connection:
            migrate(connection)
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise StoreError(f"{database.path} has rows that refer to missing ones; restore it from a backup")
    finally:
        migrating.close()


def known_versions() -> set[str]:
    """All schema versions that can be migrated to `HEAD`, and `HEAD`."""
    from alembic.script import ScriptDirectory  # not at the top: importing it takes longer than opening a current file

    return {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision` in the transaction that `connection` is in."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, revision)
