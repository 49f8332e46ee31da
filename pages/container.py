"""Container: what one container did, why, in which regime, and what it earned."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import navigation
from app.components import files, header, html, opening, picker, ranked, reveal
from app.components.assumptions import assumptions
from app.components.story import story
from app.services.home import Home
from db.store import BENCHMARK, Container, Run
from engine.errors import InputError


def page() -> None:
    try:
        home = Home()
        with home.store() as store:
            runs = store.runs()[::-1]
        if not runs:
            _nothing()
            return
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="top"):
            title = st.container(width="stretch")
            rank = st.container(horizontal=True, width="content", gap="xsmall", vertical_alignment="center")
            asked = picker.picked(runs)
            extras = st.container(width="content")
        if (asked := picker.there(home, asked)) is None:
            title.title("Container")
            return
        with home.store() as store:
            run, row = store.run(asked[0]), store.container(*asked)
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    name = "Buy and hold" if row.index == BENCHMARK else f"Container {row.index}"
    title.html(html.heading(f"{name} · run {run.id} {run.name}", row.status, level=1))
    with rank:
        ranked.steps(home, run, row.index)
    _container(home, run, row, extras)


def _signals(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        said = "This container stops at its signals: nothing was traded, and its equity stands still."
        st.html(html.notice(said, "info"), width="stretch")
        if st.button("Read what they are worth", icon=":material/sensors:", key="go-signals"):
            navigation.open_signals(run.id)


def _nothing() -> None:
    st.title("Container")
    with st.container(border=True):
        st.subheader("There is no container yet")
        st.markdown("A container is one combination of an experiment's parameters. Run an experiment first.")
        st.page_link("../pages/runs.py", label="Go to Runs", icon=":material/arrow_forward:")


def _container(home: Home, run: Run, row: Container, extras: DeltaGenerator) -> None:
    reading, problem = None, ""
    try:
        reading = opening.opened(home, row)
    except InputError as error:  # stages that are gone, or data: what is stored of the container can still be shown
        problem = str(error)
    if row.params:
        st.html(html.chips(row.params.items()))
    if reading is not None:
        if row.index != BENCHMARK:
            with extras:
                files.config(home, row)
        if not reading.same_spec:
            problem = "Another version of Bulkhead made this run; names and indicators are shown as this one reads it."
    if row.status != "done":
        header.failure(row)
        if reading is not None:
            st.html(html.card("What is assumed", assumptions(reading)))
        return
    if run.pattern == "signal_generation" and row.index != BENCHMARK:
        _signals(run)
    else:
        header.figures(home, run, row)
    if problem:
        st.html(html.notice(problem, "warning" if reading else "error"))
    if reading is not None:
        st.fragment(story)(home, reading, opening.benchmark(home, run.id), covered=not reveal.is_revealed(run))


page()
