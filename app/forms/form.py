"""What all fields of the form share: the draft they show, what is wrong with it, how a value gets into it."""

from dataclasses import dataclass
from typing import Any, Protocol

import streamlit as st

from app.components import html
from app.forms import state
from app.services import drafting, drafting_values
from app.services.drafting import Draft, Place
from app.services.drafting_check import Problem
from app.services.drafting_fields import FieldSpec
from engine.registry import BUILT_IN, Registry


class Pad(Protocol):
    """Where a draft is written: the page of the experiment has one, the example of a stage another."""

    def draft(self) -> Draft: ...

    def edit(self, changed: Draft, anew: bool = False) -> None: ...

    def key(self, place: Place, what: str = "") -> str: ...


@dataclass(frozen=True, slots=True)
class Form:
    """What every field needs: the draft, what is wrong with it, and whether it may be changed now.

    registry: the kinds there are, the user's own among them; files: a line for each stage file that cannot be used.
    pad: what takes the edits.
    """

    draft: Draft
    problem: Problem | None = None
    disabled: bool = False
    registry: Registry = BUILT_IN
    files: tuple[str, ...] = ()
    pad: Pad = state

    def value(self, place: Place) -> Any:
        return drafting.value(self.draft, place)


def caption(spec: FieldSpec, values: int = 1) -> str:
    """Name, unit and meaning of a parameter, and how many values it takes when they are several."""
    unit = f' <span class="bh-unit">{html.escape(spec.unit)}</span>' if spec.unit else ""
    count = f' <span class="bh-count">{values:,} values</span>' if values > 1 else ""
    meaning = f"{spec.description} ({spec.bounds})" if spec.description and spec.bounds else ""
    meaning = meaning or spec.description or spec.bounds
    note = f'<div class="bh-note">{html.escape(meaning)}</div>' if meaning else ""
    name = f'<span class="bh-field-name">{html.escape(spec.label)}</span>'
    return f'<div class="bh-field">{name}{unit}{count}{note}</div>'


def problem_at(form: Form, place: Place) -> bool:
    return form.problem is not None and form.problem.at(place)


def problem_line(form: Form, place: Place, exactly: bool = False) -> None:
    """The line that says what is wrong at a place, if something is."""
    problem = form.problem
    if problem is not None and (problem.place == place if exactly else problem.at(place)):
        st.html(f'<div class="bh-field-problem" role="alert">{html.escape(problem.text)}</div>')


def store(pad: Pad, spec: FieldSpec, place: Place, new: Any) -> None:
    """Write a value into the draft; a default is not written."""
    pad.edit(drafting.put(pad.draft(), place, None if is_default(new, spec) else new))


def is_default(new: Any, spec: FieldSpec) -> bool:
    """Whether a value need not be written."""
    if new is None or new == "":
        return True
    if spec.optional and new == drafting_values.NONE:
        return spec.default is None
    alike = isinstance(new, bool) == isinstance(spec.default, bool)
    return not spec.required and alike and new == spec.default
