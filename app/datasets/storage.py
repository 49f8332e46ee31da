"""The stored form of a dataset: one Parquet file of long rows, with its description in the schema's metadata."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from engine.errors import DataError
from engine.market.actions import Action, ends
from engine.market.dataset import Dataset, canonical_hash, describe, sessions_of
from engine.market.market import ACTION, COLUMNS, Market

#: What `atomic` writes before it has its name; a pattern.
DRAFTS = ".*.*-????????"
_KEY = b"bulkhead"
#: The bars have their hash; this is the description's, as calendar and adjustment are no part of it.
_CHECKSUM = b"bulkhead.sha256"
#: Corporate actions as columns.
ACTIONS = {"split": Action.SPLIT, "dividend": Action.DIVIDEND}


def write(market: Market, path: Path) -> None:
    """Store `market` at `path`, whole or not at all: rows by symbol, then time (int64 ns UTC), then the five values.

    After them come `split` and `dividend` where there are any (NaN on bars without), then the features by name. Ends of
    symbols follow from the bars and are not stored.
    """
    values = {name: getattr(market, name) for name in COLUMNS} | stated(market) | dict(market.features)
    rows: dict[str, Any] = {"time": [], "symbol": []} | {name: [] for name in values}
    for s in range(len(market.symbols)):
        own = np.flatnonzero(market.valid[:, s])
        rows["time"].append(market.time[own])
        rows["symbol"].append(np.full(len(own), s, dtype=np.int32))
        for name, array in values.items():
            rows[name].append(array[own, s])
    columns = {name: np.concatenate(parts) for name, parts in rows.items()}
    symbols = pa.DictionaryArray.from_arrays(pa.array(columns.pop("symbol")), pa.array(market.symbols, pa.string()))
    table = pa.table({"time": columns.pop("time"), "symbol": symbols, **columns})
    description = json.dumps(asdict(replace(describe(market), name="", version=0)), sort_keys=True).encode()
    table = table.replace_schema_metadata({_KEY: description, _CHECKSUM: sha256(description).hexdigest().encode()})
    with atomic(path) as file:
        pq.write_table(table, file, compression="zstd")


def stated(market: Market) -> dict[str, npt.NDArray[np.float64]]:
    """Splits and dividends as columns, float64 (bars, symbols): of a kind only where there is one."""
    columns = {}
    for name, kind in ACTIONS.items():
        stated = market.actions[market.actions["kind"] == kind]
        if len(stated):
            columns[name] = np.full(market.valid.shape, np.nan)
            columns[name][stated["bar"], stated["symbol"]] = stated["value"]
    return columns


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends well, and leaves nothing behind when not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else a power cut could lose the new name
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


def read_description(path: Path) -> Dataset:
    """The description of the dataset stored at `path`, without its bars. Raises DataError when it cannot be read."""
    try:
        return _description(pq.read_schema(path))
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from None


def read(path: Path) -> Market:
    """The market stored at `path`. Raises DataError when it is damaged: its bars must have the hash they state."""
    try:
        table = pq.ParquetFile(path).read()  # read_table would take `a=b` in a folder's name for a column
        dataset = _description(table.schema)
        market = _market(table, dataset)
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError, IndexError, DataError) as error:
        raise _damaged(path, error) from None
    columns = {name: getattr(market, name) for name in COLUMNS}
    if canonical_hash(market.time, market.symbols, columns, market.actions, market.features) != dataset.hash:
        raise _damaged(path, "its bars do not have its hash")
    return market


def _description(schema: pa.Schema) -> Dataset:
    metadata = schema.metadata or {}
    if sha256(metadata[_KEY]).hexdigest().encode() != metadata[_CHECKSUM]:
        raise ValueError("its description does not have its checksum")
    fields = json.loads(metadata[_KEY])
    return Dataset(**fields | {name: tuple(fields.get(name, ())) for name in ("symbols", "features")})


def _market(table: pa.Table, dataset: Dataset) -> Market:
    rows = table["time"].to_numpy()
    names = table["symbol"].combine_chunks().cast(pa.dictionary(pa.int32(), pa.string()))
    place = np.array([dataset.symbols.index(name) for name in names.dictionary.to_pylist()], dtype=np.int64)
    time, bar = np.unique(rows, return_inverse=True)
    symbol = place[names.indices.to_numpy()]
    kinds = {name: kind for name, kind in ACTIONS.items() if name in table.column_names}
    columns = {}
    for name in (*COLUMNS, *kinds, *dataset.features):
        columns[name] = np.full((len(time), len(dataset.symbols)), np.nan)
        columns[name][bar, symbol] = table[name].to_numpy()
    actions = [_actions(columns[name], kind) for name, kind in kinds.items()]
    return Market.from_columns(
        dataset.symbols,
        time,
        *(columns[name] for name in COLUMNS),
        session=sessions_of(time, dataset.frequency, dataset.zone),
        dataset=dataset.hash,
        frequency=dataset.frequency,
        bars_per_year=dataset.bars_per_year,
        sessions_per_year=dataset.sessions_per_year,
        adjustment=dataset.adjustment,
        zone=dataset.zone,
        actions=np.concatenate([*actions, ends(np.isfinite(columns["close"]))]),
        features={name: columns[name] for name in dataset.features},
    )


def _actions(values: npt.NDArray[np.float64], kind: Action) -> npt.NDArray[np.void]:
    """ACTION of a column (bars, symbols) of splits or dividends."""
    bar, symbol = np.nonzero(~np.isnan(values))
    actions = np.empty(len(bar), ACTION)
    actions["bar"], actions["symbol"], actions["kind"], actions["value"] = bar, symbol, int(kind), values[bar, symbol]
    return actions


def _damaged(path: Path, why: object) -> DataError:
    reason = str(why).splitlines()[0] if str(why) else type(why).__name__
    return DataError(f"{path}: the stored dataset is damaged ({reason}); remove this file and add the data again")
