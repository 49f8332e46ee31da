"""Looking for damage: SQLite's own checks, references, and every checksum that was stored with what it covers."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from db import results, runs
from db.digest import run_digest
from db.engine import FILE, Database
from db.schema import HEAD, version
from engine.errors import StoreError
from engine.own.source import Source
from engine.parallel.block import BENCHMARK, STATUSES, checksum, decode_log, decode_sketch

#: Lines of SQLite's checks that are told; after damage it finds the same again and again.
_MOST = 20
#: Containers that are read at once.
_PAGE = 500
_RUN_STATUSES = ("queued", "running", "paused", "stopped", "done", "failed")
_TIMES = ("created", "started", "finished", "heartbeat", "revealed")


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was stored. `what`: database, run, container, block, source; `where`: which one."""

    what: str
    where: str
    problem: str


@dataclass(slots=True)
class Verified:
    """What was looked at, and what is wrong with it."""

    schema: str = ""
    runs: int = 0
    containers: int = 0
    blocks: int = 0
    sources: int = 0
    damage: list[Damage] = field(default_factory=list)

    def note(self, what: str, where: object, problem: object) -> None:
        self.damage.append(Damage(what, str(where), " ".join(str(problem).split())))

    @contextmanager
    def noting(self, what: str, where: object) -> Iterator[None]:
        """Take what cannot be read in the block as damage."""
        try:
            yield
        except StoreError as error:
            self.note(what, where, error)


def verify(home: Path) -> Verified:
    """Check the database of `home`; nothing is changed, made or migrated. StoreError when there is none.

    Checksums are those of the newest schema: of an older one, SQLite's checks alone are made.
    """
    if not (home / FILE).is_file():
        raise StoreError(f"there is no database in {home} yet; run an experiment first")
    found = Verified()
    database = Database(home / FILE)
    try:
        with found.noting("database", FILE):
            found.schema = version(database) or ""
            with database.reading() as connection:
                _by_sqlite(connection, found)
        if found.schema == HEAD:
            # each part in a transaction of its own: what one cannot read must not hide the others
            for part in (_runs, _blocks, _sources):
                with found.noting("database", FILE), database.reading() as connection:
                    part(connection, found)
    finally:
        database.close()
    return found


def _by_sqlite(connection: Connection, found: Verified) -> None:
    for line in connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})").scalars():
        if line != "ok":
            found.note("database", FILE, line)
    for row in connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(_MOST):
        found.note("database", FILE, f"a row of table {row[0]} refers to a missing one of table {row[2]}")


def _runs(connection: Connection, found: Verified) -> None:
    for run_id in connection.exec_driver_sql("SELECT id FROM run ORDER BY id").scalars().all():
        found.runs += 1
        with found.noting("run", run_id):
            if not runs.details(connection, run_id):
                found.note("run", run_id, "its hypothesis is missing")
            for source in runs.sources(connection, run_id):
                if source.problem:
                    found.note("run", run_id, source.problem)
        _one_run(connection, run_id, found)
        _containers(connection, run_id, found)


def _one_run(connection: Connection, run_id: int, found: Verified) -> None:
    """What no checksum covers, as it changes while a run goes on: state, times, counters, the digests over all."""
    names = ("status", "containers", "done", "failed", "digest", "decisions_digest", *_TIMES)
    row = connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM run WHERE id = ?", (run_id,)).one()
    known = dict(zip(names, row, strict=True))
    if known["status"] not in _RUN_STATUSES:
        found.note("run", run_id, f"it has the status {known['status']!r}, which there is not")
    for name in _TIMES:
        if known[name] is not None and not _is_time(known[name]):
            found.note("run", run_id, f"{known[name]!r} is no time ({name})")
    rows = connection.exec_driver_sql(
        "SELECT idx, status, digest, decisions_digest FROM container WHERE run_id = ? AND idx >= 0 ORDER BY idx",
        (run_id,),
    ).all()
    done = sum(row[1] == "done" for row in rows)
    if (known["done"], known["failed"]) != (done, len(rows) - done):
        counted = f"{known['done']} done and {known['failed']} failed"
        found.note("run", run_id, f"it counts {counted}, and has {done} and {len(rows) - done}")
    journal = connection.exec_driver_sql(
        "SELECT coalesce(sum(j.containers), 0) FROM journal j WHERE j.run_id = ? AND j.first >= 0", (run_id,)
    ).scalar_one()
    if journal != len(rows):
        found.note("run", run_id, f"its journal counts {journal} containers, and it has {len(rows)}")
    for name, column in (("digest", 2), ("decisions_digest", 3)):
        if known[name] is not None and known[name] != run_digest((row[0], row[1], row[column]) for row in rows):
            found.note("run", run_id, f"its {name.replace('_', ' of ')} is not that of its containers")


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _containers(connection: Connection, run_id: int, found: Verified) -> None:
    """Every container by its checksum: many at once, one by one where one of them is damaged."""
    listed = connection.exec_driver_sql("SELECT idx FROM container WHERE run_id = ? ORDER BY idx", (run_id,))
    indices = listed.scalars().all()
    found.containers += len(indices)
    ordinary = [idx for idx in indices if idx >= 0]
    for start in range(0, len(ordinary), _PAGE):
        try:
            results.ordered(connection, run_id, None, None, _PAGE, start, ())
        except StoreError:
            for idx in ordinary[start : start + _PAGE]:
                with found.noting("container", f"{run_id}/{idx}"):
                    results.one(connection, run_id, idx)
    for idx in indices:
        if idx == BENCHMARK:
            with found.noting("container", f"{run_id}/benchmark"):
                results.one(connection, run_id, idx)
        elif idx < 0:
            found.note("container", f"{run_id}/{idx}", "there is no container of such an index")
    strange = connection.exec_driver_sql("SELECT DISTINCT status FROM container WHERE run_id = ?", (run_id,))
    for status in strange.scalars():
        if status not in STATUSES:
            found.note("run", run_id, f"a container has the status {status!r}, which there is not")


def _blocks(connection: Connection, found: Verified) -> None:
    """Every block by its checksums, and by what its containers say of it."""
    blocks = connection.exec_driver_sql(
        "SELECT id, run_id, containers, rows, checksum, sketch_crc FROM block ORDER BY id"
    ).all()
    for block_id, run_id, containers, rows, check, crc in blocks:
        found.blocks += 1
        where = f"{block_id} of run {run_id}"
        log, sketch = (
            connection.exec_driver_sql(f"SELECT data FROM {table} WHERE block_id = ?", (block_id,)).scalar()
            for table in ("block_log", "block_sketch")
        )
        if log is None or sketch is None or checksum(log, sketch) != check:
            found.note("block", where, "its event logs or equity sketches do not have their checksum")
            continue
        if zlib.crc32(sketch) != crc:
            found.note("block", where, "its equity sketches do not have their checksum")
        with found.noting("block", where):
            held = connection.exec_driver_sql(
                "SELECT count(*), coalesce(sum(row_count), 0), count(DISTINCT position), min(run_id), max(run_id) "
                "FROM container WHERE block_id = ?",
                (block_id,),
            ).one()
            if tuple(held) != (containers, rows, containers, run_id, run_id) or len(decode_log(log)) != rows:
                found.note("block", where, "it does not hold what its containers say")
            decode_sketch(sketch, containers)


def _sources(connection: Connection, found: Verified) -> None:
    for hash, text in connection.exec_driver_sql("SELECT hash, text FROM source ORDER BY hash"):
        found.sources += 1
        if Source("", text).hash != hash:
            found.note("source", hash[:12], "its text does not have its hash")
