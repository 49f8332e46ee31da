"""Starting a run as a process of its own, so that whoever asked for it may end without ending it."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from app.services.home import Home
from engine.errors import ConfigError, StoreError

_PROJECT = Path(__file__).parents[2]
_STARTED = re.compile(r"^(run|workflow) (\d+): ", re.MULTILINE)
_PATIENCE = 300.0
#: The exit code of a command that could not run.
_REFUSED = 2
_PAUSE = 0.02


def launch(home: Home, text: str, workers: int | None = None, scheduler: str | None = None) -> int:
    """Start the experiment `text` in the background; returns the run's id as soon as it is stored, a workflow's for a
    workflow. It waits in the queue: two runs at once would only take each other's cores.

    It goes on when this process ends. What it says stands in HOME/logs/run-<id>.log, or workflow-<id>.log. ConfigError
    with its one line when it cannot run, and nothing is left behind. `scheduler`: of the Dask cluster to run on.
    """
    return _launched(home, ["run", "-", "--queue", *_on(scheduler)], text, workers)


def resume(
    home: Home, run_id: int, failed: bool = False, workers: int | None = None, scheduler: str | None = None
) -> int:
    """Go on with a run in the background, as `bulkhead resume` does, with `failed` also with what was not done; returns
    its id. Else as `launch`."""
    command = ["resume", str(run_id), "--queue", *(["--failed"] if failed else []), *_on(scheduler)]
    with home.store() as store:
        return _launched(home, command, "", workers, lambda: store.progress(run_id).status in ("queued", "running"))


def resume_workflow(home: Home, workflow_id: int, phase: str | None = None, workers: int | None = None) -> int:
    """Go on with a workflow in the background, as `bulkhead workflow resume` does; returns its id. Else as `launch`."""
    command = ["workflow", "resume", str(workflow_id), "--queue", *(["--phase", phase] if phase is not None else [])]
    return _launched(home, command, "", workers)


def _on(scheduler: str | None) -> list[str]:
    """The options for a run on the cluster of a scheduler, or on this machine."""
    return ["--backend", "dask", "--scheduler", scheduler] if scheduler else []


def _launched(
    home: Home, command: list[str], text: str, workers: int | None, begun: Callable[[], bool] = lambda: True
) -> int:
    """`begun`: whether it can be seen to have begun, after it has said so."""
    logs = home.within("logs")
    log = logs / f"starting-{uuid.uuid4().hex}.log"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        process = _start(home, command, text, workers, log)
    except OSError as error:
        log.unlink(missing_ok=True)
        raise StoreError(
            f"{logs}: a run cannot be started: {error.strerror}; check the folder and its permissions"
        ) from None
    deadline = time.monotonic() + _PATIENCE
    while True:
        ended = process.poll() is not None  # asked first, so that its last words are in the log when it is read
        said = log.read_text(errors="replace")
        found = _STARTED.search(said)
        if found and (begun() or (ended and process.returncode != _REFUSED)):
            break
        if ended or time.monotonic() > deadline:
            process.kill()
            process.wait()
            log.unlink(missing_ok=True)
            raise ConfigError(_reason(said) if ended else f"the run did not start within {_PATIENCE:g} s; try again")
        time.sleep(_PAUSE)
    what, number = found.group(1), int(found.group(2))
    log.replace(logs / f"{what}-{number}.log")
    # a finished child stays a zombie until somebody asks for its exit code; if this process ends first, init does
    threading.Thread(target=process.wait, name=f"{what}-{number}", daemon=True).start()
    return number


def _start(home: Home, words: list[str], text: str, workers: int | None, log: Path) -> subprocess.Popen[bytes]:
    """The runner, reading its config from a file without a name and writing to `log`, in a session of its own."""
    command = [sys.executable, "-m", "app.cli", *words, "--home", str(home.path)]
    if workers:
        command += ["--workers", str(workers)]
    path = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    with tempfile.TemporaryFile() as config, log.open("wb") as output:
        config.write(text.encode())
        config.seek(0)
        return subprocess.Popen(
            command,
            stdin=config,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )


def _reason(said: str) -> str:
    """The line that says why it could not run."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error: ", "internal error: "))]
    return (errors or lines or ["the run ended without a word"])[-1].removeprefix("error: ")
