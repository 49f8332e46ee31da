"""A stage's example: what it makes of real data, at parameters that can be changed beside the figure."""

from pathlib import Path
from typing import Any

import streamlit as st

from app.charts import example as chart
from app.components import html, look, stage
from app.components.numbers import many
from app.components.view import SPANS
from app.forms import stages as forms
from app.forms import trial
from app.forms.form import Form
from app.services import drafting, drafting_check, example, library
from app.services import stages as own_stages
from app.services.example import Example
from app.services.home import Home
from app.services.library import Entry, Library
from engine.errors import BulkheadError
from engine.market.dataset import Dataset
from engine.strategies.by_regime import ByRegime

STATE = st.session_state
#: What a strategy may be given in place of a classifier.
NONE = "none"
SPAN = "5 years"


def drawn(home: Home, found: Library, entry: Entry, datasets: tuple[Dataset, ...]) -> None:
    """The figure with its choices, and the parameters that it is drawn at."""
    st.html('<h3 class="bh-section">On real data</h3>')
    draft = trial.draft()
    dataset = str(draft["data"]["dataset"])
    with st.container(horizontal=True, vertical_alignment="top", gap="small", key="example-choices"):
        _dataset(dataset, datasets)
        if entry.family == "strategy":
            _classifier(found, entry)
        symbol = st.container(width="content")
        span = st.segmented_control("Bars", list(SPANS), default=SPAN, required=True, key="example-span")
    picture = st.container()
    made, problem = _made(home, found, entry, dataset)
    form = Form(draft, problem, registry=found.own.registry, pad=trial)
    with picture:
        if made is None:
            st.html(html.notice(problem.text if problem else "", "error"))
        else:
            _figure(entry, made, symbol, span or SPAN, dataset)
    left, right = st.columns((6, 4), gap="medium")
    with right:
        stage.snippet(entry, draft)
    with left:
        st.html('<h3 class="bh-section">Try other values</h3>')
        if not entry.fields:
            st.html('<div class="bh-note">It has no parameters.</div>')
        with st.container(key="form", gap="xsmall"):
            forms.example_fields(form, entry.model, library.place(entry), entry.kind)


def _figure(entry: Entry, made: Example, choice: Any, span: str, dataset: str) -> None:
    names = list(made.symbols)
    symbol = names[0]
    if len(names) > 1:
        symbol = choice.selectbox("Symbol", names, format_func=html.clean, key=f"example-symbol-{dataset}", width=140)
    figure = chart.figure(made, symbol or names[0], chart.window(made.clock, SPANS[span]), look.palette())
    told = {
        "strategy": f"Closes of {symbol} with the signals of {entry.kind}",
        "classifier": f"Closes with the regimes of {entry.kind}",
        "indicator": f"Closes of {symbol} with {entry.kind}",
    }
    st.plotly_chart(figure, theme=None, key="example", config={"displayModeBar": False}, alt=told[entry.family])
    st.caption(_caption(entry, made))


def _caption(entry: Entry, made: Example) -> str:
    if entry.family == "classifier":
        seen = "the equal-weight index of all symbols" if made.symbols == ("index",) else "its reference"
        return f"It sees {seen}. A label is known at the bar's close; what it may use ends there."
    if entry.family == "indicator":
        return f"On the bars of {many(len(made.symbols), 'symbol')}, as a stage would get it."
    changes = "Shaded: what the signal is after each close; a triangle is where it changes, at the close that decided."
    return f"{changes} These are signals, not trades: sizing, caps, costs and fills come after them."


# --- what it is drawn from -------------------------------------------------------------------------------------------


def _dataset(dataset: str, datasets: tuple[Dataset, ...]) -> None:
    names = [found.name for found in datasets if found.name]
    names = names if dataset in names else [dataset, *names]
    key = trial.key(("data", "dataset"))
    STATE.setdefault(key, dataset)

    def choose() -> None:
        trial.edit(drafting.put(trial.draft(), ("data", "dataset"), STATE[key]), anew=True)

    st.selectbox("Dataset", names, format_func=html.clean, key=key, on_change=choose, width=170)


def _classifier(found: Library, entry: Entry) -> None:
    """Whose regimes a strategy sees."""
    kinds = list(found.own.registry.classifiers)
    options = kinds if issubclass(entry.model, ByRegime) else [NONE, *kinds]
    now = drafting.value(trial.draft(), ("classifier", 0, "kind")) or NONE
    key = trial.key(("classifier", 0), "kind")
    STATE.setdefault(key, now)

    def choose() -> None:
        changed = {name: part for name, part in trial.draft().items() if name != "classifier"}
        if STATE[key] != NONE:
            changed["classifier"] = {"kind": STATE[key]}
        if issubclass(entry.model, ByRegime):  # other regimes have other names
            changed = drafting.put(changed, ("strategy", 0, "regimes"), None)
        trial.edit(changed, anew=True)

    options = options if now in options else [*options, now]
    st.selectbox("Regimes of", options, format_func=html.clean, key=key, on_change=choose, width=190)


def _made(
    home: Home, found: Library, entry: Entry, dataset: str
) -> tuple[Example | None, drafting_check.Problem | None]:
    """The example, or what is wrong with it."""
    draft = trial.draft()
    hashes = own_stages.files(home)[1] if entry.own or found.own.of(draft).described else ()
    try:
        digest = home.datasets.get(dataset).hash
        with st.spinner("Computing the example …", show_time=False):
            return _computed(home.path, entry.family, drafting.dumped(draft), digest, hashes), None
    except BulkheadError as error:
        return None, drafting_check.located(str(error), draft)


# Keyed by what it depends on: the draft, the hash of the data, and the files of the user.
@st.cache_resource(max_entries=32, show_spinner=False)
def _computed(path: Path, family: str, text: str, dataset: str, files: tuple[str, ...]) -> Example:
    home, draft = Home(path), drafting.parsed(text)
    own = own_stages.own_stages(home) if files else own_stages.OwnStages()
    market = home.datasets.market(dataset)
    if family == "indicator":
        entry = library.library(home).get(str(draft["experiment"]["name"]))
        assert entry is not None
        return example.indicator(entry.model, draft.get("indicator", {}), market, own)
    return example.example(draft, family, market, own)
