"""The home: the folder with the database, the datasets and the user's own stages. Everything starts from it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from app.services import paths
from engine.errors import StoreError

if TYPE_CHECKING:  # imported where they are used: a command that only lists runs need not wait for pandas
    from app.datasets.library import DatasetLibrary
    from db.store import Store

VARIABLE = "BULKHEAD_HOME"


class Home:
    """One home. `path` is made when it is not there. Raises StoreError when it cannot be.

    `beside`: the home whose datasets, stages and cache this one uses, with a database of its own.
    """

    def __init__(self, path: Path | None = None, beside: "Home | None" = None) -> None:
        named = paths.own(path or os.environ.get(VARIABLE) or platformdirs.user_data_dir("bulkhead"), "--home")
        try:
            self.path = named.resolve()
            self.path.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError) as error:  # the second: links that go round in circles
            reason = getattr(error, "strerror", None) or str(error)
            raise StoreError(f"the home {named} cannot be made: {reason}; choose another with --home") from None
        #: The folder with the datasets, the stages and the cache.
        self.library = beside.library if beside else self.path

    def within(self, *names: str, what: str = "name") -> Path:
        """A path under the home, by the names of its parts. Raises InputError: see `app.services.paths`."""
        return paths.inside(self.path, *names, what=what)

    @property
    def datasets(self) -> "DatasetLibrary":
        from app.datasets.library import DatasetLibrary

        return DatasetLibrary(self.library)

    def store(self) -> "Store":
        """The database, opened (made or migrated as needed). Use as a context manager."""
        from db.store import Store

        return Store(self.path)
