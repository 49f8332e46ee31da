"""An open store in an empty home."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.engine import FILE
from db.store import Store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without runs; copying it is quicker than making one."""
    home = tmp_path_factory.mktemp("empty")
    Store(home).close()
    return home / FILE


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Iterator[Store]:
    shutil.copy(empty_database, tmp_path)
    with Store(tmp_path) as opened:
        yield opened
