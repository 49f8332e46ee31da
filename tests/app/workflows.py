"""A small workflow, begun in this process or in one that is killed, for tests of workflows."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.app.small import Told, bulkhead, write

ROOT = Path(__file__).parents[2]

#: 16 backtests of two strategies under two classifiers; in some regimes there are fewer than 12 episodes.
HEAD = """
[experiment]
name = "small"
hypothesis = "Regimes matter."
seed = 3

[data]
dataset = "us-tech"
symbols = ["AAPL", "GOOG", "IBM"]
start = 2000-06-01
warmup = "common"
test_start = 2009-01-02

[risk]
stop_loss = 0.15

[execution]
commission_bps = 5.0
"""
DISCOVER = """
[[phase]]
name = "discover"
kind = "discover"

[[phase.classifier]]
name = "quiet"
kind = "volatility"

[[phase.classifier]]
name = "way"
kind = "trend"

[[phase.strategy]]
kind = "ma_cross"
fast = [5, 10, 20]
slow = [40, 80]

[[phase.strategy]]
kind = "rsi_reversion"
window = [7, 14]
"""
CHOOSE = """
[[phase]]
name = "choose"
kind = "by_regime"
from = "discover"
min_episodes = 12
"""
WEIGH = """
[[phase]]
name = "weigh"
kind = "ensemble"
from = "choose"

[phase.ensemble]
method = "fixed"
weights = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
"""
VALIDATE = """
[[phase]]
name = "validate"
kind = "validate"
from = ["choose", "weigh"]
"""
FLOW = HEAD + DISCOVER + CHOOSE + WEIGH + VALIDATE


def begin(home: Path, text: str = FLOW) -> Told:
    """Run a workflow from its first phase on."""
    home.mkdir(exist_ok=True)
    return bulkhead(home, "run", write(home, text, "flow.toml"), "--workers", "1", "--json")


def shown(home: Path, workflow: int = 1) -> dict[str, Any]:
    """`bulkhead workflow show --json`, its phases by name."""
    found = bulkhead(home, "workflow", "show", str(workflow), "--json").json
    return found | {"phases": {phase["name"]: phase for phase in found["phases"]}}


def results(home: Path, workflow: int = 1) -> dict[str, tuple[Any, Any]]:
    """What each phase came to, and its digest."""
    return {name: (phase["digest"], phase["result"]) for name, phase in shown(home, workflow)["phases"].items()}


#: A runner that ends itself, as a power failure would, before or after what `after` counts: commits of blocks of four
#: containers, runs created, or phases done.
_KILLED = """
import os, signal, sys
from app.cli.main import main
from db.store import Store
from db.workflows import Workflows
import engine.parallel.packer as packer
packer.BLOCK_CONTAINERS = 4
event, count, when, *arguments = sys.argv[1:]
left = int(count)
def killing(owner, name, counts):
    plain = getattr(owner, name)
    def wrapped(self, *given, **named):
        global left
        counted = counts(given)
        left -= counted
        if counted and left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = plain(self, *given, **named)
        if counted and left == 0 and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(owner, name, wrapped)
if event == "commit":
    killing(Store, "commit", lambda given: 1)
elif event == "create":
    killing(Store, "create_run", lambda given: 1)
else:
    killing(Workflows, "mark_phase", lambda given: given[2] == "done")
main(arguments)
"""


def killed(home: Path, event: str, count: int, when: str, text: str = FLOW) -> None:
    """Run a workflow in a process that kills itself `when` the `count`-th `event` comes."""
    home.mkdir(exist_ok=True)
    arguments = ["run", write(home, text, "flow.toml"), "--workers", "1", "--home", str(home)]
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, event, str(count), when, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -9, done.stderr
