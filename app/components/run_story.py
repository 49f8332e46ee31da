"""One run on the page of runs: its figures and facts, what to do with it, its best containers, and why some failed."""

import streamlit as st

from app import navigation
from app.components import exporting, going_on, html, tables
from app.components.numbers import many, seconds
from app.components.watching import LIVE
from app.services import reproductions
from app.services.exporting import export_run
from app.services.home import Home
from db.store import Failure, Run
from engine.errors import InputError

#: Containers of the preview.
BEST = 5


def story(home: Home, run_id: int) -> None:
    try:
        with home.store() as store:
            run = store.run(run_id)
            failed = store.failures(run_id)
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run-head"):
        st.html(html.heading(f"Run {run.id} · {run.name}", run.status), width="stretch")
        _actions(home, run)
    going_on.go_on(home, run)
    if run.hypothesis:
        st.html(html.paragraph(run.hypothesis))
    if run.status not in LIVE:  # else its figures move, above
        st.html(html.stats(_figures(run)))
    st.html(html.facts(_facts(run)))
    if run.error:
        st.html(html.notice(run.error, "error"))
    elif run.status in ("interrupted", "stopped", "paused"):
        kept = many(run.done + run.failed, "container")
        st.html(html.notice(f"The run is {run.status}; {kept} of {run.containers:,} are kept.", "warning"))
    if run.done and run.status not in LIVE:  # drawing tables would take cores from the run; Results has them so far
        _best(home, run)
    if failed:
        _failures(run, failed)
    if run.status not in LIVE:
        _again(home, run)


def _again(home: Home, run: Run) -> None:
    """Making it anew and comparing; and the same for a config that somebody sent."""
    asked = exporting.PARAMETER in st.query_params
    with st.expander(
        "Reproduce", icon=":material/replay:", expanded=asked or reproductions.latest(home, run.id) is not None
    ):
        exporting.reproduce(home, run, config=False)
        st.divider()
        exporting.upload(home)


def _actions(home: Home, run: Run) -> None:
    """What can be done with a run."""
    going_on.buttons(run)
    kind = "secondary" if going_on.offers(run) else "primary"
    if st.button("Results", type=kind, icon=":material/leaderboard:", disabled=not run.done, key="results"):
        navigation.open_results(run.id)
    if st.button("Duplicate", icon=":material/content_copy:", help="Begin a new experiment with it.", key="duplicate"):
        navigation.open_experiment(run=str(run.id))
    pinned = run.digest is not None
    st.download_button(
        "Export config",
        lambda: exported(home, run),  # made when it is asked for: it reads all containers
        f"run-{run.id}.toml",
        "application/toml",
        icon=":material/download:",
        help="The experiment as TOML, with what came out, to reproduce it anywhere."
        if pinned
        else "The experiment as TOML. What came out is added once the run is done.",
        on_click="ignore",
        key="export",
    )


def exported(home: Home, run: Run) -> str:
    """The run's config with what came out; as it was written while there is nothing to pin."""
    try:
        return export_run(home, run.id)
    except InputError:
        return run.config


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
        ("Workers", "of a Dask cluster" if run.backend == "dask" else run.workers),
        ("Engine", run.engine),
    ]
    if run.digest:
        found.append(("Digest", run.digest[:16]))
    return [(name, value) for name, value in found if value not in (None, "")]


def _best(home: Home, run: Run) -> None:
    """The first rows of the leaderboard."""
    with home.store() as store:
        found = store.containers(run.id, "sharpe", top=BEST, status="done")
    frame, columns = tables.leaderboard(found, "sharpe")
    st.subheader("Best by Sharpe")
    held_out = " Figures are of the bars before the held-out ones." if run.plan.get("test") is not None else ""
    st.caption(f"{len(found):,} of {run.done:,} that are done · click a row to open its container.{held_out}")
    event = st.dataframe(
        frame,
        column_config=columns,
        hide_index=True,
        placeholder="–",
        key=f"best-{run.id}-{run.created}-{run.done}",
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
