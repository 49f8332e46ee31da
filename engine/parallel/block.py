"""What a cell hands back: the results of a batch, their logs in one Arrow block, their equity sketches in one array.

One block for many containers costs a fraction of a blob each; a container is a range of rows in it.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import StoreError
from engine.events import COLUMNS, EVENT, empty_log

#: The index under which a run's benchmark is stored, beside the containers from 0 on.
BENCHMARK = -1
#: A block is closed at this many containers or this many bytes of log, whichever comes first.
BLOCK_CONTAINERS = 128
BLOCK_BYTES = 4 << 20
#: As quick as level 1 on event columns, and smaller.
ZSTD_LEVEL = 3
#: Points of an equity sketch.
SKETCH = 128

#: How a container can end. `queued` and `running` are states of one that has not.
STATUSES = (
    "queued",
    "running",
    "done",
    "failed",
    "crashed",
    "timed_out",
    "out_of_memory",
    "too_large",
    "killed",
    "internal_error",
)


class Usage(NamedTuple):
    """What a container used: seconds of wall clock and of CPU; bytes of memory beyond what its child started with."""

    wall: float
    cpu: float
    memory: int


class Result(NamedTuple):
    """How one container ended, and what it left. (Named tuples: thousands a second go from worker to runner.)

    `params` is a JSON object of the swept parameters; `metrics` and `test_metrics` are float64 of the length of
    `METRICS` (None when not done; `test_metrics` also without held-out bars). The digests are hex. `report`: JSON, of
    signal generation.
    """

    index: int  # type: ignore[assignment]  # hides the method of tuples, which nobody asks of a result
    status: str
    params: str
    spec_hash: str
    usage: Usage
    error: str | None = None
    digest: str | None = None
    decisions_digest: str | None = None
    fills_digest: str | None = None
    signals_digest: str | None = None
    metrics: npt.NDArray[np.float64] | None = None
    test_metrics: npt.NDArray[np.float64] | None = None
    row_start: int = 0
    row_count: int = 0
    report: str | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Up to `BLOCK_CONTAINERS` results with their logs and sketches.

    `log` is an Arrow IPC stream (zstd) of `EVENT` columns; `sketch` is float32 (results, SKETCH), zstd, row i for
    result i (zeros when not done); `checksum` is the SHA-256 of both.
    """

    results: tuple[Result, ...]
    log: bytes
    sketch: bytes
    checksum: str


def encode(results: list[Result], logs: list[npt.NDArray[np.void]], sketches: npt.NDArray[np.float32]) -> Block:
    """Join the logs of `results` (same order) into one block and set each result's row range."""
    placed, start = [], 0
    for result, log in zip(results, logs, strict=True):
        there = result.row_start == start and result.row_count == len(log)
        placed.append(result if there else result._replace(row_start=start, row_count=len(log)))
        start += len(log)
    # joined as bytes: NumPy works out a common dtype of structured arrays one pair at a time
    joined = np.frombuffer(b"".join([log.tobytes() for log in logs]), EVENT)
    batch = pa.record_batch([pa.array(np.ascontiguousarray(joined[name])) for name in COLUMNS], names=list(COLUMNS))
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", ZSTD_LEVEL), use_threads=False)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    log_bytes = sink.getvalue().to_pybytes()
    sketch_bytes = pa.compress(np.ascontiguousarray(sketches, "<f4").tobytes(), codec="zstd", asbytes=True)
    return Block(tuple(placed), log_bytes, sketch_bytes, checksum(log_bytes, sketch_bytes))


def checksum(log: bytes, sketch: bytes) -> str:
    return hashlib.sha256(log + sketch).hexdigest()


def decode_log(data: bytes) -> npt.NDArray[np.void]:
    """The joined log of a block as an `EVENT` array."""
    try:
        table = pa.ipc.open_stream(data).read_all()
    except pa.ArrowInvalid as error:
        raise StoreError(f"a stored event block cannot be read ({error}); restore the database from a backup") from None
    log = empty_log(table.num_rows)
    for name in COLUMNS:
        log[name] = table.column(name).to_numpy()
    return log


def decode_sketch(data: bytes, containers: int) -> npt.NDArray[np.float32]:
    """The sketches of a block, float32 (containers, SKETCH)."""
    raw = pa.decompress(data, decompressed_size=containers * SKETCH * 4, codec="zstd", asbytes=True)
    return np.frombuffer(raw, "<f4").reshape(containers, SKETCH)
