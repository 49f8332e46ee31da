"""What is said of a container before its story: key figures beside buy and hold, warnings, or why it failed."""

import streamlit as st

from app.components import html, reveal
from app.components.numbers import figure, label
from app.components.warnings import warnings
from app.services.home import Home
from db.store import BENCHMARK, Container, Run
from engine.errors import InputError

KEY_METRICS = ("total_return", "cagr", "sharpe", "max_drawdown", "trades", "win_rate", "profit_factor", "exposure")

Metrics = dict[str, float | None]


def failure(row: Container) -> None:
    """How a container ended that is not done."""
    st.html(html.notice(f"It did not finish: {row.status.replace('_', ' ')}.", "error"))
    st.code(html.clean(row.error or "no message"), language=None, wrap_lines=True)


def figures(home: Home, run: Run, row: Container) -> None:
    """Key figures beside those of buy and hold; of the held-out bars only when they are asked for."""
    other = None
    try:
        with home.store() as store:
            other = store.container(run.id, BENCHMARK) if row.index != BENCHMARK else None
    except InputError:
        pass
    st.html(html.stats(_stats(row.metrics, other.metrics if other else None)))
    lines = warnings(run, row)
    if not reveal.held_out(run):
        for line in lines:
            st.html(html.notice(line, "warning"))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch", gap="xsmall"):
            for line in lines:
                st.html(html.notice(line, "warning"))
            if not lines:
                st.caption("The figures above are of the bars before the held-out ones.")
        reveal.reveal(home, run)
    if reveal.is_revealed(run):
        st.caption("On the held-out bars:")
        st.html(html.stats(_stats(row.test_metrics, other.test_metrics if other else None)))


def _stats(metrics: Metrics | None, other: Metrics | None) -> list[tuple[str, str, str]]:
    found = []
    for name in KEY_METRICS:
        note = f"buy & hold {figure(name, other.get(name))}" if other else ""
        found.append((label(name), figure(name, (metrics or {}).get(name)), note))
    return found
