"""What the stage library costs: bar by bar, many symbols, own stages beside built-in ones, an edit and a run.

    .venv/bin/python -m benchmarks.stages [--repeats 5]

- bar_by_bar: bars a second of one container whose `BarStrategy` reads two averages and its position, on 200,000 bars.
- cross_section: seconds and memory of one container of monthly cross-sectional momentum on 500 symbols × 2,500 bars,
  in a process of its own: indicators, signals, trading and metrics, kernels warm; the memory is the process's peak.
- own: seconds of a sweep with a strategy of a user's, checked, over those of the same rule built in (`ma_cross` with
  enter_on = "state"), 1,000 containers on `sp500`, one worker, in turns.
- edit: seconds of `bulkhead run` of one container right after its strategy's file was edited, its check included, as a
  whole process.

Prints each beside its target; writes `results/stages.json`.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.config import load
from engine.execution.rules import Execution
from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.outcome import run
from engine.plan import prepare
from engine.shared import Shared
from engine.spec import Spec, resolve
from engine.strategies.bar import Bar, BarStrategy, Signal

HERE = Path(__file__).resolve().parent
BULKHEAD = Path(sys.executable).with_name("bulkhead")
TARGETS = {
    "bar_by_bar": (200_000, "bars a second, at least"),
    "cross_section_seconds": (1.0, "seconds, at most"),
    "cross_section_mib": (500, "MiB, at most"),
    "own": (1.5, "× the built-in rule, at most"),
    "edit": (4.0, "seconds, at most"),
}
MINUTE = 60 * 10**9

OWN = '''"""ma_cross with enter_on = "state", as a user would write it."""

import numpy as np

from bulkhead import Field, Strategy, indicator


class Above(Strategy):
    """Long while the fast average is above the slow one. Edit {edit}."""

    kind = "above"
    fast: int = Field(20, ge=2, le=500, description="window of the fast average", json_schema_extra={{"unit": "bars"}})
    slow: int = Field(50, ge=2, le=500, description="window of the slow average", json_schema_extra={{"unit": "bars"}})

    def indicators(self):
        return {{
            "fast": indicator("SMA", "close", timeperiod=self.fast),
            "slow": indicator("SMA", "close", timeperiod=self.slow),
        }}

    def signal(self, market, indicators, regimes):
        fast, slow = indicators["fast"], indicators["slow"]
        return np.where(np.isfinite(fast) & np.isfinite(slow), np.where(fast > slow, 1.0, 0.0), np.nan)
'''
SWEEP = """
[experiment]
name = "stages"
[data]
dataset = "sp500"
[[strategy]]
kind = "{kind}"
{rule}
fast = {{ from = 5, to = 44, step = 1 }}
slow = {{ from = 60, to = 180, step = 5 }}
[execution]
commission_bps = 10.0
"""
ONE = """
[experiment]
name = "edit"
[data]
dataset = "us-tech"
[[strategy]]
kind = "above"
"""
UNIVERSE = """
[experiment]
name = "universe"
[data]
dataset = "universe"
[[strategy]]
kind = "cross_sectional_momentum"
top = 50
bottom = 50
[portfolio]
slot = 0.01
[execution]
commission_bps = 5.0
"""


class Averages(BarStrategy):
    """Long above the slow average, out below it; never adds."""

    kind = "averages"

    def indicators(self) -> dict[str, Request]:
        return {name: indicator("SMA", "close", timeperiod=window) for name, window in (("fast", 50), ("slow", 200))}

    def on_bar(self, bar: Bar) -> Signal:
        fast, slow = bar["fast"][0], bar["slow"][0]
        if bar.position[0] == 0.0:
            return 1.0 if fast > slow else None
        return 0.0 if fast < slow else None


def walk(time: np.ndarray, symbols: int) -> Market:
    """A random walk at int64 `time`, nanoseconds UTC."""
    bars = len(time)
    generator = np.random.default_rng(7)
    close = 50.0 * np.exp(np.cumsum(generator.normal(0.0002, 0.01, (bars, symbols)), axis=0))
    open_ = close * np.exp(generator.normal(0.0, 0.002, close.shape))
    high, low = np.maximum(open_, close) * 1.002, np.minimum(open_, close) * 0.998
    names = [f"S{s:03}" for s in range(symbols)]
    return Market.from_columns(names, time, open_, high, low, close, np.full(close.shape, 1e6))


def best(work: Callable[[], Any], repeats: int) -> float:
    """The least of the seconds that `work` took; the first turn is not counted."""
    found = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found[1:])


def bar_by_bar(repeats: int) -> float:
    """Bars a second of one container."""
    market = walk(np.arange(200_000) * MINUTE, 1)
    _, plan = prepare(load(SWEEP.format(kind="ma_cross", rule="")), market)
    shared = Shared(plan)
    spec, strategy = resolve(shared, 0), Averages()
    parts = {name: getattr(spec, name) for name in Spec.__dataclass_fields__}
    fragments = spec.fragments | {id(strategy): "averages"}
    told = Spec(**parts | {"strategies": (strategy,), "fragments": fragments, "execution": Execution()})
    told.fragments[id(told.execution)] = "{}"
    return len(market.time) / best(lambda: run(told, shared), repeats)


def cross_section() -> dict[str, float]:
    """Seconds of one container, and the peak memory of this process in MiB, which should do nothing else."""
    days = np.arange("2012-01-01", "2024-01-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)][:2500]
    market = walk(days.astype("datetime64[ns]").astype(np.int64), 500)
    _, plan = prepare(load(UNIVERSE), market)
    seconds = best(lambda: run(resolve(shared := Shared(plan), 0), shared), 3)
    return {"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def bulkhead(home: Path, *arguments: str) -> dict[str, Any]:
    """The JSON that a command prints."""
    command = [str(BULKHEAD), *arguments, "--home", str(home), "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def written(home: Path, edit: int) -> None:
    """The user's file, its `edit`-th version."""
    (home / "stages").mkdir(exist_ok=True)
    (home / "stages" / "above.py").write_text(OWN.format(edit=edit))


def own(home: Path, repeats: int) -> dict[str, Any]:
    """Seconds of the sweep with the user's rule and with the built-in one, and the ratio of their medians."""
    written(home, 0)
    kinds = {"above": "", "ma_cross": 'enter_on = "state"'}
    for kind, rule in kinds.items():
        (home / f"{kind}.toml").write_text(SWEEP.format(kind=kind, rule=rule))
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for repeat in range(repeats + 1):
        for kind in kinds if repeat % 2 else reversed(kinds):
            found = bulkhead(home, "run", str(home / f"{kind}.toml"), "--workers", "1")
            if repeat:
                seconds[kind].append(found["seconds"])
    medians = {kind: statistics.median(found) for kind, found in seconds.items()}
    return {"seconds": seconds, "ratio": medians["above"] / medians["ma_cross"]}


def edit(home: Path, repeats: int) -> float:
    """The median of the seconds from an edit to the end of the run after it."""
    (home / "one.toml").write_text(ONE)
    found = []
    for version in range(1, repeats + 2):
        written(home, version)
        began = time.perf_counter()
        bulkhead(home, "run", str(home / "one.toml"))
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results" / "stages.json")
    parser.add_argument("--cross-section", action="store_true", help="only that, as JSON")
    given = parser.parse_args()
    if given.cross_section:
        print(json.dumps(cross_section()))
        return
    alone = [sys.executable, "-m", "benchmarks.stages", "--cross-section"]
    section = json.loads(subprocess.run(alone, stdout=subprocess.PIPE, check=True, text=True).stdout)
    with tempfile.TemporaryDirectory(prefix="bulkhead-benchmark-") as folder:
        beside = own(Path(folder), given.repeats)
        found = {
            "bar_by_bar": bar_by_bar(given.repeats),
            "cross_section_seconds": section["seconds"],
            "cross_section_mib": section["mib"],
            "own": beside["ratio"],
            "edit": edit(Path(folder), given.repeats),
        }
    result = {"figures": found, "targets": {name: target for name, (target, _) in TARGETS.items()}, "own": beside}
    given.output.parent.mkdir(exist_ok=True)
    given.output.write_text(json.dumps(result, indent=1) + "\n")
    for name, (target, words) in TARGETS.items():
        print(f"{name:<22} {found[name]:12,.2f}   target {target:,} {words}")


if __name__ == "__main__":
    main()
