"""What a container cost, what identifies it, and how to make it again."""

import shlex

import streamlit as st

from app.components import html, view
from app.components.numbers import NOTHING, seconds
from app.services import reproducing
from app.services.again import reproduce_apart
from app.services.reproducing import Divergence, Verdict
from db.store import BENCHMARK, Container
from engine.errors import InputError
from engine.projections.trace import sentence

STATE = st.session_state
_TONES = {reproducing.IDENTICAL: "info", reproducing.SAME: "info", reproducing.DIFFERENT: "error"}
_ANSWERS = {
    reproducing.IDENTICAL: "Identical: run anew, it left the same bytes.",
    reproducing.SAME: "Same within 1e-9: the same decisions, values differ in their last digits.",
    reproducing.DIFFERENT: "Different: run anew, it decided or earned something else.",
}


def cost(row: Container) -> list[tuple[str, str, str]]:
    """(what, how much, in which sense) of a container's run."""
    return [
        ("Time", _short(row.usage.wall), "wall clock, without start-up"),
        ("CPU", _short(row.usage.cpu), "of its process"),
        ("Peak memory", f"{row.usage.memory / 2**20:,.1f} MiB", "beyond what its process started with"),
        ("Events", f"{row.rows:,}", "rows of its log"),
    ]


def section(sight: view.Sight) -> None:
    row = sight.reading.container
    st.html(html.stats(cost(row)))
    digests = (
        ("Digest of the log", row.digest),
        ("Digest of the fills", row.fills_digest),
        ("Hash of the spec", row.spec_hash),
    )
    for title, text in digests:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(title, width=130)
            st.code(text or NOTHING, language=None, width="stretch")
    _again(sight)


def _again(sight: view.Sight) -> None:
    row = sight.reading.container
    st.subheader("Make it again")
    if row.index == BENCHMARK:
        st.caption("The benchmark is made again with its run.")
        st.code(f"bulkhead export {row.run} -o run-{row.run}.toml\nbulkhead reproduce run-{row.run}.toml", "bash")
        return
    home, file = shlex.quote(str(sight.home.path)), f"container-{row.run}-{row.index}.toml"
    st.code(
        f"bulkhead export {row.run}/{row.index} -o {file} --home {home}\nbulkhead reproduce {file} --home {home}",
        "bash",
        wrap_lines=True,
    )
    key = f"verdict-{sight.name}-{row.digest}"
    if st.button(
        "Reproduce here",
        icon=":material/replay:",
        help="Runs it anew in a process of its own; nothing is stored.",
        key="again",
    ):
        with st.spinner("Running it anew …"):
            STATE[key] = _answer(sight)
    if key in STATE:
        tone, line, details = STATE[key]
        st.html(html.notice(line, tone))
        if details:
            st.html(html.facts(details))


def _answer(sight: view.Sight) -> tuple[str, str, list[tuple[str, object]]]:
    """Tone, line and details of the answer."""
    row = sight.reading.container
    try:
        found = reproduce_apart(sight.home, row.run, row.index)
    except InputError as error:
        return "error", f"It could not be run anew: {error}", []
    return _TONES[found.verdict], _ANSWERS[found.verdict], _details(found, sight)


def _details(found: Verdict, sight: view.Sight) -> list[tuple[str, object]]:
    told: list[tuple[str, object]] = [("Digest now", found.digest or NOTHING)]
    told += [
        (name, f"{there or NOTHING} there, {here or NOTHING} here") for name, (there, here) in found.versions.items()
    ]
    told += [(name, f"expected {before}, now {now}") for name, (before, now) in list(found.metrics.items())[:5]]
    if found.note:
        told.append(("Note", found.note))
    if found.diverged:
        told += _diverged(found.diverged, sight)
    return told


def _diverged(found: Divergence, sight: view.Sight) -> list[tuple[str, object]]:
    """The first event that differs, in words; nothing of what is covered."""
    at = found.original or found.now
    if at is not None and at["bar"] >= sight.end:
        return [("First event that differs", f"#{found.seq}, in the held-out bars")]
    told: list[tuple[str, object]] = [("First event that differs", f"#{found.seq}")]
    for title, row in (("Was", found.original), ("Is", found.now)):
        told.append((title, "the log has ended" if row is None else f"{row['kind']}: {sentence(row)}"))
    return told


def _short(value: float) -> str:
    return seconds(value) if value >= 0.01 else f"{1e3 * value:.2f} ms"
