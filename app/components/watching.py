"""Runs as they go: how far each is, and a page that notices what began or ended elsewhere.

A look is one query of a few columns. The page is drawn anew only when a run has ended: tables are heavy, and a run that
is on its way wants the cores that would draw them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import streamlit as st

from app.components import html
from app.components.numbers import seconds
from app.services.home import Home
from db.store import RunState, RunSummary
from engine.errors import InputError

LIVE = ("queued", "running")
#: Seconds between two looks: by a tab whose address names a run that is on its way, and by any other. A look costs a
#: browser some 50 ms of a core that the run would use.
BEAT, IDLE = 1.5, 3.0
STATE = st.session_state

Ended = frozenset[tuple[int, str]]


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
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    for run in now[::-1]:
        if run.status in LIVE:
            _bar(run)
    if ended(now) != shown or bool(now) != any_run:
        st.rerun()


def _bar(run: RunState) -> None:
    """A run's progress as one piece of HTML: Streamlit's own bar glides, which costs a browser more than all the rest,
    on the cores that the run would use."""
    counted = run.done + run.failed
    share = min(1.0, counted / run.containers if run.containers else 0.0)
    bar = f'<progress max="1" value="{share:.4f}" aria-label="Progress of run {run.id}"></progress>'
    st.html(
        '<div class="bh-progress">'
        + html.heading(f"Run {run.id} · {run.name}", run.status)
        + bar
        + html.facts(_pace(run, counted))
        + "</div>"
    )


def _pace(run: RunState, counted: int) -> list[tuple[str, object]]:
    """Counts, rate and time to go, from what is committed."""
    found: list[tuple[str, object]] = [
        ("Containers", f"{counted:,} of {run.containers:,}"),
        ("Failed", f"{run.failed:,}"),
    ]
    rate = _rate(run, counted)
    if rate is None:
        return [*found, ("", "starting workers; the first run of a version compiles its kernels")]
    return [*found, ("Rate", f"{rate:,.0f} a second"), ("To go", seconds((run.containers - counted) / rate))]


def _rate(run: RunState, counted: int) -> float | None:
    """Containers a second: since this page first looked, or, until that says something, since the run began."""
    if not counted or run.heartbeat is None:
        return None
    at = datetime.fromisoformat(run.heartbeat)
    looked = STATE.setdefault(f"pace-{run.id}", (counted, at))
    begun = [(0, datetime.fromisoformat(run.started))] if run.started else []
    for count, since in (looked, *begun):
        passed = (at - since).total_seconds()
        if passed > 1.0 and counted > count:
            return (counted - count) / passed
    return None
