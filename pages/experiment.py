"""Experiment: set one up in a form or as TOML, see how many containers it makes, and run it."""

from pathlib import Path

import streamlit as st

from app.components import html
from app.forms import aside, data, replay, sections, stages, start, state
from app.forms.form import Form
from app.services import drafting
from app.services import stages as own
from app.services.drafting_check import Outlook, Problem, outlook
from app.services.estimating import Estimate, Measured, estimate, measured
from app.services.home import Home
from engine.config import TABLES
from engine.errors import InputError
from engine.market.dataset import Dataset

STATE = st.session_state
#: Sections of the form that are open at first.
OPEN = ("data", "strategy", "replay")
#: Sections of each pattern that others lack, and those that a replay lacks.
REPLAY = ("replay",)
NOT_REPLAYED = ("strategy", "classifier")
SECTIONS = {
    "data": ("Data", ":material/database:"),
    "replay": ("Signals", ":material/sensors:"),
    "strategy": ("Strategies", ":material/moving:"),
    "classifier": ("Classifier", ":material/palette:"),
    "risk": ("Risk", ":material/shield:"),
    "portfolio": ("Portfolio", ":material/account_balance_wallet:"),
    "ensemble": ("Ensemble", ":material/join:"),
    "execution": ("Execution", ":material/swap_horiz:"),
    "sweep": ("Sweep", ":material/grid_on:"),
    "limits": ("Limits", ":material/timer:"),
    "experiment": ("Pattern and seed", ":material/route:"),
}


def page() -> None:
    try:
        home = Home()
        with home.store() as store:
            runs = store.runs()
        found = home.datasets.list()
    except InputError as error:
        st.title("Experiment")
        st.html(html.notice(error, "error"))
        return
    aside.leave_if_launched()
    state.open_draft(home)
    start.start(home, runs)
    registry = own.registry(home, state.draft())
    files, hashes = own.files(home)
    seen = _outlook(home.path, drafting.dumped(state.draft()), tuple(dataset.hash for dataset in found), hashes)
    known, each = _measured(home.path, tuple((run.id, run.status) for run in runs[-40:]))
    left, right = st.columns((6, 4), gap="medium")
    with right, st.container(key="aside", gap="small"):
        aside.aside(home, seen, _estimate(seen, known, each))
    broken = state.TEXT_PROBLEM in STATE
    form = Form(state.draft(), aside.refused() or seen.problem, broken, registry, files)
    with left, st.container(key="form", gap="small"):
        if broken:
            st.html(html.notice("The text beside does not parse. The form shows the last one that did.", "warning"))
        sections.headline(form)
        replayed = form.value(("experiment", "pattern")) == "signal_replay"
        for name in SECTIONS:
            if name in (NOT_REPLAYED if replayed else REPLAY):
                continue
            _section(form, home, name, seen, found)


def _section(form: Form, home: Home, name: str, seen: Outlook, found: tuple[Dataset, ...]) -> None:
    title, icon = SECTIONS[name]
    wrong = form.problem is not None and form.problem.at((name,))
    about = stages.summary(form.draft, name, form.registry) if name in TABLES else ""
    title = f"{title} :small[:gray[· {about}]]" if about else title
    icon = ":material/error:" if wrong else icon
    opened = st.expander(title, expanded=name in OPEN, icon=icon, key=f"section-{name}")
    with opened, st.container(gap="xsmall"):
        _fields(form, home, name, seen, found)


def _fields(form: Form, home: Home, name: str, seen: Outlook, found: tuple[Dataset, ...]) -> None:
    if name == "experiment":
        sections.experiment(form)
    elif name == "data":
        if form.value(("experiment", "pattern")) == "signal_replay":
            data.dates(form)
        else:
            data.data(form, home, found)
    elif name == "replay":
        replay.replay(form)
    elif name == "strategy":
        stages.strategies(form)
    elif name in drafting.ALTERNATIVES:
        stages.alternatives(form, name)
    elif name == "sweep":
        sections.sweep(form, seen.names)
    elif name == "limits":
        sections.limits(form)
    else:
        stages.single(form, name)


@st.cache_data(max_entries=200, show_spinner=False)
def _outlook(path: Path, text: str, datasets: tuple[str, ...], files: tuple[str, ...]) -> Outlook:
    """What a text would run; `datasets`, `files`: hashes of the data and the own stages that there are."""
    try:
        return outlook(Home(path), drafting.parsed(text))
    except InputError as error:
        return Outlook(problem=Problem(str(error)))


@st.cache_data(max_entries=4, show_spinner=False)
def _measured(path: Path, runs: tuple[tuple[int, str], ...]) -> tuple[list[Measured], float | None]:
    """What earlier runs took; `runs`: those there are, and how they stand."""
    return measured(Home(path))


def _estimate(seen: Outlook, known: list[Measured], each: float | None) -> Estimate | None:
    return estimate(seen.containers, seen.bars, seen.symbols, known, each) if seen.containers and seen.bars else None


page()
