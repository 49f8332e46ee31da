"""Runs: start an experiment, watch it, and find the containers worth opening."""

from datetime import datetime

import streamlit as st

from app import navigation
from app.components import html, starting, tables
from app.components.numbers import label, many, seconds
from app.services.home import Home
from db.store import Failure, Run, RunSummary
from engine.errors import InputError
from engine.projections.catalogue import CATALOGUE, METRICS

LIVE = ("queued", "running")
#: Seconds between two looks at a run that is on its way.
BEAT = 0.5
STATE = st.session_state


def page() -> None:
    try:
        home = Home()
        with home.store() as store:
            runs = store.runs()[::-1]
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    live = [run.id for run in runs if run.status in LIVE]
    starting.header(home, empty=not runs)
    if not runs:
        return
    st.fragment(_progress, run_every=BEAT if live else None)(home, live)
    chosen = _chosen(runs)
    _list(runs, chosen)
    if chosen is not None:
        _run(home, chosen)


# --- watching --------------------------------------------------------------------------------------------------------


def _progress(home: Home, ids: list[int]) -> None:
    """How far the live runs are. When one has ended, the whole page is drawn anew."""
    if not ids:
        return
    with home.store() as store:
        found = [store.progress(run_id) for run_id in ids]
    for run in found:
        with st.container(border=True):
            _bar(run)
    if any(run.status not in LIVE for run in found):
        st.rerun()


def _bar(run: RunSummary) -> None:
    counted = run.done + run.failed
    st.html(html.heading(f"Run {run.id} · {run.name}", run.status))
    st.progress(min(1.0, counted / run.containers if run.containers else 0.0))
    st.html(html.facts(_pace(run, counted)))


def _pace(run: RunSummary, counted: int) -> list[tuple[str, object]]:
    """Counts, rate and time to go, from what is committed."""
    found: list[tuple[str, object]] = [
        ("Containers", f"{counted:,} of {run.containers:,}"),
        ("Failed", f"{run.failed:,}"),
    ]
    rate = _rate(run, counted)
    if rate is None:
        return [*found, ("", "starting workers; the first run of a version compiles its kernels")]
    return [*found, ("Rate", f"{rate:,.0f} a second"), ("To go", seconds((run.containers - counted) / rate))]


def _rate(run: RunSummary, counted: int) -> float | None:
    """Containers a second: since this page first looked, or, until that says something, since the run began."""
    if not counted or run.started is None or run.heartbeat is None:
        return None
    now = datetime.fromisoformat(run.heartbeat)
    first = STATE.setdefault(f"pace-{run.id}", (counted, now))
    for count, since in (first, (0, datetime.fromisoformat(run.started))):
        passed = (now - since).total_seconds()
        if passed > 1.0 and counted > count:
            return (counted - count) / passed
    return None


# --- choosing --------------------------------------------------------------------------------------------------------


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


def _run(home: Home, run_id: int) -> None:
    try:
        with home.store() as store:
            run = store.run(run_id)
            failed = store.failures(run_id)
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    if run.status not in LIVE:  # else its figures move, above
        st.html(html.heading(f"Run {run.id} · {run.name}", run.status))
    if run.hypothesis:
        st.html(html.paragraph(run.hypothesis))
    if run.status not in LIVE:
        st.html(html.stats(_figures(run)))
    st.html(html.facts(_facts(run)))
    if run.error:
        st.html(html.notice(run.error, "error"))
    elif run.status in ("interrupted", "stopped", "paused"):
        kept = many(run.done + run.failed, "container")
        st.html(html.notice(f"The run is {run.status}; {kept} of {run.containers:,} are kept.", "warning"))
    if run.done:
        _leaderboard(home, run)
    if failed:
        _failures(run, failed)


def _figures(run: Run) -> list[tuple[str, str, str]]:
    rate = f"{run.containers / run.seconds:,.0f} a second" if run.seconds else ""
    started = f"{seconds(run.startup_seconds)} to start" if run.startup_seconds is not None else ""
    trials = "of this hypothesis" if run.hypothesis else "without a hypothesis"
    return [
        ("Containers", f"{run.containers:,}", run.pattern.replace("_", " ")),
        ("Done", f"{run.done:,}", ""),
        ("Failed", f"{run.failed:,}", ""),
        ("Time", seconds(run.seconds), rate or started),
        ("Trials", f"{run.trials:,}", f"{trials} so far"),
    ]


def _facts(run: Run) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = [
        ("Dataset", f"{run.dataset} ({run.dataset_hash[:12]})"),
        ("Symbols", ", ".join(map(str, run.plan.get("symbols", [])[:8]))),
        ("Bars", f"{run.plan.get('bars', 0):,}"),
        ("Seed", run.seed),
        ("Workers", run.workers),
        ("Engine", run.engine),
    ]
    if run.digest:
        found.append(("Digest", run.digest[:16]))
    return [(name, value) for name, value in found if value not in (None, "")]


# --- containers ------------------------------------------------------------------------------------------------------


def _leaderboard(home: Home, run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.subheader("Containers", width="stretch")
        sort = st.selectbox("Sorted by", METRICS, METRICS.index("sharpe"), label, key="sort", width=190)
        order = st.selectbox("Order", ("best first", "worst first"), key="order", width=130)
        top = st.selectbox("Show", (25, 100, 500, 1000), key="top", width=100)
    larger = next(metric.better for metric in CATALOGUE if metric.name == sort) >= 0
    down = larger if order == "best first" else not larger
    with home.store() as store:
        found = store.containers(run.id, sort, descending=down, top=top, status="done")
    frame, columns = tables.leaderboard(found, sort)
    held_out = " Figures are of the bars before the held-out ones." if run.plan.get("test") is not None else ""
    so_far = "so far " if run.status in LIVE else ""
    st.caption(f"{len(found):,} of {run.done:,} that are done {so_far}· click a row to open its container.{held_out}")
    key = f"leaderboard-{run.id}-{sort}-{order}-{top}-{run.done}"
    event = st.dataframe(
        frame,
        column_config=columns,
        hide_index=True,
        height=420,
        placeholder="–",
        key=key,
        on_select="rerun",
        selection_mode=tables.SELECT,
    )
    if (place := tables.picked(event.selection)) is not None:
        navigation.open_container(run.id, found[place].index)


def _failures(run: Run, failed: list[Failure]) -> None:
    """What went wrong, by cause; the full error of the one that is chosen."""
    st.subheader("Failures by cause")
    frame, columns = tables.failures(failed)
    event = st.dataframe(
        frame,
        column_config=columns,
        hide_index=True,
        key=f"failures-{run.id}-{run.failed}",
        on_select="rerun",
        selection_mode=tables.SELECT,
        selection_default=tables.marked(0),
    )
    failure = failed[tables.picked(event.selection) or 0]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"What the first of {many(failure.count, 'container')} said, container {failure.first}:")
        opened = st.button(f"Open container {failure.first}", icon=":material/arrow_forward:", key="open-failed")
    st.code(html.clean(failure.error) or "no message", language=None, wrap_lines=True)
    if opened:
        navigation.open_container(run.id, failure.first)


page()
