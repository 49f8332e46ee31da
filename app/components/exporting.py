"""Taking a run along and making it anew: its config, the commands, and a Reproduce button with the answer.

`exporting.reproduce(home, run)` is all a page needs; `exporting.upload(home)` reproduces a config from a file.
"""

from functools import partial
from typing import Any

import streamlit as st

from app.components import html, reveal
from app.components.numbers import NOTHING, figure
from app.services import reproducing, reproductions
from app.services.exporting import export_run
from app.services.home import Home
from app.services.reproductions import Reproduction
from db.store import Run
from engine.errors import InputError
from engine.projections.catalogue import METRICS
from engine.projections.trace import sentence

STATE = st.session_state
#: Seconds between two looks at one that is on its way.
BEAT = 1.0
#: What the address calls a reproduction of an uploaded file.
PARAMETER = "reproduction"
_WORDS = {
    reproducing.IDENTICAL: ("Identical: every event is the same, to the last bit.", "info"),
    reproducing.SAME: (
        "Same within 1e-9: the same decisions, values differ in last digits. Another version or processor does that.",
        "info",
    ),
    reproducing.DIFFERENT: ("Different: it decided something else.", "error"),
}


def reproduce(home: Home, run: Run, config: bool = True) -> None:
    """A run made anew and compared: the button, the answer, and the commands that do the same.

    `config`: with its config to download, where the page does not offer that itself.
    """
    if run.digest is None:
        st.caption("A run can be exported and reproduced when all its containers have ended.")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if config:
            st.download_button(
                "Config (TOML)",
                partial(export_run, home, run.id),  # made when it is asked for: it reads all containers
                f"run-{run.id}.toml",
                "application/toml",
                icon=":material/download:",
                on_click="ignore",
                help="The experiment with its sweep, the dataset's hash, versions, and what came out.",
                key=f"export-{run.id}",
            )
        found = reproductions.latest(home, run.id)
        st.button(
            "Reproduce",
            icon=":material/replay:",
            on_click=_begin,
            args=(home, run),
            disabled=found is not None and found.status == "running",
            help="Runs it anew in a process of its own and compares every event. Nothing of it is stored or counted.",
            key=f"reproduce-{run.id}",
        )
    file = f"run-{run.id}.toml"
    st.code(f"bulkhead export {run.id} -o {file}\nbulkhead reproduce {file}", "bash")
    if problem := STATE.pop(f"reproduce.problem-{run.id}", None):
        st.html(html.notice(problem, "error"))
    if found is not None:
        _watch(home, found, None if reveal.is_revealed(run) else run.plan["test"])


def upload(home: Home) -> None:
    """Reproduce an exported config from a file. The answer has an address of its own."""
    file = st.file_uploader("An exported config", type="toml", key="reproduce-file", max_upload_size=1)
    st.button(
        "Reproduce this file",
        icon=":material/replay:",
        on_click=_begin_file,
        args=(home,),
        disabled=file is None,
        key="reproduce-upload",
    )
    if problem := STATE.pop("reproduce.problem-file", None):
        st.html(html.notice(problem, "error"))
    asked = st.query_params.get(PARAMETER)
    if asked is None:
        return
    found = reproductions.look(home, asked)
    if found is None:
        st.html(html.notice("That reproduction is not kept any more; begin it again.", "warning"))
        return
    _watch(home, found, None)


def _begin(home: Home, run: Run) -> None:
    try:
        reproductions.begin(home, export_run(home, run.id), run.id)
    except InputError as error:
        STATE[f"reproduce.problem-{run.id}"] = str(error)


def _begin_file(home: Home) -> None:
    file = STATE.get("reproduce-file")
    if file is None:
        return
    try:
        st.query_params[PARAMETER] = reproductions.begin(home, file.getvalue().decode())
    except UnicodeDecodeError as error:
        STATE["reproduce.problem-file"] = f"{file.name} is not UTF-8 text (byte {error.start}); save it as UTF-8"
    except InputError as error:
        STATE["reproduce.problem-file"] = str(error)


def _watch(home: Home, found: Reproduction, covered: int | None) -> None:
    """The answer, or how far it is; looked at again until it has ended. `covered`: bars from there on are not shown."""
    if found.status == "running":
        st.fragment(_progress, run_every=BEAT)(home, found.name)
    else:
        _answer(found, covered)


def _progress(home: Home, name: str) -> None:
    found = reproductions.look(home, name)
    if found is None or found.status != "running":
        st.rerun()
        return
    st.html(html.notice(f"Reproducing: {found.said or 'starting'}"))


def _answer(found: Reproduction, covered: int | None) -> None:
    if found.verdict is None:
        st.html(html.notice(f"It could not be reproduced: {found.error}", "error"))
        return
    verdict = found.verdict
    line, tone = _WORDS.get(verdict["verdict"], (verdict["verdict"], "warning"))
    st.html(html.notice(line, tone))
    st.html(
        html.facts(
            [
                ("Containers", f"{verdict['containers']:,}"),
                ("Digest expected", verdict["expected"][:16]),
                ("now", (verdict["digest"] or NOTHING)[:16]),
            ]
        )
    )
    if verdict["versions"]:
        versions = verdict["versions"].items()
        told = [(name, f"{there or NOTHING} there, {here or NOTHING} here") for name, (there, here) in versions]
        st.html(html.facts([("Other versions:", ""), *told]))
    for name, (expected, now) in list(verdict["metrics"].items())[:10]:
        st.html(html.facts([(name, f"expected {_figure(name, expected)}, now {_figure(name, now)}")]))
    if verdict["note"]:
        st.html(html.paragraph(f"{verdict['note'][:1].upper()}{verdict['note'][1:]}."))
    if verdict["diverged"]:
        _divergence(verdict["diverged"], covered)


def _figure(name: str, value: float | None) -> str:
    """A metric with all its digits where they are what differs."""
    if value is None or name not in METRICS:
        return NOTHING if value is None else repr(value)
    return f"{figure(name, value)} ({value!r})"


def _divergence(diverged: dict[str, Any], covered: int | None) -> None:
    """The first event that differs, as it was and as it is."""
    at = diverged["original"] or diverged["now"] or {}
    if covered is not None and at.get("bar", 0) >= covered:
        st.html(html.paragraph("The first event that differs lies in the held-out bars; reveal them to see it."))
        return
    where = f"container {diverged['index']}, event {diverged['seq']}, {at.get('time', '')}"
    st.html(html.facts([("First event that differs", where)]))
    for name, row in (("It was", diverged["original"]), ("It is now", diverged["now"])):
        told = "the log has ended" if row is None else f"{row['kind']}: {sentence(row)}"
        st.html(html.facts([(name, told)]))
    if diverged["original"] and diverged["now"]:
        before, now = diverged["original"], diverged["now"]
        apart = [(key, f"{before[key]} → {now[key]}") for key in before if before[key] != now[key]]
        st.html(html.chips(apart))
