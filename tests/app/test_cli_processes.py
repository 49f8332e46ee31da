"""What only a process of its own can show: start-up, standard input, Ctrl-C, runs in the background, the server."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from app.cli import serve
from app.services.home import Home
from app.services.launch import launch, resume_workflow
from engine.errors import ConfigError
from tests.app.small import SMALL, bulkhead, refused
from tests.app.workflows import FLOW

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
#: Long enough to be stopped: 4,000 containers.
LONG = SMALL.replace("[5, 10]", "{ from = 2, to = 31, step = 1 }").replace(
    "slow = 40", "slow = { from = 35, to = 363, step = 1 }"
)


def start(home: Path, *arguments: str, text: str = "") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", *arguments, "--home", str(home)],
        env=ENVIRONMENT, cwd=ROOT, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(text)
    process.stdin.close()
    process.stdin = None
    return process


@pytest.mark.parametrize("command", ["--help", "--version", "runs", "show"])
def test_start_up_imports_nothing_heavy(tmp_path, command):
    home = tmp_path / "home"
    assert bulkhead(home, "runs").code == 0
    arguments = {"show": ["show", "1"], "runs": ["runs"]}.get(command)
    code = f"""
import sys
from app.cli.main import outcome
outcome({[*arguments, "--home", str(home)] if arguments else [command]})
heavy = ("numba", "pandas", "streamlit", "plotly", "talib", "alembic", "joblib")
print([name for name in heavy if name in sys.modules])
"""
    told = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


def test_run_reads_standard_input_and_says_its_number_first(tmp_path):
    process = start(tmp_path / "home", "run", "-", "--workers", "1", "--json", text=SMALL)
    out, err = process.communicate()
    assert process.returncode == 0 and json.loads(out)["done"] == 8
    assert err.splitlines()[0] == "run 1: 8 containers"
    assert err.splitlines()[-1].startswith("8/8 containers, 0 failed")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    home = tmp_path / "home"
    for _ in range(2):
        assert bulkhead(home, "data", "list").code == 0
    told = subprocess.run(
        f"{sys.executable} -m app.cli data list --home {home} | true", shell=True, env=ENVIRONMENT, cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stderr == ""


@pytest.mark.parametrize(("workers", "number"), [("1", signal.SIGINT), ("2", signal.SIGTERM)])
def test_a_run_that_is_stopped_keeps_what_is_stored(tmp_path, workers, number):
    home = tmp_path / "home"
    process = start(home, "run", "-", "--workers", workers, "--json", text=LONG)
    assert process.stderr
    assert process.stderr.readline().startswith("run 1: ")
    while "containers" not in process.stderr.readline():
        pass
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=60)
    report, (run,) = json.loads(out), bulkhead(home, "runs", "--json").json
    assert process.returncode == 1 and "stopped: " in err and "Traceback" not in err.replace("Exception ignored", "")
    assert run["status"] == "stopped" and run["pid"] is None and run["digest"] is None
    assert 0 < run["done"] == report["done"] < report["containers"] == report["done"] + report["failed"]
    assert len(bulkhead(home, "show", "1", "--json").json["containers"]) == run["done"]


def test_a_run_goes_on_in_the_background(tmp_path):
    home = Home(tmp_path / "home")
    began = time.monotonic()
    run_id = launch(home, LONG, workers=1)
    with home.store() as store:
        run = store.progress(run_id)
        assert run.status in ("queued", "running") and run.containers > 3000
        while store.progress(run_id).status != "running":
            assert time.monotonic() - began < 60
            time.sleep(0.02)
        pid = store.progress(run_id).pid
        assert pid and os.getsid(pid) == pid != os.getsid(0)  # no terminal's Ctrl-C reaches it
        os.kill(pid, signal.SIGTERM)
        while store.progress(run_id).pid is not None:
            time.sleep(0.02)
        assert store.progress(run_id).status == "stopped"
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:  # reaped, not a zombie
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()
    assert [path.name for path in (home.path / "logs").iterdir()] == [f"run-{run_id}.log"]


def test_a_workflow_is_begun_and_gone_on_with_in_the_background(tmp_path):
    home = Home(tmp_path / "home")

    def ended(number: int) -> str:
        with home.store() as store:
            deadline = time.monotonic() + 120
            while (state := store.workflows.get(number)).pid is not None and time.monotonic() < deadline:
                time.sleep(0.02)
            return state.status

    assert launch(home, FLOW, workers=1) == 1 and ended(1) == "done"
    assert resume_workflow(home, 1, "choose", workers=1) == 1 and ended(1) == "stale"
    with pytest.raises(ConfigError, match="'weigh', which is stale"):
        resume_workflow(home, 1, "validate")
    assert [path.name for path in (home.path / "logs").iterdir()] == ["workflow-1.log"]


def test_what_cannot_be_launched_is_said_in_one_line_and_leaves_nothing(tmp_path):
    home = Home(tmp_path / "home")
    with pytest.raises(ConfigError, match=r"unknown key 'fats'; did you mean 'fast'\?$"):
        launch(home, SMALL.replace("fast =", "fats ="))
    assert not list((home.path / "logs").iterdir()) and bulkhead(home.path, "runs", "--json").json == []


# serve


@pytest.fixture
def script(tmp_path) -> Path:
    path = tmp_path / "main.py"
    path.write_text("import os, streamlit\nstreamlit.write(os.environ['BULKHEAD_HOME'])\n")
    return path


def serving(home: Path, script: Path, *arguments: str) -> subprocess.Popen[str]:
    """`bulkhead serve` of another page than the workbench's."""
    code = f"""
from pathlib import Path
from app.cli import main, serve
serve._SCRIPT = Path({str(script)!r})
main(["serve", "--home", {str(home)!r}, *{list(arguments)!r}])
"""
    return subprocess.Popen(
        [sys.executable, "-c", code], env=ENVIRONMENT, cwd=home.parent, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_tells_its_address_and_ends_cleanly(tmp_path, script, number):
    process = serving(tmp_path / "home", script)
    assert process.stdout
    try:
        line = process.stdout.readline()
        address = line.split()[3]
        assert line.startswith("Bulkhead is at http://127.0.0.1:")
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
            assert answer.read() == b"ok"
    finally:
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "Traceback" not in err
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=5)


def test_serve_tells_its_pages_how_many_workers_they_have(tmp_path, script):
    process = serving(tmp_path / "home", script, "--workers", "3")
    assert process.stdout
    try:
        assert process.stdout.readline().startswith("Bulkhead is at ")
        (server,) = psutil.Process(process.pid).children()
        assert server.environ()["BULKHEAD_WORKERS"] == "3"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_serve_refuses_a_taken_port(tmp_path, script, monkeypatch):
    monkeypatch.setattr(serve, "_SCRIPT", script)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused(bulkhead(tmp_path, "serve", "--port", str(taken.getsockname()[1])), "is taken")
    for wrong in ("0", "70000", "x"):
        refused(bulkhead(tmp_path, "serve", "--port", wrong), "--port")


def test_serve_says_when_the_server_does_not_start(tmp_path, script, monkeypatch):
    def failing(*_: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    monkeypatch.setattr(serve, "_SCRIPT", script)
    monkeypatch.setattr(serve, "_start", failing)
    refused(bulkhead(tmp_path, "serve"), "exit code 3")
    monkeypatch.setattr(serve, "_SCRIPT", tmp_path / "none.py")
    refused(bulkhead(tmp_path, "serve"), "none.py is not there")
