"""Signals: what strategies said, what it was worth from the next open on, and how much two of them say the same."""

import streamlit as st

from app import navigation
from app.components import html, signal_import, signal_report, signal_table
from app.services import signals
from app.services.drafting_replay import replay_text
from app.services.home import Home
from engine.errors import InputError


def page() -> None:
    left, right = st.columns((6, 2), vertical_alignment="bottom")
    left.title("Signals")
    try:
        home = Home()
        with home.store() as store:
            runs = [run for run in store.runs()[::-1] if run.done]
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    with right:
        signal_import.popover(home)
    if not runs:
        with st.container(border=True):
            st.subheader("There are no signals yet")
            st.markdown(
                "Every container that is done keeps the signals of its strategies. Run an experiment, or one whose "
                "pattern is `signal_generation`, which stops at the signals; or import a file."
            )
            st.page_link("../pages/experiment.py", label="Go to Experiment", icon=":material/arrow_forward:")
        return
    try:
        chosen = signal_table.chosen(home, runs)
        if len(chosen) > 1:
            _several(home, chosen)
        for reference in chosen[:1]:
            signal_report.drawn(home, *reference)
    except InputError as error:
        st.html(html.notice(error, "error"))


def _several(home: Home, chosen: list[tuple[int, int]]) -> None:
    """How much they say the same, and the way to a replay of them."""
    references = [f"{run}/{index}" for run, index in chosen]
    try:
        signal_report.overlap(references, signals.overlap(home, references))
    except InputError as error:
        st.html(html.notice(error, "warning"))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Replay these", type="primary", icon=":material/replay:", key="replay"):
            navigation.open_draft(replay_text(home, references))
        st.caption("As an experiment: weights fixed or searched, with risk, portfolio and costs of its own.")


page()
