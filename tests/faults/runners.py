"""Runners of experiments that are made to fail: started, watched and cleared away by a test."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
#: Seconds that a process may take to end after its runner has, and a runner to get somewhere, on a busy machine.
PATIENCE = 60.0


@dataclass(frozen=True)
class Told:
    """How a runner ended: its exit code (−9: killed), standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Runner:
    """A runner on its way. `pid`: its process, which stays a zombie until `wait`."""

    def __init__(self, zygote: "Zygote", pid: int, out: Path, err: Path) -> None:
        self.pid, self._zygote, self._out, self._err = pid, zygote, out, err

    def wait(self) -> Told:
        code = self._zygote.ask(do="wait", pid=self.pid)
        self._zygote.running.remove(self)
        return Told(code, self._out.read_text(), self._err.read_text())

    def kill(self) -> Told:
        self.send(signal.SIGKILL)
        return self.wait()

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    @property
    def ended(self) -> bool:
        """Whether it is a zombie altogether: its first thread is one while the others still hold its locks."""
        process = psutil.Process(self.pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() == 1

    @property
    def stopped(self) -> bool:
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def until(self, true: Callable[[], Any]) -> Any:
        """Wait until something is the case, or the runner has ended; returns what was found."""
        deadline = time.monotonic() + PATIENCE
        while not (found := true()) and not self.ended:
            assert time.monotonic() < deadline, self._err.read_text()
            time.sleep(0.002)
        return found

    def workers(self) -> list[psutil.Process]:
        """Its joblib workers."""
        try:
            children = psutil.Process(self.pid).children()
        except psutil.NoSuchProcess:
            return []
        return [
            child for child in children if "loky" in (words := " ".join(_command(child))) and "tracker" not in words
        ]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class Zygote:
    """Forks runners whose temporary folder is `folder/tmp`. A context manager."""

    def __init__(self, folder: Path, hash_seed: int = 0) -> None:
        self.folder = folder
        self.tmp = folder / "tmp"
        self.tmp.mkdir(parents=True)
        #: Those that nobody has waited for yet.
        self.running: list[Runner] = []
        self._number = 0
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.tmp), "PYTHONHASHSEED": str(hash_seed)}
        environment.pop("BULKHEAD_HOME", None)
        with (folder / "zygote.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.zygote"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=ROOT, text=True,
                start_new_session=True,
            )  # fmt: skip
        assert self._read() == "ready"

    def __enter__(self) -> "Zygote":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE)

    def ask(self, **request: Any) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def start(self, *arguments: str, home: Path, before: Sequence[Sequence[Any]] = ()) -> Runner:
        """A runner of `bulkhead` with these arguments. `before`: functions it calls first, by name, with arguments."""
        self._number += 1
        out, err = self.folder / f"{self._number}.out", self.folder / f"{self._number}.err"
        err.touch()
        out.touch()
        words = [*arguments, "--home", str(home)]
        pid = self.ask(do="fork", arguments=words, before=before, out=str(out), err=str(err))
        self.running.append(Runner(self, pid, out, err))
        return self.running[-1]

    def run(self, *arguments: str, home: Path, before: Sequence[Sequence[Any]] = ()) -> Told:
        return self.start(*arguments, home=home, before=before).wait()

    def survivors(self) -> list[str]:
        """The processes that runners have left and that do not end by themselves."""
        left: list[str] = self.ask(do="settle", seconds=PATIENCE)
        return left

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, (self._process.wait(), (self.folder / "zygote.log").read_text())
        return json.loads(line)
