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
#: The address that was written last.
ADDRESS = "scheduler"


@dataclass(frozen=True, slots=True)
class Where:
    """The scheduler's address, None for this machine; and why nothing can run there, or ""."""

    scheduler: str | None = None
    problem: str = ""


def menu(about: str, began: str) -> Where:
    """The choice under a button that says what it is now. `began`: the backend of what is to go on."""
    usual = CLUSTER if began == "dask" else HERE
    name = "On a Dask cluster" if _chosen(about, usual) == CLUSTER else "On this machine"
    with st.popover(name, icon=":material/dns:"):
        return where(about, usual)


def where(about: str, usual: str = HERE) -> Where:
    """The choice, as the reader has it now. `about`: what is to run; each has a choice of its own."""
    STATE.setdefault(f"{about}-where", _chosen(about, usual))
    chosen = st.segmented_control("Run on", (HERE, CLUSTER), key=f"{about}-where", required=True)
    STATE[f"{about}.place"] = chosen
    if chosen != CLUSTER:
        return Where()
    STATE.setdefault(f"{about}-scheduler", STATE.get(ADDRESS, ""))
    address = st.text_input(
        "Address of the scheduler",
        key=f"{about}-scheduler",
        placeholder=PLACEHOLDER,
        help="tcp://127.0.0.1:PORT on this machine, tls://HOST:PORT elsewhere. `dask scheduler` says which.",
    ).strip()
    STATE[ADDRESS] = address
    found = _checked(address)
    if found.problem:
        st.html(html.notice(found.problem, "error" if address else "info"))
    return found


def _chosen(about: str, usual: str) -> str:
    """What was chosen last: it is kept while other pages are shown, as the state of a widget is not."""
    chosen: str = STATE.get(f"{about}-where", STATE.get(f"{about}.place", usual))
    return chosen


def _checked(address: str) -> Where:
    if importlib.util.find_spec("distributed") is None:
        return Where(problem="Dask is not installed: pip install 'bulkhead[cluster]'")
    if not address:
        return Where(problem="Write the address of a scheduler that runs, with at least one worker.")
    try:
        return Where(check_address(address))
    except InputError as error:
        return Where(problem=str(error).removeprefix("--scheduler "))
