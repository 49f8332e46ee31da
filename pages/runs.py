"""Runs: start an experiment, watch it, and see what became of it."""

import streamlit as st

from app.components import control, html, run_story, starting, tables, watching
from app.components.numbers import many
from app.services.home import Home
from app.services.running import default_workers
from db.store import RunSummary
from engine.errors import InputError

STATE = st.session_state


def page() -> None:
    try:
        home = Home()
        with home.store() as store:
            runs = store.runs()[::-1]
        workers = default_workers()
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    starting.header(home, empty=not runs)
    st.caption(f"Runs that are started here take turns, each with {many(workers, 'worker')}.")
    control.confirm(home)
    watching.watch(home, runs)
    if not runs:
        return
    chosen = _chosen(runs)
    _list(runs, chosen)
    if chosen is not None:
        run_story.story(home, chosen)


def _chosen(runs: list[RunSummary]) -> int | None:
    """The run of the address; the newest without one; none, and a line, for one that is not there."""
    asked = st.query_params.get("run")
    if asked is None:
        return runs[0].id
    found = [run.id for run in runs if str(run.id) == asked]
    if not found:
        st.html(html.notice(f"There is no run {asked} in this home; choose one of the list.", "warning"))
        return None
    return found[0]


def _list(runs: list[RunSummary], chosen: int | None) -> None:
    frame, columns = tables.runs(runs, st.context.timezone)
    row = next((place for place, run in enumerate(runs) if run.id == chosen), None)
    key = f"runs-{runs[0].id}-{chosen}"  # a new run moves all rows down: a new table, its selection set anew

    def choose() -> None:
        if (place := tables.picked(STATE[key].selection)) is not None:
            st.query_params["run"] = str(runs[place].id)

    st.dataframe(
        frame,
        column_config=columns,
        hide_index=True,
        height="auto" if len(runs) > 6 else "content",
        key=key,
        on_select=choose,
        selection_mode=tables.SELECT,
        selection_default=tables.marked(row),
        placeholder="",
    )


page()
