"""Which tests come first: those that take long, so that no worker is left with them at the end."""

from pathlib import Path

import pytest

#: Folders with files of minutes.
LONG = ("browser", "faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: Path(item.path).parent.name not in LONG)
