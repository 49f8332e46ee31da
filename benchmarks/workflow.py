"""A whole research workflow: seconds for each phase, and from start to end of the process.

    .venv/bin/python -m benchmarks.workflow [--repeats 3] [--workers 2] [WORKFLOW.toml]

`bulkhead run` of `assets/experiments/us-tech-workflow.toml` (500 backtests under two classifiers, 200 weightings, one
validation), as a process of its own with a new home each time; one run before them compiles the kernels. A phase's
seconds are from its first run's creation to its last one's end, as the store has them; the rest of the wall time is
start-up, checking the workflow, and reading its results. The median of the repeats; the target: 15 s, two workers.
"""

import argparse
import json
import statistics
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.throughput import TOP, bulkhead, home

WORKFLOW = TOP / "assets" / "experiments" / "us-tech-workflow.toml"
TARGET = 15.0


def once(config: Path, workers: int) -> dict[str, Any]:
    """One run in a new home: wall time, and seconds and containers by phase."""
    with home() as at:
        command = [*bulkhead(), "run", str(config), "--home", str(at), "--workers", str(workers), "--json"]
        began = time.perf_counter()
        told = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=TOP).stdout)
        wall = time.perf_counter() - began
        listed = subprocess.run([*bulkhead(), "runs", "--home", str(at), "--json"], capture_output=True, check=True)
        runs = {run["run"]: run for run in json.loads(listed.stdout)}
    assert told["status"] == "done", told
    phases, before = {}, None
    for phase in told["phases"]:
        ended = datetime.fromisoformat(phase["finished"])
        first = datetime.fromisoformat(runs[phase["runs"][0]]["started"])
        own = [runs[run] for run in phase["runs"]]
        phases[phase["name"]] = {
            "seconds": (ended - (before or first)).total_seconds(),
            "containers": sum(run["containers"] for run in own),
        }
        before = ended
    return {"wall": wall, "workflow": told["seconds"], "phases": phases}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", type=Path, default=WORKFLOW)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    once(arguments.config, arguments.workers)
    found = [once(arguments.config, arguments.workers) for _ in range(arguments.repeats)]
    for name, phase in found[0]["phases"].items():
        typical = statistics.median(one["phases"][name]["seconds"] for one in found)
        print(f"{name:12} {phase['containers']:6,} containers {typical:7.2f} s")
    for name in ("workflow", "wall"):
        values = [one[name] for one in found]
        print(f"{name:12} {'':17} {statistics.median(values):7.2f} s ({min(values):.2f}–{max(values):.2f})")
    print(f"target {TARGET:g} s: {'met' if statistics.median(one['wall'] for one in found) < TARGET else 'missed'}")


if __name__ == "__main__":
    main()
