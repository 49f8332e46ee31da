"""Beside the form: what would run, how long it would take, the button that runs it, and the TOML."""

import time

import streamlit as st

from app import navigation
from app.components import html, where
from app.components.numbers import many, seconds
from app.forms import state
from app.services import drafting, running
from app.services.drafting_check import Outlook, Problem, located
from app.services.estimating import Estimate, size
from app.services.home import Home
from app.services.launch import launch
from engine.errors import InputError

STATE = st.session_state
STARTING, STARTED_AT, LAUNCHED, REFUSED = (f"experiment.{name}" for name in ("starting", "at", "launched", "refused"))


def aside(home: Home, outlook: Outlook, estimate: Estimate | None) -> None:
    """The whole column."""
    broken = STATE.get(state.TEXT_PROBLEM)
    problem = refused() or outlook.problem
    st.html(html.stats(_figures(outlook, estimate)))
    if estimate is not None and outlook.problem is None:
        st.html(f'<div class="bh-note">Estimated {html.escape(estimate.source)}.</div>')
    wrong = broken or (problem and _placed(problem))
    if wrong:
        st.html(html.notice(wrong, "error"))
    place = where.where("run")
    below = st.container()
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Run",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_ask,
            disabled=STARTING in STATE or bool(broken or place.problem),
            key="run-draft",
        )
        name = str(drafting.value(state.draft(), ("experiment", "name"), "experiment"))
        file = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:80] or "experiment"
        st.download_button(
            "Save TOML",
            lambda: STATE[state.TEXT],  # as a text it would be a new file at every edit, and the last one gone too soon
            f"{file}.toml",
            "application/toml",
            icon=":material/download:",
            on_click="ignore",
        )
        if broken:
            st.button("Discard this text", icon=":material/undo:", on_click=state.discard_text, key="discard")
    STATE.setdefault(state.EDITOR, STATE[state.TEXT])
    st.text_area(
        "TOML",
        key=state.EDITOR,
        height=430,
        on_change=state.apply_text,
        help="The form and this text are one draft. Ctrl + Enter applies an edit of the text; an edit in the form "
        "writes the text anew, without comments.",
    )
    _start(home, below, place.scheduler)


def _figures(outlook: Outlook, estimate: Estimate | None) -> list[tuple[str, str, str]]:
    if not outlook.containers:
        return [("Containers", "–", "see what is wrong below"), ("Time", "–", ""), ("Space", "–", "")]
    about = "about " if outlook.about else ""
    branches = f"in {outlook.branches:,} branches" if outlook.branches > 1 else "one for each combination"
    found = [("Containers", f"{about}{outlook.containers:,}", branches)]
    if estimate is None or outlook.problem is not None:
        return [*found, ("Time", "–", ""), ("Space", "–", "")]
    bars = f"{outlook.bars:,} bars × {many(outlook.symbols, 'symbol')}"
    return [
        *found,
        ("Time", f"≈ {seconds(estimate.seconds)}", bars),
        ("Space", f"≈ {size(estimate.size)}", "of results"),
    ]


def _placed(problem: Problem) -> str:
    """A problem with the place that it is about in words: "Risk 2, stop_loss: must be less than 1"."""
    if problem.place is None:
        return problem.text
    section, *keys = problem.place
    words = str(section).capitalize()
    if keys and isinstance(keys[0], int):
        several = len(drafting.tables(state.draft(), str(section))) > 1
        words += f" {keys[0] + 1}" if several else ""
        keys = keys[1:]
    return f"{words}{', ' if keys else ''}{'.'.join(map(str, keys))}: {problem.text}"


def refused() -> Problem | None:
    """Why this draft could not be started, if it was tried."""
    text, problem = STATE.get(REFUSED, (None, None))
    found: Problem | None = problem if text == STATE.get(state.TEXT) else None
    return found


# --- running it ------------------------------------------------------------------------------------------------------


def _ask() -> None:
    """Remember to start; the button is drawn waiting. A double click is one click."""
    if time.monotonic() - STATE.get(STARTED_AT, -1.0) > 1.0:
        STATE[STARTING] = True


def leave_if_launched() -> None:
    """Go to the run that was started, even when the start was drawn over by a second click."""
    if (run_id := STATE.pop(LAUNCHED, None)) is not None:
        navigation.open_run(run_id)


def _start(home: Home, below: st.delta_generator.DeltaGenerator, scheduler: str | None) -> None:
    """Start what was asked for, and go to it; or keep the line that says why not."""
    if STARTING not in STATE:
        return
    text = STATE[state.TEXT]
    STATE.pop(REFUSED, None)
    try:
        with below, st.spinner("Starting…"):
            running.check(home, text)
            STATE[LAUNCHED] = launch(home, text, scheduler=scheduler)
    except InputError as error:
        STATE[REFUSED] = text, located(str(error), state.draft())
    finally:
        STATE[STARTED_AT] = time.monotonic()
        STATE.pop(STARTING, None)
    leave_if_launched()
    st.rerun()
