"""A run's containers taken together, for a page: read once, kept while they are looked at.

All is kept by the run and by how many of its containers are stored: both tell whether anything can have changed.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import streamlit as st

from app.services import curves as service
from app.services import grid as grids
from app.services.curves import Curves
from app.services.grid import Grid, Line
from app.services.home import Home
from db.store import BENCHMARK, Condition, Container, Parameter, Run
from engine.errors import InputError

Key = tuple[str, int, str, int, int]


def key(home: Home, run: Run) -> Key:
    """What identifies a state of a run: a home that was made anew may use the same numbers again."""
    return str(home.path), run.id, run.created, run.done, run.failed


def parameters(home: Home, run: Run) -> list[Parameter]:
    """What the run swept: the parameters that have more than one value, or that only some branches have."""
    return [found for found in _parameters(key(home, run)) if len(found.values) + found.missing > 1]


def curves(home: Home, run: Run) -> Curves:
    """The equity curves of all done containers."""
    return _curves(key(home, run), run)


def passing(home: Home, run: Run, where: tuple[Condition, ...]) -> npt.NDArray[np.int64]:
    """The indices of the done containers that fulfil all conditions."""
    return _passing(key(home, run), where)


def grid(
    home: Home, run: Run, metric: str, x: Parameter, y: Parameter, summary: str, where: tuple[Condition, ...]
) -> Grid:
    return _grid(key(home, run), metric, x, y, summary, where)


def line(home: Home, run: Run, metric: str, x: Parameter, summary: str, where: tuple[Condition, ...]) -> Line:
    return _line(key(home, run), metric, x, summary, where)


def benchmark(home: Home, run: Run) -> Container | None:
    """The run's buy and hold, when it is there and done."""
    try:
        with home.store() as store:
            row = store.container(run.id, BENCHMARK)
    except InputError:
        return None
    return row if row.status == "done" else None


@st.cache_data(max_entries=16, show_spinner=False)
def _parameters(of: Key) -> list[Parameter]:
    with _home(of).store() as store:
        return store.parameters(of[1])


@st.cache_resource(max_entries=4, show_spinner=False)
def _curves(of: Key, _run: Run) -> Curves:
    return service.curves(_home(of), _run)


@st.cache_data(max_entries=16, show_spinner=False)
def _passing(of: Key, where: tuple[Condition, ...]) -> npt.NDArray[np.int64]:
    with _home(of).store() as store:
        return store.columns(of[1], (), where=where)[0]


@st.cache_data(max_entries=32, show_spinner=False)
def _grid(of: Key, metric: str, x: Parameter, y: Parameter, summary: str, where: tuple[Condition, ...]) -> Grid:
    return grids.grid(_home(of), of[1], metric, x, y, summary, where)


@st.cache_data(max_entries=32, show_spinner=False)
def _line(of: Key, metric: str, x: Parameter, summary: str, where: tuple[Condition, ...]) -> Line:
    return grids.line(_home(of), of[1], metric, x, summary, where)


def _home(of: Key) -> Home:
    return Home(Path(of[0]))
