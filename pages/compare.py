"""Compare: two to eight containers of any runs side by side, and whether that is a fair comparison."""

import streamlit as st

from app.charts import compare as chart
from app.components import comparing, html, look
from app.components.comparing_table import Column, table
from app.services import comparing as service
from app.services.aligning import align
from app.services.home import Home
from app.services.reading import Reading
from db.store import RunSummary
from engine.errors import InputError

STATE = st.session_state


def page() -> None:
    st.title("Compare")
    try:
        home = Home()
        with home.store() as store:
            runs = store.runs()[::-1]
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    picks, problems = service.parse(st.query_params.get("containers", ""))
    readings, left_out = comparing.opened(home, picks)
    for line in [*problems, *left_out]:
        st.html(html.notice(line[:1].upper() + line[1:], "warning"))
    if not runs:
        _nothing()
        return
    shown = [(reading.run.id, reading.container.index) for reading in readings]
    if picks:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            comparing.chips(picks, [pick for pick in picks if pick not in shown])
            if len(readings) >= 2:
                with st.popover("Add a container", icon=":material/add:"):
                    comparing.chooser(home, runs, picks)
    if len(readings) < 2:
        comparing.start(home, runs, picks)
    else:
        _compare(home, readings, runs)


def _nothing() -> None:
    with st.container(border=True):
        st.subheader("There is nothing to compare yet")
        st.markdown("Run an experiment first; then its containers can be put side by side here, and beside others'.")
        st.page_link("../pages/runs.py", label="Go to Runs", icon=":material/arrow_forward:")


def _compare(home: Home, readings: list[Reading], runs: list[RunSummary]) -> None:
    conditions, parameters = service.conditions(readings), service.parameters(readings)
    if conditions:
        names = ", ".join(found.name[:1].lower() + found.name[1:] for found in conditions)
        st.html(
            html.notice(
                f"This is no A/B test. These differ too: {names}. A better result may come from them alone; "
                "the end of the table has the values.",
                "warning",
            )
        )
    if lines := comparing.notes(readings):
        st.html(html.notice("\n".join(lines), "warning"))
    names = [service.name((reading.run.id, reading.container.index)) for reading in readings]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        base, log_scale = _controls(names, readings)
        covered = comparing.held_out(home, list({reading.run.id: reading.run for reading in readings}.values()))
    if covered:
        st.caption("Held-out bars are covered: figures and curves end before them, until every run is revealed.")
    benchmarks = comparing.benchmarks(home, readings)
    aligned = align(readings, benchmarks, covered)
    if not aligned.common:
        st.html(html.notice("They have no bars in common; each begins at 1 on its own first bar.", "warning"))
    st.plotly_chart(
        chart.figure(aligned, names, look.palette(), log_scale),
        theme=None,
        key="figure",
        config={"displayModeBar": False, "doubleClick": False},
        alt=f"Equity and drawdown of {', '.join(names)}, with buy and hold and regimes",
    )
    columns = [_column(name, reading) for name, reading in zip(names, readings, strict=True)]
    alone, each = _held(aligned, readings, benchmarks)
    st.html(table(columns, base, alone, each, parameters, conditions, look.palette(), covered))
    for difference in service.code(readings, base):
        st.html(
            html.difference(f"Code: {difference.file}.py, {difference.base} → {difference.other}", difference.lines)
        )


def _controls(names: list[str], readings: list[Reading]) -> tuple[int, bool]:
    """The column that differences are taken from, and whether equity is on a logarithmic scale; both in the address."""
    written = [service.written([(reading.run.id, reading.container.index)]) for reading in readings]
    asked = st.query_params.get("base")
    base = written.index(asked) if asked in written else 0
    log_scale = st.query_params.get("scale") == "log"

    def keep() -> None:
        st.query_params["base"] = written[STATE[f"base-{key}"]]
        if STATE[f"log-{log_scale}"]:
            st.query_params["scale"] = "log"
        else:
            st.query_params.pop("scale", None)

    key = f"{','.join(written)}-{base}"
    choices = range(len(names))
    st.selectbox("Differences from", choices, base, names.__getitem__, key=f"base-{key}", on_change=keep, width=200)
    st.toggle("Log scale", log_scale, key=f"log-{log_scale}", on_change=keep)
    return base, log_scale


def _column(name: str, reading: Reading) -> Column:
    row = reading.container
    return Column(name, reading.run.name, row.metrics, row.test_metrics)


def _held(aligned, readings: list[Reading], benchmarks: list[Reading]) -> tuple[Column | None, list[Column]]:  # type: ignore[no-untyped-def]
    """Buy and hold: a column when it is the same for all, else a figure for each container; nothing when it is one."""
    by_run = {reading.run.id: reading for reading in benchmarks}
    if not aligned.benchmarks:
        return None, []
    if len(aligned.benchmarks) == 1 and len(by_run) == len({reading.run.id for reading in readings}):
        return _column("Buy & hold", by_run[aligned.benchmarks[0].runs[0]]), []
    found = [by_run.get(reading.run.id) for reading in readings]
    return None, [_column("", one) if one else Column("", "", None, None) for one in found]


page()
