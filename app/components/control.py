"""Pause and Stop of a run on its way, Kill of one of its containers; what cannot be undone is asked for twice."""

from dataclasses import dataclass

import streamlit as st

from app.components import html
from app.components.numbers import many, seconds
from app.services import steering
from app.services.home import Home
from app.services.steering import RunningNow
from db.store import RunState
from engine.errors import InputError

#: Containers are listed that have run for so many seconds: others have ended before anybody can click.
LONG = 1.0
#: So many of them, the longest first.
LISTED = 8
STATE = st.session_state
#: What is to be confirmed; which runs were asked for what (by run and epoch); why something was not done.
WISH, ASKED, REFUSED = (f"runs.{name}" for name in ("wish", "asked", "refused"))
_DOING = {"pause": "pausing …", "stop": "stopping …"}


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to be confirmed: to stop a run, or to kill its container `index`."""

    action: str
    run: int
    epoch: int
    index: int | None = None

    @property
    def title(self) -> str:
        return f"Stop run {self.run}?" if self.index is None else f"Kill container {self.run}/{self.index}?"


def buttons(home: Home, run: RunState) -> None:
    """Pause and Stop, or what the run was asked for. Nothing while nobody works on it."""
    if run.pid is None:
        return
    action = _asked().get((run.id, run.epoch))
    if action is not None:
        st.html(f'<div class="bh-note" role="status">{_DOING[action]}</div>', width="content")
        return
    pause = "Its workers end and what is stored is kept; Resume goes on from there."
    key = f"{run.id}-{run.epoch}"
    if st.button("Pause", icon=":material/pause:", help=pause, key=f"pause-{key}"):
        ask(home, Wish("pause", run.id, run.epoch))
        st.rerun()
    if st.button("Stop", icon=":material/stop:", key=f"stop-{key}"):
        _confirm_later(Wish("stop", run.id, run.epoch))


def containers(run: RunState, now: list[RunningNow]) -> None:
    """The containers of a run that have run for long, each with Kill."""
    long = sorted((one for one in now if one.seconds >= LONG), key=lambda one: (-one.seconds, one.index))
    if not long:
        return
    with st.container(gap=None, key=f"seats-{run.id}"):
        for one in long[:LISTED]:
            with st.container(
                horizontal=True, vertical_alignment="center", gap="small", key=f"seat-{run.id}-{one.index}"
            ):
                st.html(f'<div class="bh-seat">{html.facts(_seat(one))}</div>', width="stretch")
                if st.button("Kill", type="tertiary", icon=":material/close:", key=f"kill-{run.id}-{one.index}"):
                    _confirm_later(Wish("kill", run.id, run.epoch, one.index))
    if len(long) > LISTED:
        st.html(f'<div class="bh-note">and {many(len(long) - LISTED, "more container")}</div>')


def _seat(one: RunningNow) -> list[tuple[str, object]]:
    return [
        ("Container", one.index),
        ("Time", seconds(one.seconds)),
        ("CPU", seconds(one.cpu)),
        ("Memory", f"{one.memory_mb:,.0f} MiB"),
    ]


def confirm(home: Home) -> None:
    """Open the dialog for what is to be confirmed, and say why something was not done. Once a page, in its body."""
    if problem := STATE.get(REFUSED):
        st.html(html.notice(problem, "warning"))
    wish: Wish | None = STATE.get(WISH)
    if wish is not None:
        st.dialog(wish.title, on_dismiss=_forget)(_dialog)(home, wish)


def _dialog(home: Home, wish: Wish) -> None:
    if wish.index is None:
        st.write(
            "Its workers end and containers that run now are lost. What is stored is kept; Resume goes on from there."
        )
    else:
        st.write("The container ends at once and is stored as killed. The others go on; it can be run again later.")
    with st.container(horizontal=True, gap="small"):
        verb = "Stop" if wish.index is None else "Kill"
        if st.button(f"{verb} it", type="primary", key="confirm"):
            _forget()
            ask(home, wish)
            st.rerun()
        if st.button("Cancel", key="cancel"):
            _forget()
            st.rerun()


def _confirm_later(wish: Wish) -> None:
    """Draw the page anew with a dialog. A dialog of a piece that is drawn every second would go with the next look."""
    STATE[WISH] = wish
    st.rerun()


def _forget() -> None:
    STATE.pop(WISH, None)


def ask(home: Home, wish: Wish) -> None:
    """Ask the run's runner; keep the line that says why that made no sense any more."""
    STATE.pop(REFUSED, None)
    try:
        with home.store() as store:
            steering.ask(store, wish.run, wish.action, wish.index)
    except InputError as error:
        STATE[REFUSED] = str(error)
    else:
        if wish.index is None:
            _asked()[wish.run, wish.epoch] = wish.action


def _asked() -> dict[tuple[int, int], str]:
    found: dict[tuple[int, int], str] = STATE.setdefault(ASKED, {})
    return found
