"""Backups of the database in the home, and the way back from one."""

from datetime import UTC, datetime
from pathlib import Path

from app.services import paths
from app.services.home import Home
from db import backup
from db.backup import Copied
from db.engine import FILE

FOLDER = "backups"
#: What a backup does not hold: it is the database alone.
BESIDE = ("datasets", "stages")


def make(home: Home, file: Path | None = None) -> Copied:
    """Copy the home's database to `file` (default: HOME/backups, named by the time). Raises InputError."""
    if file is not None:
        return backup.copy(home.path, paths.own(file, "FILE"))
    stem = f"bulkhead-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    number, target = 1, home.within(FOLDER, f"{stem}.sqlite")
    while target.exists():
        number += 1
        target = home.within(FOLDER, f"{stem}-{number}.sqlite")
    return backup.copy(home.path, target)


def newest(home: Home) -> Path | None:
    """The newest backup in the home's own folder; their names sort by time."""
    found = sorted(home.within(FOLDER).glob("bulkhead-*.sqlite"), key=lambda path: (path.stat().st_mtime, path.name))
    return found[-1] if found else None


def restore(home: Home) -> str:
    """How to go back to the newest backup, in one line."""
    latest = newest(home)
    database = home.path / FILE
    if latest is None:
        return (
            f"there is no backup in {home.path / FOLDER}: what is damaged can be run again, in another home "
            "('bulkhead export' and 'bulkhead reproduce' tell whether it is the same)"
        )
    return (
        f"to restore: end all runs and 'bulkhead serve', move {database} and its -wal and -shm away, "
        f"then copy {latest} to {database}; runs after it can be run again"
    )
