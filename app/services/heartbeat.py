"""The sign of life of a runner, however long its containers take."""

import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from db.store import Lease, Store
from engine.errors import StoreError

#: Seconds between two signs; well below `db.lease.STALE`.
BEAT = 10.0


class Heartbeat:
    """Gives a sign of life for the holder of a lease while it is open. A context manager."""

    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._lease = lease
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{lease.run_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(StoreError):  # what is wrong with the database, the next commit will say
                self._store.beat(self._lease)
