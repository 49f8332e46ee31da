"""Runs as they go: how far each is, and a page that notices what began or ended elsewhere.

A look is one query of a few columns, and the notes of what runs now: a small file for each worker. The page is drawn
anew only when a run has ended: tables are heavy, and a run that is on its way wants the cores that would draw them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app.components import control, html
from app.components.numbers import seconds
from app.services import pace, steering
from app.services.home import Home
from app.services.steering import RunningNow
from db.store import RunState, RunSummary
from engine.errors import InputError

LIVE = ("queued", "running")
#: Seconds between two looks: by a tab whose address names a run that is on its way, and by any other. A look costs a
#: browser some 50 ms of a core that the run would use.
BEAT, IDLE = 1.5, 3.0
STATE = st.session_state

Ended = frozenset[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class _Glance:
    """What one look found: the containers that run now, and for each run in the queue the runs before it."""

    home: Home
    running: list[RunningNow]
    before: Mapping[int, Sequence[int]]


def watch(home: Home, runs: Sequence[RunSummary]) -> None:
    """Show how far the live runs are; draw the page anew when it no longer shows all that have ended as they stand."""
    live = {str(run.id) for run in runs if run.status in LIVE}
    beat = BEAT if st.query_params.get("run") in live else IDLE
    st.fragment(_look, run_every=beat)(home, ended(runs), bool(runs))


def ended(runs: Iterable[RunSummary | RunState]) -> Ended:
    """What a page shows of its runs that, when it changes, it is drawn anew for."""
    return frozenset((run.id, run.status) for run in runs if run.status not in LIVE)


def _look(home: Home, shown: Ended, any_run: bool) -> None:
    """`shown`: the runs that the page has as ended; `any_run`: whether it knows of one at all."""
    try:
        with home.store() as store:
            now = store.states()
            live = [run for run in now[::-1] if run.status in LIVE]
            seen = _Glance(
                home,
                steering.running_now(store, live),
                {run.id: steering.ahead(now, run.id) for run in live if steering.waits(store, run.id)},
            )
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    for run in live:
        _box(seen, run)
    if ended(now) != shown or bool(now) != any_run:
        st.rerun()


def _box(seen: _Glance, run: RunState) -> None:
    """A run on its way: how far it is, what can be asked of it, and which of its containers run now."""
    with st.container(border=True, gap="small", key=f"live-{run.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"live-head-{run.id}"):
            st.html(html.heading(f"Run {run.id} · {run.name}", run.status), width="stretch")
            control.buttons(seen.home, run)
        _bar(run, seen.before.get(run.id, ()))
        control.containers(run, [one for one in seen.running if one.run == run.id])


def _bar(run: RunState, before: Sequence[int]) -> None:
    """A run's progress as one piece of HTML: Streamlit's own bar glides, which costs a browser more than all the rest,
    on the cores that the run would use."""
    share = min(1.0, (run.done + run.failed) / run.containers if run.containers else 0.0)
    bar = f'<progress max="1" value="{share:.4f}" aria-label="Progress of run {run.id}"></progress>'
    st.html('<div class="bh-progress">' + bar + html.facts(_pace(run, before)) + "</div>")


def _pace(run: RunState, before: Sequence[int]) -> list[tuple[str, object]]:
    """Counts, rate and time to go, from what is committed; in the queue, the runs before it."""
    counted = run.done + run.failed
    found: list[tuple[str, object]] = [
        ("Containers", f"{counted:,} of {run.containers:,}"),
        ("Failed", f"{run.failed:,}"),
    ]
    if before:
        return [*found, ("In the queue", f"after run{'s' if len(before) > 1 else ''} {', '.join(map(str, before))}")]
    if (seen := pace.seen(run)) is not None:
        first = STATE.setdefault(f"pace-{run.id}-{run.epoch}", seen)
        if (rate := pace.rate(run, first)) is not None:
            per_second = f"{rate:,.0f}" if rate >= 10 else f"{rate:,.2g}"
            return [*found, ("Rate", f"{per_second} a second"), ("To go", seconds(pace.to_go(run, rate)))]
    if counted:
        return found
    return [*found, ("", "starting workers; the first run of a version compiles its kernels")]
