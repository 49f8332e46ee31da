"""The job that every peer does, and what it reports: moving-average crossings on the S&P 500, daily.

Long when the fast average crosses above the slow one, out when it crosses below; decided at a close, filled at the next
open, all cash in, no costs. The windows are those of `configs/free_10000.toml`, or as many of them, evenly chosen, as a
peer does in some seconds. Importing and reading the file are not timed; everything from there to the figures is.

Each peer has a module `on_<peer>.py`, run in the peer's environment as `python -m benchmarks.peers.on_<peer> VARIANT`.
It does some pairs first, untimed, so that what is compiled or loaded late is there. It prints one JSON document.
"""

import json
import platform
import resource
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

TOP = Path(__file__).resolve().parents[2]
BARS = TOP / "assets" / "data" / "sp500.parquet"
GRID = TOP / "benchmarks" / "configs" / "free_10000.toml"
#: Enough that whole units, where a peer knows nothing smaller, are no error worth naming.
CASH = 1e12
DAYS = 252
#: What a peer may report of each pair. Shares, not percents; a drawdown is negative.
FIGURES = ("total_return", "sharpe", "max_drawdown", "orders")
Pair = tuple[int, int]
Figures = dict[str, list[float]]


def axes(fast: int | None = None, slow: int | None = None) -> tuple[list[int], list[int]]:
    """The windows of both averages; as many of each as asked for, evenly chosen, the first and the last among them."""
    (strategy,) = tomllib.loads(GRID.read_text())["strategy"]
    found = []
    for name, wanted in (("fast", fast), ("slow", slow)):
        windows = list(range(strategy[name]["from"], strategy[name]["to"] + 1, strategy[name]["step"]))
        if wanted is not None:
            windows = [windows[round(i * (len(windows) - 1) / max(wanted - 1, 1))] for i in range(wanted)]
        found.append(windows)
    return found[0], found[1]


def bars() -> pd.DataFrame:
    """Open, high, low, close and volume by date."""
    table = pd.read_parquet(BARS)
    return table[["open", "high", "low", "close", "volume"]].set_index(pd.to_datetime(table["time"]))


def report(
    variants: dict[str, Callable[[Sequence[int], Sequence[int]], Figures]],
    windows: tuple[Sequence[int], Sequence[int]],
    packages: Sequence[str],
    warm: tuple[int, int] = (1, 2),
) -> None:
    """Do the variant that the command line names, first untimed for `warm` windows, and print what came of it.

    A variant takes the windows of both averages and gives its figures, a value for each pair, the slow ones fastest.
    """
    if sys.argv[1:] not in [[name] for name in variants]:
        raise SystemExit(f"name one of {', '.join(variants)}")
    do = variants[sys.argv[1]]
    fast, slow = windows
    do(fast[: warm[0]], slow[: warm[1]])
    began = time.perf_counter()
    figures = do(fast, slow)
    seconds = time.perf_counter() - began
    pairs = list(product(fast, slow))
    wrong = [name for name, values in figures.items() if name not in FIGURES or len(values) != len(pairs)]
    if wrong:
        raise SystemExit(f"not a value for each pair: {', '.join(wrong)}")
    found: dict[str, Any] = {
        "pairs": pairs,
        "seconds": seconds,
        "rate": len(pairs) / seconds,
        "figures": {name: [float(value) for value in values] for name, values in figures.items()},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {name: version(name) for name in packages} | {"python": platform.python_version()},
    }
    print(json.dumps(found))
