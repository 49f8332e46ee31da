"""Reproducing from a page: `bulkhead reproduce` as a process of its own, whose answer stays in the home.

Each has a folder, HOME/reproductions/<name>: the config, what the process said, and its verdict as JSON. A lock that
the process holds tells whether it is still at work, whoever asks and however it ended.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.services import reproducing
from app.services.home import Home
from engine.errors import StoreError

_PROJECT = Path(__file__).parents[2]
_NAME = re.compile(r"(run-\d{1,18}|file)-[0-9a-f]{12}")
#: So many are kept; the oldest go first.
_KEPT = 20
#: Bytes at the end of what it said that are looked at.
_LOG = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reproduction:
    """One that was begun. `status`: running, answered, or failed (`error` says why, in one line).

    `said`: the last line it said while running; `verdict`: the JSON of `bulkhead reproduce --json`.
    """

    name: str
    status: str
    said: str = ""
    error: str = ""
    verdict: dict[str, Any] | None = None


def begin(home: Home, text: str, run_id: int | None = None) -> str:
    """Begin to reproduce an exported config; returns its name. `run_id`: the run it was exported from."""
    folder = home.within("reproductions")
    name = f"{f'run-{run_id}' if run_id is not None else 'file'}-{uuid.uuid4().hex[:12]}"
    try:
        (folder / name).mkdir(parents=True)
        _tidy(folder, keep=name)
        (folder / name / "config.toml").write_text(text)
        _start(home, folder / name)
    except OSError as error:
        shutil.rmtree(folder / name, ignore_errors=True)
        raise StoreError(f"{folder}: cannot be used ({error.strerror}); check the folder and its permissions") from None
    return name


def look(home: Home, name: str) -> Reproduction | None:
    """How far it is; None when there is no such one."""
    if not _NAME.fullmatch(name):
        return None
    folder = home.within("reproductions", name)
    if not folder.is_dir():
        return None
    try:
        running = _locked(folder / "lock")  # asked first: what it wrote before it ended is then there
        said = _tail(folder / "said.log")
        answer = (folder / "verdict.json").read_bytes()
    except OSError:
        return None
    if running:
        return Reproduction(name, "running", said=said)
    try:
        verdict = json.loads(answer)
    except ValueError:
        return Reproduction(name, "failed", error=said.removeprefix("error: ") or "it ended without a word")
    return Reproduction(name, "answered", verdict=verdict)


def latest(home: Home, run_id: int) -> Reproduction | None:
    """The newest of a run."""
    folder = home.within("reproductions")
    found = [path for path in folder.glob(f"run-{run_id}-*") if _NAME.fullmatch(path.name)]
    newest = max(found, key=_age, default=None)
    return look(home, newest.name) if newest is not None else None


def fine(verdict: dict[str, Any]) -> bool:
    """Whether the answer is as good as it gets, here or with another version of a library."""
    return verdict.get("verdict") in (reproducing.IDENTICAL, reproducing.SAME)


def _start(home: Home, folder: Path) -> None:
    """The process, in a session of its own. It inherits the lock, and with its end the lock is free."""
    command = [sys.executable, "-m", "app.cli", "reproduce", str(folder / "config.toml"), "--json"]
    command += ["--home", str(home.path)]
    path = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    with (
        (folder / "lock").open("w") as lock,
        (folder / "verdict.json").open("wb") as output,
        (folder / "said.log").open("wb") as said,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=said,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            pass_fds=(lock.fileno(),),
        )
    threading.Thread(target=process.wait, name=folder.name, daemon=True).start()  # else it would stay a zombie


def _locked(path: Path) -> bool:
    with path.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _tail(path: Path) -> str:
    """The last line that says something."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error: ", "internal error: "))]
    return (errors or lines or [""])[-1]


def _tidy(folder: Path, keep: str) -> None:
    """Remove the oldest that have ended."""
    found = sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), key=_age)
    for path in found[:-_KEPT]:
        with contextlib.suppress(OSError):
            if path.name != keep and not _locked(path / "lock"):
                shutil.rmtree(path, ignore_errors=True)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
