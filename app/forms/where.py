"""Where a run is to run: on this machine, or on a Dask cluster at an address."""

import importlib.util
from dataclasses import dataclass

import streamlit as st

from app.components import html
from engine.errors import InputError
from engine.parallel.cluster import check_address

HERE, CLUSTER = "This machine", "Dask cluster"
PLACEHOLDER = "tcp://127.0.0.1:8786"
STATE = st.session_state
#: What was chosen last, kept while other pages are shown: the state of a widget goes with it.
PLACE, ADDRESS = "experiment.place", "experiment.scheduler"


@dataclass(frozen=True, slots=True)
class Where:
    """The scheduler's address, None for this machine; and why nothing can run there, or ""."""

    scheduler: str | None = None
    problem: str = ""


def where() -> Where:
    """The choice, as the reader has it now."""
    STATE.setdefault("run-where", STATE.get(PLACE, HERE))
    chosen = st.segmented_control("Run on", (HERE, CLUSTER), key="run-where", required=True)
    STATE[PLACE] = chosen
    if chosen != CLUSTER:
        return Where()
    STATE.setdefault("run-scheduler", STATE.get(ADDRESS, ""))
    address = st.text_input(
        "Address of the scheduler",
        key="run-scheduler",
        placeholder=PLACEHOLDER,
        help="tcp://127.0.0.1:PORT on this machine, tls://HOST:PORT elsewhere. `dask scheduler` says which.",
    ).strip()
    STATE[ADDRESS] = address
    found = _checked(address)
    if found.problem:
        st.html(html.notice(found.problem, "error" if address else "info"))
    return found


def _checked(address: str) -> Where:
    if importlib.util.find_spec("distributed") is None:
        return Where(problem="Dask is not installed: pip install 'bulkhead[cluster]'")
    if not address:
        return Where(problem="Write the address of a scheduler that runs, with at least one worker.")
    try:
        return Where(check_address(address))
    except InputError as error:
        return Where(problem=str(error).removeprefix("--scheduler "))
