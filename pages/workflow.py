"""Workflow: discover, choose by regime, weigh, validate; what each phase took and gave, and how to go on."""

import streamlit as st

from app.components import html, workflow_phases, workflow_start
from app.services.home import Home
from app.services.workflow import sharing
from db.store import Store
from db.workflows import WorkflowState
from engine.errors import InputError

LIVE = ("queued", "running")


def page() -> None:
    try:
        home = Home()
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            title, chooser, extras = (
                st.container(width="stretch"),
                st.container(width="content"),
                st.container(width="content"),
            )
        with home.store() as store:
            found = store.workflows.states()[::-1]
            title.title("Workflow")
            with extras:
                workflow_start.popover(home)
            if not found:
                workflow_start.nothing()
                return
            with chooser:
                state = _chosen(found)
            if state is None:
                asked = st.query_params.get("workflow")
                st.html(html.notice(f"There is no workflow {asked} in this home; choose one above.", "warning"))
                return
            _workflow(home, store, state)
    except InputError as error:
        st.html(html.notice(error, "error"))


def _chosen(found: list[WorkflowState]) -> WorkflowState | None:
    """The workflow of the address; the newest without one; none for one that is not there."""
    by_id = {str(state.id): state for state in found}
    wanted = st.query_params.get("workflow")
    now = found[0] if wanted is None else by_id.get(wanted)
    ids = list(by_id)
    picked = st.selectbox(
        "Workflow",
        ids,
        None if now is None else ids.index(str(now.id)),
        lambda one: f"{one} · {html.clean(by_id[one].name)}",
        key=f"workflow-{wanted}",
        placeholder="choose",
        width=300,
    )
    if picked is not None and (now is None or picked != str(now.id)):
        st.query_params.from_dict({"workflow": picked})
        st.rerun()
    return now


def _workflow(home: Home, store: Store, state: WorkflowState) -> None:
    told = sharing.described(store, state)
    st.html(html.heading(f"{state.id} · {state.name}", state.status))
    if state.status in LIVE:
        st.fragment(workflow_phases.watch, run_every=workflow_phases.BEAT)(home, state)
    workflow_start.going_on(home, state)
    workflow_phases.phases(home, told)


page()
