"""The rows that were left out when files became a dataset: kept beside it, for each name that has it.

They are no part of the dataset, nor of its hash: `<hash>.dropped.parquet` says of each name what was left out when it
was last given these bars.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from app.datasets.refusal import Dropped
from app.datasets.storage import atomic
from engine.errors import DataError

_SCHEMA = pa.schema(
    [("name", pa.string()), ("file", pa.string()), ("row", pa.int64()), ("reason", pa.string()), ("text", pa.string())]
)


def write(path: Path, name: str, dropped: Sequence[Dropped]) -> None:
    """Keep at `path` what was left out for `name`; what other names have there stays."""
    rows = [row for row in _rows(path) if row["name"] != name]
    rows += [
        {"name": name, "file": one.file, "row": one.row, "reason": one.reason, "text": _storable(one.text)}
        for one in dropped
    ]
    if not rows:
        path.unlink(missing_ok=True)
        return
    with atomic(path) as file:
        pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), file, compression="zstd")


def read(path: Path, name: str) -> tuple[Dropped, ...]:
    """What was left out for `name`, in order of files and rows; for "", that of every name. DataError if damaged."""
    return tuple(
        Dropped(row["file"], row["row"], row["reason"], row["text"]) for row in _rows(path) if name in ("", row["name"])
    )


def reasons(dropped: Sequence[Dropped]) -> dict[str, int]:
    """How many rows were left out for each reason, the commonest first."""
    return dict(Counter(one.reason for one in dropped).most_common())


def _rows(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    try:
        return pq.ParquetFile(path).read().cast(_SCHEMA).to_pylist()
    except (OSError, pa.ArrowException, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path}: the list of dropped rows is damaged ({reason}); remove it, or add the data again"
        ) from None


def _storable(text: str) -> str:
    """`text` without what UTF-8 cannot hold."""
    return text.encode(errors="replace").decode()
