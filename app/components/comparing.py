"""Containers side by side: which they are, adding and removing one, and reading them. The choice is the address."""

from collections.abc import Sequence

import streamlit as st

from app import navigation
from app.components import html, look, opening, reveal
from app.components.comparing_table import BORDERS
from app.components.numbers import label, many
from app.components.warnings import warnings
from app.services import comparing
from app.services.comparing import MOST, Pick
from app.services.home import Home
from app.services.reading import Reading
from app.theme import DASHES
from db.store import BENCHMARK, Run, RunSummary
from engine.errors import InputError
from engine.projections.catalogue import METRICS

STATE = st.session_state
BEST, NUMBER, HELD = "the best by a metric", "by its number", "the run's buy and hold"


def opened(home: Home, picks: Sequence[Pick]) -> tuple[list[Reading], list[str]]:
    """The containers that can be compared, and a line for each that cannot."""
    found, problems = [], []
    for pick in picks:
        called = f"container {comparing.name(pick)}"
        try:
            with home.store() as store:
                row = store.container(*pick)
            if row.status == "done":
                found.append(opening.opened(home, row))
            else:
                problems.append(f"{called} is {row.status.replace('_', ' ')}: it has no account to compare.")
        except InputError as error:
            problems.append(f"{called} is left out: {error}.")
    return found, problems


def benchmarks(home: Home, readings: Sequence[Reading]) -> list[Reading]:
    """The buy and hold of each run, where it has one."""
    found = (opening.benchmark(home, run) for run in dict.fromkeys(reading.run.id for reading in readings))
    return [reading for reading in found if reading is not None]


def choose(picks: Sequence[Pick]) -> None:
    """Compare these: the page's address says so."""
    if picks:
        st.query_params["containers"] = comparing.written(picks)
    else:
        st.query_params.pop("containers", None)


def chips(picks: Sequence[Pick], stale: Sequence[Pick] = ()) -> None:
    """The chosen containers, each in its colour: a click opens it, the cross removes it."""
    colors, place = look.palette(), 0
    styles = []
    for order, pick in enumerate(picks):
        name, drawn = comparing.name(pick), pick not in stale
        color = colors.series[place] if drawn else colors.line
        style = BORDERS[DASHES[place]] if drawn else "solid"
        place += drawn
        styles.append(f".st-key-chip-{order} {{ border-left: 0.35rem {style} {color}; }}")
        with st.container(horizontal=True, vertical_alignment="center", gap=None, width="content", key=f"chip-{order}"):
            there = "Open this container"
            if st.button(name, type="tertiary", help=there, key=f"open-{order}", disabled=not drawn):
                navigation.open_container(*pick)
            st.button(
                f"Remove {name}",
                type="tertiary",
                icon=":material/close:",
                on_click=choose,
                args=([one for one in picks if one != pick],),
                key=f"remove-{order}",
            )
    st.html(f"<style>{''.join(styles)}</style>")


def chooser(home: Home, runs: Sequence[RunSummary], picks: Sequence[Pick]) -> None:
    """Adds a container of any run. The best one is the best of those that are not chosen yet."""
    by_id = {run.id: run for run in runs}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        names = {run.id: f"{run.id} · {html.clean(run.name)}" for run in runs}
        ids = list(by_id)
        usual = next((ids.index(run) for run, _ in picks[::-1] if run in by_id), 0)
        run_id = st.selectbox("Run", ids, usual, names.__getitem__, key="add-run", width=260)
        which = st.selectbox("Container", (BEST, NUMBER, HELD), key="add-which", width=190)
        metric, number = "sharpe", 0
        if which == BEST:
            metric = st.selectbox("Best by", METRICS, METRICS.index("sharpe"), label, key="add-metric", width=180)
        elif which == NUMBER:
            most = max(0, by_id[run_id].containers - 1)
            number = st.number_input("Number", 0, most, 0, key=f"add-number-{run_id}", width=130)
        # not a callback: it would get what the fields said when the button was drawn
        if st.button("Add", icon=":material/add:", type="primary", disabled=len(picks) >= MOST, key="add"):
            _add(home, run_id, which, metric, number, list(picks))
            st.rerun()
    if problem := STATE.pop("compare.problem", None):
        st.html(html.notice(problem, "warning"))
    if len(picks) >= MOST:
        st.caption(f"{MOST} containers are the most; remove one to add another.")


def _add(home: Home, run_id: int, which: str, metric: str, number: int, picks: list[Pick]) -> None:
    pick: Pick | None = (run_id, BENCHMARK if which == HELD else number)
    if which == BEST:
        pick = next(iter(best(home, run_id, metric, 1, picks)), None)
        if pick is None:
            STATE["compare.problem"] = f"Run {run_id} has no other container that is done."
            return
    if pick in picks:
        STATE["compare.problem"] = f"Container {comparing.name(pick)} is chosen already."
        return
    choose([*picks, pick])


def best(home: Home, run_id: int, metric: str, count: int, besides: Sequence[Pick] = ()) -> list[Pick]:
    """The best `count` containers of a run that are done and not among `besides`."""
    with home.store() as store:
        found = store.containers(run_id, metric, top=count + len(besides), status="done")
    return [(run_id, row.index) for row in found if (run_id, row.index) not in besides][:count]


def start(home: Home, runs: Sequence[RunSummary], picks: Sequence[Pick]) -> None:
    """What to do while there are fewer than two."""
    with st.container(border=True):
        st.subheader("Choose two to eight containers")
        st.markdown(
            "They can be of any runs. Their equity, drawdowns and regimes are drawn on one axis, with the figures and "
            "parameters in which they differ. Add them here, or mark them on the leaderboard of a run's results."
        )
        chooser(home, runs, picks)
        newest = next((run for run in runs if run.done >= 2), None)
        if newest is not None and not picks:
            count = min(3, newest.done)
            st.button(
                f"Compare the best {count} of run {newest.id} by Sharpe ratio",
                icon=":material/compare_arrows:",
                on_click=lambda: choose(best(home, newest.id, "sharpe", count)),
                key="suggest",
            )


def held_out(home: Home, runs: Sequence[Run]) -> bool:
    """Buttons that uncover the runs' test figures, or cover them again; returns whether they are covered.

    They stay covered for all until they are uncovered for each: half a comparison would lead a choice.
    """
    having = [run for run in runs if reveal.held_out(run)]
    hidden = [run for run in having if not reveal.is_revealed(run)]
    if not having:
        return False
    for run in hidden:
        st.button(
            f"Reveal test figures of run {run.id}",
            icon=":material/visibility:",
            help="What happened on held-out bars is covered, so that it cannot lead a choice. Each look is counted: "
            f"{many(run.reveals, 'reveal')} of this hypothesis on this dataset so far.",
            on_click=reveal.uncover,
            args=(home, run),
            key=f"reveal-{run.id}",
        )
    if not hidden:
        st.button("Cover test figures", icon=":material/visibility_off:", on_click=_cover, args=(having,), key="cover")
    return bool(hidden)


def _cover(runs: Sequence[Run]) -> None:
    for run in runs:
        reveal.cover(run)


def notes(readings: Sequence[Reading]) -> list[str]:
    """What to know before believing a container, said once for all it is true of."""
    lines: dict[str, list[str]] = {}
    for reading in readings:
        for line in warnings(reading.run, reading.container):
            lines.setdefault(line, []).append(comparing.name((reading.run.id, reading.container.index)))
        if not reading.same_spec:
            line = "another version of Bulkhead made it; names and parameters are shown as this one reads them."
            lines.setdefault(line, []).append(comparing.name((reading.run.id, reading.container.index)))
    return [f"{', '.join(names)}: {line}" for line, names in lines.items()]
