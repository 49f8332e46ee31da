"""Writing a run's rows, inside a transaction that the store has begun.

Containers go in by plain `executemany`, which is ten times faster than objects.
"""

import json
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from db.digest import run_digest
from db.rows import NewRun, checksum, clean, now, printable, run_checksum
from db.tables import PART_TEST, PART_TRAIN, ContainerRow, MetricsRow, RunRow, columns
from engine.errors import StoreError
from engine.own.source import Source
from engine.parallel.block import Block, Result


def _insert(table: type[ContainerRow] | type[MetricsRow]) -> str:
    names = columns(table)
    return f"INSERT INTO {table.__tablename__} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


_CONTAINER = _insert(ContainerRow)
_METRICS = _insert(MetricsRow)


def create_run(connection: Connection, new: NewRun) -> int:
    """Insert a queued run, and its hypothesis if that is new; returns the run's id."""
    key = (new.hypothesis, new.dataset_hash)
    connection.exec_driver_sql(
        "INSERT INTO hypothesis (text, dataset_hash, trials, validations, reveals, created) "
        "VALUES (?, ?, 0, 0, 0, ?) ON CONFLICT DO NOTHING",
        (*key, now()),
    )
    hypothesis = connection.exec_driver_sql(
        "UPDATE hypothesis SET validations = validations + ? WHERE text = ? AND dataset_hash = ? RETURNING id",
        (int(new.validates), *key),
    )
    plan, platform = json.dumps(new.plan), json.dumps(new.platform)
    row = RunRow(
        name=new.name,
        status="queued",
        pattern=new.pattern,
        seed=new.seed,
        hypothesis_id=hypothesis.scalar_one(),
        config=new.config,
        plan=plan,
        dataset=new.dataset,
        dataset_hash=new.dataset_hash,
        engine=new.engine,
        platform=platform,
        fingerprint=new.fingerprint,
        checksum=run_checksum(new, plan, platform),
        workers=new.workers,
        backend=new.backend,
        workflow_id=new.workflow,
        phase=new.phase,
        extends=new.extends,
        containers=new.containers,
        created=now(),
    )
    with Session(connection) as session:
        session.add(row)
        session.flush()
        assert row.id is not None
        run_id = row.id
    keep_sources(connection, new.sources)
    for source in new.sources:
        connection.exec_driver_sql("INSERT INTO run_source VALUES (?, ?, ?)", (run_id, source.name, source.hash))
    return run_id


def keep_sources(connection: Connection, sources: Iterable[Source]) -> None:
    """Keep files by the hash of their text; what is there already stays."""
    for source in sources:
        connection.exec_driver_sql("INSERT OR IGNORE INTO source VALUES (?, ?)", (source.hash, source.text))


def claim(connection: Connection, run_id: int, pid: int) -> tuple[int, int]:
    """Begin a new epoch of a run; returns it and the id of the run's hypothesis. Errors raised: StoreError."""
    row = connection.exec_driver_sql(
        "UPDATE run SET epoch = epoch + 1, pid = ?, heartbeat = ? WHERE id = ? RETURNING epoch, hypothesis_id",
        (pid, now(), run_id),
    ).first()
    if row is None:
        raise StoreError(f"there is no run {run_id}")
    return row[0], row[1]


def update_run(connection: Connection, run_id: int, epoch: int, changes: str, values: tuple[Any, ...]) -> None:
    """Set columns of a run if `epoch` is still its current one. Errors raised: StoreError."""
    result = connection.exec_driver_sql(
        f"UPDATE run SET {changes} WHERE id = ? AND epoch = ?", (*values, run_id, epoch)
    )
    if result.rowcount != 1:
        raise StoreError(f"run {run_id} was taken over by another process; nothing more is written by this one")


def commit_block(connection: Connection, run_id: int, epoch: int, block: Block) -> None:
    """Insert a block: its blobs, its containers with their metrics, and its line in the journal.

    Errors raised: StoreError when a container of it is stored already.
    """
    results, at = block.results, now()
    block_id = connection.exec_driver_sql(
        "INSERT INTO block (run_id, epoch, containers, rows, checksum, sketch_crc) VALUES (?, ?, ?, ?, ?, ?)",
        (
            run_id,
            epoch,
            len(results),
            sum(result.row_count for result in results),
            block.checksum,
            zlib.crc32(block.sketch),
        ),
    ).lastrowid
    connection.exec_driver_sql("INSERT INTO block_log (block_id, data) VALUES (?, ?)", (block_id, block.log))
    connection.exec_driver_sql("INSERT INTO block_sketch (block_id, data) VALUES (?, ?)", (block_id, block.sketch))
    containers, metrics = _rows(run_id, block_id, results)
    try:
        connection.exec_driver_sql(_CONTAINER, containers)
    except IntegrityError as error:
        if "UNIQUE" not in str(error.orig):
            raise
        raise StoreError(f"run {run_id} has a container of this block already ({error.orig})") from error
    if metrics:
        connection.exec_driver_sql(_METRICS, metrics)
    reports = [(run_id, result.index, zlib.crc32(text.encode()), text) for result in results if (text := result.report)]
    if reports:
        connection.exec_driver_sql(
            "INSERT INTO signal_report (run_id, idx, checksum, data) VALUES (?, ?, ?, ?)", reports
        )
    indices = [result.index for result in results]
    connection.exec_driver_sql(
        "INSERT INTO journal (run_id, epoch, block_id, first, last, containers, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (run_id, epoch, block_id, min(indices), max(indices), len(results), at),
    )


def _rows(run_id: int, block_id: int, results: tuple[Result, ...]) -> tuple[list[Any], list[Any]]:
    """The rows of `container` and of `metrics` for a block, in the order of their columns."""
    owners = [
        (position, part, values)
        for position, result in enumerate(results)
        for part, values in ((PART_TRAIN, result.metrics), (PART_TEST, result.test_metrics))
        if values is not None
    ]
    metrics = []
    packed = [b""] * len(results)
    if owners:
        matrix = clean(np.array([values for _, _, values in owners]))
        for (position, part, _), values, raw in zip(owners, matrix.tolist(), matrix, strict=True):
            metrics.append((run_id, results[position].index, part, *values))  # SQLite stores NaN as NULL
            packed[position] += raw.tobytes()
    containers = []
    for position, (result, numbers) in enumerate(zip(results, packed, strict=True)):
        index, status, start, count = result.index, result.status, result.row_start, result.row_count
        wall, cpu, memory = result.usage.wall, result.usage.cpu, result.usage.memory
        texts = (
            result.params,
            result.spec_hash,
            result.digest,
            result.decisions_digest,
            result.fills_digest,
            result.signals_digest,
            printable(result.error),
        )
        places = (run_id, index, block_id, position, start, count, memory, wall, cpu)
        check = checksum(places, (status, *texts), numbers)
        containers.append((run_id, index, status, block_id, position, start, count, wall, cpu, memory, check, *texts))
    return containers, metrics


def request(connection: Connection, run_id: int, action: str, idx: int | None) -> None:
    """See `Store.request`."""
    connection.exec_driver_sql(
        "INSERT INTO control (run_id, idx, action, at) VALUES (?, ?, ?, ?)", (run_id, idx, action, now())
    )


def handled(connection: Connection, request_id: int) -> None:
    """See `Store.handled`."""
    connection.exec_driver_sql("UPDATE control SET handled = ? WHERE id = ?", (now(), request_id))


def forget_failed(connection: Connection, run_id: int, epoch: int) -> int:
    """See `Store.forget_failed`. What was tried stays counted as a trial."""
    gone = connection.exec_driver_sql(
        "DELETE FROM container WHERE run_id = ? AND idx >= 0 AND status != 'done'", (run_id,)
    ).rowcount
    changes = "failed = failed - ?, status = 'stopped', digest = NULL, decisions_digest = NULL"
    update_run(connection, run_id, epoch, changes, (gone,))
    return gone


def reveal(connection: Connection, run_id: int) -> int | None:
    """Count a look at a run's test figures; returns how often its hypothesis was revealed, None without such a run."""
    row = connection.exec_driver_sql(
        "UPDATE run SET revealed = coalesce(revealed, ?) WHERE id = ? RETURNING hypothesis_id", (now(), run_id)
    ).first()
    if row is None:
        return None
    counted = connection.exec_driver_sql(
        "UPDATE hypothesis SET reveals = reveals + 1 WHERE id = ? RETURNING reveals", (row[0],)
    )
    reveals: int = counted.scalar_one()
    return reveals


def digests(connection: Connection, run_id: int) -> tuple[str, str] | None:
    """The run's digest and its digest of decisions; None while containers are missing."""
    whole = connection.exec_driver_sql("SELECT done + failed = containers FROM run WHERE id = ?", (run_id,)).scalar()
    if not whole:
        return None
    rows = connection.exec_driver_sql(
        "SELECT idx, status, digest, decisions_digest FROM container WHERE run_id = ? AND idx >= 0 ORDER BY idx",
        (run_id,),
    ).all()
    return run_digest((row[0], row[1], row[2]) for row in rows), run_digest((row[0], row[1], row[3]) for row in rows)
