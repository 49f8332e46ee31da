"""Starting a workflow, going on with one, computing a phase again, and taking its file along."""

import streamlit as st

from app.components import html
from app.services.drafting import EXAMPLES
from app.services.home import Home
from app.services.launch import launch, resume_workflow
from app.services.workflow import flow
from app.services.workflow.sharing import export_workflow
from db.workflows import WorkflowState
from engine.errors import InputError

STATE = st.session_state
TEXT, PROBLEM = "workflow-text", "workflow-problem"
EXAMPLE = "us-tech-workflow"


def nothing() -> None:
    """What stands where there is none."""
    with st.container(border=True):
        st.subheader("There is no workflow yet")
        st.markdown(
            "A workflow is one file: it tries many parameters, chooses the best in each regime, weighs the strategies, "
            "and validates what came out on bars that nothing of it has seen."
        )
        st.caption("Start one above; the example takes some seconds.")


def popover(home: Home) -> None:
    """A new workflow, from a text."""
    with st.popover("New workflow", icon=":material/add:"), st.container(width=620, gap="small"):
        STATE.setdefault(TEXT, (EXAMPLES / f"{EXAMPLE}.toml").read_text())
        st.text_area("TOML", key=TEXT, height=360, help="Several [[phase]] tables, each made from the ones before.")
        if problem := STATE.get(PROBLEM):
            st.html(html.notice(problem, "error"))
        if st.button("Run", type="primary", icon=":material/play_arrow:", key="workflow-run"):
            _do(home, lambda: _begin(home, STATE[TEXT]))


def _begin(home: Home, text: str) -> int:
    flow.check(home, text)
    return launch(home, text)


def going_on(home: Home, state: WorkflowState) -> None:
    """What can be done with a workflow now."""
    if problem := STATE.get(PROBLEM):
        st.html(html.notice(problem, "error"))
    if state.pid is not None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if state.status != "done" and st.button("Go on", type="primary", icon=":material/resume:", key="go-on"):
            _do(home, lambda: resume_workflow(home, state.id))
        with st.popover("Compute a phase again", icon=":material/refresh:"):
            st.caption("What is made from it is stale then, until the workflow goes on.")
            for phase in state.phases:
                if st.button(html.clean(phase.name), key=f"again-{phase.name}", width="stretch"):
                    _do(home, lambda name=phase.name: resume_workflow(home, state.id, name))  # type: ignore[misc]
        if state.status == "done":
            try:
                text = export_workflow(home, state.id)
            except InputError as error:
                st.caption(html.clean(error))
                return
            st.download_button(
                "Save as one file",
                text,
                f"workflow-{state.id}.toml",
                "application/toml",
                icon=":material/download:",
                on_click="ignore",
            )


def _do(home: Home, start: object) -> None:
    """Start something in the background and look at it; or keep the line that says why not."""
    STATE.pop(PROBLEM, None)
    try:
        with st.spinner("Starting…"):
            workflow_id = start()  # type: ignore[operator]
    except InputError as error:
        STATE[PROBLEM] = str(error)
        st.rerun()
    st.query_params["workflow"] = str(workflow_id)
    st.rerun()
