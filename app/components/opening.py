"""Opening stored containers for a page: read once, kept while it is looked at."""

from pathlib import Path

import streamlit as st

from app.services.home import Home
from app.services.reading import Reading, read
from db.store import BENCHMARK, Container
from engine.errors import InputError


def opened(home: Home, container: Container) -> Reading:
    """The container with its log and market. InputError when it cannot be read."""
    return _read(home.path, container.run, container.index, container.digest, container.spec_hash)


def benchmark(home: Home, run_id: int) -> Reading | None:
    """The run's buy and hold; None when it has none, or it did not finish."""
    try:
        with home.store() as store:
            row = store.container(run_id, BENCHMARK)
        return opened(home, row) if row.status == "done" else None
    except InputError:
        return None


# Keyed by what identifies a result: a home that was made anew may use the same numbers again.
@st.cache_resource(max_entries=24, show_spinner=False)
def _read(path: Path, run_id: int, index: int, digest: str | None, spec_hash: str) -> Reading:
    return read(Home(path), run_id, index)
