"""A run's leaderboard: sorted, filtered and cut into pages by the database; containers are opened or chosen here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from app import navigation
from app.components import asked, filters, gathered, html, look, tables
from app.components.numbers import figure, label
from app.services.home import Home
from app.services.question import CHOSEN, INDEX, SIZES, Question
from db.store import Container, Parameter, Run
from engine.outcome import sketch_bars
from engine.projections.catalogue import METRICS

STATE = st.session_state
#: Containers on a page are chosen by their boxes; a click on a cell opens one, a click on a heading sorts.
SELECT = ("multi-row", "single-cell", "single-column")
HEIGHT = 400
#: Points of a small chart.
POINTS = 64
ORDERS = {True: "largest first", False: "smallest first"}
_YARDSTICK = ("sharpe", "total_return", "cagr", "max_drawdown")


def leaderboard(home: Home, run: Run, parameters: Sequence[Parameter], revealed: bool) -> None:
    """Draw it. As a fragment it is drawn alone when it is sorted or leafed through."""
    if (index := STATE.pop("results.open", None)) is not None:
        navigation.open_container(run.id, index)
    if STATE.pop("results.redraw", False):
        st.rerun()  # what is chosen stands in the charts too
    question, _ = asked.ask(parameters)
    with home.store() as store:
        total = store.count(run.id, status=question.status, where=question.where)
        pages = max(1, -(-total // question.size))
        question = replace(question, page=min(question.page, pages))
        found = store.containers(
            run.id,
            None if question.sort == INDEX else question.sort,
            descending=question.descending,
            top=question.size,
            offset=question.offset,
            status=question.status,
            where=question.where,
        )
        indices, curves = store.sketches(run.id, [row.index for row in found])
    _controls(parameters, question)
    filters.in_force(question, total, run.done if question.status else run.done + run.failed)
    if not found:
        st.html(html.notice("No container passes the filter; widen it or clear it.", "info"))
        return
    sketches = dict(zip(indices.tolist(), _thin(run, curves, revealed), strict=True))
    frame, columns = tables.leaderboard(
        found,
        question.sort,
        question.descending,
        sketches,
        test=revealed and run.plan.get("test") is not None,
        line=look.palette().equity,
    )
    _table(run, question, found, (frame, columns))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="below-board"):
        _below(run, question, total, pages)


def _controls(parameters: Sequence[Parameter], question: Question) -> None:
    """What it is sorted by. (A click on a heading does the same.)"""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="board-controls"):
        st.subheader("Leaderboard", width="stretch")
        filters.filters(parameters, question)
        options = [*METRICS, INDEX, *(parameter.name for parameter in parameters)]
        if question.sort not in options:
            options.append(question.sort)
        names = {INDEX: "Container number", **{name: label(name) for name in METRICS}}
        # a widget's name says what it shows: when that changes elsewhere, it is a new one
        state = f"{question.sort}-{question.descending}-{question.size}"
        sort, order, size = f"sort-{state}", f"order-{state}", f"size-{state}"
        st.selectbox(
            "Sorted by",
            options,
            options.index(question.sort),
            lambda name: names.get(name) or html.clean(name),
            key=sort,
            on_change=lambda: asked.tell(question.sorted_by(STATE[sort])),
            width=190,
        )
        st.selectbox(
            "Order",
            list(ORDERS),
            list(ORDERS).index(question.descending),
            ORDERS.get,
            key=order,
            on_change=lambda: asked.tell(replace(question, descending=STATE[order], page=1)),
            width=150,
        )
        st.selectbox(
            "Per page",
            SIZES,
            SIZES.index(question.size),
            key=size,
            on_change=lambda: asked.tell(replace(question, size=STATE[size], page=1)),
            width=90,
        )


def _table(run: Run, question: Question, found: list[Container], made: tuple[Any, tables.Columns]) -> None:
    """The table. Its name says what it shows, so that what is marked in it is set anew when that changes."""
    frame, columns = made
    state = (run.id, run.created, run.done, run.failed, replace(question, chosen=()), STATE.get("results.marks", 0))
    key = f"board-{hash(state)}"
    indices = [row.index for row in found]

    def choose() -> None:
        selection = STATE[key].selection
        if selection.cells:
            STATE["results.open"] = indices[int(selection.cells[0][0])]
        elif selection.columns:
            name = INDEX if selection.columns[0] == "container" else selection.columns[0]
            if name in METRICS or name == INDEX or name in params:
                asked.tell(question.sorted_by(name))
            else:
                STATE["results.marks"] = STATE.get("results.marks", 0) + 1  # nothing to sort by: a new table
        else:
            _choose(question, indices, [int(row) for row in selection.rows])

    params = {name for row in found for name in row.params}
    st.dataframe(
        frame,
        column_config=columns,
        hide_index=True,
        height=HEIGHT,
        placeholder="–",
        key=key,
        on_select=choose,
        selection_mode=SELECT,
        selection_default=_marked([place for place, index in enumerate(indices) if index in question.chosen]),
    )


def _choose(question: Question, shown: list[int], rows: list[int]) -> None:
    """Keep what was chosen on other pages, and of this one what is marked; not more than can be compared."""
    now = [shown[row] for row in rows]
    kept = [index for index in question.chosen if index not in shown or index in now]
    wanted = [*kept, *(index for index in now if index not in kept)]
    if len(wanted) > CHOSEN:
        STATE["results.marks"] = STATE.get("results.marks", 0) + 1  # its marks are set anew
        STATE["results.full"] = True
    asked.tell(replace(question, chosen=tuple(wanted[:CHOSEN])))
    STATE["results.redraw"] = True


def _marked(rows: list[int]) -> Any:
    return {"selection": {"rows": rows, "columns": [], "cells": []}}


def _below(run: Run, question: Question, total: int, pages: int) -> None:
    """Pages, and what can be done with what is chosen."""
    if pages > 1:
        key = f"page-{question.page}-{pages}"
        st.pagination(
            pages,
            default=question.page,
            width=56 * (pages + 2) if pages <= 7 else "content",  # it takes few pages for more than fit
            key=key,
            on_change=lambda: asked.tell(replace(question, page=STATE[key])),
        )
    last = min(total, question.offset + question.size)
    said = f"{question.offset + 1:,} to {last:,} of {total:,}"
    if STATE.pop("results.full", False):
        said += f" · at most {CHOSEN} can be compared"
    elif not question.chosen:
        said += " · tick boxes to compare, click a row to open it, a heading to sort"
    st.caption(said, width="stretch")
    if not question.chosen:
        return
    st.button("Clear choice", type="tertiary", on_click=_clear, args=(question,), key="clear-choice")
    if len(question.chosen) == 1:
        opened = st.button("Open", icon=":material/arrow_forward:", key="open")
        if opened:
            navigation.open_container(run.id, question.chosen[0])
    if st.button(
        f"Compare {len(question.chosen)}" if len(question.chosen) > 1 else "Compare",
        type="primary",
        icon=":material/compare_arrows:",
        disabled=len(question.chosen) < 2,
        help=None if len(question.chosen) > 1 else f"Choose 2 to {CHOSEN} containers.",
        key="compare",
    ):
        navigation.open_compare([(run.id, index) for index in question.chosen])


def _clear(question: Question) -> None:
    asked.tell(replace(question, chosen=()))
    STATE["results.marks"] = STATE.get("results.marks", 0) + 1
    STATE["results.redraw"] = True


def yardstick(home: Home, run: Run, revealed: bool) -> None:
    """Buy and hold's figures: what a container has to beat."""
    row = gathered.benchmark(home, run)
    if row is None:
        return
    parts = [("Buy and hold", row.metrics)]
    if revealed and row.test_metrics is not None:
        parts.append(("on the held-out bars", row.test_metrics))
    for name, metrics in parts:
        st.html(html.facts([(name, ""), *((label(key), figure(key, (metrics or {}).get(key))) for key in _YARDSTICK)]))


def _thin(run: Run, curves: np.ndarray, revealed: bool) -> list[list[float]]:
    """Equity at some points, without the held-out bars while these are covered."""
    first, test = int(run.plan["first"]), run.plan.get("test")
    bars = sketch_bars(int(run.plan["bars"]) - first) + first
    points = len(bars) if revealed or test is None else int(np.searchsorted(bars, test))
    kept = np.unique(np.linspace(0, points - 1, min(POINTS, points)).round().astype(int)) if points else []
    return curves[:, kept].astype(np.float64).round(5).tolist()
