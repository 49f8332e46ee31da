"""How a bad row is refused: the file, the row as an editor counts it, the reason."""

from engine.errors import DataError


def refuse(file: str, row: int, reason: str) -> DataError:
    """The error to raise. `row` is 1-based; a CSV file's header is its row 1."""
    return DataError(f"{file}: row {int(row)}: {reason}")
