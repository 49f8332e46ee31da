"""vectorbt on Bulkhead's `ma_cross` grids, in one process. Runs in vectorbt's environment.

    python -m benchmarks.peers.sweep BARS.parquet CONFIG.toml ... --engine numba|rust --chunk N [--keep FILE.json]

For each config (an experiment of Bulkhead's with one `ma_cross`, fast and slow as ranges): averages once for each
window, then in chunks the crossings, `Portfolio.from_signals` (decided at the close, filled at the next open, all cash
in) and the total return, Sharpe ratio, drawdown and number of orders, kept in memory. Crossings are worked out in
NumPy, which is faster than vectorbt's own. One chunk goes before, untimed: it compiles, or loads what was compiled.
Nothing collects garbage between chunks: that would bound the memory and cost most of the speed.
Prints JSON: the seconds of each config, the process's peak memory, versions. `--keep` writes the first config's
results.
"""

import argparse
import json
import platform
import resource
import time
import tomllib
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import vectorbt as vbt

CASH = 100_000.0


class Grid:
    """The pairs of windows and the costs of a config."""

    def __init__(self, path: Path) -> None:
        config = tomllib.loads(path.read_text())
        (strategy,) = config["strategy"]
        axes = [range(axis["from"], axis["to"] + 1, axis["step"]) for axis in (strategy["fast"], strategy["slow"])]
        self.pairs = list(product(*axes))
        self.windows = sorted({window for pair in self.pairs for window in pair})
        costs = config.get("execution", {})
        self.fees = costs.get("commission_bps", 0.0) / 1e4
        self.slippage = costs.get("slippage_bps", 0.0) / 1e4


def crossings(fast: np.ndarray, slow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries and exits one bar after the averages cross (NaN compares false), bool (bars, pairs)."""
    up, down = np.zeros(fast.shape, bool), np.zeros(fast.shape, bool)
    up[2:] = (fast > slow)[1:-1] & (fast <= slow)[:-2]
    down[2:] = (fast < slow)[1:-1] & (fast >= slow)[:-2]
    return up, down


def sweep(bars: pd.DataFrame, grid: Grid, chunk: int, chunks: int | None = None) -> list[tuple[np.ndarray, ...]]:
    """Total return, Sharpe, drawdown and order count of the pairs (of the first `chunks` chunks), a tuple a chunk."""
    averages = vbt.MA.run(bars["close"], window=grid.windows).ma.to_numpy()
    column = {window: i for i, window in enumerate(grid.windows)}
    found = []
    for start in range(0, len(grid.pairs), chunk)[:chunks]:
        pairs = grid.pairs[start : start + chunk]
        fast = averages[:, [column[pair[0]] for pair in pairs]]
        slow = averages[:, [column[pair[1]] for pair in pairs]]
        portfolio = vbt.Portfolio.from_signals(
            bars["close"],
            *crossings(fast, slow),
            price=bars["open"],
            init_cash=CASH,
            fees=grid.fees,
            slippage=grid.slippage,
            freq="1D",
        )
        figures = (
            portfolio.total_return(),
            portfolio.sharpe_ratio(),
            portfolio.max_drawdown(),
            portfolio.orders.count(),
        )
        found.append(tuple(figure.to_numpy() for figure in figures))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bars", type=Path)
    parser.add_argument("configs", type=Path, nargs="+")
    parser.add_argument("--engine", choices=("numba", "rust"), default="numba")
    parser.add_argument("--chunk", type=int, required=True)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()

    vbt.settings["engine"] = given.engine
    vbt.settings.returns["year_freq"] = "252 days"  # vectorbt's own default is 365
    table = pd.read_parquet(given.bars)
    bars = table[["open", "close"]].set_index(pd.to_datetime(table["time"]))
    grids = [Grid(path) for path in given.configs]
    sweep(bars, grids[0], given.chunk, chunks=1)
    seconds, cpu = [], []
    for i, grid in enumerate(grids):
        began, used = time.perf_counter(), time.process_time()
        found = sweep(bars, grid, given.chunk)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        if i == 0 and given.keep:
            columns = [np.concatenate(parts).tolist() for parts in zip(*found, strict=True)]
            names = ("total_return", "sharpe", "max_drawdown", "orders")
            given.keep.write_text(json.dumps({"pairs": grid.pairs} | dict(zip(names, columns, strict=True))))
    print(
        json.dumps(
            {
                "containers": [len(grid.pairs) for grid in grids],
                "seconds": seconds,
                "cpu_seconds": cpu,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "versions": {name: version(name) for name in ("vectorbt", "vectorbt-rust", "numba", "numpy", "pandas")}
                | {"python": platform.python_version()},
            }
        )
    )


if __name__ == "__main__":
    main()
