"""The question that the page of results answers: read from its address, and written there when it changes."""

from collections.abc import Sequence

import streamlit as st

from app.services import question
from app.services.question import KEYS, Question
from db.store import Parameter


def ask(parameters: Sequence[Parameter]) -> tuple[Question, list[str]]:
    """What the address asks, and a line for each thing it got wrong."""
    address = {key: st.query_params.get_all(key) for key in KEYS}
    return question.read(address, [parameter.name for parameter in parameters])


def tell(asked: Question) -> None:
    """Write a question into the address; what else stands there stays."""
    others = {key: st.query_params.get_all(key) for key in st.query_params if key not in KEYS}
    st.query_params.from_dict({**others, **question.written(asked)})


def one_of(key: str, options: Sequence[str], default: str) -> str:
    """What the address says under `key`, when it is one of `options`."""
    said = st.query_params.get(key)
    return said if said in options else default


def say(key: str, value: str, default: str) -> None:
    """Write one thing into the address; what is as usual is not said."""
    if value == default:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value
