"""Starting a run from the page of runs: the sample by one click, or an experiment of one's own on its page."""

import time
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import navigation
from app.components import html
from app.services.home import Home
from app.services.launch import launch
from engine.errors import InputError

SAMPLE = Path(__file__).parents[2] / "assets" / "experiments" / "tech-trend.toml"
STATE = st.session_state


def header(home: Home, empty: bool) -> None:
    """The title and the ways to start a run. While one is being started, the buttons wait."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Runs", width="stretch")
        if not empty:
            _sample_button(first=False)
            _new_button(first=True)
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
            with st.container(horizontal=True, gap="small"):
                _sample_button(first=True)
                _new_button(first=False)
    below = st.container()
    _start(home, below)
    if problem := STATE.get("runs.problem"):
        below.html(html.notice(problem, "error"))


def _sample_button(first: bool) -> None:
    """`first`: it is what a newcomer should click."""
    st.button(
        "Run the sample",
        type="primary" if first else "secondary",
        icon=":material/play_arrow:",
        on_click=_ask,
        disabled="runs.starting" in STATE,
        key="sample",
    )


def _new_button(first: bool) -> None:
    kind = "primary" if first else "secondary"
    if st.button("New experiment", type=kind, icon=":material/experiment:", key="new"):
        navigation.open_experiment()


def _ask() -> None:
    """Remember to start; the buttons are drawn waiting. A double click is one click."""
    if time.monotonic() - STATE.get("runs.started_at", -1.0) > 1.0:
        STATE["runs.starting"] = True


def _start(home: Home, below: DeltaGenerator) -> None:
    """Start what was asked for, and go to it; or keep the line that says why not."""
    if "runs.starting" not in STATE:
        return
    STATE.pop("runs.problem", None)
    try:
        with below, st.spinner("Starting…"):
            run_id = launch(home, SAMPLE.read_text())
    except InputError as error:
        STATE["runs.problem"] = str(error)
    else:
        st.query_params["run"] = str(run_id)
    finally:
        STATE["runs.started_at"] = time.monotonic()
        STATE.pop("runs.starting", None)
    st.rerun()
