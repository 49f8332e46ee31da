"""Throughput of whole runs, side by side with vectorbt on the same grids, in the same minutes.

    .venv/bin/python -m benchmarks.throughput [--repeats 5]

- Bulkhead: `bulkhead run` as a process of its own with a new home each time, everything stored and committed, for the
  grids of 1,000 and of 10,000 in `configs/`. Throughput is 9,000 over the difference of the two wall times (from start
  to end of the process, the median of the repeats for each grid). With one worker and with two.
- vectorbt: `peers/sweep.py`, the same grids in one process, nothing stored, in chunks of 50, 100 and 200. The better of
  its difference and its steady rate over 10,000, compiling and loading left out; median of the repeats, best chunk.
  With the Numba kernels of a plain installation, and with its optional Rust ones.
- Both take turns, so that what else the machine does falls on both. CPU time is kept beside the wall time.
- Memory: in runs of their own, the sum of the proportional set sizes (PSS) of all processes of a run of 10,000, sampled
  every 50 ms.
- Results: every figure of the 1,000 that vectorbt has is compared with Bulkhead's.

Prints a table; writes `results/throughput.json`. It needs vectorbt's environment and makes it (`peers/environment.py`).
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers.environment import peers_python

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
BARS = TOP / "assets" / "data" / "sp500.parquet"
SMALL, LARGE = HERE / "configs" / "ma_cross_1000.toml", HERE / "configs" / "ma_cross_10000.toml"
POINTS = (1_000, 10_000)
SAMPLE_SECONDS = 0.05
TARGETS = {1: 5.0, 2: 8.0}
MIB = 2**20


def bulkhead() -> list[str]:
    """The command line of this installation."""
    installed = Path(sys.executable).with_name("bulkhead")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "app.cli"]


@contextlib.contextmanager
def home() -> Iterator[Path]:
    """A new, empty home."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-benchmark-") as folder:
        yield Path(folder)


def run(config: Path, workers: int, at: Path, peak: list[int] | None = None) -> dict[str, float]:
    """One `bulkhead run`, from start to end. `peak`: watch the memory of all its processes; this disturbs the clock."""
    command = [*bulkhead(), "run", str(config), "--home", str(at), "--workers", str(workers), "--json"]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=errors, cwd=TOP)
        if peak is not None:
            watcher = threading.Thread(target=watch, args=(process.pid, peak))
            watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if peak is not None:
            watcher.join()
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}\n{errors.read().decode()}")
        report = json.loads(out.read())
    if report["done"] != report["containers"]:
        raise SystemExit(f"{report['failed']} containers were not done")
    stored = sum(path.stat().st_size for path in at.glob("*.sqlite*"))
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,  # of the processes that were waited for
        "run_seconds": report["seconds"],
        "startup_seconds": report["startup_seconds"],
        "stored_mb": stored / MIB,
    }


def watch(pid: int, peak: list[int]) -> None:
    """Note the highest sum of PSS of process `pid` and all below it in `peak[0]`, until it ends."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
            total = 0
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    total += process.memory_full_info().pss
            peak[0] = max(peak[0], total)
            time.sleep(SAMPLE_SECONDS)


def bulkhead_pair(workers: int) -> dict[str, Any]:
    """Both grids, each in a new home, and the throughput from the difference."""
    found = []
    for config in (SMALL, LARGE):
        with home() as at:
            found.append(run(config, workers, at))
    small, large = found
    return {"small": small, "large": large, "rate": (POINTS[1] - POINTS[0]) / (large["wall"] - small["wall"])}


def vectorbt_pair(python: Path, engine: str, chunk: int, keep: Path | None = None) -> dict[str, Any]:
    """Both grids in one process of vectorbt, and the better of its two rates."""
    sweep = ["-m", "benchmarks.peers.sweep", BARS, SMALL, LARGE]
    command = [python, *sweep, "--engine", engine, "--chunk", str(chunk)]
    if keep:
        command += ["--keep", keep]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=TOP)
    if done.returncode:
        raise SystemExit(f"vectorbt's sweep failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    small, large = found["seconds"]
    difference, steady = (POINTS[1] - POINTS[0]) / (large - small), POINTS[1] / large
    return found | {"difference": difference, "steady": steady, "rate": max(difference, steady)}


def compare(python: Path, chunk: int) -> dict[str, float]:
    """The largest relative deviation of Bulkhead from vectorbt over the grid of 1,000, for each figure both have."""
    with home() as at:
        run(SMALL, 1, at)
        command = [*bulkhead(), "show", "1", "--home", str(at), "--json"]
        shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=TOP).stdout)
        vectorbt_pair(python, "numba", chunk, at / "peer.json")
        peer = json.loads((at / "peer.json").read_text())
    own = {
        (row["params"]["ma_cross.fast"], row["params"]["ma_cross.slow"]): row["metrics"] for row in shown["containers"]
    }
    if set(own) != {tuple(pair) for pair in peer["pairs"]}:
        raise SystemExit("the grids are not the same")
    return {
        name: max(
            abs(own[tuple(pair)][name] - value) / max(abs(value), 1e-300)
            for pair, value in zip(peer["pairs"], peer[name], strict=True)
        )
        for name in ("total_return", "sharpe", "max_drawdown", "orders")
    }


def spread(values: list[float]) -> dict[str, float]:
    """The rates of the repeats; `typical` is what counts."""
    middle = statistics.median(values)
    return {"typical": middle, "median": middle, "lowest": min(values), "highest": max(values)}


def machine() -> dict[str, Any]:
    """What this was measured on."""
    model = platform.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "load_average_before": [round(value, 2) for value in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("bulkhead", "numba", "numpy", "joblib", "sqlalchemy"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """All runs, in turns, and what comes of them."""
    python = peers_python("vectorbt")
    result: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    result["versions"] = versions()
    peers = [(engine, chunk) for engine in given.engines for chunk in given.chunks]
    say("warming: compiling both sides' kernels ...")
    for workers in given.workers:
        with home() as at:
            run(SMALL, workers, at)
    result["deviation"] = compare(python, given.chunks[0])
    own_runs: dict[int, list[dict[str, Any]]] = {workers: [] for workers in given.workers}
    peer_runs: dict[tuple[str, int], list[dict[str, Any]]] = {peer: [] for peer in peers}
    for repeat in range(given.repeats):
        # Bulkhead's runs are spread among vectorbt's, and both change places from repeat to repeat
        turns: list[Any] = list(peers[repeat % len(peers) :] + peers[: repeat % len(peers)])
        for i, workers in enumerate(given.workers):
            turns.insert((2 * i + 1) * len(turns) // (2 * len(given.workers)), workers)
        for turn in turns:
            if isinstance(turn, int):
                found = bulkhead_pair(turn)
                own_runs[turn].append(found)
                name = f"bulkhead, workers {turn}"
            else:
                found = vectorbt_pair(python, *turn)
                peer_runs[turn].append(found)
                name = f"vectorbt, {turn[0]}, chunks of {turn[1]}"
            say(f"{repeat + 1}/{given.repeats}  {name}: {found['rate']:,.0f}/s")
    result["versions"]["peers"] = peer_runs[peers[0]][0]["versions"]
    result["vectorbt"] = [
        {"engine": engine, "chunk": chunk, "rate": spread([run["rate"] for run in runs]), "runs": runs}
        for (engine, chunk), runs in peer_runs.items()
    ]
    best = {
        engine: max(row["rate"]["typical"] for row in result["vectorbt"] if row["engine"] == engine)
        for engine in given.engines
    }
    result["bulkhead"] = []
    for workers, runs in own_runs.items():
        # the difference of medians: one slow start would turn the difference within a repeat upside down
        walls = [statistics.median(run[grid]["wall"] for run in runs) for grid in ("small", "large")]
        rate = spread([run["rate"] for run in runs]) | {"typical": (POINTS[1] - POINTS[0]) / (walls[1] - walls[0])}
        used = statistics.median(run["large"]["cpu"] - run["small"]["cpu"] for run in runs) / (POINTS[1] - POINTS[0])
        ratios = {engine: rate["typical"] / peer for engine, peer in best.items()}
        peak = [0]
        with home() as at:
            run(LARGE, workers, at, peak)
        result["bulkhead"].append(
            {
                "workers": workers,
                "rate": rate,
                "ratios": ratios,
                "cpu_microseconds": used * 1e6,
                "peak_pss_mb": peak[0] / MIB,
                "runs": runs,
            }
        )
    result["machine"]["load_average_after"] = [round(value, 2) for value in os.getloadavg()]
    return result


def table(result: dict[str, Any]) -> str:
    """The result to read."""
    found, peers = result["machine"], result["versions"]["peers"]
    lines = [
        f"{result['date']}  {found['processor']}, {found['cores']} cores, {found['memory_gb']} GB, {found['system']}",
        "bulkhead: " + ", ".join(f"{k} {v}" for k, v in result["versions"].items() if k != "peers"),
        "peers:    " + ", ".join(f"{k} {v}" for k, v in peers.items()),
        "",
        f"{'ma_cross on sp500, containers/s':<36}{'typical':>9}{'lowest':>9}{'highest':>9}   times vectorbt",
    ]

    def line(name: str, rate: dict[str, float], more: str = "") -> str:
        return f"{name:<36}{rate['typical']:>9,.0f}{rate['lowest']:>9,.0f}{rate['highest']:>9,.0f}   {more}".rstrip()

    for row in result["bulkhead"]:
        more = ", ".join(f"{ratio:.1f} ({engine})" for engine, ratio in row["ratios"].items())
        target = TARGETS.get(row["workers"])
        lines.append(line(f"bulkhead run --workers {row['workers']}", row["rate"], more + f"; target {target:g}"))
    for row in result["vectorbt"]:
        lines.append(line(f"vectorbt {row['engine']}, chunks of {row['chunk']}", row["rate"]))
    lines.append("")
    for row in result["bulkhead"]:
        peak = f"{row['peak_pss_mb']:,.0f} MiB (target: under 1,024)"
        lines.append(f"peak PSS of all processes, 10,000 containers, --workers {row['workers']}: {peak}")
        lines.append(f"CPU, all processes, --workers {row['workers']}: {row['cpu_microseconds']:.0f} µs a container")
    deviation = ", ".join(f"{name} {value:.1e}" for name, value in result["deviation"].items())
    lines.append(f"largest relative deviation from vectorbt over 1,000: {deviation}")
    if found["load_average_before"][0] > 0.5 or any(row["rate"]["lowest"] <= 0 for row in result["bulkhead"]):
        lines.append("the machine was busy with something else: measure again")
    return "\n".join(lines)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--chunks", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--engines", nargs="+", default=["numba", "rust"], choices=["numba", "rust"])
    parser.add_argument("--output", type=Path, default=HERE / "results" / "throughput.json")
    given = parser.parse_args()
    result = measure(given)
    given.output.parent.mkdir(exist_ok=True)
    given.output.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))


if __name__ == "__main__":
    main()
