"""What is said of a container before its story: key figures, what was used, its config, or why it failed."""

import streamlit as st

from app.components import html
from app.components.numbers import figure, label, seconds
from app.components.warnings import warnings
from app.services.exporting import export_container
from app.services.home import Home
from db.store import BENCHMARK, Container, Run
from engine.errors import InputError

STATE = st.session_state
KEY_METRICS = ("total_return", "cagr", "sharpe", "max_drawdown", "trades", "win_rate", "profit_factor", "exposure")

Metrics = dict[str, float | None]


def usage(row: Container) -> list[tuple[str, object]]:
    """What it left, and what it took."""
    took = seconds(row.usage.wall) if row.usage.wall >= 0.01 else f"{1e3 * row.usage.wall:.2f} ms"
    return [("Events", f"{row.rows:,}"), ("Took", took)]


def download(home: Home, row: Container) -> None:
    """Its config, to run it again anywhere; nothing for what cannot be exported."""
    try:
        text = export_container(home, row.run, row.index) if row.index != BENCHMARK else None
    except InputError:
        return
    if text is not None:
        name = f"run-{row.run}-container-{row.index}.toml"
        st.download_button("Config", text, name, "application/toml", icon=":material/download:", on_click="ignore")


def failure(row: Container) -> None:
    """How a container ended that is not done."""
    st.html(html.notice(f"It did not finish: {row.status.replace('_', ' ')}.", "error"))
    st.code(html.clean(row.error or "no message"), language=None, wrap_lines=True)


def figures(home: Home, run: Run, row: Container) -> bool:
    """Key figures beside those of buy and hold; of the held-out bars only when asked for. Returns whether they were."""
    other = None
    try:
        with home.store() as store:
            other = store.container(run.id, BENCHMARK) if row.index != BENCHMARK else None
    except InputError:
        pass
    st.html(html.stats(_stats(row.metrics, other.metrics if other else None)))
    lines = warnings(run, row)
    if row.test_metrics is None:
        for line in lines:
            st.html(html.notice(line, "warning"))
        return True
    key = f"revealed-{run.id}-{row.index}"
    shown = bool(STATE.get(key))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch", gap="xsmall"):
            for line in lines:
                st.html(html.notice(line, "warning"))
            if not lines:
                st.caption("The figures above are of the bars before the held-out ones.")
        if shown:
            st.button(
                "Cover held-out bars",
                icon=":material/visibility_off:",
                on_click=_reveal,
                args=(key, False),
                key="cover",
            )
        else:
            st.button(
                "Reveal test metrics",
                icon=":material/visibility:",
                help="What happened on held-out bars is covered, so that it cannot lead a choice.",
                on_click=_reveal,
                args=(key, True),
                key="reveal",
            )
    if shown:
        st.caption("On the held-out bars:")
        st.html(html.stats(_stats(row.test_metrics, other.test_metrics if other else None)))
    return shown


def _reveal(key: str, shown: bool) -> None:
    STATE[key] = shown


def _stats(metrics: Metrics | None, other: Metrics | None) -> list[tuple[str, str, str]]:
    found = []
    for name in KEY_METRICS:
        note = f"buy & hold {figure(name, other.get(name))}" if other else ""
        found.append((label(name), figure(name, (metrics or {}).get(name)), note))
    return found
