"""What a stage of the form is called: its kind, its name, its book; and taking it away."""

from typing import Any

import streamlit as st

from app.components import html
from app.forms import state
from app.forms.form import Form
from app.services import drafting
from app.services.drafting import Place
from engine.risk.standard import Risk

STATE = st.session_state
NO_CLASSIFIER = "none"
#: What a section without a kind has.
_ABSENT = {"classifier": NO_CLASSIFIER, "risk": Risk.kind}


def kind(form: Form, place: Place, kinds: list[str], label: str) -> None:
    kind = form.value((*place, "kind"))
    kind = _ABSENT.get(str(place[0])) if kind is None else kind
    options: list[Any] = kinds if kind in kinds else [*kinds, kind]
    key = state.key(place, "kind")
    STATE.setdefault(key, kind)
    st.selectbox(
        label,
        options,
        format_func=lambda option: html.clean(option or "choose"),
        key=key,
        on_change=_changed_kind,
        args=(place, key),
        disabled=form.disabled,
        width=200,
    )


def _changed_kind(place: Place, key: str) -> None:
    state.edit(drafting.change_kind(state.draft(), place, str(STATE[key])), anew=True)


def label(form: Form, place: Place, label: str, default: str) -> None:
    """A name; empty: the one it has by itself."""
    key = state.key(place, "name")
    value = form.value(place)
    STATE.setdefault(key, "" if value is None else str(value))
    st.text_input(
        label,
        key=key,
        on_change=_named,
        args=(place, key),
        placeholder=html.clean(default),
        disabled=form.disabled,
        autocomplete="off",
        width=180,
    )


def _named(place: Place, key: str) -> None:
    state.edit(drafting.put(state.draft(), place, STATE[key].strip() or None))


def book(form: Form, place: Place, books: list[str]) -> None:
    key = state.key(place, "book")
    STATE.setdefault(key, str(form.value(place) or drafting.BOOK))
    st.selectbox(
        "Book",
        list(dict.fromkeys([*books, STATE[key]])),
        format_func=html.clean,
        key=key,
        on_change=_booked,
        args=(place, key),
        accept_new_options=True,
        help="Strategies of one book trade together. Books are alternatives; type a new name for one more.",
        disabled=form.disabled,
        width=170,
    )


def _booked(place: Place, key: str) -> None:
    book = STATE[key]
    state.edit(drafting.put(state.draft(), place, None if book in (None, drafting.BOOK) else str(book)))


def remove(form: Form, section: str, index: int, label: str, last: bool) -> None:
    st.button(
        label,
        icon=":material/delete:",
        type="tertiary",
        on_click=_removed,
        args=(section, index),
        disabled=form.disabled or last,
        key=f"drop-{section}-{index}",
    )


def _removed(section: str, index: int) -> None:
    state.edit(drafting.remove_table(state.draft(), section, index), anew=True)
