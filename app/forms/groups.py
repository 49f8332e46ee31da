"""The parameters of a stage in groups: the common ones first, the rest one click away, each where it applies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.components import html
from app.components.numbers import many
from app.components.warnings import OPTIMISTIC, SAME_CLOSE
from app.forms.field import field
from app.forms.form import Form, problem_at
from app.services import drafting_values
from app.services.drafting import Place
from app.services.drafting_fields import FieldSpec
from app.services.drafting_values import NONE, Mode
from engine.risk.portfolio import NEEDS
from engine.stage import Stage


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that belong together. `more`: those that few need."""

    title: str
    common: tuple[str, ...]
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """That a parameter applies where one of others is given, or has one of these values."""

    others: tuple[str, ...]
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        names = " or ".join(name.replace("_", " ").replace(" atr", " ATR") for name in self.others)
        return f"{names} = {' or '.join(self.values)}" if self.values else names


#: By family. What stands in no group comes before all of them: a user's own parameters, and those that are new.
GROUPS: Mapping[str, tuple[Group, ...]] = {
    "risk": (
        Group("Caps", ("max_weight", "max_gross", "long_only", "regime_scale"), ("max_net", "max_leverage")),
        Group(
            "Stops",
            ("stop_loss", "take_profit", "trailing_stop", "stop_when"),
            ("stop_atr", "trailing_atr", "atr_window", "time_stop", "cool_down"),
        ),
        Group("Halts", (), ("daily_loss", "max_drawdown")),
    ),
    "portfolio": (
        Group("Account", ("initial_cash",), ("risk_free",)),
        Group(
            "Sizing",
            ("sizing", "slot", "target_volatility", "risk_per_trade", "cash_per_trade", "quantity_per_trade"),
            ("sizing_window", "atr_multiple"),
        ),
        Group("Rebalance", ("rebalance",), ("drift_band",)),
        Group("Universe", (), ("universe",)),
    ),
    "execution": (
        Group("Fills", ("fill",), ("size_price", "participation", "intrabar")),
        Group(
            "Costs",
            ("commission_bps", "slippage_bps"),
            ("spread_bps", "impact", "commission_per_unit", "commission_per_order", "commission_min", "borrow_rate"),
        ),
        Group("Orders", (), ("entry", "entry_offset", "good_for")),
        Group("Margin", (), ("margin", "maintenance", "financing_rate")),
        Group("Units", (), ("lot_size", "tick_size", "multiplier")),
    ),
}
_BY_SHARE = ("slot", "inverse_volatility", "volatility_target")
_BY_ATR = ("stop_atr", "trailing_atr")
_STOPS = ("stop_loss", "take_profit", "trailing_stop", *_BY_ATR)
#: Parameters that mean nothing without another, by family. One that is given all the same is shown.
APPLIES: Mapping[str, Mapping[str, Where]] = {
    "risk": {
        "atr_window": Where(_BY_ATR),
        "stop_when": Where(_STOPS),
        "cool_down": Where((*_STOPS, "time_stop")),
    },
    "portfolio": {
        **{name: Where(("sizing",), (way,)) for way, name in NEEDS.items()},
        "slot": Where(("sizing",), _BY_SHARE),
        "sizing_window": Where(("sizing",), ("inverse_volatility", "volatility_target", "risk")),
        "atr_multiple": Where(("sizing",), ("risk",)),
        "drift_band": Where(("sizing",), (*_BY_SHARE, "risk")),
    },
    "execution": {
        "entry_offset": Where(("entry",), ("limit", "stop")),
        "good_for": Where(("entry",), ("limit", "stop")),
        "maintenance": Where(("margin",)),
        "financing_rate": Where(("margin",)),
    },
}


def grouped(form: Form, model: type[Stage], specs: tuple[FieldSpec, ...], place: Place, owner: str = "") -> None:
    """All fields of a stage whose table stands at `place`."""
    groups = GROUPS.get(model.family, ())
    by_name = {spec.name: spec for spec in specs}
    named = {name for group in groups for name in (*group.common, *group.more)}
    for spec in specs:
        if spec.name not in named:
            field(form, spec, (*place, spec.name), owner)
    for group in groups:
        _group(form, model.family, group, by_name, place, owner)


def _group(form: Form, family: str, group: Group, by_name: Mapping[str, FieldSpec], place: Place, owner: str) -> None:
    rules = APPLIES.get(family, {})
    mine = [name for name in (*group.common, *group.more) if name in by_name]
    free = {name for name in mine if name not in rules or _holds(form, place, rules[name], by_name)}
    shown = free | {name for name in mine if _given(form, place, name)}
    hidden = [(_within(by_name[name]), str(rules[name])) for name in mine if name not in shown]
    if group.common:
        st.html(f'<div class="bh-group">{html.escape(group.title)}</div>')
    for name in group.common:
        if name in shown:
            _field(form, by_name[name], (*place, name), owner)
    rest = [name for name in group.more if name in shown]
    if rest:
        with _more(form, group, [by_name[name] for name in rest], place), st.container(gap="xsmall"):
            for name in rest:
                _field(form, by_name[name], (*place, name), owner)
            _elsewhere(hidden if not group.common else [])
    _elsewhere(hidden if group.common else [])


def _more(form: Form, group: Group, specs: list[FieldSpec], place: Place) -> DeltaGenerator:
    """What opens to the rest of a group; it is open when something of it is given, or wrong."""
    count = sum(_given(form, place, spec.name) for spec in specs)
    wrong = any(problem_at(form, (*place, spec.name)) for spec in specs)
    words = ", ".join(_within(spec) for spec in specs)
    label = f":small[{'More' if group.common else f'**{group.title}**'}: {words}]"
    label += f" :small[:gray[· {many(count, 'parameter')} set]]" if count else ""
    return st.expander(label, expanded=bool(count) or wrong, key=form.pad.key((*place, group.title), "more"))


def _field(form: Form, spec: FieldSpec, place: Place, owner: str) -> None:
    field(form, spec, place, owner)
    if spec.name == "fill" and SAME_CLOSE in _values(form.value(place), spec):
        st.html(html.notice(OPTIMISTIC, "warning"))


def _within(spec: FieldSpec) -> str:
    """A parameter's name within a sentence."""
    return spec.label if spec.label[:2].isupper() else spec.label[:1].lower() + spec.label[1:]


def _elsewhere(hidden: list[tuple[str, str]]) -> None:
    """What there would be, and where."""
    if not hidden:
        return
    by_rule: dict[str, list[str]] = {}
    for name, rule in hidden:
        by_rule.setdefault(rule, []).append(name)
    words = "; ".join(f"{', '.join(names)} (with {rule})" for rule, names in by_rule.items())
    st.html(f'<div class="bh-note">Not in use: {html.escape(words)}</div>')


def _given(form: Form, place: Place, name: str) -> bool:
    return form.value((*place, name)) not in (None, NONE)


def _holds(form: Form, place: Place, rule: Where, by_name: Mapping[str, FieldSpec]) -> bool:
    for other in rule.others:
        values = _values(form.value((*place, other)), by_name[other])
        if rule.values and any(value in values for value in rule.values):
            return True
        if not rule.values and any(value not in (None, NONE) for value in values):
            return True
    return False


def _values(value: Any, spec: FieldSpec) -> list[Any]:
    """The values that a parameter takes; of a range, that it is one."""
    mode: Mode = drafting_values.mode(value, spec)
    if mode == "list":
        return list(value)
    return [spec.default if value is None else value]
