"""A run's containers at a glance: all equity curves as bands, and a metric over its parameters."""

from collections.abc import Sequence

import streamlit as st

from app.charts import bands, heatmap
from app.components import asked, gathered, html, look
from app.components.numbers import label, many
from app.services.grid import SUMMARIES
from app.services.home import Home
from app.services.question import SORT
from db.store import Parameter, Run
from engine.projections.catalogue import METRICS

STATE = st.session_state
SCALES = ("linear", "log")


def curves(home: Home, run: Run, parameters: Sequence[Parameter], revealed: bool) -> None:
    """The bands, with buy and hold and the chosen containers on top."""
    question, _ = asked.ask(parameters)
    found = gathered.curves(home, run)
    covered = found.test is not None and not revealed
    shown = found.cut() if covered else found
    some = gathered.passing(home, run, question.where) if question.where else None
    usual = SCALES[bands.wide(shown)]
    count = len(found.indices) if some is None else len(some)
    st.subheader("All equity curves")
    now = asked.one_of("scale", SCALES, usual)
    key = f"scale-{run.id}-{now}"
    st.segmented_control(
        "Scale", SCALES, default=now, key=key, required=True, on_change=lambda: asked.say("scale", STATE[key], usual)
    )
    st.caption(
        f"Equity over starting cash of {many(count, 'container')}: half of them lie in the dark band, nine in ten in "
        "the light one."
    )
    if not len(found.indices):
        st.html(html.notice("No container is done, so there are no curves.", "info"))
        return
    figure = bands.figure(shown, some, question.chosen, look.palette(), now == "log")
    st.plotly_chart(figure, theme=None, config={"displayModeBar": False}, key="bands")


def map_of(home: Home, run: Run, parameters: Sequence[Parameter]) -> None:
    """A metric over two parameters; over the one there is; or words."""
    axes = [parameter for parameter in parameters if len(parameter.values) > 1]
    if not axes:
        st.subheader("Over the parameters")
        st.html(html.paragraph("This run swept no parameter, so there is nothing to lay a metric over."))
        return
    question, _ = asked.ask(parameters)
    by_name = {parameter.name: parameter for parameter in axes}
    # those that all containers have first, then those with most values, then by name
    longest = sorted(by_name, key=lambda name: (by_name[name].missing, -len(by_name[name].values)))
    x = asked.one_of("x", list(by_name), longest[0])
    y_options = [name for name in by_name if name != x]
    usual_y = next((name for name in longest if name != x), "")
    y = asked.one_of("y", y_options, usual_y)
    metric, summary = asked.one_of("metric", METRICS, SORT), asked.one_of("cell", SUMMARIES, SUMMARIES[0])
    st.subheader("Over two parameters" if y else "Over the parameter")
    _choices(run, (x, list(by_name)), (y, y_options), metric, summary)
    colors, plain = look.palette(), {"displayModeBar": False}
    if not y:
        found = gathered.line(home, run, metric, by_name[x], summary, question.where)
        row = gathered.benchmark(home, run)
        level = (row.metrics or {}).get(metric) if row else None
        st.plotly_chart(heatmap.line(found, colors, level), theme=None, config=plain, key="line")
        return
    grid = gathered.grid(home, run, metric, by_name[x], by_name[y], summary, question.where)
    most = int(grid.counts.max(initial=0))
    if not most:
        st.html(html.notice("No container that passes the filter has both parameters and this metric.", "info"))
        return
    st.caption(_explained(summary, most, heatmap.names((grid.x, grid.y))))
    st.plotly_chart(heatmap.figure(grid, colors), theme=None, config=plain, key="heatmap")


def _choices(run: Run, x: tuple[str, list[str]], y: tuple[str, list[str]], metric: str, summary: str) -> None:
    """The widgets that say what is drawn. Names of parameters are shown as they are: options are plain text."""
    state = f"{run.id}-{x[0]}-{y[0]}-{metric}-{summary}"
    keys = {name: f"{name}-{state}" for name in ("x", "y", "metric", "cell")}

    def axes() -> None:
        across, up = STATE[keys["x"]], STATE.get(keys["y"], "")
        if across == y[0]:  # they change places
            up = x[0]
        asked.say("x", across, "")
        asked.say("y", up, "")

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="map-controls"):
        st.selectbox("Across", x[1], x[1].index(x[0]), html.clean, key=keys["x"], on_change=axes)
        if y[0]:
            st.selectbox("Up", y[1], y[1].index(y[0]), html.clean, key=keys["y"], on_change=axes)
        st.selectbox(
            "Metric",
            METRICS,
            METRICS.index(metric),
            label,
            key=keys["metric"],
            on_change=lambda: asked.say("metric", STATE[keys["metric"]], SORT),
        )
        st.selectbox(
            "Of several",
            SUMMARIES,
            SUMMARIES.index(summary),
            key=keys["cell"],
            on_change=lambda: asked.say("cell", STATE[keys["cell"]], SUMMARIES[0]),
            width=110,
            help="What a cell shows when several containers fall into it. The best of many flatters.",
        )


def _explained(summary: str, most: int, stretched: Sequence[str]) -> str:
    said = "A cell is one container." if most == 1 else f"A cell is the {summary} of up to {many(most, 'container')}."
    return said if not stretched else f"{said} Parameters of many values are cut into stretches of equal width."
