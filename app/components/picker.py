"""Choosing a container by its run and number; the choice stands in the address, so that it can be kept and sent."""

import streamlit as st

from app.components import html
from app.components.numbers import many
from app.services.home import Home
from db.store import BENCHMARK, RunSummary
from engine.errors import InputError

#: What the address calls a run's buy and hold.
BENCHMARK_NAME = "benchmark"


def picked(runs: list[RunSummary]) -> tuple[RunSummary, int | None, str]:
    """The run and index that the address asks for, or the newest run's first; and a line for what is not there."""
    by_id = {run.id: run for run in runs}
    wanted, named = st.query_params.get("run"), st.query_params.get("container")
    run = by_id.get(int(wanted)) if wanted and wanted.isdecimal() and len(wanted) < 19 else None
    stale, chosen = wanted is not None and run is None, run or runs[0]
    index = None if stale else _index(named, chosen)
    ids = list(by_id)
    picked = st.selectbox(
        "Run",
        ids,
        None if stale else ids.index(chosen.id),
        lambda run_id: f"{run_id} · {html.clean(by_id[run_id].name)}",
        key=f"run-{wanted}",
        placeholder="choose",
        width=220,
    )
    number = st.number_input(
        "Container",
        min_value=0,
        max_value=max(0, chosen.containers - 1),
        value=index if index is not None and index >= 0 else None,
        placeholder=BENCHMARK_NAME if index == BENCHMARK else "number",
        key=f"container-{chosen.id}-{named}",
        width=140,
    )
    if picked is not None and (stale or picked != chosen.id):
        go(picked, 0)
        st.rerun()
    if number is not None and number != index:
        go(chosen.id, number)
        st.rerun()
    problem = ""
    if stale:
        problem = f"There is no run {wanted} in this home; choose one above."
    elif index is None:
        most = many(chosen.containers, "container")
        problem = f"There is no container {named} in run {chosen.id}, which has {most}; choose one above."
    return chosen, index, problem


def there(home: Home, asked: tuple[RunSummary, int | None, str]) -> tuple[int, int] | None:
    """Run and index, when they are stored; else a line that says what is missing."""
    run, index, problem = asked
    if problem or index is None:
        st.html(html.notice(problem, "warning"))
        return None
    if run.done + run.failed < run.containers:  # some of its containers are not stored, or not yet
        try:
            with home.store() as store:
                store.container(run.id, index)
        except InputError:
            st.html(html.notice(f"Container {index} of run {run.id} is not stored; the run is {run.status}.", "info"))
            return None
    return run.id, index


def _index(named: str | None, run: RunSummary) -> int | None:
    if named is None:
        return 0
    if named == BENCHMARK_NAME:
        return BENCHMARK
    known = named.isdecimal() and len(named) < 19 and int(named) < run.containers
    return int(named) if known else None


def go(run_id: int, index: int) -> None:
    """Have another container in the address; how it is looked at stays, the chosen event does not."""
    st.query_params["run"], st.query_params["container"] = str(run_id), str(index)
    st.query_params.pop("event", None)
