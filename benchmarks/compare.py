"""Bulkhead against its peers, each in an environment of its own: one job, one table.

    .venv/bin/python -m benchmarks.compare [--repeats 5]

The job stands in `peers/job.py`: moving-average crossings on 5,031 daily bars, without costs.

- A peer does as many pairs as it can in some seconds, in one process of its own, the way its documentation does a sweep
  (`peers/on_<peer>.py`). Timed is the sweep; starting, importing and reading the bars is not.
- Bulkhead is `bulkhead run` with a new home each time, everything stored and committed, with one worker and with two.
  Its rate is 9,000 over the difference in wall time of a run of 10,000 and one of 1,000: starting falls out of it, as
  it does for the peers. Kept beside it for 10,000: the rate from the first dispatch to the last commit, and that of the
  whole process, its start and end included.
- All take turns, in another order each time; the median of the repeats counts.
- Memory is of a run of its own: the highest sum of the proportional set sizes (PSS) of all its processes.
- Figures of every pair are compared with Bulkhead's, where both define them alike.

Writes `results/peers.json` and, of it, `results/peers.md` (`table.py`). Environments are made when they are not there.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import table
from benchmarks.peers.environment import peers_python
from benchmarks.throughput import MIB, TOP, bulkhead, home, machine, run, say, spread, versions, watch

HERE = Path(__file__).resolve().parent
SMALL, LARGE = HERE / "configs" / "free_1000.toml", HERE / "configs" / "free_10000.toml"
MORE = 9_000
WORKERS = (1, 2)


@dataclass(frozen=True)
class Peer:
    """A way to run a peer. `compared`: the figures that mean the same as Bulkhead's of that name."""

    tool: str
    package: str
    peer: str
    variant: str
    how: str
    keeps: str
    compared: tuple[str, ...]


ALL = ("total_return", "sharpe", "max_drawdown", "orders")
PEERS = (
    Peer("vectorbt", "vectorbt", "vectorbt", "numba", "one process, Numba kernels", "four figures in memory", ALL),
    Peer("vectorbt", "vectorbt", "vectorbt", "rust", "one process, Rust kernels", "four figures in memory", ALL),
    Peer(
        *("backtesting.py", "backtesting", "backtesting", "run", "`Backtest.run`, one process"),
        *("statistics, equity and trades in memory", ("total_return", "max_drawdown")),
    ),
    Peer(
        *("backtesting.py", "backtesting", "backtesting", "optimize", "`Backtest.optimize`, a process a core"),
        *("statistics in memory", ("total_return", "max_drawdown")),
    ),
    Peer(
        *("backtrader", "backtrader", "backtrader", "one", "`optstrategy`, one process"),
        *("four figures of its analyzers in memory", ALL),
    ),
    Peer(
        *("backtrader", "backtrader", "backtrader", "all", "`optstrategy`, a process a core"),
        *("four figures of its analyzers in memory", ALL),
    ),
    Peer(
        *("nautilus_trader", "nautilus_trader", "nautilus", "one", "`BacktestEngine`, reset, one process"),
        *("return and order count in memory", ("total_return", "orders")),
    ),
)
KEEPS = "everything stored: each event with its cause, metrics, equity"


def peer_run(python: Path, peer: Peer, peak: list[int] | None = None) -> dict[str, Any]:
    """One sweep of a peer. `peak`: watch the memory of all its processes; this disturbs the clock."""
    command = [python, "-W", "ignore", "-m", f"benchmarks.peers.on_{peer.peer}", peer.variant]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=TOP) as process:
        if peak is not None:
            threading.Thread(target=watch, args=(process.pid, peak), daemon=True).start()
        out, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{peer.tool} {peer.variant} failed:\n{errors}")
    found: dict[str, Any] = json.loads(out)
    return found


def own_figures() -> dict[tuple[int, int], dict[str, float]]:
    """Bulkhead's metrics for each pair of the grid of 10,000."""
    with home() as at:
        run(LARGE, 1, at)
        command = [*bulkhead(), "show", "1", "--home", str(at), "--json"]
        shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=TOP).stdout)
    rows = shown["containers"]
    return {(row["params"]["ma_cross.fast"], row["params"]["ma_cross.slow"]): row["metrics"] for row in rows}


def deviation(
    own: dict[tuple[int, int], dict[str, float]],
    pairs: Sequence[Sequence[int]],
    figures: dict[str, list[float]],
    compared: Sequence[str],
) -> dict[str, float]:
    """How far a peer's figures are from Bulkhead's at most.

    The return is taken as final equity, and relative as drawdown and Sharpe ratio are; orders are a difference.
    """
    found = {}
    for name in compared:
        values = [(own[fast, slow][name], value) for (fast, slow), value in zip(pairs, figures[name], strict=True)]
        if name == "orders":
            found["orders"] = max(abs(mine - theirs) for mine, theirs in values)
        elif name == "total_return":
            found["final_equity"] = max(abs((1 + theirs) / (1 + mine) - 1) for mine, theirs in values)
        else:
            found[name] = max(abs(theirs - mine) / max(abs(mine), 1e-300) for mine, theirs in values)
    return found


def own_pair(workers: int) -> dict[str, float]:
    """A run of 1,000 and one of 10,000, and the rate from their difference."""
    runs = []
    for config in (SMALL, LARGE):
        with home() as at:
            runs.append(run(config, workers, at))
    small, large = (found["wall"] for found in runs)
    return {"small": small, "large": large, "sweep": runs[1]["run_seconds"], "rate": MORE / (large - small)}


def own_row(workers: int, runs: list[dict[str, float]]) -> dict[str, Any]:
    """What stands in the table for Bulkhead."""
    small, large, sweep = (statistics.median(found[name] for found in runs) for name in ("small", "large", "sweep"))
    peak = [0]
    with home() as at:
        run(LARGE, workers, at, peak)
    return {
        "tool": "Bulkhead",
        "how": f"`bulkhead run --workers {workers}`",
        "workers": workers,
        "version": versions()["bulkhead"],
        "runs": 10_000,
        # the difference of medians: one slow start would turn the difference within a repeat upside down
        "rate": spread([found["rate"] for found in runs]) | {"typical": MORE / (large - small)},
        "sweep_rate": 10_000 / sweep,
        "whole_rate": 10_000 / large,
        "keeps": KEEPS,
        "peak_pss_mb": peak[0] / MIB,
        "repeats": runs,
    }


def peer_row(peer: Peer, python: Path, runs: list[dict[str, Any]], own: dict[Any, Any]) -> dict[str, Any]:
    """What stands in the table for a peer."""
    peak = [0]
    peer_run(python, peer, peak)
    last = runs[-1]
    return asdict(peer) | {
        "version": last["versions"][peer.package],
        "versions": last["versions"],
        "runs": len(last["pairs"]),
        "rate": spread([found["rate"] for found in runs]),
        "peak_pss_mb": peak[0] / MIB,
        "deviation": deviation(own, last["pairs"], last["figures"], peer.compared),
        "seconds": [found["seconds"] for found in runs],
    }


def measure(repeats: int, peers: Sequence[Peer]) -> dict[str, Any]:
    """All runs, in turns, and what comes of them."""
    pythons = {peer.peer: peers_python(peer.peer) for peer in peers}
    result: dict[str, Any] = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    result["versions"] = versions()
    say("warming: compiling kernels, and Bulkhead's figures to compare with ...")
    for workers in WORKERS:
        with home() as at:
            run(SMALL, workers, at)
    own = own_figures()
    turns: list[int | Peer] = [*WORKERS, *peers]
    found: dict[int | Peer, list[Any]] = {turn: [] for turn in turns}
    began = time.perf_counter()
    for repeat in range(repeats):
        at = repeat * 3 % len(turns)
        for turn in turns[at:] + turns[:at]:
            done = own_pair(turn) if isinstance(turn, int) else peer_run(pythons[turn.peer], turn)
            found[turn].append(done)
            name = f"bulkhead, workers {turn}" if isinstance(turn, int) else f"{turn.tool}, {turn.how}"
            say(f"{repeat + 1}/{repeats}  {name}: {done['rate']:,.1f}/s")
    say("memory ...")
    rows = []
    for turn, runs in found.items():
        rows.append(own_row(turn, runs) if isinstance(turn, int) else peer_row(turn, pythons[turn.peer], runs, own))
    result["repeats"], result["seconds"], result["rows"] = repeats, time.perf_counter() - began, rows
    result["machine"]["load_average_after"] = machine()["load_average_before"]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", nargs="+", choices=sorted({peer.peer for peer in PEERS}), help="some of them only")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "peers.json", help="the table goes beside it")
    given = parser.parse_args()
    result = measure(given.repeats, [peer for peer in PEERS if not given.peers or peer.peer in given.peers])
    given.output.parent.mkdir(exist_ok=True)
    given.output.write_text(json.dumps(result, indent=1) + "\n")
    text = table.markdown(result)
    given.output.with_suffix(".md").write_text(text)
    print(text, end="")
    odd = any(row["rate"]["lowest"] <= 0 for row in result["rows"])
    if odd or result["machine"]["load_average_before"][0] > 0.5:
        print("the machine was busy with something else: measure again", file=sys.stderr)


if __name__ == "__main__":
    main()
