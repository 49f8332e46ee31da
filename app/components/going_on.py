"""Going on with a run that ended early, and running again what failed in it: each in a process of its own."""

import time

import streamlit as st

from app.components import html, where
from app.components.numbers import many
from app.services import launch
from app.services.home import Home
from db.store import Run
from engine.errors import InputError

#: How a run ends that can go on.
BROKEN = ("interrupted", "paused", "stopped", "failed")
STATE = st.session_state
STARTING, STARTED_AT, REFUSED = (f"resume.{name}" for name in ("starting", "at", "refused"))


def offers(run: Run) -> bool:
    """Whether a run can go on."""
    return run.status in BROKEN and run.pid is None


def buttons(run: Run) -> None:
    """Resume, and Run the failed again, where they make sense, and where they run. While one starts, both wait."""
    again = bool(run.failed) and run.pid is None and run.status in (*BROKEN, "done")
    if not (offers(run) or again):
        return
    place = where.menu(f"resume-{run.id}", run.backend)
    waiting = STARTING in STATE or bool(place.problem)
    if offers(run):
        st.button(
            "Resume",
            type="primary",
            icon=":material/play_arrow:",
            help=place.problem or "Runs what is not stored yet; the digest is that of an unbroken run.",
            on_click=_ask,
            args=(run.id, False, place.scheduler),
            disabled=waiting,
            key="resume",
        )
    if again:
        left = run.containers - run.done - run.failed
        more = f", and {many(left, 'container')} that did not run yet" if left else ""
        st.button(
            "Run the failed again",
            icon=":material/restart_alt:",
            help=place.problem or f"Takes back {many(run.failed, 'container')} that failed and runs them anew{more}.",
            on_click=_ask,
            args=(run.id, True, place.scheduler),
            disabled=waiting,
            key="again",
        )


def go_on(home: Home, run: Run) -> None:
    """Do what was asked of this run, or say why it cannot be done."""
    run_id, failed, scheduler = STATE.get(STARTING, (None, False, None))
    if run_id == run.id:
        STATE.pop(REFUSED, None)
        try:
            with st.spinner("Starting…"):
                launch.resume(home, run_id, failed, scheduler=scheduler)
            st.query_params["run"] = str(run_id)
        except InputError as error:
            STATE[REFUSED] = run_id, str(error)
        finally:
            STATE[STARTED_AT] = time.monotonic()
            STATE.pop(STARTING, None)
        st.rerun()
    about, problem = STATE.get(REFUSED, (None, ""))
    if about == run.id:
        st.html(html.notice(problem, "error"))


def _ask(run_id: int, failed: bool, scheduler: str | None) -> None:
    """Remember to start; the buttons are drawn waiting. A double click is one click."""
    if time.monotonic() - STATE.get(STARTED_AT, -1.0) > 1.0:
        STATE[STARTING] = run_id, failed, scheduler
