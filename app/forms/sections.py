"""The sections of an experiment that are no stages: what it is called, how it is swept, what its containers may use."""

from dataclasses import replace
from typing import Any

import streamlit as st

from app.components import html
from app.forms import state
from app.forms.field import field
from app.forms.form import Form, caption, problem_line
from app.services import drafting
from app.services.drafting import Place
from app.services.drafting_fields import FieldSpec, fields
from engine import config
from engine.config import ExperimentSection, LimitsSection, SweepSection
from engine.patterns import ROUTES
from engine.projections.catalogue import METRICS

STATE = st.session_state
#: What the fields of these sections mean.
MEANINGS = {
    "pattern": "the stages that a container walks through",
    "seed": "random draws follow from it: the same seed, the same result",
    "method": "grid: every combination; random: some of them, drawn evenly; sobol: the same with smaller holes; "
    "tpe: those that a search asks for",
    "samples": "how many combinations are run",
    "objective": "the metric (before test_start) that is searched for, its better side first",
    "wall_seconds": "wall clock a container may take",
    "cpu_seconds": "processor time a container may take",
    "memory_mb": "memory a container may use",
    "max_events": "rows that the log of a container may have",
    "max_output_mb": "what a container may print; no file that it writes may be larger either",
    "isolation": "who shares a child process; auto: built-in stages share one, and own ones that passed their check",
}
CONDITIONS = FieldSpec(
    "where", "text", unit="one condition a line", description="only combinations that meet all of them are run"
)


def headline(form: Form) -> None:
    """Name and hypothesis, side by side above everything else."""
    problem_line(form, ("experiment",), exactly=True)
    left, right = st.columns((3, 5), gap="small")
    for column, name, hint in ((left, "name", ""), (right, "hypothesis", "what you expect; trials are counted for it")):
        place = ("experiment", name)
        key = state.key(place)
        STATE.setdefault(key, str(form.value(place) or ""))
        column.text_input(
            name.capitalize(),
            key=key,
            on_change=_said,
            args=(place, key),
            placeholder=hint,
            disabled=form.disabled,
            autocomplete="off",
        )
        with column:
            problem_line(form, place)


def experiment(form: Form) -> None:
    """The pattern and the seed."""
    for spec in _described(ExperimentSection):
        if spec.name == "pattern":
            spec = replace(spec, choices=tuple(choice for choice in spec.choices if choice in ROUTES))
        if spec.name in ("pattern", "seed"):
            field(form, spec, ("experiment", spec.name), modes=("fixed",))


def sweep(form: Form, names: tuple[str, ...]) -> None:
    """Which combinations are run. `names`: the parameters that conditions can speak of."""
    problem_line(form, ("sweep",), exactly=True)
    method = form.value(("sweep", "method"))
    for spec in _described(SweepSection):
        if spec.name == "method":
            field(form, spec, ("sweep", "method"), modes=("fixed",))
        elif spec.name == "samples" and (method not in (None, "grid") or form.value(("sweep", "samples")) is not None):
            field(form, replace(spec, unit="containers"), ("sweep", "samples"), modes=("fixed",))
        elif spec.name == "objective" and (method == "tpe" or form.value(("sweep", "objective")) is not None):
            field(
                form,
                replace(spec, kind="choice", choices=METRICS, default="sharpe"),
                ("sweep", "objective"),
                modes=("fixed",),
            )
    _conditions(form, names)


def limits(form: Form) -> None:
    """What a container may use before it is ended."""
    problem_line(form, ("limits",), exactly=True)
    for spec in _described(LimitsSection):
        field(form, spec, ("limits", spec.name), modes=("fixed",))


def _described(model: type[config.Section]) -> list[FieldSpec]:
    return [replace(spec, description=MEANINGS.get(spec.name, spec.description)) for spec in fields(model)]


def _said(place: Place, key: str) -> None:
    state.edit(drafting.put(state.draft(), place, STATE[key].strip() or None))


def _conditions(form: Form, names: tuple[str, ...]) -> None:
    place = ("sweep", "where")
    given: Any = form.value(place)
    key = state.key(place)
    lines = [str(item) for item in given] if isinstance(given, list) else [] if given is None else [str(given)]
    STATE.setdefault(key, "\n".join(lines))
    with st.container(key=state.key(place, "row"), gap=None):
        left, right = st.columns((2.9, 5.1), gap="small", vertical_alignment="center")
        left.html(caption(CONDITIONS))
        right.text_area(
            "Conditions",
            key=key,
            height=84,
            on_change=_conditioned,
            args=(key,),
            placeholder="ma_cross.fast < ma_cross.slow",
            label_visibility="collapsed",
            disabled=form.disabled,
        )
        problem_line(form, place)
    if names:
        words = ", ".join(names[:40]) + (", …" if len(names) > 40 else "")
        st.html(f'<div class="bh-note">Parameters: {html.escape(words)}</div>')


def _conditioned(key: str) -> None:
    lines = [line.strip() for line in STATE[key].splitlines() if line.strip()]
    state.edit(drafting.put(state.draft(), ("sweep", "where"), lines or None))
