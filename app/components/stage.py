"""One stage of the library: what it says of itself, its contract, its parameters, and the TOML that names it."""

import re

import streamlit as st

from app import navigation
from app.components import html, look
from app.components.numbers import NOTHING
from app.forms import state
from app.services import drafting, drafting_values, library
from app.services.drafting import Draft
from app.services.drafting_fields import FieldSpec
from app.services.library import DUTIES, Entry, Verdict
from engine.events import Kind

_HEADS = ("Parameter", "Unit", "Values", "Default", "Meaning")
_VERDICTS = {
    "causal": "checked: causal",
    "not bit-stable": "checked: causal, not bit-stable",
    "failure": "checked: not sound",
    "look-ahead": "checked: looks ahead",
}
#: A class that begins with so many letters of what its module says repeats it.
_ALIKE = 17
_CODE = re.compile(r"`([^`]+)`")


def head(entry: Entry, draft: Draft) -> None:
    """Its name, whose it is, and the way into an experiment."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            st.html(_heading(entry))
        named = entry.family != "indicator"
        if named and st.button(
            "Use in an experiment", icon=":material/experiment:", type="primary", key="use", disabled=_refused(entry)
        ):
            navigation.open_experiment(draft=state.packed(drafting.dumped(library.experiment(entry, draft))))
    if entry.verdict is not None and entry.verdict.refused:
        st.html(html.notice(f"It looks ahead, so no experiment takes it: {entry.verdict.text}", "error"))
    elif entry.verdict is not None and entry.verdict.text:
        st.html(html.notice(f"Its check found: {entry.verdict.text}", "warning"))


def _refused(entry: Entry) -> bool:
    return entry.verdict is not None and entry.verdict.refused


def _heading(entry: Entry) -> str:
    badges = [f'<span class="bh-badge">{html.escape(entry.family)}</span>']
    if entry.own:
        badges.append('<span class="bh-badge bh-running">own</span>')
        badges.append(f'<span class="bh-badge {_tone(entry.verdict)}">{html.escape(_checked(entry.verdict))}</span>')
    return f'<div class="bh-heading"><h2>{html.escape(entry.kind)}</h2>{"".join(badges)}</div>'


def _checked(verdict: Verdict | None) -> str:
    return "not checked yet" if verdict is None else _VERDICTS.get(verdict.verdict, verdict.verdict)


def _tone(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return "bh-failed" if verdict.refused or verdict.verdict == "failure" else "bh-done"


def words(entry: Entry) -> None:
    """What it says of itself, and what its family does."""
    parts = [f'<p class="bh-lead">{html.escape(entry.lead)}</p>'] if entry.lead else []
    parts = [] if entry.paragraphs and entry.paragraphs[0][:_ALIKE] == entry.lead[:_ALIKE] else parts
    for text in entry.paragraphs:
        if text.startswith((" ", "\t")):
            parts.append(f'<pre class="bh-formula" tabindex="0">{html.escape(text)}</pre>')
        else:
            marked = _CODE.sub(r"<code>\1</code>", html.escape(text))
            parts.append(f'<p class="bh-text">{marked}</p>')
    if not parts:
        parts.append('<p class="bh-text">It says nothing of itself: its class has no docstring.</p>')
    if not entry.drawn:
        parts.append(f'<p class="bh-text">{html.escape(DUTIES[entry.family])}</p>')
    st.html(f'<div class="bh-says">{"".join(parts)}</div>')


def contract(entry: Entry) -> None:
    """Its row of the contract table, and of a classifier its regimes."""
    row = entry.contract
    facts: list[tuple[str, object]] = []
    if entry.family != "indicator":
        facts = [("Consumes", _names(row.consumes)), ("Emits", _names(row.emits))]
        facts.append(("On the bus", ", ".join(level.name.lower() for level in row.levels)))
    if entry.own:
        facts.append(("File", entry.file))
    st.html(html.facts(facts))
    if entry.regimes:
        colors = look.palette()
        swatches = "".join(
            f'<span class="bh-chip"><span class="bh-swatch" style="background:{colors.regime(code)}"></span>'
            f"{html.escape(name)}</span>"
            for code, name in enumerate(entry.regimes)
        )
        st.html(f'<div class="bh-chips bh-regimes"><span class="bh-label">Regimes</span>{swatches}</div>')


def _names(kinds: frozenset[Kind]) -> str:
    return ", ".join(kind.name for kind in sorted(kinds)) or NOTHING


def parameters(entry: Entry) -> None:
    """All of them, as a table."""
    st.html('<h3 class="bh-section">Parameters</h3>')
    if not entry.fields:
        st.html('<div class="bh-note">It has none.</div>')
        return
    rows = [(spec.name, spec.unit or NOTHING, _values(spec), _default(spec), spec.description) for spec in entry.fields]
    with st.container(key="stage-parameters"):
        st.html(html.table(_HEADS, rows))


def _values(spec: FieldSpec) -> str:
    """What it may be, in words."""
    kinds = {"int": "whole number", "float": "number", "bool": "true, false", "text": "text", "date": "date"}
    usual = kinds.get(spec.kind, "list" if spec.kind == "numbers" else "table")
    if spec.choices:
        told = ", ".join(map(str, spec.choices))
    elif spec.by_regime == "always":
        told = f"by regime: {spec.bounds or usual}"
    else:
        told = f"{usual}, {spec.bounds}" if spec.bounds and spec.kind == "int" else spec.bounds or usual
    return f"{told}; or by regime" if spec.by_regime == "possible" else told


def _default(spec: FieldSpec) -> str:
    if spec.required:
        return "none: it must be given"
    return drafting_values.shown(spec.default, spec) if spec.default != {} else NOTHING


def snippet(entry: Entry, draft: Draft) -> None:
    """The TOML that names it; of an indicator the Python."""
    where = "stage" if entry.family == "indicator" else "config"
    st.html(f'<h3 class="bh-section">In a {where}</h3>')
    if entry.family == "indicator":
        module = entry.file.removeprefix("stages/").removesuffix(".py")
        name = entry.model.__name__
        st.code(f"from {module} import {name}\n\nindicator({name}())", "python", wrap_lines=True)
    else:
        st.code(library.snippet(entry, draft).rstrip("\n"), "toml", wrap_lines=True)
