"""Reading what containers left, inside a transaction that the store has begun; all of it is checked by checksum."""

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from db.narrow import expression, has_parameter, passing
from db.rows import Condition, Container, checksum, named, parse
from db.tables import ContainerRow, MetricsRow, columns
from engine.errors import InputError, StoreError, nearest
from engine.parallel.block import SKETCH, Usage, decode_log, decode_sketch
from engine.parallel.block import checksum as block_checksum
from engine.projections.catalogue import CATALOGUE, METRICS

_CONTAINER = columns(ContainerRow)
_PART = columns(MetricsRow)[2:]  # the part, then the metrics
_SELECT = (
    f"SELECT {', '.join(f'c.{name}' for name in _CONTAINER)}, {', '.join(f'm.{name}' for name in _PART)}, "
    f"{', '.join(f't.{name}' for name in _PART)} FROM container c "
    "LEFT JOIN metrics m ON m.run_id = c.run_id AND m.idx = c.idx AND m.part = 0 "
    "LEFT JOIN metrics t ON t.run_id = c.run_id AND t.idx = c.idx AND t.part = 1"
)
_DESCENDING = {metric.name: metric.better >= 0 for metric in CATALOGUE}
_RESTORE = "its checksum differs; restore the database from a backup, or run the experiment again"


def ordered(
    connection: Connection,
    run_id: int,
    sort: str | None,
    descending: bool | None,
    top: int | None,
    offset: int,
    where: Sequence[Condition],
) -> list[Container]:
    """See `Store.containers`."""
    if sort is not None and sort not in METRICS and not has_parameter(connection, run_id, sort):
        raise InputError(f"there is no metric '{sort}'; {nearest(sort, METRICS)}")
    kept, values = passing(where)
    if sort is None:
        order = "c.idx DESC" if descending else "c.idx"
    else:
        by, inside = expression(sort)
        down = _DESCENDING.get(sort, False) if descending is None else descending
        order, values = f"{by} {'DESC' if down else 'ASC'} NULLS LAST, c.idx", [*values, *inside]
    rows = connection.exec_driver_sql(
        f"{_SELECT} WHERE c.run_id = ? AND c.idx >= 0{kept} ORDER BY {order} LIMIT ? OFFSET ?",
        (run_id, *values, -1 if top is None else top, offset),
    ).all()
    return _containers(rows)


def one(connection: Connection, run_id: int, idx: int) -> Container:
    """See `Store.container`."""
    rows = connection.exec_driver_sql(f"{_SELECT} WHERE c.run_id = ? AND c.idx = ?", (run_id, idx)).all()
    if not rows:
        raise StoreError(f"there is no container {run_id}/{idx}")
    return _containers(rows)[0]


def committed(connection: Connection, run_id: int) -> npt.NDArray[np.int64]:
    """See `Store.committed`."""
    rows = connection.exec_driver_sql("SELECT idx FROM container WHERE run_id = ? ORDER BY idx", (run_id,)).all()
    return np.array([row[0] for row in rows], dtype=np.int64)


def find(connection: Connection, digest: str) -> tuple[int, int | None] | None:
    """See `Store.find`."""
    row = connection.exec_driver_sql(
        "SELECT run_id, idx FROM container WHERE digest = ? AND idx >= 0 "
        "UNION ALL SELECT id, NULL FROM run WHERE digest = ? ORDER BY 1, 2 LIMIT 1",
        (digest, digest),
    ).first()
    return None if row is None else (row[0], row[1])


def spec_hashes(connection: Connection, run_id: int) -> dict[str, int]:
    """See `Store.spec_hashes`."""
    rows = connection.exec_driver_sql(
        "SELECT spec_hash, idx FROM container WHERE run_id = ? AND idx >= 0 AND status = 'done' ORDER BY idx", (run_id,)
    )
    return {row[0]: row[1] for row in rows}


def signal_places(connection: Connection, digest: str) -> list[tuple[int, int]]:
    """See `Store.signal_places`."""
    by_signals = (
        "SELECT r.id, min(c.idx) FROM run r JOIN container c ON c.run_id = r.id "
        "WHERE substr(c.signals_digest, 1, 8) = ? AND substr(c.signals_digest, 1, ?) = ? AND c.idx >= 0 "
        "GROUP BY r.id ORDER BY r.id"
    )
    rows = connection.exec_driver_sql(by_signals, (digest[:8], len(digest), digest)).all()
    if not rows:
        rows = connection.exec_driver_sql(
            "SELECT run_id, min(idx) FROM container WHERE idx >= 0 AND substr(digest, 1, ?) = ? "
            "GROUP BY run_id ORDER BY run_id",
            (len(digest), digest),
        ).all()
    return [(row[0], row[1]) for row in rows]


def reports(connection: Connection, run_id: int, idx: int | None) -> dict[int, Any]:
    """See `Store.reports`."""
    rows = connection.exec_driver_sql(
        "SELECT idx, checksum, data FROM signal_report WHERE run_id = ? AND (idx = ? OR ? IS NULL) ORDER BY idx",
        (run_id, idx, idx),
    )
    found = {}
    for index, check, data in rows:
        if zlib.crc32(str(data).encode()) != check:
            raise StoreError(f"the signal report of container {run_id}/{index} is damaged: {_RESTORE}")
        found[index] = json.loads(data)
    return found


def events(connection: Connection, run_id: int, idx: int) -> npt.NDArray[np.void]:
    """See `Store.events`."""
    one(connection, run_id, idx)  # the row says where in its block the log lies, so it is checked too
    start, count, check, log, sketch = connection.exec_driver_sql(
        "SELECT c.row_start, c.row_count, b.checksum, l.data, s.data "
        "FROM container c JOIN block b ON b.id = c.block_id "
        "LEFT JOIN block_log l ON l.block_id = b.id LEFT JOIN block_sketch s ON s.block_id = b.id "
        "WHERE c.run_id = ? AND c.idx = ?",
        (run_id, idx),
    ).one()
    if log is None or sketch is None or block_checksum(log, sketch) != check:
        raise StoreError(f"the event log of container {run_id}/{idx} is damaged: {_RESTORE}")
    return decode_log(log)[start : start + count]


def logs(connection: Connection, run_id: int) -> Iterator[tuple[int, npt.NDArray[np.void]]]:
    """See `Store.logs`."""
    places: dict[int, list[tuple[int, int, int]]] = {}
    for idx, block_id, start, count in connection.exec_driver_sql(
        "SELECT idx, block_id, row_start, row_count FROM container "
        "WHERE run_id = ? AND idx >= 0 AND status = 'done' ORDER BY idx",
        (run_id,),
    ):
        places.setdefault(block_id, []).append((idx, start, count))
    for block_id, inside in places.items():
        check, log, sketch = connection.exec_driver_sql(
            "SELECT b.checksum, l.data, s.data FROM block b LEFT JOIN block_log l ON l.block_id = b.id "
            "LEFT JOIN block_sketch s ON s.block_id = b.id WHERE b.id = ?",
            (block_id,),
        ).one()
        if log is None or sketch is None or block_checksum(log, sketch) != check:
            raise StoreError(f"the event log of container {run_id}/{inside[0][0]} is damaged: {_RESTORE}")
        rows = decode_log(log)
        for idx, start, count in inside:
            yield idx, rows[start : start + count]


def sketches(
    connection: Connection, run_id: int, idxs: Sequence[int] | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """See `Store.sketches`."""
    wanted = "idx >= 0" if idxs is None else "idx IN (SELECT value FROM json_each(?))"
    chosen = () if idxs is None else (json.dumps([int(idx) for idx in idxs]),)
    rows = connection.exec_driver_sql(
        f"SELECT idx, block_id, position FROM container WHERE run_id = ? AND status = 'done' AND {wanted} ORDER BY idx",
        (run_id, *chosen),
    ).all()
    places = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(len(rows), 3)  # rows are slow to convert
    out = np.empty((len(rows), SKETCH), dtype=np.float32)
    blocks = connection.exec_driver_sql(
        "SELECT b.id, b.containers, b.sketch_crc, s.data FROM block b LEFT JOIN block_sketch s ON s.block_id = b.id "
        "WHERE b.id IN (SELECT value FROM json_each(?))",
        (json.dumps(np.unique(places[:, 1]).tolist()),),
    )
    for block_id, count, crc, data in blocks:
        if data is None or zlib.crc32(data) != crc:
            raise StoreError(f"an equity sketch of run {run_id} is damaged: {_RESTORE}")
        inside = places[:, 1] == block_id
        out[inside] = decode_sketch(data, count)[places[inside, 2]]
    return places[:, 0].copy(), out


def _containers(rows: Sequence[Any]) -> list[Container]:
    """Rows of `_SELECT` as containers. Errors raised: StoreError for a row that differs from its checksum."""
    width, parts = len(_CONTAINER), len(_PART)
    try:
        numbers = np.array([row[width:] for row in rows], dtype=np.float64).reshape(len(rows), 2 * parts)  # NULL: NaN
    except (TypeError, ValueError):
        raise StoreError(f"metrics of run {rows[0][0]} are damaged: {_RESTORE}") from None
    train, test = numbers[:, 1:parts], numbers[:, parts + 1 :]
    found = []
    for row, train_row, test_row in zip(rows, train, test, strict=True):
        run_id, idx, status, block_id, position, start, count, wall, cpu, memory, check, *texts = row[:width]
        has_train, has_test = row[width] is not None, row[width + parts] is not None
        raw = (train_row.tobytes() if has_train else b"") + (test_row.tobytes() if has_test else b"")
        places = (run_id, idx, block_id, position, start, count, memory, wall, cpu)
        try:
            intact = checksum(places, (status, *texts), raw) == check
        except (TypeError, struct.error):  # damage can turn a number into a text
            intact = False
        if not intact:
            raise StoreError(f"container {run_id}/{idx} is damaged: {_RESTORE}")
        params, spec_hash, digest, decisions, fills, signals, error = texts
        found.append(
            Container(
                run=run_id,
                index=idx,
                status=status,
                error=error,
                params=parse(params),
                spec_hash=spec_hash,
                digest=digest,
                decisions_digest=decisions,
                fills_digest=fills,
                signals_digest=signals,
                usage=Usage(wall, cpu, memory),
                rows=count,
                metrics=named(row[width + 1 : width + parts]) if has_train else None,
                test_metrics=named(row[width + parts + 1 :]) if has_test else None,
            )
        )
    return found
