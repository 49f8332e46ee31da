"""The stages of an experiment as forms: strategies in books, alternatives as branches, and those that stand once."""

from collections.abc import Mapping

import streamlit as st

from app.components import html
from app.components.numbers import many
from app.forms import identity, state
from app.forms.by_regime import by_regime
from app.forms.field import field
from app.forms.form import Form, problem_line
from app.forms.groups import grouped
from app.services import drafting, drafting_values
from app.services.drafting import Place
from app.services.drafting_fields import fields
from app.services.drafting_values import Mode
from engine.ensemble.weights import Ensemble
from engine.execution.rules import Execution
from engine.registry import BUILT_IN, Registry
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.stage import Stage
from engine.strategies.by_regime import ByRegime

STATE = st.session_state
#: How a parameter of an example is given.
ONE: tuple[Mode, ...] = ("fixed",)
#: What sections are called, one and several; and the class of those that have one kind.
TITLES = {"classifier": "classifier", "risk": "risk rule", "portfolio": "portfolio"}
MODELS: Mapping[str, type[Stage]] = {
    "risk": Risk,
    "portfolio": Portfolio,
    "ensemble": Ensemble,
    "execution": Execution,
}


def strategies(form: Form) -> None:
    """All strategies. Those of one book trade together; each book is a branch of its own."""
    names, books = drafting.strategy_names(form.draft), drafting.books(form.draft)
    problem_line(form, ("strategy",), exactly=True)
    if form.files:
        st.html(html.notice("\n".join(["Own stages that cannot be used:", *form.files]), "warning"))
    for index, name in enumerate(names):
        with st.container(border=True, key=state.key(("strategy", index), "card"), gap="xsmall"):
            _strategy(form, index, name, books)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Add a strategy",
            icon=":material/add:",
            on_click=_add_strategy,
            args=(books[-1] if books else drafting.BOOK,),
            disabled=form.disabled,
            help="It trades together with those of the last book: their signals are weighted into one.",
            key="add-strategy",
        )
        st.button(
            "Add a book",
            icon=":material/library_add:",
            on_click=_add_strategy,
            args=(None,),
            disabled=form.disabled,
            help="A strategy in a book of its own: an alternative to the other books, run in containers of its own.",
            key="add-book",
        )


def _strategy(form: Form, index: int, name: str, books: list[str]) -> None:
    place: Place = ("strategy", index)
    kind = form.value((*place, "kind"))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        identity.kind(form, place, list(form.registry.strategies), f"Strategy {index + 1}")
        identity.label(form, (*place, "name"), "Name", name)
        identity.book(form, (*place, "book"), books)
        identity.remove(
            form, "strategy", index, f"Remove strategy {index + 1}", len(drafting.tables(form.draft, "strategy")) < 2
        )
    for key in ("kind", "name", "book"):
        problem_line(form, (*place, key))
    problem_line(form, place, exactly=True)
    if isinstance(kind, str) and kind in form.registry.strategies:
        parameters(form, form.registry.strategies[kind], place, name)


def alternatives(form: Form, section: str) -> None:
    """The tables of a section that are alternatives: one alone needs no name; of several each is a branch."""
    tables = drafting.tables(form.draft, section)
    several = len(tables) > 1
    title = TITLES[section]
    problem_line(form, (section,), exactly=True)
    for index in range(max(1, len(tables))):
        place: Place = (section, index)
        if not several:
            _alternative(form, section, place, title, "")
            continue
        with st.container(border=True, key=state.key(place, "card"), gap="xsmall"):
            _alternative(form, section, place, f"{title} {index + 1}", str(form.value((*place, "name")) or index + 1))
    st.button(
        f"Add an alternative {title}",
        icon=":material/call_split:",
        on_click=_add_alternative,
        args=(section,),
        disabled=form.disabled,
        help="Everything is run under each of them: alternatives multiply the containers.",
        key=f"add-{section}",
    )


def _alternative(form: Form, section: str, place: Place, title: str, name: str) -> None:
    """One table of a section; `name`: what it is called when there are others, else empty."""
    kind = form.value((*place, "kind"))
    kinds = _kinds(form, section, kind)
    if name or kinds:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            if kinds:
                identity.kind(form, place, kinds, title.capitalize())
            if name:
                identity.label(form, (*place, "name"), "Name", name)
                identity.remove(form, section, int(place[1]), f"Remove {title}", False)
    for key in ("kind", "name"):
        problem_line(form, (*place, key))
    problem_line(form, place, exactly=True)
    if section == "classifier":
        if isinstance(kind, str) and kind in form.registry.classifiers:
            parameters(form, form.registry.classifiers[kind], place, name or "classifier")
    elif section != "risk" or kind is None:
        parameters(form, MODELS[section], place, name)
    elif isinstance(kind, str) and kind in form.registry.risks:
        parameters(form, form.registry.risks[kind], place, name)


def _kinds(form: Form, section: str, kind: object) -> list[str]:
    """The kinds to choose from; none where there is but one. A risk rule has a kind once there are own ones."""
    if section == "classifier":
        return [identity.NO_CLASSIFIER, *form.registry.classifiers]
    if section == "risk" and (len(form.registry.risks) > 1 or kind not in (None, Risk.kind)):
        return list(form.registry.risks)
    return []


def single(form: Form, section: str) -> None:
    """A stage that stands once."""
    for place in ((section,), (section, 0)):
        problem_line(form, place, exactly=True)
    parameters(form, MODELS[section], (section, 0), "")


def parameters(form: Form, model: type[Stage], place: Place, owner: str) -> None:
    """All parameters of a stage whose table stands at `place`, below what the stage says of itself."""
    st.html(_meaning(model))
    if issubclass(model, ByRegime):
        by_regime(form, place, owner)
    else:
        grouped(form, model, fields(model), place, owner)


def example_fields(form: Form, model: type[Stage], place: Place, owner: str) -> None:
    """The parameters of a stage's example: each has one value."""
    if issubclass(model, ByRegime):
        by_regime(form, place, owner, ONE)
        return
    for spec in fields(model):
        field(form, spec, (*place, spec.name), owner, ONE)


def _meaning(model: type[Stage]) -> str:
    """The first paragraph of what a stage says of itself."""
    words = " ".join((model.__doc__ or "").split("\n\n")[0].split())
    return f'<div class="bh-note">{html.escape(words.replace("`", ""))}</div>'


# --- more of them -----------------------------------------------------------------------------------------------------


def _add_strategy(book: str | None) -> None:
    draft = state.draft()
    if book is None:
        known, number = drafting.books(draft), 2
        while f"book_{number}" in known:
            number += 1
        book = f"book_{number}"
    state.edit(drafting.add_strategy(draft, "ma_cross", book), anew=True)


def _add_alternative(section: str) -> None:
    state.edit(drafting.add_alternative(state.draft(), section), anew=True)


# --- in a few words --------------------------------------------------------------------------------------------------


def summary(draft: drafting.Draft, section: str, registry: Registry = BUILT_IN) -> str:
    """What a section says, for its closed head; no word in it is the user's, so own kinds are only counted."""
    tables = drafting.tables(draft, section)
    if section == "strategy":
        books = len(drafting.books(draft))
        kinds = [table.get("kind") for table in tables]
        if books > 1 or len(tables) > 3:
            return f"{len(tables)} in {many(books, 'book')}"
        named = [str(kind) for kind in kinds if isinstance(kind, str) and kind in BUILT_IN.strategies]
        own = sum(isinstance(kind, str) and kind in registry.strategies for kind in kinds) - len(named)
        return ", ".join([*named, *([f"{own} of your own"] if own else [])])
    if section in drafting.ALTERNATIVES and len(tables) > 1:
        return f"{len(tables)} alternatives"
    table = tables[0] if tables else {}
    kind = table.get("kind") if section == "classifier" else None
    known = isinstance(kind, str) and kind in registry.classifiers
    shown = (str(kind) if kind in BUILT_IN.classifiers else "your own") if known else "none"
    words = [shown] if section == "classifier" else []
    model = registry.classifiers[str(kind)] if known else MODELS.get(section)
    if section == "risk" and isinstance(table.get("kind"), str) and table["kind"] in registry.risks:
        model = registry.risks[table["kind"]]
    given = [spec for spec in fields(model) if spec.name in table] if model else []
    swept = sum(drafting_values.swept(table[spec.name], spec) for spec in given)
    if swept:
        words.append(f"{many(swept, 'parameter')} swept")
    elif given and not words:
        words.append(f"{many(len(given), 'parameter')} set")
    return ", ".join(words) or "defaults"
