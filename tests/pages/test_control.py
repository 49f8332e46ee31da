"""What the page of runs lets a reader do with a run: pause, stop, kill, resume, run the failed again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.components import control, where
from app.services import launch, running
from app.services.home import Home
from db.store import Lease, Store
from engine.errors import ConfigError
from engine.parallel.desk import Desk
from tests.pages.conftest import BAD_RUN, GOOD, GOOD_RUN, LIVE_RUN, Open, address, said, shown


@contextmanager
def working(path: Path, ends: str | None = None, backend: str = "sequential") -> Iterator[tuple[Store, Lease]]:
    """A run on its way in this home, in the hands of this process, with container 7 on a desk."""
    home = Home(path)
    prepared = running.check(home, GOOD)
    with home.store() as store:
        run_id = running.create(store, prepared, 1, backend)
        with store.claim(run_id) as lease, Desk(store.folder(run_id)) as desk:
            store.start(lease, 0.5)
            desk.note(7, os.getpid())
            yield store, lease
            if ends:
                store.finish(lease, ends)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers are listed from their first moment."""
    monkeypatch.setattr(control, "LONG", 0.0)


def asked(store: Store) -> list[tuple[str, int | None]]:
    return [(request.action, request.idx) for request in store.requests(LIVE_RUN)]


def test_pause_asks_the_runner_and_says_so(page: Open, full: Path) -> None:
    with working(full) as (store, lease):
        app = page(full, run=LIVE_RUN)
        key = f"{LIVE_RUN}-{lease.epoch}"
        app = shown(app.button(f"pause-{key}").click().run())
        assert asked(store) == [("pause", None)]
        assert "pausing …" in said(app)
        assert not [button for button in app.button if button.key in (f"pause-{key}", f"stop-{key}")]


def test_stop_is_confirmed_first(page: Open, full: Path) -> None:
    with working(full) as (store, lease):
        stop = f"stop-{LIVE_RUN}-{lease.epoch}"
        app = shown(page(full, run=LIVE_RUN).button(stop).click().run())
        assert asked(store) == []
        app = shown(app.button("cancel").click().run())
        assert asked(store) == [] and not [button for button in app.button if button.key == "confirm"]
        app = shown(app.button(stop).click().run())
        app = shown(app.button("confirm").click().run())
        assert asked(store) == [("stop", None)]
        assert "stopping …" in said(app)


def test_a_container_that_runs_is_shown_and_can_be_killed(page: Open, full: Path) -> None:
    with working(full) as (store, _):
        app = page(full, run=LIVE_RUN)
        (seat,) = [body for body in said(app).splitlines() if "bh-seat" in body]
        assert "Container</span> 7<" in seat and "MiB" in seat
        app = shown(app.button(f"kill-{LIVE_RUN}-7").click().run())
        assert asked(store) == []
        app = shown(app.button("confirm").click().run())
        assert asked(store) == [("kill", 7)]
        assert "stopping …" not in said(app)


def test_a_container_is_listed_once_it_takes_long(page: Open, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "LONG", 3600.0)
    with working(full):
        assert "bh-seat" not in said(page(full, run=LIVE_RUN))


def test_what_comes_too_late_is_said(page: Open, full: Path) -> None:
    with working(full) as (store, lease):
        app = shown(page(full, run=LIVE_RUN).button(f"stop-{LIVE_RUN}-{lease.epoch}").click().run())
        store.finish(lease, "paused")
    app = shown(app.button("confirm").click().run())
    assert f"run {LIVE_RUN} is paused, and nobody works on it: there is nothing to stop" in said(app)


def test_a_run_in_the_queue_says_what_it_waits_for(page: Open, full: Path) -> None:
    home = Home(full)
    with working(full) as (store, _):
        second = running.create(store, running.check(home, GOOD), 1, "sequential")
        with store.claim(second):
            assert "In the queue" not in said(page(full)), "its workers start"
            (store.folder(second) / "waits").touch()
            assert f"In the queue</span> after run {LIVE_RUN}<" in said(page(full))


def going_on(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool, str | None]]:
    """What was asked to go on, instead of doing it: (run, with the failed, scheduler)."""
    went: list[tuple[int, bool, str | None]] = []
    monkeypatch.setattr(
        launch, "resume", lambda home, run_id, failed, scheduler: went.append((run_id, failed, scheduler))
    )
    return went


@pytest.mark.parametrize("status", ["paused", "stopped", "failed", "interrupted"])
def test_a_run_that_ended_early_goes_on(page: Open, full: Path, monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    with working(full, None if status == "interrupted" else status):
        pass
    went = going_on(monkeypatch)
    app = page(full, run=LIVE_RUN)
    assert status in said(app)
    assert "again" not in [button.key for button in app.button], "nothing has failed"
    app = shown(app.button("resume").click().run())
    assert went == [(LIVE_RUN, False, None)]
    assert address(app, "run") == str(LIVE_RUN)
    shown(app.button("resume").click().run())
    assert len(went) == 1, "a double click is one click"


def test_a_run_goes_on_on_a_cluster(page: Open, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with working(full, "paused"):
        pass
    went = going_on(monkeypatch)
    app = page(full, run=LIVE_RUN)
    app = shown(app.segmented_control(f"resume-{LIVE_RUN}-where").set_value(where.CLUSTER).run())
    assert app.button("resume").disabled, "there is no address yet"
    app = shown(app.text_input(f"resume-{LIVE_RUN}-scheduler").input("127.0.0.1:8786").run())
    shown(app.button("resume").click().run())
    assert went == [(LIVE_RUN, False, "tcp://127.0.0.1:8786")]


def test_a_run_that_began_on_a_cluster_goes_on_there_unless_told(page: Open, full: Path) -> None:
    with working(full, "paused", "dask"):
        pass
    app = page(full, run=LIVE_RUN)
    assert app.segmented_control(f"resume-{LIVE_RUN}-where").value == where.CLUSTER
    assert app.button("resume").disabled and app.button("resume").help.startswith("Write the address")
    app = shown(app.segmented_control(f"resume-{LIVE_RUN}-where").set_value(where.HERE).run())
    assert not app.button("resume").disabled


def test_a_run_on_its_way_and_one_that_is_complete_do_not_go_on(page: Open, full: Path) -> None:
    with working(full):
        assert not {"resume", "again"} & {button.key for button in page(full, run=LIVE_RUN).button}
    assert not {"resume", "again"} & {button.key for button in page(full, run=GOOD_RUN).button}


def test_the_failed_are_run_again(page: Open, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    went = going_on(monkeypatch)
    app = page(stored, run=BAD_RUN)
    assert "resume" not in [button.key for button in app.button], "it is done"
    shown(app.button("again").click().run())
    assert went == [(BAD_RUN, True, None)]


def test_what_cannot_go_on_says_why(page: Open, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with working(full, "paused"):
        pass

    def refuse(home: Home, run_id: int, failed: bool, scheduler: str | None) -> int:
        raise ConfigError("run 3 was begun with <b>another</b> version")

    monkeypatch.setattr(launch, "resume", refuse)
    app = shown(page(full, run=LIVE_RUN).button("resume").click().run())
    assert "run 3 was begun with &lt;b&gt;another&lt;/b&gt; version" in said(app)
    assert "another" not in said(page(full, run=GOOD_RUN)), "it is said of that run alone"


def test_the_page_says_how_many_workers_its_runs_get(page: Open, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(running.WORKERS, "3")
    assert "each with 3 workers" in page(stored).caption[0].value
    monkeypatch.setenv(running.WORKERS, "many")
    assert "BULKHEAD_WORKERS is &#x27;many&#x27;, not a number of workers" in said(page(stored))
