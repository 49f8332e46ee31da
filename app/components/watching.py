"""Runs as they go: how far each is, and a page that notices what began or ended elsewhere.

A look is one query of a few columns; the page is drawn anew only when a run has come, begun or ended.
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
#: Seconds between two looks: at a run that is on its way, and for one that somebody else may start.
BEAT, IDLE = 1.5, 2.0
STATE = st.session_state

States = frozenset[tuple[int, str]]


def watch(home: Home, runs: Sequence[RunSummary]) -> None:
    """Show how far the live runs are; draw the page anew when it no longer shows all runs as they stand."""
    live = [run for run in runs if run.status in LIVE]
    st.fragment(_look, run_every=BEAT if live else IDLE)(home, drawn(runs), live)


def drawn(runs: Iterable[RunSummary | RunState]) -> States:
    """What a page shows of its runs that, when it changes, it is drawn anew for."""
    return frozenset((run.id, run.status) for run in runs)


def _look(home: Home, states: States, live: Sequence[RunSummary]) -> None:
    try:
        with home.store() as store:
            now = {state.id: state for state in store.states()}
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    for run in live:
        if run.id in now:
            _bar(run, now[run.id])
    if drawn(now.values()) != states:
        st.rerun()


def _bar(run: RunSummary, now: RunState) -> None:
    """A run's progress as one piece of HTML: Streamlit's own bar glides, which costs a browser more than all the rest,
    on the cores that the run would use."""
    counted = now.done + now.failed
    share = min(1.0, counted / run.containers if run.containers else 0.0)
    bar = f'<progress max="1" value="{share:.4f}" aria-label="Progress of run {run.id}"></progress>'
    st.html(
        '<div class="bh-progress">'
        + html.heading(f"Run {run.id} · {run.name}", now.status)
        + bar
        + html.facts(_pace(run, now, counted))
        + "</div>"
    )


def _pace(run: RunSummary, now: RunState, counted: int) -> list[tuple[str, object]]:
    """Counts, rate and time to go, from what is committed."""
    found: list[tuple[str, object]] = [
        ("Containers", f"{counted:,} of {run.containers:,}"),
        ("Failed", f"{now.failed:,}"),
    ]
    rate = _rate(run, now, counted)
    if rate is None:
        return [*found, ("", "starting workers; the first run of a version compiles its kernels")]
    return [*found, ("Rate", f"{rate:,.0f} a second"), ("To go", seconds((run.containers - counted) / rate))]


def _rate(run: RunSummary, now: RunState, counted: int) -> float | None:
    """Containers a second: since this page first looked, or, until that says something, since the run began."""
    if not counted or now.heartbeat is None:
        return None
    at = datetime.fromisoformat(now.heartbeat)
    looked = STATE.setdefault(f"pace-{run.id}", (counted, at))
    begun = [(0, datetime.fromisoformat(now.started))] if now.started else []
    for count, since in (looked, *begun):
        passed = (at - since).total_seconds()
        if passed > 1.0 and counted > count:
            return (counted - count) / passed
    return None
