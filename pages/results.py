"""Results: a run's leaderboard, a metric over its parameters, and all its equity curves."""

import streamlit as st

from app import navigation
from app.components import asked, gathered, html, leaderboard, overview, reveal
from app.components.numbers import many
from app.components.warnings import fills, trials
from app.services.home import Home
from db.store import Run, RunSummary
from engine.errors import InputError

LIVE = ("queued", "running")


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
            chosen = _chosen(runs)
            extras = st.container(width="content")
        if chosen is None:
            title.title("Results")
            wanted = st.query_params.get("run")
            st.html(html.notice(f"There is no run {wanted} in this home; choose one above.", "warning"))
            return
        with home.store() as store:
            run = store.run(chosen)
        title.html(html.heading("Results", run.status, level=1))
        _results(home, run, extras)
    except InputError as error:
        st.html(html.notice(error, "error"))


def _nothing() -> None:
    st.title("Results")
    with st.container(border=True):
        st.subheader("There are no results yet")
        st.markdown("A run's containers are ranked, mapped and compared here. Run an experiment first.")
        st.page_link("../pages/runs.py", label="Go to Runs", icon=":material/arrow_forward:")


def _chosen(runs: list[RunSummary]) -> int | None:
    """The run of the address; without one the newest that has results; none for one that is not there."""
    by_id = {str(run.id): run for run in runs}
    wanted = st.query_params.get("run")
    usual = next((run for run in runs if run.done), runs[0])
    now = usual if wanted is None else by_id.get(wanted)
    if now is not None:
        st.query_params["run"] = str(now.id)  # so that the address goes on to mean this run
    ids = [run.id for run in runs]
    names = {run.id: f"{run.id} · {html.clean(run.name)}" for run in runs}
    picked = st.selectbox(
        "Run",
        ids,
        None if now is None else ids.index(now.id),
        names.get,
        key=f"run-{wanted}",
        placeholder="choose",
        width=300,
    )
    if picked is not None and (now is None or picked != now.id):
        st.query_params.from_dict({"run": str(picked)})
        st.rerun()
    return None if now is None else now.id


def _results(home: Home, run: Run, extras: st.delta_generator.DeltaGenerator) -> None:
    if run.hypothesis:
        st.html(html.paragraph(run.hypothesis))
    st.html(html.facts(_facts(run)))
    if run.status in LIVE:
        _so_far(run)
    if not run.done:
        _none_done(run)
        return
    if run.pattern == "signal_generation":
        _signals(run)
        return
    if reveal.held_out(run):
        with extras:
            reveal.reveal(home, run)
    for line in filter(None, (fills(run), trials(run))):
        st.html(html.notice(line, "warning"))
    revealed = reveal.is_revealed(run)
    parameters = gathered.parameters(home, run)
    for problem in asked.ask(parameters)[1]:
        st.html(html.notice(problem, "warning"))
    leaderboard.yardstick(home, run, revealed and reveal.held_out(run))
    st.fragment(leaderboard.leaderboard)(home, run, parameters, revealed)
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        st.fragment(overview.curves)(home, run, parameters, revealed)
    with right:
        st.fragment(overview.map_of)(home, run, parameters)


def _signals(run: Run) -> None:
    """Where nothing was traded there is nothing to rank by: what signals are worth stands on a page of its own."""
    st.html(html.notice("This run stops at the signals: nothing was traded, so there is no equity to rank by.", "info"))
    if st.button("Read what its signals are worth", icon=":material/sensors:", type="primary", key="go-signals"):
        navigation.open_signals(run.id)


def _facts(run: Run) -> list[tuple[str, object]]:
    what = "of this hypothesis on this dataset" if run.hypothesis else "without a named hypothesis on this dataset"
    found: list[tuple[str, object]] = [
        ("Containers", f"{run.done:,} done of {run.containers:,}"),
        ("Trials", f"{run.trials:,} {what}"),
    ]
    if fills(run):
        found.append(("Fills", "at the same close (optimistic)"))
    if run.failed:
        found.insert(1, ("Failed", f"{run.failed:,}"))
    if reveal.held_out(run):
        found.append(("Test figures", f"revealed {many(run.reveals, 'time')}" if run.reveals else "never revealed"))
        found.append(("Ranks and charts", "of the bars before the held-out ones"))
    return found


def _so_far(run: Run) -> None:
    """A run that is on its way: what stands here is what is stored of it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        said = f"The run is {run.status}: what follows is of the {many(run.done, 'container')} done so far."
        st.html(html.notice(said, "info"), width="stretch")
        st.button("Refresh", icon=":material/refresh:", key="refresh")


def _none_done(run: Run) -> None:
    ended = run.status not in LIVE
    if run.failed:
        said = f"None of its containers is done; {many(run.failed, 'container')} failed."
    else:
        said = f"None of its {many(run.containers, 'container')} is done{'.' if ended else ' yet.'}"
    st.html(html.notice(said, "error" if run.failed else "info"))
    name = "See why" if run.failed else "See how far it is" if not ended else "Go to the run"
    if st.button(name, icon=":material/arrow_forward:", key="go-run"):
        navigation.open_run(run.id)


page()
