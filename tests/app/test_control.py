"""What can be asked of a run on its way: who runs now, stop, pause, kill one container, go on, run the failed again."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.services import running
from app.services.home import Home
from app.services.launch import resume
from engine.errors import ConfigError, InputError
from tests.app.small import SMALL, bulkhead, refused, write
from tests.app.test_cli_processes import start
from tests.app.workflows import FLOW

#: Some of its containers wait until a file is there.
GATED = '''
import os
import time

import numpy as np
from bulkhead import Field, Strategy


class Gated(Strategy):
    """Long, once the gate is open; from `window` on it waits for it."""

    kind = "gated"
    window: int = Field(1, ge=1, le=100, description="number")

    def signal(self, market, indicators, regimes):
        while self.window >= 5 and not os.path.exists({gate!r}):
            time.sleep(0.01)
        return np.where(np.arange(len(market.time))[:, None] % (self.window + 1) == 0, 1.0, 0.0) * market.valid
'''
CONFIG = """
[experiment]
name = "gated"
[data]
dataset = "sp500"
end = 2000-12-31
[[strategy]]
kind = "gated"
window = { from = 1, to = 8, step = 1 }
[limits]
isolation = "container"
"""


class Gate:
    """A home with the gated stage, and its gate."""

    def __init__(self, folder: Path) -> None:
        self.home, self.path = folder / "home", folder / "open"
        (self.home / "stages").mkdir(parents=True)
        (self.home / "stages" / "gated.py").write_text(GATED.format(gate=str(self.path)))
        self.path.touch()
        self.config = folder / "gated.toml"
        self.config.write_text(CONFIG)
        assert bulkhead(self.home, "check", "gated").code in (0, 1)  # so that runs need not, while the gate is closed
        self.expected = self.run()
        self.path.unlink()

    def run(self) -> str:
        told = bulkhead(self.home, "run", str(self.config), "--workers", "1", "--json")
        assert told.code == 0, told.err
        digest: str = told.json["digest"]
        return digest

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return start(self.home, "run", str(self.config), "--json", *arguments)

    def until(self, true: Callable[[], Any]) -> Any:
        """Wait until something is the case; returns it."""
        deadline = time.monotonic() + 60
        while not (found := true()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return found

    def reached(self, run: int = 2) -> Any:
        """Wait until a run stands before the gate: what it could do is handed over, and the next container runs."""

        def stands() -> list[dict[str, Any]]:
            with Home(self.home).store() as store:
                handed_over = run in {state.id for state in store.states()} and store.progress(run).done == 4
            return [one for one in self.now() if handed_over and (one["run"], one["index"]) == (run, 4)]

        return self.until(stands)[0]

    def now(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = bulkhead(self.home, "now", "--json").json
        return found

    def state(self, run: int = 2) -> Any:
        with Home(self.home).store() as store:
            return next((state for state in store.states() if state.id == run), None)


def test_what_runs_now_can_be_seen_and_killed(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    process = gate.start("--workers", "1")
    seat = gate.reached()
    assert (seat["run"], seat["index"]) == (2, 4)
    assert seat["memory_mb"] > 10
    gate.until(lambda: gate.now()[0]["seconds"] > seat["seconds"] + 1.0)
    assert seat["pid"] != gate.state().pid
    told = bulkhead(gate.home, "kill", "2/4")
    assert told.code == 0, told.err
    assert "container 2/4 is killed" in told.err
    gate.path.touch()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out) | {"seconds": 0, "startup_seconds": 0, "digest": 0} == {
        "run": 2,
        "containers": 8,
        "done": 7,
        "failed": 1,
        "seconds": 0,
        "startup_seconds": 0,
        "digest": 0,
    }
    rows = bulkhead(gate.home, "show", "2", "--json").json["containers"]
    assert [row["status"] for row in rows] == ["done"] * 4 + ["killed"] + ["done"] * 3
    assert gate.now() == []
    refused(bulkhead(gate.home, "kill", "2/4"), "nobody works on it")

    again = bulkhead(gate.home, "resume", "2", "--failed", "--json")
    assert again.code == 0, again.err
    assert again.json["digest"] == gate.expected
    refused(bulkhead(gate.home, "resume", "2", "--failed"), "none to run again")


def test_paused_and_stopped_runs_go_on_to_the_same_digest(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    for run, (command, status) in enumerate([("pause", "paused"), ("stop", "stopped")], start=2):
        process = gate.start("--workers", "2")
        gate.reached(run)
        told = bulkhead(gate.home, command, str(run))
        assert told.code == 0, told.err
        assert f"run {run} is {status}" in told.err
        process.communicate(timeout=60)
        assert process.returncode == 1
        assert gate.state(run).status == status
        assert gate.now() == []
        assert not (gate.home / "runs" / str(run)).exists()
        gate.path.touch()
        resumed = bulkhead(gate.home, "resume", str(run), "--json", "--workers", "1")
        assert resumed.json["digest"] == gate.expected
        gate.path.unlink()
    refused(bulkhead(gate.home, "stop", "2"), "is done, and nobody works on it")
    refused(bulkhead(gate.home, "pause", "77"), "no run 77")


def test_a_queued_run_waits_for_those_before_it(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    first = gate.start("--workers", "1")
    gate.reached()
    second = gate.start("--workers", "1", "--queue")
    gate.until(lambda: gate.state(3) and gate.state(3).pid)
    assert gate.state(3).status == "queued"
    assert {one["run"] for one in gate.now()} == {2}
    gate.path.touch()
    for process in (first, second):
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert json.loads(out)["digest"] == gate.expected
    with Home(gate.home).store() as store:
        runs = {run.id: run for run in store.runs()}
    assert str(runs[3].started) >= str(runs[2].finished)


def test_a_queued_run_can_be_stopped_before_its_turn(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    first = gate.start("--workers", "1")
    gate.reached()
    second = gate.start("--queue")
    gate.until(lambda: gate.state(3) and gate.state(3).pid)
    assert bulkhead(gate.home, "stop", "3").code == 0
    second.communicate(timeout=60)
    assert gate.state(3).status == "stopped"
    assert gate.state(2).status == "running"
    gate.path.touch()
    first.communicate(timeout=60)
    assert first.returncode == 0


def test_a_run_goes_on_in_the_background_in_its_turn(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    home = Home(gate.home)
    first = gate.start("--workers", "1")
    gate.reached()
    assert bulkhead(gate.home, "pause", "2").code == 0
    first.communicate(timeout=60)
    second = gate.start("--workers", "1")
    gate.reached(3)
    assert resume(home, 2, workers=1) == 2
    gate.until((gate.home / "runs" / "2" / "waits").exists)
    assert gate.state(2).status == "queued", "no longer paused, and behind one with a higher number that runs"
    with pytest.raises(ConfigError, match="is being worked on by process"):
        resume(home, 2)
    assert {one["run"] for one in gate.now()} == {3}
    gate.path.touch()
    second.communicate(timeout=60)
    gate.until(lambda: gate.state(2).pid is None)
    with home.store() as store:
        runs = {run.id: run for run in store.runs()}
    assert runs[2].digest == runs[3].digest == gate.expected
    assert str(runs[2].finished) > str(runs[3].finished)
    with pytest.raises(ConfigError, match="is done, so there is nothing to resume"):
        resume(home, 2)
    logs = sorted(path.name for path in (gate.home / "logs").iterdir())
    assert logs == ["run-2.log"]


def test_runs_can_be_watched_until_the_last_has_ended(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    assert bulkhead(gate.home, "runs", "--watch").out == "nothing runs now\n"
    refused(bulkhead(gate.home, "runs", "--watch", "--json"), "--watch", "--json")
    first = gate.start("--workers", "1")
    gate.reached()
    second = gate.start("--workers", "1", "--queue")
    gate.until((gate.home / "runs" / "3" / "waits").exists)
    watching = start(gate.home, "runs", "--watch")
    assert watching.stdout
    lines = [watching.stdout.readline(), watching.stdout.readline()]
    assert lines[0].startswith("run 2 gated: running, 4 of 8 (50 %), 0 failed") and "; now 2/4" in lines[0]
    assert lines[1] == "run 3 gated: queued, after run 2, 0 of 8 (0 %), 0 failed\n"
    gate.path.touch()
    out, err = watching.communicate(timeout=60)
    assert (watching.returncode, err) == (0, "")
    assert "run 2 gated: done, 8 of 8 (100 %), 0 failed\n" in out
    assert out.endswith("run 3 gated: done, 8 of 8 (100 %), 0 failed\n")
    assert len(set(out.splitlines())) == len(out.splitlines()), "a line is a change"
    for process in (first, second):
        process.communicate(timeout=60)


def test_watching_ends_with_ctrl_c(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    run = gate.start("--workers", "1")
    gate.until(gate.now)
    watching = start(gate.home, "runs", "--watch")
    assert watching.stdout and watching.stdout.readline().startswith("run 2 gated")
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=60)
    assert (watching.returncode, err) == (0, "")
    assert gate.state().pid, "the run goes on"
    gate.path.touch()
    run.communicate(timeout=60)
    assert run.returncode == 0


def test_how_many_workers_a_run_gets_that_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(running.WORKERS, "3")
    assert running.default_workers() == 3
    told = bulkhead(tmp_path, "run", write(tmp_path, SMALL), "--json")
    assert told.code == 0, told.err
    with Home(tmp_path).store() as store:
        assert store.run(1).workers == 3
    for wrong in ("0", "x", "-1", "99999"):
        monkeypatch.setenv(running.WORKERS, wrong)
        with pytest.raises(InputError, match="not a number of workers"):
            running.default_workers()
        refused(bulkhead(tmp_path, "serve"), "BULKHEAD_WORKERS")


def test_a_workflow_does_not_run_on_a_cluster(tmp_path: Path) -> None:
    path = write(tmp_path, FLOW)
    arguments = ("--backend", "dask", "--scheduler", "tcp://127.0.0.1:1")
    refused(bulkhead(tmp_path, "run", path, *arguments), "workflow")
