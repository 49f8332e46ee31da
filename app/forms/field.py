"""One parameter of a form: its name and meaning, how it is given (fixed, a list, a range), and its value."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from app.forms.form import Form, Pad, caption, is_default, problem_at, problem_line
from app.forms.value import value as widgets
from app.services import drafting, drafting_values
from app.services.drafting import Place
from app.services.drafting_fields import FieldSpec
from app.services.drafting_values import Mode
from engine.registry import Registry

STATE = st.session_state
#: Widths of a row: name, how it is given, value.
COLUMNS = (2.75, 2.05, 3.2)


def field(form: Form, spec: FieldSpec, place: Place, owner: str = "", modes: Sequence[Mode] | None = None) -> None:
    """The row of one parameter. `owner`: whose it is, for readers that do not see where it stands."""
    modes = drafting_values.modes(spec) if modes is None else modes
    value = form.value(place)
    mode = drafting_values.mode(value, spec) if value is not None else modes[0]
    name = f"{spec.label}, {owner}" if owner else spec.label
    with st.container(key=form.pad.key(place, "row"), gap=None):
        widths = COLUMNS if len(modes) > 1 else (COLUMNS[0] + COLUMNS[1], COLUMNS[2])
        left, *middle, right = st.columns(widths, gap="small", vertical_alignment="center")
        left.html(caption(spec, drafting_values.count(value, spec)))
        for column in middle:
            with column:
                _mode(form, spec, place, mode if mode in modes else modes[0], modes, name)
        if mode != "by regime":
            with right:
                widgets(form, spec, place, mode, name)
        if not (mode == "by regime" and any(problem_at(form, (*place, entry)) for entry in _entries(form, value))):
            problem_line(form, place)
    if mode == "by regime":
        _by_regime(form, spec, place, value, owner)


# --- how it is given -------------------------------------------------------------------------------------------------


def _mode(form: Form, spec: FieldSpec, place: Place, mode: Mode, modes: Sequence[Mode], name: str) -> None:
    key = form.pad.key(place, "given-as")
    STATE.setdefault(key, mode)
    st.segmented_control(
        f"{name}: given as",
        modes,
        required=True,
        key=key,
        on_change=_switched,
        args=(form.pad, spec, place, key, form.registry),
        label_visibility="collapsed",
        disabled=form.disabled,
    )


def _switched(pad: Pad, spec: FieldSpec, place: Place, key: str, registry: Registry) -> None:
    value = drafting.value(pad.draft(), place)
    value = spec.default if value is None else value
    new = drafting_values.converted(value, spec, STATE[key])
    changed = drafting.put(pad.draft(), place, None if new is None or is_default(new, spec) else new)
    if new == {}:  # nothing for any regime yet: what held for all, or 1, to begin with
        alone = [1.0] if spec.kind == "numbers" else 1.0
        first = value if drafting_values.mode(value, spec) == "fixed" and value is not None else alone
        changed = drafting.put(changed, place, dict.fromkeys(drafting.regimes(changed, registry), first) or None)
    pad.edit(changed)


# --- a value for each regime -----------------------------------------------------------------------------------------


def _by_regime(form: Form, spec: FieldSpec, place: Place, value: Any, owner: str) -> None:
    entries = _entries(form, value)
    if not entries:
        st.html('<div class="bh-note bh-entry">There is a field for each regime once there is a classifier.</div>')
    for entry in entries:
        own = replace(spec, name=entry, by_regime="never", default=None, optional=False, unit="", description="")
        with st.container(key=form.pad.key((*place, entry), "one-regime")):
            field(form, own, (*place, entry), f"{spec.label} {owner}".strip())


def _entries(form: Form, value: Any) -> list[str]:
    """The regimes of the draft's classifiers, and any other that it speaks of."""
    given = list(value) if isinstance(value, dict) else []
    return list(dict.fromkeys([*drafting.regimes(form.draft, form.registry), *map(str, given)]))
