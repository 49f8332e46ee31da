"""A copy of a home's database, as of one moment, while others go on writing to it."""

import os
import sqlite3
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from db.engine import FILE, Database
from db.schema import version
from engine.errors import StoreError


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds. `size`: bytes; `schema`: the version of its tables, which is that of the original."""

    path: Path
    size: int
    runs: int
    containers: int
    schema: str


def copy(home: Path, target: Path) -> Copied:
    """Copy the database of `home` to `target`, whole and checked, or not at all; a file that is there stays.

    SQLite's online backup in one step: one state of the database, and no writer waits (it is in WAL mode). Raises
    StoreError when there is no database, it is damaged, or `target` cannot be written.
    """
    if not (home / FILE).is_file():
        raise StoreError(f"there is no database in {home} yet; run an experiment first")
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    database = Database(home / FILE)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        schema = version(database)
        if schema is None:
            raise StoreError(f"the database in {home} is empty; run an experiment first")
        with database.connection() as source, closing(sqlite3.connect(temporary)) as made:
            source.backup(made)
        copied = _checked(temporary, target, schema)
        _name(temporary, target)
        return copied
    except sqlite3.Error as error:
        raise StoreError(f"{target}: the copy cannot be made ({error}); nothing was kept of it") from None
    except OSError as error:
        raise StoreError(f"{target}: cannot be written ({error.strerror}); choose another place") from None
    finally:
        database.close()
        for leftover in (temporary, Path(f"{temporary}-journal"), Path(f"{temporary}-wal"), Path(f"{temporary}-shm")):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)


def _checked(path: Path, target: Path, schema: str) -> Copied:
    """What the finished copy holds. StoreError when it is not sound, which is because the original is not."""
    # immutable: it is read as it stands, without a log beside it
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as made:
        found = made.execute("PRAGMA integrity_check(1)").fetchone()[0]
        dangling = made.execute("PRAGMA foreign_key_check").fetchone()
        if found != "ok" or dangling is not None:
            reason = " ".join(str(found).split()) if found != "ok" else f"table {dangling[0]} refers to missing rows"
            raise StoreError(f"the database is damaged ({reason}), so {target} was not made; see 'bulkhead verify'")
        runs, containers = (made.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("run", "container"))
    return Copied(target, path.stat().st_size, runs, containers, schema)


def _name(temporary: Path, target: Path) -> None:
    """Give the finished copy its name, on the disk before it is there. StoreError when something has that name."""
    _sync(temporary, os.O_RDWR)
    try:
        os.link(temporary, target)  # unlike a rename, it replaces nothing
    except FileExistsError:
        raise StoreError(f"{target} is there already; choose another name, or remove it first") from None
    except OSError:  # a file system without links
        if target.exists():
            raise StoreError(f"{target} is there already; choose another name, or remove it first") from None
        temporary.rename(target)
    _sync(target.parent, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
