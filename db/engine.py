"""The connection to a home's database: one SQLite file in WAL mode, many readers, one writer at a time.

- A reading transaction is a plain BEGIN (one snapshot, never waits); a writing one is BEGIN IMMEDIATE, because a read
  that turns into a write fails at once when somebody else wrote in between.
- Automatic checkpoints are off in every connection: two connections that checkpoint at the same moment can damage the
  file (SQLite 3.7.0 to 3.51.2). The writer checkpoints, under a file lock.
"""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from engine.errors import DiskFullError, StoreError

FILE = "bulkhead.sqlite"
#: How long a transaction waits for another writer, in milliseconds. Writing takes milliseconds; a disk can stall.
BUSY_MS = 30_000
#: Of a new file. Larger pages than the usual 4 KiB suit blobs of a few hundred KiB and rows of half a KiB.
PAGE_BYTES = 16384
#: The writer moves the write-ahead log into the database when it has added about this much to it. The log's file keeps
#: its size and is written over: that is three times cheaper than making it grow.
WAL_BYTES = 16 << 20
#: What a transaction adds to the log beside its blobs: every page it touches, whole.
TRANSACTION_BYTES = 512 << 10

#: What to do about SQLite's complaints, by words that stand in them.
_ADVICE = (
    ("not a database", "move it away or choose another --home"),
    ("malformed", "it is damaged; restore it from a backup"),
    ("decode to UTF-8", "it is damaged; restore it from a backup"),
    ("locked", "another process is writing, or was stopped while it did; end that one, or try again"),
    ("damaged text", "restore it from a backup"),
    ("unable to open", "check the folder and its permissions"),
    ("readonly", "check the file's permissions"),
)

_WRITING = "bulkhead_writing"


class Database:
    """A home's database file and its connections. Threads may share it; a forked child must not use it.

    `foreign_keys=False` is for migrations: they copy and drop tables, which must not delete rows that refer to them.
    Errors raised by all methods: StoreError.
    """

    def __init__(self, path: Path, foreign_keys: bool = True) -> None:
        self.path = path
        self._engine = _connect(path, foreign_keys)
        self._writer = self._engine.execution_options(**{_WRITING: True})
        self._unmoved = 0  # bytes written, about, since the last checkpoint

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with self._errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its first moment: all of it is kept, or nothing."""
        with self._errors(), self._writer.begin() as connection:
            yield connection

    def wrote(self, blob_bytes: int) -> None:
        """Take note of a transaction with blobs of so many bytes; checkpoint when enough has come together."""
        self._unmoved += blob_bytes + TRANSACTION_BYTES
        if self._unmoved >= WAL_BYTES:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database, unless another process is doing so. Raises nothing.

        What was committed is safe in the log; if it cannot be moved now, the next checkpoint moves it.
        """
        with suppress(StoreError), self.locked(wait=False) as mine:
            if mine:
                self.outside_transaction("PRAGMA wal_checkpoint(PASSIVE)")
        self._unmoved = 0

    def outside_transaction(self, statement: str) -> None:
        """Execute one statement that cannot be part of a transaction."""
        with self._errors():
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute(statement)
            finally:
                connection.close()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """The driver's own connection, for what SQLAlchemy has no words for."""
        with self._errors():
            connection = self._engine.raw_connection()
            try:
                driver: sqlite3.Connection = connection.driver_connection  # type: ignore[assignment]
                yield driver
            finally:
                connection.close()

    @contextmanager
    def locked(self, wait: bool = True) -> Iterator[bool]:
        """The lock of the whole file, for making, migrating and checkpointing it. Yields whether it was got."""
        try:
            handle = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"the database {self.path} cannot be locked: {error.strerror}") from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(handle)

    def close(self) -> None:
        """Close all connections. The last one to close a database tidies up its write-ahead log."""
        self._engine.dispose()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """SQLite's own complaints, as one line that names the file."""
        try:
            yield
        except UnicodeDecodeError as error:  # a complaint that quotes the damage
            raise StoreError(f"the database {self.path} is damaged; restore it from a backup") from error
        except (exc.DBAPIError, sqlite3.Error) as error:  # the second outside of transactions
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            told = str(cause)
            if _full(cause, self.path.parent):
                raise DiskFullError(f"the disk of {self.path.parent} is full; make room and try again") from error
            advice = next((advice for words, advice in _ADVICE if words in told), "try again")
            raise StoreError(f"the database {self.path} cannot be used ({told}): {advice}") from error


def _full(error: BaseException | None, folder: Path) -> bool:
    """Whether SQLite had no room to write. For the index of its log it does not say so, only that writing failed."""
    name = getattr(error, "sqlite_errorname", "")
    if isinstance(error, sqlite3.OperationalError) and name.startswith("SQLITE_IOERR"):
        return shutil.disk_usage(folder).free < PAGE_BYTES * 4
    return bool(name == "SQLITE_FULL")


def _connect(path: Path, foreign_keys: bool) -> Engine:
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False})
    pragmas = (
        f"page_size={PAGE_BYTES}",
        "synchronous=NORMAL",
        f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
        "wal_autocheckpoint=0",
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by Python's driver
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
