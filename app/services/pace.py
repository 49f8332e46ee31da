"""How fast a run goes, from what is committed."""

from datetime import datetime

from db.store import RunState

#: What somebody saw of a run before: how many containers had ended, and when the last of them was committed.
Seen = tuple[int, datetime]


def seen(run: RunState) -> Seen | None:
    """A look at a run, to compare later ones with; None while nothing of it is committed."""
    if run.heartbeat is None or not run.done + run.failed:
        return None
    return run.done + run.failed, datetime.fromisoformat(run.heartbeat)


def rate(run: RunState, first: Seen | None = None) -> float | None:
    """Containers a second: since `first`, the first look at it, or, until that says something, since the run began.

    None while nothing can be said.
    """
    now = seen(run)
    if now is None:
        return None
    # of a run that went on the start says nothing: it may have lain still for days
    begun = [(0, datetime.fromisoformat(run.started))] if run.started and run.epoch == 1 else []
    for count, since in (*([first] if first else []), *begun):
        passed = (now[1] - since).total_seconds()
        if passed > 1.0 and now[0] > count:
            return (now[0] - count) / passed
    return None


def to_go(run: RunState, rate: float | None) -> float | None:
    """Seconds until the run's last container has ended, at that rate."""
    return (run.containers - run.done - run.failed) / rate if rate else None
