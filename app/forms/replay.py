"""The signal logs of a replay: which, and whose regimes count."""

import streamlit as st

from app.components import html
from app.forms import state
from app.forms.form import Form, problem_line
from app.services import drafting

STATE = st.session_state
SIGNALS, REGIMES = ("replay", "signals"), ("replay", "regimes")


def replay(form: Form) -> None:
    """The whole section."""
    problem_line(form, ("replay",), exactly=True)
    found = form.value(SIGNALS)
    names = [str(name) for name in found] if isinstance(found, list) else []
    key = state.key(SIGNALS)
    STATE.setdefault(key, "\n".join(names))
    st.text_area(
        "Signal logs, one a line",
        key=key,
        on_change=_said,
        args=(key,),
        disabled=form.disabled,
        height=110,
        placeholder="3/0",
        help="RUN/INDEX, or the digest of a log. Choose them on the page Signals.",
    )
    problem_line(form, SIGNALS)
    given = form.value(REGIMES)
    options = ["", *names, *([given] if isinstance(given, str) and given not in names else [])]
    key = state.key(REGIMES)
    STATE.setdefault(key, given if given in options else "")
    st.selectbox(
        "Whose regimes count",
        options,
        format_func=lambda name: html.clean(name) or "those they agree on",
        key=key,
        on_change=lambda: state.edit(drafting.put(state.draft(), REGIMES, STATE[key] or None)),
        disabled=form.disabled,
        width=300,
    )
    problem_line(form, REGIMES)
    st.page_link("../pages/signals.py", label="Choose logs on the page Signals", icon=":material/sensors:")


def _said(key: str) -> None:
    names = [line.strip() for line in str(STATE[key]).splitlines() if line.strip()]
    state.edit(drafting.put(state.draft(), SIGNALS, names), anew=True)
