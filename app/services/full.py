"""What a runner does when a disk is full: it keeps what is stored and pauses, to go on when there is room."""

import errno
from contextlib import suppress

from db.store import Lease, Store
from engine.errors import DiskFullError, StoreError


def full(error: BaseException) -> str | None:
    """What is full, if that is what `error` says."""
    if isinstance(error, DiskFullError):
        return str(error).partition(";")[0]
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no room is left for {error.filename}" if error.filename else "no room is left on a disk"
    return None


def pause(store: Store, lease: Lease, reason: str) -> str:
    """Mark the run as paused, in the room that was kept for it; returns the line that says why and how to go on.

    Where even that cannot be written, the run shows as interrupted.
    """
    line = f"run {lease.run_id} is paused: {reason}; make room, then 'bulkhead resume {lease.run_id}' goes on"
    lease.spend_reserve()
    with suppress(StoreError):
        store.finish(lease, "paused", error=line)
    return line
