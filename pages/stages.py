"""Stages: the library of what an experiment can be made of, each with its parameters and an example on real data."""

import streamlit as st

from app.components import html, shelf, stage, stage_example
from app.forms import trial
from app.services import library
from app.services.home import Home
from app.services.library import Entry, Library
from engine.errors import InputError


def page() -> None:
    try:
        home = Home()
        found = library.library(home)
        datasets = home.datasets.list()
    except InputError as error:
        st.title("Stages")
        st.html(html.notice(error, "error"))
        return
    st.title("Stages")
    chosen = _chosen(found)
    left, right = st.columns((2, 8), gap="medium")
    with left, st.container(key="shelf", gap=None):
        shelf.shelf(found, chosen)
    with right:
        if chosen is None:
            asked = st.query_params.get(shelf.PARAMETER)
            st.html(html.notice(f"There is no stage '{asked}' in this home; choose one of the list.", "warning"))
            return
        if problem := trial.open_example(chosen):
            st.html(html.notice(problem, "warning"))
        stage.head(chosen, trial.draft())
        stage.words(chosen)
        stage.contract(chosen)
        if chosen.drawn:
            stage_example.drawn(home, found, chosen, datasets)
        else:
            stage.snippet(chosen, trial.draft())
        stage.parameters(chosen)


def _chosen(found: Library) -> Entry | None:
    """The stage of the address; the first without one; none for one that is not there."""
    asked = st.query_params.get(shelf.PARAMETER)
    return found.entries[0] if asked is None else found.get(asked)


page()
