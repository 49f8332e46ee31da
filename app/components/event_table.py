"""The event log as a table: filtered and cut into pages before it is put into words."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from app.components import choosing, html, tables, view
from app.components.numbers import many
from app.services.reading import Reading
from engine.events import Kind, Reason
from engine.projections import trace

STATE = st.session_state
#: Events on a page.
ROWS = 15
#: Where the labels of regimes begin among the codes of reasons.
_LABELS = 1_000

Codes = npt.NDArray[np.int64]


def section(sight: view.Sight) -> None:
    """The events before the covered bars; the row of the chosen one is marked."""
    reading, event = sight.reading, sight.event
    count = int(np.searchsorted(reading.log["bar"], sight.end))
    places, filters = _filtered(sight, count)
    pages = max(1, -(-len(places) // ROWS))
    place = int(places.searchsorted(event)) if event is not None else 0
    marked = event is not None and place < len(places) and places[place] == event
    key = f"{sight.name}-{filters}-{event if marked else None}"
    st.caption(f"{len(places):,} of {many(count, 'event')} · click one to see its causes")
    above, below = st.container(), st.container(horizontal=True, horizontal_alignment="right")
    at = below.pagination(pages, default=place // ROWS + 1 if marked else 1, key=f"page-{key}", max_visible_pages=7)
    shown = places[(at - 1) * ROWS : at * ROWS].tolist()
    row = place - (at - 1) * ROWS if marked and place // ROWS == at - 1 else None
    table = f"events-{key}-{at}"

    def choose() -> None:
        picked = tables.picked(STATE[table].selection)
        choosing.choose(reading, None if picked is None else shown[picked])

    frame, columns, order = _worded(reading, shown)
    above.dataframe(
        frame,
        column_config=columns,
        column_order=order,
        hide_index=True,
        height="content",
        key=table,
        on_select=choose,
        selection_mode=tables.SELECT,
        selection_default=tables.marked(row),
        placeholder="",
        alt="Events of the container",
    )


def _filtered(sight: view.Sight, count: int) -> tuple[Codes, int]:
    """The seqs, int64, of the first `count` events that pass the filters, and a number that changes with these."""
    reading, limits, name = sight.reading, sight.limits, sight.name
    log, keep, chosen = reading.log[:count], np.ones(count, np.bool_), []
    for place, title in zip(st.columns(4, gap="small"), _FILTERS, strict=True):
        codes, words = _FILTERS[title](reading, log)
        present: dict[str, list[int]] = {}
        for code in np.unique(codes).tolist():
            if code in words:
                present.setdefault(words[code], []).append(code)
        with place:
            picked = st.multiselect(
                title,
                list(present),
                key=f"{title.lower()}-{name}",
                format_func=html.clean,
                placeholder="all",
                select_all=False,
                persist_state="page",
            )
        chosen.append(tuple(picked))
        if picked:
            keep &= np.isin(codes, [code for word in picked for code in present.get(word, ())])
    last = max(limits.first + 1, limits.end - 1)
    begin, end = st.slider(
        "Bars", limits.first, last, (limits.first, last), key=f"bars-{name}-{limits.end}", persist_state="page"
    )
    keep &= (log["bar"] >= begin) & (log["bar"] <= end)
    return np.flatnonzero(keep), hash((begin, end, *chosen))


def _kinds(reading: Reading, log: npt.NDArray[np.void]) -> tuple[Codes, dict[int, str]]:
    return log["kind"], {kind: kind.name for kind in Kind}


def _symbols(reading: Reading, log: npt.NDArray[np.void]) -> tuple[Codes, dict[int, str]]:
    return log["symbol"], dict(enumerate(reading.market.symbols))


def _sources(reading: Reading, log: npt.NDArray[np.void]) -> tuple[Codes, dict[int, str]]:
    return log["source"], dict(enumerate(reading.names.stages))


def _reasons(reading: Reading, log: npt.NDArray[np.void]) -> tuple[Codes, dict[int, str]]:
    """Reasons, and the labels of regimes, which stand in the same column."""
    codes = np.where(log["kind"] == Kind.REGIME, log["reason"] + _LABELS, log["reason"])
    words = {int(reason): reason.name.lower() for reason in Reason if reason != Reason.NONE}
    return codes, words | {_LABELS + code: label for code, label in enumerate(reading.regime_names)}


#: Title → the codes of a log, and what they stand for.
_FILTERS = {"Kind": _kinds, "Symbol": _symbols, "Source": _sources, "Reason": _reasons}


def _worded(reading: Reading, seqs: Iterable[int]) -> tuple[pd.DataFrame, tables.Columns, list[str]]:
    """A page of the log in words: the frame, its columns, and those that are shown at first."""
    seqs = list(seqs)
    frame = pd.DataFrame(trace.rows(reading.log, reading.names, seqs), columns=trace.FIELDS)
    for name in ("kind", "source", "symbol", "reason", "level", "side"):
        frame[name] = frame[name].map(lambda word: html.cell(word) if isinstance(word, str) else None)
    frame["time"] = reading.clock[reading.log["bar"][seqs]].view("datetime64[ns]")
    frame["cause"] = frame["cause"].astype("Int64")
    for name in ("price", "quantity", "commission", "value", "limit", "actual"):
        frame[name] = frame[name].astype("float64")
    order = ["seq", "time", "kind", "source", "symbol", "side", "quantity", "price", "value", "reason", "cause"]
    if len(reading.market.symbols) == 1:
        order.remove("symbol")
    return frame, _columns(reading.daily), order


def _columns(daily: bool) -> tables.Columns:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    found: dict[str, Any] = {
        "seq": number("#", format="%d", width=55),
        "time": moment("Date" if daily else "Time", daily),
        "bar": number("Bar", format="%d", width=55),
        "kind": text("Kind", width=85),
        "level": text("Level", width=80),
        "source": text("Source", width=85),
        "symbol": text("Symbol", width=60),
        "side": text("Side", width=50),
        "quantity": number("Quantity", format="%,.2f", width=90),
        "price": number("Price", format="%,.4f", width=80),
        "commission": number("Commission", format="%,.2f", width=95),
        "value": number("Value", format="%.4f", width=65, help="a signal, or the weight of a target or order"),
        "limit": number("Limit", format="%,.4f", width=85),
        "actual": number("Actual", format="%,.4f", width=85),
        "reason": text("Reason", width=85),
        "cause": number("Cause", format="%d", width=60, help="the event behind it; none: its bar"),
    }
    return found


def moment(title: str, daily: bool) -> Any:
    """A column of times: dates alone where bars are days."""
    shape = "YYYY-MM-DD" if daily else "YYYY-MM-DD HH:mm"
    return st.column_config.DatetimeColumn(title, format=shape, width=90 if daily else 125)
