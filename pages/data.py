"""Data: the datasets of this home, a look at each, and adding one from a file."""

import streamlit as st

from app.components import adding, datasets, html
from app.services.home import Home
from engine.errors import InputError
from engine.market.dataset import Dataset


def page() -> None:
    st.title("Data")
    try:
        home = Home()
        library = home.datasets
        found, problems = library.list(), library.problems()
    except InputError as error:
        st.html(html.notice(error, "error"))
        return
    for line in problems:
        st.html(html.notice(line, "error"))
    adding.added(home, empty=not found)
    chosen = _chosen(home, found)
    if found:
        datasets.listing(found, chosen.name if chosen else None, _dropped(home, found))
    if chosen is not None:
        datasets.dataset(home, chosen)


def _dropped(home: Home, found: tuple[Dataset, ...]) -> dict[str, int]:
    """How many rows were left out of each dataset; a line for a list of them that cannot be read."""
    counts = {}
    for dataset in found:
        try:
            counts[dataset.name] = len(home.datasets.dropped(dataset.name))
        except InputError as error:
            st.html(html.notice(error, "error"))
    return counts


def _chosen(home: Home, found: tuple[Dataset, ...]) -> Dataset | None:
    """The dataset of the address, by name or hash; none, and a line, for one that is not there."""
    asked = st.query_params.get("dataset")
    if asked is None:
        return next(iter(found), None)
    for dataset in found:
        if dataset.name == asked:
            return dataset
    try:
        return home.datasets.get(asked)
    except InputError as error:
        line = str(error)
        if len(asked) > 64:
            line = "no dataset has such a name; choose one of the list"
        st.html(html.notice(f"{line[:1].upper()}{line[1:]}", "warning"))
        return None


page()
