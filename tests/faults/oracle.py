"""What must hold after any fault: nothing lost, nothing unexpected, nothing twice, and nothing left lying about.

It reads the database by itself, and computes digests anew from the logs that are stored.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from db.digest import run_digest
from engine.digest import digests
from engine.parallel.block import BENCHMARK, decode_log

#: Index, then status and digest: what a run came to.
Results = dict[int, tuple[str, str | None]]
#: A reader opens these, and they go when the last one closes the database; or they belong to the home.
_SQLITE = ("bulkhead.sqlite-wal", "bulkhead.sqlite-shm")


@dataclass
class Account:
    """What is wrong with a home after a fault; all empty when nothing is."""

    lost: list[int] = field(default_factory=list)
    unexpected: list[int] = field(default_factory=list)
    doubled: int = 0
    different: list[int] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return self == Account()


@contextmanager
def opened(home: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(home / "bulkhead.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        yield connection


def results_of(home: Path, run_id: int = 1) -> Results:
    """What a run came to, its benchmark included: every digest is that of the log that is stored."""
    found: Results = {}
    with opened(home) as connection:
        blocks = "SELECT b.id, l.data FROM block b JOIN block_log l ON l.block_id = b.id WHERE b.run_id = ?"
        for block_id, data in connection.execute(blocks, (run_id,)).fetchall():
            log = decode_log(data)
            rows = "SELECT idx, status, row_start, row_count FROM container WHERE block_id = ?"
            for idx, status, start, count in connection.execute(rows, (block_id,)):
                found[idx] = status, digests(log[start : start + count]).log if status == "done" else None
    return found


def digest_of(results: Results) -> str:
    """The digest of a run that came to this."""
    return run_digest((index, *results[index]) for index in sorted(results) if index != BENCHMARK)


def examine(home: Path, expected: Mapping[int, tuple[str, str | None]], run_id: int = 1) -> Account:
    """What differs in a finished run from what it comes to without a fault, and what is not sound in its home."""
    found, account = results_of(home, run_id), Account()
    account.lost = sorted(set(expected) - set(found))
    account.unexpected = sorted(set(found) - set(expected))
    account.different = [index for index in sorted(set(found) & set(expected)) if found[index] != expected[index]]
    unsound = account.unsound
    with opened(home) as connection:
        ask = lambda text: connection.execute(text, (run_id,)).fetchone()  # noqa: E731
        status, containers, done, failed, digest, pid = ask(
            "SELECT status, containers, done, failed, digest, pid FROM run WHERE id = ?"
        )
        rows = ask("SELECT count(*) FROM container WHERE run_id = ?")[0]
        journal = ask("SELECT coalesce(sum(containers), 0) FROM journal WHERE run_id = ?")[0]
        blocks = ask("SELECT coalesce(sum(containers), 0) FROM block WHERE run_id = ?")[0]
        trials = connection.execute("SELECT sum(trials) FROM hypothesis").fetchone()[0]
        whole = connection.execute("SELECT sum(containers) FROM run").fetchone()[0]
        more = max(done + failed - containers, 0) + max(trials - whole, 0)
        account.doubled = abs(journal - rows) + abs(blocks - rows) + more
        good = sum(row[0] == "done" for index, row in found.items() if index != BENCHMARK)
        if (status, pid, done, failed) != ("done", None, good, containers - good):
            unsound.append(f"the run says {status}, {done} done, {failed} failed, held by {pid}")
        if digest != digest_of(found):
            unsound.append("the run's digest is not that of its containers")
        wrong = "SELECT count(*) FROM container WHERE run_id = ? AND (digest IS NULL) = (status = 'done')"
        if ask(wrong)[0]:
            unsound.append("a digest without a result, or the other way round")
        stored = dict(connection.execute("SELECT idx, digest FROM container WHERE run_id = ?", (run_id,)).fetchall())
        if stored != {index: row[1] for index, row in found.items()}:
            unsound.append("stored digests are not those of the stored logs")
        check = connection.execute("PRAGMA integrity_check").fetchall()
        if check != [("ok",)]:
            unsound.append(f"integrity_check: {check[:3]}")
        if connection.execute("PRAGMA foreign_key_check").fetchall():
            unsound.append("foreign keys")
    return account


def files_of(folder: Path) -> set[str]:
    """The files and folders under a folder, without SQLite's own, which go with its last reader."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.name not in _SQLITE}
