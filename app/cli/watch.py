"""`bulkhead runs --watch`: the runs on their way and the containers that run now, until nothing runs any more."""

import contextlib
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from app.cli.common import console
from app.cli.tables import seconds, table
from app.services import pace, steering
from app.services.pace import Seen

if TYPE_CHECKING:
    from db.store import RunState, Store

#: Seconds between two looks.
_BEAT = 0.5
#: More containers than this are counted, not listed.
_LISTED = 16
_LIVE = ("queued", "running")


def watch(store: "Store") -> None:
    """Show how the runs go, drawn anew on a terminal, else a line for each change. Ends with Ctrl-C too."""
    watched = _Watched(store)
    with contextlib.suppress(KeyboardInterrupt):
        (_drawn if sys.stdout.isatty() else _told)(watched)


class _Watched:
    """The runs that were on their way at one of the looks so far, and how fast they go."""

    def __init__(self, store: "Store") -> None:
        self.store = store
        self.runs: list[RunState] = []
        self.now: list[steering.RunningNow] = []
        self.places: dict[int, list[int]] = {}
        self._known: set[int] = set()
        self._first: dict[tuple[int, int], Seen] = {}

    def look(self) -> bool:
        """Look once; whether anything is still on its way."""
        states = self.store.states()
        live = {run.id for run in states if run.status in _LIVE and run.pid is not None}
        self._known |= live
        self.runs = [run for run in states if run.id in self._known]
        for run in self.runs:
            if run.status == "running" and (seen := pace.seen(run)):
                self._first.setdefault((run.id, run.epoch), seen)
        self.now = steering.running_now(self.store, self.runs)
        self.places = {
            run.id: before
            for run in self.runs
            if run.status == "queued"
            and steering.waits(self.store, run.id)
            and (before := steering.ahead(states, run.id))
        }
        return bool(live)

    def row(self, run: "RunState") -> tuple[str, ...]:
        """A run in words: number, name, status, progress, failed, rate, time to go."""
        ended = run.done + run.failed
        going = pace.rate(run, self._first.get((run.id, run.epoch))) if run.status == "running" else None
        share = f"{ended:,} of {run.containers:,} ({100 * ended / run.containers:.0f} %)"
        per_second = f"{going:,.3g}/s" if going and going < 10 else f"{going:,.0f}/s" if going else "–"
        left = seconds(pace.to_go(run, going))
        return str(run.id), run.name, self._status(run), share, str(run.failed), per_second, left

    def _status(self, run: "RunState") -> str:
        before = self.places.get(run.id)
        return f"queued, after run {before[-1]}" if before else run.status


def _drawn(watched: _Watched) -> None:
    from rich.console import Group
    from rich.live import Live

    def picture() -> Any:
        heads = ("run", "name", "status", "containers", "failed", "rate", "to go")
        parts: list[Any] = [table(heads, map(watched.row, watched.runs), left=(1, 2))]
        if watched.now:
            parts += ["", table(("container now", "time", "CPU", "memory (MiB)"), _containers(watched.now))]
        more = len(watched.now) - _LISTED
        return Group(*parts, *([f"and {more:,} more"] if more > 0 else []))

    if not watched.look():
        console().print("nothing runs now")
        return
    with Live(picture(), console=console(), auto_refresh=False) as live:
        going = True
        while going:
            time.sleep(_BEAT)
            going = watched.look()
            live.update(picture(), refresh=True)


def _containers(now: Iterable[steering.RunningNow]) -> list[tuple[str, ...]]:
    longest = sorted(now, key=lambda one: (-one.seconds, one.run, one.index))[:_LISTED]
    return [
        (f"{one.run}/{one.index}", seconds(one.seconds), seconds(one.cpu), f"{one.memory_mb:,.0f}") for one in longest
    ]


def _told(watched: _Watched) -> None:
    """Lines: of each run one for each change of its status or its progress."""
    said: dict[int, tuple[Any, ...]] = {}
    going = watched.look()
    if not going:
        console().print("nothing runs now")
    while True:
        for run in watched.runs:
            state = run.status, run.done, run.failed, watched.places.get(run.id)
            if said.get(run.id) != state:
                said[run.id] = state
                number, name, status, share, failed, rate, left = watched.row(run)
                speed = f", {rate}, {left} to go" if rate != "–" else ""
                running = [f"{run.id}/{one.index}" for one in watched.now if one.run == run.id]
                names = ", ".join(running[:_LISTED])
                now = f"; now {names}{' …' if len(running) > _LISTED else ''}" if running else ""
                console().print(f"run {number} {name}: {status}, {share}, {failed} failed{speed}{now}", soft_wrap=True)
                sys.stdout.flush()
        if not going:
            return
        time.sleep(_BEAT)
        going = watched.look()
