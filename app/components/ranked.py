"""From a container to the next better or worse one of its run."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import streamlit as st

from app.components import picker
from app.components.numbers import label
from app.services.home import Home
from app.services.ranking import ranking
from db.store import Run
from engine.projections.catalogue import METRICS

#: What ranks, unless the address has another metric as `sort`.
METRIC = "sharpe"


def steps(home: Home, run: Run, index: int) -> None:
    """Buttons to both neighbours by rank, and the rank between them; nothing for what has no rank."""
    asked = st.query_params.get("sort", METRIC)
    metric = asked if asked in METRICS else METRIC
    order = _ranking(home.path, run.id, run.digest, run.done, metric)
    found = np.flatnonzero(order == index)
    if not len(found) or len(order) < 2:
        return
    place = int(found[0])
    for icon, to, words in (("chevron_left", place - 1, "Next better"), ("chevron_right", place + 1, "Next worse")):
        there = 0 <= to < len(order)
        st.button(
            "",
            icon=f":material/{icon}:",
            help=f"{words} container by {label(metric)}",
            on_click=picker.go,
            args=(run.id, int(order[to]) if there else index),
            disabled=not there,
            key=words,
        )
        if to < place:
            st.caption(f"rank {place + 1:,} of {len(order):,}  \nby {label(metric)}", width="content")


# keyed by what changes when containers are added
@st.cache_data(max_entries=32, show_spinner=False)
def _ranking(path: Path, run_id: int, digest: str | None, done: int, metric: str) -> npt.NDArray[np.int64]:
    return ranking(Home(path), run_id, metric)
