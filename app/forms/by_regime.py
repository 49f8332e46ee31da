"""A strategy by regime as a form: its base from a list, and the base's own fields elsewhere and in each regime."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from app.components import html
from app.forms.field import field
from app.forms.form import Form, Pad, problem_line
from app.services import drafting, drafting_values
from app.services.drafting import Place
from app.services.drafting_fields import FieldSpec, fields
from app.services.drafting_values import Mode
from engine.registry import Registry
from engine.strategies.bar import BarStrategy
from engine.strategies.by_regime import ByRegime

STATE = st.session_state
#: The sections of its table, in its order.
BASE, ELSEWHERE, REGIMES = "base", "parameters", "regimes"


def by_regime(form: Form, place: Place, owner: str, modes: Sequence[Mode] | None = None) -> None:
    """All of it; `place`: that of the strategy's table; `modes`: how parameters can be given, if not in all ways."""
    default = ByRegime.model_fields[BASE].default
    given = form.value((*place, BASE))
    base = default if given is None else given
    _base(form, place, base)
    problem_line(form, (*place, BASE))
    model = form.registry.strategies.get(base) if isinstance(base, str) else None
    if model is None or base not in bases(form.registry):
        return
    specs = fields(model)
    if not specs:
        st.html(f'<div class="bh-note">{html.escape(base)} has no parameters that a regime could change.</div>')
        return
    _heading("Before the first label, and in regimes without values of their own")
    problem_line(form, (*place, ELSEWHERE), exactly=True)
    for spec in specs:
        field(form, spec, (*place, ELSEWHERE, spec.name), owner, modes)
    found = regimes(form, place)
    if not found:
        st.html('<div class="bh-note bh-entry">There are fields for each regime once there is a classifier.</div>')
    problem_line(form, (*place, REGIMES), exactly=True)
    for regime in found:
        _heading("In the regime", regime)
        problem_line(form, (*place, REGIMES, regime), exactly=True)
        for spec in specs:
            above = form.value((*place, ELSEWHERE, spec.name))
            field(form, _inheriting(spec, above), (*place, REGIMES, regime, spec.name), f"{regime}, {owner}", modes)


def bases(registry: Registry) -> list[str]:
    """The kinds that can be a base."""
    return [
        kind
        for kind, model in registry.strategies.items()
        if not issubclass(model, ByRegime) and not issubclass(model, BarStrategy)
    ]


def regimes(form: Form, place: Place) -> list[str]:
    """The regimes of the draft's classifiers, and any other that the table speaks of."""
    given = form.value((*place, REGIMES))
    named = list(given) if isinstance(given, dict) else []
    return list(dict.fromkeys([*drafting.regimes(form.draft, form.registry), *named]))


def _inheriting(spec: FieldSpec, above: Any) -> FieldSpec:
    """The field of a regime: what is not given there is as it is `above`."""
    fixed = above is not None and drafting_values.mode(above, spec) == "fixed"
    return replace(spec, default=above if fixed else spec.default, description="", unit=spec.unit)


def _heading(words: str, name: str = "") -> None:
    named = f" <b>{html.escape(name)}</b>" if name else ""
    st.html(f'<div class="bh-group">{html.escape(words)}{named}</div>')


def _base(form: Form, place: Place, base: Any) -> None:
    key = form.pad.key((*place, BASE), "base")
    options: list[Any] = bases(form.registry)
    options = options if base in options else [*options, base]
    STATE.setdefault(key, base)
    st.selectbox(
        "Base",
        options,
        format_func=html.clean,
        key=key,
        on_change=_based,
        args=(form.pad, place, key),
        disabled=form.disabled,
        help="The strategy whose parameters change with the regime. Another base begins at its own defaults.",
        width=240,
    )


def _based(pad: Pad, place: Place, key: str) -> None:
    changed = drafting.put(pad.draft(), (*place, BASE), STATE[key])
    for name in (ELSEWHERE, REGIMES):
        changed = drafting.put(changed, (*place, name), None)
    pad.edit(changed, anew=True)
