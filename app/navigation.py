"""The pages of the workbench, in the order of the menu. A new page is one line here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import streamlit as st

_PAGES = Path(__file__).parents[1] / "pages"


@dataclass(frozen=True, slots=True)
class Entry:
    """A page: the file in `pages/`, its title, its icon, and its place in the address."""

    file: str
    title: str
    icon: str

    @property
    def path(self) -> str:
        return str(_PAGES / f"{self.file}.py")


RUNS = Entry("runs", "Runs", ":material/stacks:")
EXPERIMENT = Entry("experiment", "Experiment", ":material/experiment:")
RESULTS = Entry("results", "Results", ":material/leaderboard:")
CONTAINER = Entry("container", "Container", ":material/candlestick_chart:")
COMPARE = Entry("compare", "Compare", ":material/compare_arrows:")
SIGNALS = Entry("signals", "Signals", ":material/sensors:")
WORKFLOW = Entry("workflow", "Workflow", ":material/account_tree:")
STAGES = Entry("stages", "Stages", ":material/extension:")
DATA = Entry("data", "Data", ":material/database:")
ENTRIES = (RUNS, EXPERIMENT, RESULTS, CONTAINER, COMPARE, SIGNALS, WORKFLOW, STAGES, DATA)


def pages() -> list[st.Page]:
    """What `st.navigation` takes; the first page is the one an address without a path opens."""
    return [
        st.Page(entry.path, title=entry.title, icon=entry.icon, url_path=entry.file, default=place == 0)
        for place, entry in enumerate(ENTRIES)
    ]


def open_run(run_id: int) -> NoReturn:
    """Go to a run on the page of runs."""
    st.switch_page(RUNS.path, query_params={"run": str(run_id)})


def open_experiment(**start: str) -> NoReturn:
    """Go to the form; `start`: what it begins with (`run="3"`, `example="tech-trend"`)."""
    st.switch_page(EXPERIMENT.path, query_params=start)


def open_draft(text: str) -> NoReturn:
    """Go to the form with a draft that is not stored."""
    from app.forms import state

    st.switch_page(EXPERIMENT.path, query_params={"draft": state.packed(text)})


def open_signals(run_id: int) -> NoReturn:
    """Go to the signals of a run."""
    st.switch_page(SIGNALS.path, query_params={"run": str(run_id)})


def open_results(run_id: int) -> NoReturn:
    """Go to a run's leaderboard and charts."""
    st.switch_page(RESULTS.path, query_params={"run": str(run_id)})


def open_container(run_id: int, index: int) -> NoReturn:
    """Go to a container's page."""
    st.switch_page(CONTAINER.path, query_params={"run": str(run_id), "container": str(index)})


def open_compare(containers: Sequence[tuple[int, int]]) -> NoReturn:
    """Go to the comparison of containers, each (run, index)."""
    chosen = ",".join(f"{run_id}/{index}" for run_id, index in containers)
    st.switch_page(COMPARE.path, query_params={"containers": chosen})


def open_data(dataset: str) -> NoReturn:
    """Go to a dataset."""
    st.switch_page(DATA.path, query_params={"dataset": dataset})


def open_stage(kind: str) -> NoReturn:
    """Go to a stage of the library."""
    st.switch_page(STAGES.path, query_params={"kind": kind})
