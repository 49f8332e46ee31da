"""The widgets of a parameter's value: a text, the ends of a range, words to choose, a day."""

import datetime
from typing import Any

import streamlit as st

from app.components import html
from app.components.warnings import SAME_CLOSE
from app.forms.form import Form, Pad, store
from app.services import drafting, drafting_values
from app.services.drafting import Place
from app.services.drafting_fields import FieldSpec
from app.services.drafting_values import Mode

STATE = st.session_state
#: Choices with so many letters in all stand side by side; more are a list to open.
SIDE_BY_SIDE = 26
EARLIEST, LATEST = datetime.date(1800, 1, 1), datetime.date(2200, 12, 31)
_EMPTY = "not set"


def value(form: Form, spec: FieldSpec, place: Place, mode: Mode, name: str) -> None:
    """The widgets for a value that is given so. `name`: what they are called."""
    if mode == "range":
        _range(form, spec, place, name)
    elif spec.kind in ("bool", "choice") and mode in ("fixed", "list"):
        _choice(form, spec, place, mode, name)
    else:
        _text(form, spec, place, mode, name)


def _text(form: Form, spec: FieldSpec, place: Place, mode: Mode, name: str) -> None:
    value = form.value(place)
    value = spec.default if value is None else value
    key = form.pad.key(place, mode)
    absent = value is None and not spec.optional
    STATE.setdefault(key, "" if value is None else drafting_values.shown(value, spec))
    hint = {"list": "values, separated by commas"}.get(mode, _EMPTY if absent else drafting_values.NONE)
    if spec.kind == "numbers":
        hint = "0.6, 0.4 | 0.5, 0.5" if mode == "list" else "0.6, 0.4"
    st.text_input(
        name,
        key=key,
        on_change=_typed,
        args=(form.pad, spec, place, mode, key),
        placeholder=hint,
        label_visibility="collapsed",
        disabled=form.disabled,
        autocomplete="off",
    )


def _typed(pad: Pad, spec: FieldSpec, place: Place, mode: Mode, key: str) -> None:
    new = drafting_values.read(STATE[key], spec, mode)
    store(pad, spec, place, new)
    if mode == "fixed":  # as it is understood; an emptied field has its default again
        value = drafting.value(pad.draft(), place)
        value = spec.default if value is None else value
        STATE[key] = "" if value is None else drafting_values.shown(value, spec)


def _range(form: Form, spec: FieldSpec, place: Place, name: str) -> None:
    value = form.value(place)
    for column, end in zip(st.columns(3, gap="xxsmall"), ("from", "to", "step"), strict=True):
        key = form.pad.key(place, f"end-{end}")
        STATE.setdefault(key, drafting_values.one(value[end]) if end in value else "")
        column.text_input(
            f"{name}: {end}",
            key=key,
            on_change=_typed_end,
            args=(form.pad, spec, place, end, key),
            placeholder=end,
            label_visibility="collapsed",
            disabled=form.disabled,
            autocomplete="off",
        )


def _typed_end(pad: Pad, spec: FieldSpec, place: Place, end: str, key: str) -> None:
    value = dict(drafting.value(pad.draft(), place) or {})
    text = STATE[key].strip()
    value[end] = drafting_values.number(text, spec.kind) if text else 0
    STATE[key] = drafting_values.one(value[end])
    pad.edit(drafting.put(pad.draft(), place, value))


def _choice(form: Form, spec: FieldSpec, place: Place, mode: Mode, name: str) -> None:
    """Words to choose one of, or some of."""
    value = form.value(place)
    value = spec.default if value is None else value
    options = list(spec.choices) if spec.kind == "choice" else [False, True]
    if spec.optional:
        options = [drafting_values.NONE, *options]
        value = drafting_values.NONE if value is None else value
    taken = value if mode == "list" else [value]
    options += [item for item in taken if not any(item is option or item == option for option in options)]
    key = form.pad.key(place, mode)
    STATE.setdefault(key, taken if mode == "list" else value)
    shared: dict[str, Any] = {
        "format_func": _word,
        "key": key,
        "on_change": _chosen,
        "args": (form.pad, spec, place, key),
        "label_visibility": "collapsed",
        "disabled": form.disabled,
    }
    if sum(len(_word(option)) + 2 for option in options) <= SIDE_BY_SIDE:
        many = mode == "list"
        shared["format_func"] = lambda option: html.label(_word(option))  # here, unlike in a list, it would be Markdown
        st.segmented_control(name, options, selection_mode="multi" if many else "single", required=not many, **shared)
    elif mode == "list":
        st.multiselect(name, options, **shared)
    else:
        st.selectbox(name, options, **shared)


def _chosen(pad: Pad, spec: FieldSpec, place: Place, key: str) -> None:
    store(pad, spec, place, STATE[key])


def _word(option: Any) -> str:
    if isinstance(option, bool):
        return "yes" if option else "no"
    words = html.clean(option).replace("_", " ")
    return f"{words} (optimistic)" if option == SAME_CLOSE else words


def date(form: Form, spec: FieldSpec, place: Place) -> None:
    """A day to choose, under its name."""
    value = form.value(place)
    shared: dict[str, Any] = {"help": html.label(spec.description or "") or None, "disabled": form.disabled}
    if value is not None and not (type(value) is datetime.date and EARLIEST <= value <= LATEST):
        key = form.pad.key(place, "text")  # what TOML can say and no calendar shows
        STATE.setdefault(key, str(value))
        st.text_input(spec.label, key=key, on_change=_typed, args=(form.pad, spec, place, "fixed", key), **shared)
        return
    key = form.pad.key(place, "date")
    STATE.setdefault(key, value)
    st.date_input(
        spec.label,
        key=key,
        value=None,
        min_value=EARLIEST,
        max_value=LATEST,
        format="YYYY-MM-DD",
        on_change=_chosen,
        args=(form.pad, spec, place, key),
        **shared,
    )
