"""Starting a run from the browser: the sample, or an experiment that was pasted or uploaded."""

import time
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.components import html
from app.services.home import Home
from app.services.launch import launch
from engine.errors import InputError

SAMPLE = Path(__file__).parents[2] / "assets" / "experiments" / "tech-trend.toml"
#: What can be started, and where the page says why it was not.
SAMPLE_TEXT, OWN_TEXT = "sample", "own"
STATE = st.session_state


def header(home: Home, empty: bool) -> None:
    """The title and the ways to start a run. While one is being started, the buttons wait."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Runs", width="stretch")
        if not empty:
            _sample_button()
    if empty:
        with st.container(border=True, key="welcome"):
            st.subheader("Nothing has run yet")
            st.markdown(
                "An **experiment** describes strategies and the parameters to try. Bulkhead turns it into "
                "**containers**, one for each combination, runs them sealed off from each other, and keeps what each "
                "decided and why."
            )
            st.markdown(
                "The sample trades moving-average crossings on four technology shares, 2000 to 2013: 1,000 containers, "
                "a few seconds (the very first run compiles its kernels: about half a minute)."
            )
            _sample_button()
    below = {SAMPLE_TEXT: st.container()}
    refused = STATE.get("runs.problem", ("", ""))[0] == OWN_TEXT
    editor = f"editor-{STATE.get('runs.launched')}"  # a new run closes it
    with st.expander("An experiment of your own (TOML)", icon=":material/edit_note:", key=editor, expanded=refused):
        _editor()
        below[OWN_TEXT] = st.container()
    _start(home, below)
    if problem := STATE.get("runs.problem"):
        which, line = problem
        below[which].html(html.notice(line, "error"))


def _sample_button() -> None:
    busy = "runs.starting" in STATE
    st.button(
        "Run the sample",
        type="primary",
        icon=":material/play_arrow:",
        on_click=_ask,
        args=(SAMPLE_TEXT,),
        disabled=busy,
        key="sample",
    )


def _editor() -> None:
    """A config to paste, or to fetch from a file and change."""
    st.file_uploader("A file", type="toml", key="upload", on_change=_uploaded, max_upload_size=1)
    st.text_area(
        "The experiment",
        key="text",
        height=260,
        placeholder='[experiment]\nname = "…"\n\n[data]\ndataset = "us-tech"\n\n[[strategy]]\nkind = "ma_cross"',
    )
    with st.container(horizontal=True):
        busy = "runs.starting" in STATE
        st.button("Run this", icon=":material/play_arrow:", on_click=_ask, args=(OWN_TEXT,), disabled=busy, key="own")
        st.button("Take the sample's text", type="tertiary", on_click=_take_sample, key="take")


def _uploaded() -> None:
    """Put the file's text where it can be read and changed."""
    STATE.pop("runs.problem", None)
    file = STATE.get("upload")
    if file is None:
        return
    try:
        STATE["text"] = file.getvalue().decode()
    except UnicodeDecodeError as error:
        STATE["runs.problem"] = OWN_TEXT, f"{file.name} is not UTF-8 text (byte {error.start}); save it as UTF-8"


def _take_sample() -> None:
    STATE["text"] = SAMPLE.read_text()


def _ask(which: str) -> None:
    """Remember what to start; the buttons are drawn waiting. A double click is one click."""
    if time.monotonic() - STATE.get("runs.started_at", -1.0) > 1.0:
        STATE["runs.starting"] = which


def _start(home: Home, below: dict[str, DeltaGenerator]) -> None:
    """Start what was asked for, and go to it; or keep the line that says why not."""
    which = STATE.get("runs.starting")
    if which is None:
        return
    STATE.pop("runs.problem", None)
    text = SAMPLE.read_text() if which == SAMPLE_TEXT else STATE.get("text") or ""
    try:
        if not text.strip():
            raise InputError("there is no text to run; paste an experiment, choose a file, or take the sample's text")
        with below[which], st.spinner("Starting…"):
            run_id = launch(home, text)
    except InputError as error:
        STATE["runs.problem"] = which, str(error)
    else:
        st.query_params["run"] = str(run_id)
        STATE["runs.launched"] = run_id
    finally:
        STATE["runs.started_at"] = time.monotonic()
        STATE.pop("runs.starting", None)
    st.rerun()
