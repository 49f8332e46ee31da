"""What a draft begins with: an example, an earlier run, a file."""

import streamlit as st

from app.components import html
from app.forms import state
from app.services import drafting
from app.services.home import Home
from db.store import RunSummary

STATE = st.session_state
UPLOAD = "upload"
#: So many of the newest runs are offered.
RUNS = 100


def start(home: Home, runs: list[RunSummary]) -> None:
    """The ways to begin, side by side."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Experiment", width="stretch")
        with st.popover("Examples", icon=":material/school:"), st.container(width=420, gap="xsmall"):
            for name in drafting.examples():
                st.button(
                    name, on_click=state.begin, args=(home, {"example": name}), key=f"example-{name}", width="stretch"
                )
                st.html(f'<div class="bh-note">{html.escape(_comment(name))}</div>')
        with st.popover("Duplicate a run", icon=":material/content_copy:", disabled=not runs):
            by_id = {run.id: run for run in runs[::-1][:RUNS]}
            st.selectbox(
                "Run to duplicate",
                list(by_id),
                None,
                lambda run_id: f"{run_id} · {html.clean(by_id[run_id].name)}",
                key="duplicate",
                on_change=_duplicated,
                args=(home,),
                placeholder="choose",
                width=320,
            )
        with st.popover("Upload", icon=":material/upload_file:"):
            st.file_uploader(
                "A file of TOML", type="toml", key=UPLOAD, on_change=_uploaded, max_upload_size=1, width=320
            )
    if problem := STATE.get(state.START_PROBLEM):
        st.html(html.notice(problem, "error"))


def _comment(name: str) -> str:
    """What an example says of itself in its first lines."""
    lines = str(drafting.example_text(name)).splitlines()
    words = []
    for line in lines:
        if not line.startswith("#"):
            break
        words.append(line.removeprefix("#").strip())
    return " ".join(words).split(" `bulkhead")[0]


def _duplicated(home: Home) -> None:
    run_id = STATE.get("duplicate")
    if run_id is not None:
        state.begin(home, {"run": str(run_id)})
        STATE["duplicate"] = None


def _uploaded() -> None:
    """Take a file's text as the draft; one that is no TOML is shown as text, with its line."""
    STATE.pop(state.START_PROBLEM, None)
    file = STATE.get(UPLOAD)
    if file is None:
        return
    try:
        text = file.getvalue().decode()
    except UnicodeDecodeError as error:
        STATE[state.START_PROBLEM] = f"{file.name} is not UTF-8 text (byte {error.start}); save it as UTF-8"
        return
    STATE[state.EDITOR] = text
    state.apply_text()
