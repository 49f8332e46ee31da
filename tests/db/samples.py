"""Small runs and blocks for the tests of the store, and real processes that work on one."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from db.rows import NewRun
from engine.events import Kind, empty_log
from engine.parallel.block import SKETCH, Block, Result, Usage, encode
from engine.projections.catalogue import METRICS

ROOT = Path(__file__).parents[2]


def new_run(containers: int = 4, **changes: Any) -> NewRun:
    fields: dict[str, Any] = {
        "name": "sample",
        "config": "[experiment]\nname = 'sample'\n",
        "plan": {"symbols": ["AAPL"], "first_trading_bar": 20},
        "seed": 7,
        "containers": containers,
        "dataset": "sp500",
        "dataset_hash": "d" * 64,
        "engine": "0.1",
        "platform": {"numpy": "2"},
        "fingerprint": "f" * 64,
        "hypothesis": "crosses pay",
    }
    return NewRun(**{**fields, **changes})


def log(index: int) -> npt.NDArray[np.void]:
    """An event log that is different for each index: `index % 5` rows."""
    rows = empty_log(index % 5)
    rows["kind"] = Kind.SIGNAL
    rows["bar"] = np.arange(len(rows)) + index
    rows["value"] = index + 0.5
    rows["price"] = np.nan
    return rows


def sketch(index: int) -> npt.NDArray[np.float32]:
    return np.linspace(100, 100 + index, SKETCH, dtype=np.float32)


def result(index: int, status: str = "done", **changes: Any) -> Result:
    done = status == "done"
    fields: dict[str, Any] = {
        "index": index,
        "status": status,
        "params": f'{{"ma_cross.fast": {index}}}',
        "spec_hash": f"{index + 1:064x}",
        "usage": Usage(0.5, 0.25, 1000 + index),
        "error": None if done else f"Traceback\n  line {index}\nValueError: no",
        "digest": f"{index + 2:064x}" if done else None,
        "decisions_digest": f"{index + 3:064x}" if done else None,
        "fills_digest": f"{index + 4:064x}" if done else None,
        "signals_digest": f"{index + 5:064x}" if done else None,
        "metrics": np.arange(len(METRICS)) + float(index) if done else None,
    }
    return Result(**{**fields, **changes})


def block(results: Iterable[Result | int]) -> Block:
    """A block of the given results; a number stands for the done container of that index."""
    full = [one if isinstance(one, Result) else result(one) for one in results]
    return encode(full, [log(one.index) for one in full], np.stack([sketch(one.index) for one in full]))


def process(script: str, *arguments: object) -> "subprocess.Popen[str]":
    """Another Python process with the same imports, its standard input and output as pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def said(child: "subprocess.Popen[str]") -> str:
    """The next line the process prints; fails with its errors if it ended instead."""
    assert child.stdout is not None and child.stderr is not None
    line = child.stdout.readline().strip()
    assert line, child.stderr.read()
    return line
