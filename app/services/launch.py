"""Starting a run as a process of its own, so that whoever asked for it may end without ending it."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from app.services.home import Home
from engine.errors import ConfigError, StoreError

_PROJECT = Path(__file__).parents[2]
_STARTED = re.compile(r"^run (\d+): ", re.MULTILINE)
_PATIENCE = 300.0
_PAUSE = 0.02


def launch(home: Home, text: str, workers: int | None = None) -> int:
    """Start the experiment `text` in the background; returns the run's id as soon as it is stored.

    The run goes on when this process ends. What it says stands in HOME/logs/run-<id>.log. ConfigError with its one line
    when it cannot run, and nothing is left behind.
    """
    logs = home.within("logs")
    log = logs / f"starting-{uuid.uuid4().hex}.log"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        process = _start(home, text, workers, log)
    except OSError as error:
        log.unlink(missing_ok=True)
        raise StoreError(
            f"{logs}: a run cannot be started: {error.strerror}; check the folder and its permissions"
        ) from None
    deadline = time.monotonic() + _PATIENCE
    while True:
        ended = process.poll() is not None  # asked first, so that its last words are in the log when it is read
        said = log.read_text(errors="replace")
        if found := _STARTED.search(said):
            break
        if ended or time.monotonic() > deadline:
            process.kill()
            process.wait()
            log.unlink(missing_ok=True)
            raise ConfigError(_reason(said) if ended else f"the run did not start within {_PATIENCE:g} s; try again")
        time.sleep(_PAUSE)
    run_id = int(found.group(1))
    log.replace(logs / f"run-{run_id}.log")
    # a finished child stays a zombie until somebody asks for its exit code; if this process ends first, init does
    threading.Thread(target=process.wait, name=f"run-{run_id}", daemon=True).start()
    return run_id


def _start(home: Home, text: str, workers: int | None, log: Path) -> subprocess.Popen[bytes]:
    """The runner, reading its config from a file without a name and writing to `log`, in a session of its own."""
    command = [sys.executable, "-m", "app.cli", "run", "-", "--home", str(home.path)]
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
