"""A process that has loaded everything and forks runners: in a hundredth of the time that starting one takes.

It adopts whatever its runners leave behind, so nothing can hide from it. It is asked and answers in lines of JSON.
"""

import ctypes
import faulthandler
import gc
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from typing import Any

import psutil

from app.cli.main import main, outcome

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
#: Loads the kernels and every module that a run needs.
WARM = """
[experiment]
name = "warm"
[data]
dataset = "us-tech"
[[strategy]]
kind = "ma_cross"
[[strategy]]
kind = "random_entry"
"""


def serve() -> dict[str, Any] | None:
    """Answer requests; returns None when there are no more, and in a forked runner what it is to do."""
    for line in sys.stdin:
        request = json.loads(line)
        answer: Any = None
        match request["do"]:
            case "fork":
                pid = os.fork()
                if pid == 0:
                    return request
                answer = pid
            case "wait":
                _, status = os.waitpid(request["pid"], 0)
                answer = os.waitstatus_to_exitcode(status)
            case "settle":
                answer = settle(request["seconds"])
        print(json.dumps(answer), flush=True)
    return None


def settle(seconds: float) -> list[str]:
    """Wait until every process that came from this one has ended; returns those that have not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return []
        if time.monotonic() > deadline:
            left = psutil.Process().children(recursive=True)
            return [f"{process.pid} {' '.join(process.cmdline())}" for process in left]
        time.sleep(0.005)


def become(request: dict[str, Any]) -> None:
    """Be the runner that was asked for: prepare what is to happen to it, and run the command line."""
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(request["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
    os.dup2(os.open(request["err"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
    for name, *arguments in request["before"]:
        module, _, function = name.rpartition(".")
        getattr(importlib.import_module(module), function)(*arguments)
    main(request["arguments"])


def replace(module: str, name: str, value: Any) -> None:
    """Give a module's constant another value."""
    setattr(importlib.import_module(module), name, value)


if __name__ == "__main__":
    faulthandler.enable()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    with tempfile.TemporaryDirectory() as folder:
        config = f"{folder}/warm.toml"
        with open(config, "w") as file:
            file.write(WARM)
        print_to, sys.stdout = sys.stdout, sys.stderr
        assert outcome(["run", config, "--home", f"{folder}/home", "--workers", "1"]) == 0
        sys.stdout = print_to
    gc.freeze()
    print(json.dumps("ready"), flush=True)
    if (asked := serve()) is not None:
        become(asked)
