"""A signal log as a part of a bundle: an Arrow stream of six plain columns, and beside it what they are of.

The rows are of elsewhere when they are read: nothing is unpacked, and each value must be one a log can have.
"""

import struct
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from engine.config import Section
from engine.digest import digests
from engine.errors import DataError
from engine.events import NO_CAUSE, NO_SYMBOL, VALUES, Kind, Level, Source, empty_log
from engine.signals.stored import FIRST_STRATEGY, SignalLog

#: What a signal's digest covers; the rest of a row follows from its kind.
COLUMNS: Mapping[str, Any] = {
    "bar": pa.int32(),
    "symbol": pa.int32(),
    "source": pa.int16(),
    "reason": pa.int16(),
    "kind": pa.int8(),
    "value": pa.float64(),
}
_SCHEMA = pa.schema([pa.field(name, kind, nullable=False) for name, kind in COLUMNS.items()])
MOST_ROWS = 5_000_000
#: Places of fields in the tables of Arrow's format: Message.header, RecordBatch.length, RecordBatch.compression.
_HEADER, _LENGTH, _COMPRESSION = 2, 0, 3


Name = Annotated[str, Field(min_length=1, max_length=100)]


class LogAbout(Section):
    """What a log's numbers stand for. end: as its run was told; chosen_before: see SignalLog."""

    digest: str = Field(pattern="^[0-9a-f]{64}$")
    strategies: list[Name] = Field(min_length=1, max_length=1000)
    classifier: Name
    regimes: list[Name] = Field(max_length=1000)
    symbols: list[Name] = Field(min_length=1, max_length=10_000)
    end: date | None
    bars: int = Field(ge=1, le=2**31 - 1)
    first: int = Field(ge=0)
    chosen_before: date | None


def about(log: SignalLog) -> LogAbout:
    """What is said of a log beside its rows."""
    return LogAbout(
        digest=log.digest,
        strategies=list(log.strategies),
        classifier=log.classifier,
        regimes=list(log.regimes),
        symbols=list(log.symbols),
        end=log.end,
        bars=log.bars,
        first=log.first,
        chosen_before=log.chosen_before,
    )


def encode(rows: npt.NDArray[np.void]) -> bytes:
    """SIGNAL and REGIME rows as an Arrow stream, uncompressed."""
    arrays = [pa.array(np.ascontiguousarray(rows[name])) for name in COLUMNS]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA, options=pa.ipc.IpcWriteOptions(use_threads=False)) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
    data: bytes = sink.getvalue().to_pybytes()
    return data


def decode(data: bytes, told: LogAbout, dataset: str, dataset_name: str) -> SignalLog:
    """The log in a part. Raises DataError for bytes that are none, or whose digest is another."""
    where = f"logs/{told.digest[:12]}….arrow"
    try:
        columns = _columns(data)
    except Exception as error:  # whatever bytes made to do harm can do to a reader
        why = str(error).splitlines()[0][:100] if str(error) else "damaged"
        raise DataError(f"{where} is no signal log ({why})") from None
    rows = _rows(columns, told, where)
    if digests(rows).signals != told.digest:
        raise DataError(f"{where}: its signals have another digest than its name; they were changed")
    return SignalLog(
        reference=told.digest,
        digest=told.digest,
        rows=rows,
        strategies=tuple(told.strategies),
        classifier=told.classifier,
        regimes=tuple(told.regimes),
        dataset=dataset,
        dataset_name=dataset_name,
        symbols=tuple(told.symbols),
        end=told.end,
        bars=told.bars,
        first=told.first,
        chosen_before=told.chosen_before,
    )


def _columns(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """The columns of an Arrow stream of one uncompressed batch of COLUMNS; ValueError or an Arrow error if it is not.

    The metadata is looked at before anything is allocated for it: a packed batch could be of any size.
    """
    messages = iter(pa.ipc.MessageReader.open_stream(data))
    first, batch = next(messages, None), next(messages, None)
    if first is None or batch is None or (first.type, batch.type) != ("schema", "record batch"):
        raise ValueError("not one batch")
    if next(messages, None) is not None:
        raise ValueError("more than one batch")
    schema = pa.ipc.read_schema(first)
    if not schema.equals(_SCHEMA, check_metadata=False) or schema.metadata:
        raise ValueError("other columns")
    length = _plain_length(batch.metadata.to_pybytes())
    width = sum(kind.bit_width // 8 for kind in COLUMNS.values())
    if not 0 <= length <= MOST_ROWS or length * width > batch.body.size:
        raise ValueError("more rows than bytes")
    found = pa.ipc.read_record_batch(batch, schema)
    found.validate(full=True)
    if found.num_rows != length or any(column.null_count for column in found.columns):
        raise ValueError("values are missing")
    return {name: found.column(name).to_numpy(zero_copy_only=False) for name in COLUMNS}


def _plain_length(metadata: bytes) -> int:
    """The rows of an uncompressed record batch, from its flatbuffer. ValueError for a compressed one."""
    header = _table(metadata, _slot(metadata, _table(metadata, 0), _HEADER))
    if _slot(metadata, header, _COMPRESSION):
        raise ValueError("it is packed")
    place = _slot(metadata, header, _LENGTH)
    return int(struct.unpack_from("<q", metadata, place)[0]) if place else 0


def _table(data: bytes, place: int) -> int:
    """Where the table begins that an offset at `place` leads to."""
    return place + int(struct.unpack_from("<I", data, place)[0])


def _slot(data: bytes, table: int, number: int) -> int:
    """Where a table's field lies; 0 when it has none."""
    directory = table - int(struct.unpack_from("<i", data, table)[0])
    if directory < 0:
        raise ValueError("damaged")
    size, place = int(struct.unpack_from("<H", data, directory)[0]), 4 + 2 * number
    offset = int(struct.unpack_from("<H", data, directory + place)[0]) if place + 2 <= size else 0
    return table + offset if offset else 0


def _rows(columns: dict[str, npt.NDArray[Any]], told: LogAbout, where: str) -> npt.NDArray[np.void]:
    """EVENT rows, each as the engine would have written it. DataError for a value that no log has."""
    rows = empty_log(len(columns["bar"]))
    for name in (*VALUES, "cause"):
        rows[name] = np.nan if name in VALUES else NO_CAUSE
    for name, values in columns.items():
        rows[name] = values
    signal, regime = rows["kind"] == Kind.SIGNAL, rows["kind"] == Kind.REGIME
    rows["level"] = np.where(signal, Level.STRATEGY, Level.CLASSIFIER)
    value, symbol, source, code = (rows[name] for name in ("value", "symbol", "source", "reason"))
    said = (np.abs(value) <= 1.0 + 1e-9) & (symbol >= 0) & (symbol < len(told.symbols)) & (code == 0)
    said &= (source >= FIRST_STRATEGY) & (source < FIRST_STRATEGY + len(told.strategies))
    labelled = np.isnan(value) & (symbol == NO_SYMBOL) & (code >= 0) & (code < len(told.regimes))
    labelled &= source == Source.CLASSIFIER
    bars = rows["bar"]
    inside = (bars >= told.first) & (bars < told.bars)
    if not ((signal & said) | (regime & labelled)).all() or not inside.all() or (np.diff(bars) < 0).any():
        raise DataError(f"{where} holds a row that no signal log has; make the bundle again")
    return rows
