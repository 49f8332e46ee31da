"""The home: the folder with the database, the datasets and the user's own stages. Everything starts from it."""

import os
from pathlib import Path

import platformdirs

from app.datasets.library import DatasetLibrary
from db.store import Store
from engine.errors import StoreError

VARIABLE = "BULKHEAD_HOME"


class Home:
    """One home. `path` is made when it is not there. Raises StoreError when it cannot be."""

    def __init__(self, path: Path | None = None) -> None:
        named = path or os.environ.get(VARIABLE) or platformdirs.user_data_dir("bulkhead")
        self.path = Path(named).expanduser().resolve()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the home {self.path} cannot be made: {error.strerror}; choose another with --home") from None

    @property
    def datasets(self) -> DatasetLibrary:
        return DatasetLibrary(self.path)

    def store(self) -> Store:
        """The database, opened (made or migrated as needed). Use as a context manager."""
        return Store(self.path)
