"""A small experiment, and the command line run in this process, for tests of the application."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.cli.main import outcome

ROOT = Path(__file__).parents[2]

#: 8 containers: two strategies, one of them random, under two classifiers and a stop or none, with held-out bars.
SMALL = """
[experiment]
name = "small"
seed = 3

[data]
dataset = "us-tech"
symbols = ["AAPL", "GOOG", "IBM"]
start = 2000-06-01
end = 2008-12-31
warmup = "common"
test_start = 2008-01-02

[[classifier]]
name = "quiet"
kind = "volatility"

[[classifier]]
name = "way"
kind = "trend"

[risk]
stop_loss = ["none", 0.10]

[[strategy]]
kind = "ma_cross"
fast = [5, 10]
slow = 40

[[strategy]]
kind = "random_entry"

[execution]
commission_bps = 5.0
slippage_bps = 2.0
"""

#: Every container of it is late.
LATE = SMALL.replace("warmup", "# warmup") + "\n[limits]\nwall_seconds = 1e-6\n"


@dataclass(frozen=True)
class Told:
    """What a command left: its exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(token: str) -> None:
    raise AssertionError(f"{token} is no JSON")


def bulkhead(home: Path, *arguments: str) -> Told:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = outcome([*arguments, "--home", str(home)])
    return Told(code, out.getvalue(), err.getvalue())


def python(home: Path, text: str) -> Told:
    """Run a script in a process of its own, as somebody who has Bulkhead and this home."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={"PYTHONPATH": str(ROOT), "HOME": str(Path.home()), "BULKHEAD_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Told(done.returncode, done.stdout, done.stderr)


def refused(told: Told, *words: str) -> None:
    """Assert that a command was refused: exit code 2, one line on standard error with `words`, nothing else."""
    assert told.code == 2, told
    assert told.out == ""
    assert told.err.startswith("error: ") and told.err.count("\n") == 1, told.err
    for word in words:
        assert word in told.err


def write(folder: Path, text: str, name: str = "small.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


@contextmanager
def unchanged(home: Path) -> Iterator[None]:
    """Assert that the block leaves no run and no file behind."""

    def state() -> tuple[Any, ...]:
        files = sorted(
            str(path) for path in home.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm"))
        )
        told = bulkhead(home, "runs", "--json") if (home / "bulkhead.sqlite").exists() else None
        return files, told and told.out

    before = state()
    yield
    assert state() == before
