"""The data of an experiment: the dataset with a look at it, symbols, and the days it runs on."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app import navigation
from app.charts.preview import drawn, preview
from app.components import html, look
from app.components.numbers import many
from app.datasets.library import VERSION
from app.forms import state
from app.forms.form import Form, caption, problem_line
from app.forms.value import date
from app.services import drafting
from app.services.drafting_fields import FieldSpec
from app.services.home import Home
from engine.errors import InputError
from engine.market.dataset import Dataset
from engine.market.market import Market
from engine.market.quality import Report

STATE = st.session_state
SYMBOLS = FieldSpec("symbols", "other", description="empty: all of the dataset")
WARMUP = FieldSpec(
    "warmup",
    "other",
    default="own",
    description="own: each stage trades once it is ready; common: all wait for the slowest; or a number of bars",
)
DATES = (
    FieldSpec("start", "date", description="First day of trading. Indicators see the bars before it."),
    FieldSpec("end", "date", description="Last day. Nothing after it is seen."),
    FieldSpec("test_start", "date", description="Bars from this day on are held out: no ranking sees them."),
)
#: Kinds of findings in words: one, and several.
KINDS = {
    "gap": ("gap", "gaps"),
    "missing": ("stretch of missing bars", "stretches of missing bars"),
    "split": ("suspected split", "suspected splits"),
    "stale": ("stretch of stale closes", "stretches of stale closes"),
    "no_volume": ("stretch without volume", "stretches without volume"),
}
#: Findings that are listed; all of them stand on the page of the dataset.
LISTED = 50


def data(form: Form, home: Home, found: tuple[Dataset, ...]) -> None:
    """The whole section."""
    problem_line(form, ("data",), exactly=True)
    place = ("data", "dataset")
    name = form.value(place)
    name = name if name is None or isinstance(name, str) else str(name)
    chosen = next((dataset for dataset in found if dataset.name == name), None) or _version(home, name)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _dataset(form, found, name, chosen)
        if st.button("Open its page", icon=":material/database:", type="tertiary", disabled=chosen is None):
            navigation.open_data(str(name))
    problem_line(form, place)
    if chosen is not None:
        _look(home, chosen)
    _symbols(form, chosen)
    dates(form)
    _warmup(form)


def dates(form: Form) -> None:
    """The days it runs on."""
    for column, spec in zip(st.columns(3, gap="small"), DATES, strict=True):
        with column:
            date(form, spec, ("data", spec.name))
            problem_line(form, ("data", spec.name))


def _version(home: Home, name: str | None) -> Dataset | None:
    """The dataset that a draft names as NAME@VERSION; None for anything else."""
    try:
        return home.datasets.get(name) if name and VERSION in name else None
    except InputError:
        return None


def _dataset(form: Form, found: tuple[Dataset, ...], name: Any, chosen: Dataset | None) -> None:
    known = {dataset.name: dataset for dataset in found}
    known |= {name: chosen} if chosen is not None else {}
    options: list[Any] = list(known) if name in known else [*known, name]
    key = state.key(("data", "dataset"))
    STATE.setdefault(key, name)

    def words(option: Any) -> str:
        dataset = known.get(option)
        shown = html.clean("choose one" if option is None else option)
        return f"{shown} · {many(len(dataset.symbols), 'symbol')}" if dataset else f"{shown} · not there"

    st.selectbox(
        "Dataset",
        options,
        format_func=words,
        key=key,
        on_change=_took_dataset,
        args=(key,),
        disabled=form.disabled,
        width=300,
    )


def _took_dataset(key: str) -> None:
    """Another dataset has other symbols."""
    changed = drafting.put(state.draft(), ("data", "symbols"), None)
    state.edit(drafting.put(changed, ("data", "dataset"), STATE[key]), anew=True)


# --- a look at it ----------------------------------------------------------------------------------------------------


@st.cache_resource(max_entries=8, show_spinner=False)
def _market(path: Path, hash: str) -> Market:
    return Home(path).datasets.market(hash)


@st.cache_resource(max_entries=8, show_spinner=False)
def _report(path: Path, hash: str) -> Report:
    return Home(path).datasets.check(hash)


def _look(home: Home, dataset: Dataset) -> None:
    """What the dataset holds, its closes, and what is odd in them."""
    try:
        home.datasets.get(dataset.name)  # a sample is copied into the home when it is first used
        market = _market(home.path, dataset.hash)
        report = _report(home.path, dataset.hash)
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    facts = [
        ("Period", f"{dataset.first[:10]} to {dataset.last[:10]}"),
        ("Bars", f"{dataset.bars:,} of {dataset.frequency}"),
        ("Prices", dataset.adjustment.replace("_", " ")),
        ("Hash", dataset.hash[:12]),
    ]
    st.html(html.facts(facts))
    made = preview(market, look.palette())
    st.plotly_chart(
        made, theme=None, config={"displayModeBar": False}, key=f"preview-{dataset.hash[:12]}-{look.palette().mode}"
    )
    shown = len(drawn(market))
    some = f", {shown} of {len(market.symbols):,} symbols" if shown < len(market.symbols) else ""
    st.caption(f"Closes, each symbol's first set to 100, on a logarithmic scale{some}.")
    _findings(report)


def _findings(report: Report) -> None:
    """What the check of the data found, counted; and the first of it."""
    counts = Counter(finding.kind for finding in report.findings)
    if not counts:
        st.html(html.notice("The check of the data found nothing odd.", "info"))
        return
    words = ", ".join(f"{count:,} {KINDS.get(kind, (kind, kind))[count > 1]}" for kind, count in counts.most_common())
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        with st.container(width="stretch"):
            st.html(html.notice(f"The check of the data found {words}. Nothing was changed.", "warning"))
        shown = st.popover("Findings", icon=":material/troubleshoot:", type="tertiary")
    with shown:
        rows = [(f.symbol, f.time, f.kind.replace("_", " "), f.detail) for f in report.findings[:LISTED]]
        frame = pd.DataFrame(
            [[html.cell(word) for word in row] for row in rows], columns=["Symbol", "Time", "Kind", "What"]
        )
        st.dataframe(frame, hide_index=True, width=560, height=300)
        if len(report.findings) > LISTED:
            st.caption(f"The first {LISTED} of {len(report.findings):,}; all stand on the page of the dataset.")


# --- symbols and warm-up ---------------------------------------------------------------------------------------------


def _symbols(form: Form, chosen: Dataset | None) -> None:
    place = ("data", "symbols")
    given = form.value(place)
    with st.container(key=state.key(place, "row"), gap=None):
        left, right = st.columns((2.9, 5.1), gap="small", vertical_alignment="center")
        left.html(caption(SYMBOLS))
        taken = [str(item) for item in given] if isinstance(given, list) else []
        options = list(dict.fromkeys([*(chosen.symbols if chosen else ()), *taken]))
        key = state.key(place)
        STATE.setdefault(key, taken)
        right.multiselect(
            "Symbols",
            options,
            format_func=html.clean,
            key=key,
            on_change=_took_symbols,
            args=(key,),
            placeholder="all",
            label_visibility="collapsed",
            disabled=form.disabled,
        )
        problem_line(form, place)


def _took_symbols(key: str) -> None:
    state.edit(drafting.put(state.draft(), ("data", "symbols"), list(STATE[key]) or None))


def _warmup(form: Form) -> None:
    place = ("data", "warmup")
    value = form.value(place)
    value = WARMUP.default if value is None else value
    ways = ("own", "common", "number")
    way = value if value in ways[:2] else "number"
    with st.container(key=state.key(place, "row"), gap=None):
        left, middle, right = st.columns((2.9, 3.2, 1.9), gap="small", vertical_alignment="center")
        left.html(caption(WARMUP))
        key, number = state.key(place, "way"), state.key(place, "number")
        STATE.setdefault(key, way)
        middle.segmented_control(
            "Warmup",
            ways,
            required=True,
            key=key,
            on_change=_took_way,
            args=(key,),
            label_visibility="collapsed",
            disabled=form.disabled,
        )
        if way == "number":
            STATE.setdefault(number, str(value))
            right.text_input(
                "Warmup: bars",
                key=number,
                on_change=_took_number,
                args=(number,),
                label_visibility="collapsed",
                disabled=form.disabled,
                autocomplete="off",
            )
        problem_line(form, place)


def _took_way(key: str) -> None:
    new = {"own": None, "common": "common", "number": 0}
    if STATE[key] in new:  # nothing is chosen while the form is drawn anew behind an edit of the text
        state.edit(drafting.put(state.draft(), ("data", "warmup"), new[STATE[key]]))


def _took_number(key: str) -> None:
    text = STATE[key].strip()
    state.edit(drafting.put(state.draft(), ("data", "warmup"), int(text) if text.isdecimal() else text or None))
