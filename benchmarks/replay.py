"""What a replayed container costs against the full backtest of the same signals, a ratio for each strategy.

    .venv/bin/python -m benchmarks.replay [--containers 200] [--repeats 5]

- strategies: a sweep of stop losses, on `us-tech`. The full backtests compute the strategy's signals once for all, a
  replay takes them from a log. Seconds per container of the one over those of the other, in one process, in turns.
- markov: each container has a Markov-switching classifier of its own; the replays have the same regimes from logs.

Targets: strategies at least 0.9 each; markov at least 3. Prints a Markdown table; writes `results/replay.json`.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from engine.container import Container
from engine.digest import digests
from engine.experiment import Told, parse_experiment
from engine.market.market import Market
from engine.outcome import run
from engine.plan import Plan, plan_on, prepare
from engine.registry import BUILT_IN
from engine.shared import Shared
from engine.signals.stored import SignalLog, names_of, told
from engine.spec import resolve
from engine.strategies.by_regime import ByRegime

HERE = Path(__file__).resolve().parent
RISK = {"trailing_stop": 0.12}
EXECUTION = {"commission_bps": 10.0, "slippage_bps": 2.0}


def experiment(strategy: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {"experiment": {"name": "full"}, "data": {"dataset": "us-tech"}, "strategy": [strategy], **sections}


def log_of(plan: Plan, index: int) -> SignalLog:
    """The signal log of a container, as a home keeps it."""
    spec = resolve(Shared(plan), index)
    log = Container(spec, Shared(plan)).run()
    regimes = spec.classifier.regimes if spec.classifier else ()
    about = (spec.names[5:], spec.names[1], regimes, plan.market.dataset, "us-tech", plan.market.symbols)
    return SignalLog(f"1/{index}", digests(log).signals, told(log), *about, None, len(plan.market.time), plan.first)


def replayed(log: SignalLog, market: Market, **sections: Any) -> Plan:
    """The plan of a replay of one log."""
    header = {"name": "replay", "pattern": "signal_replay"}
    raw = {"experiment": header, "replay": {"signals": [log.reference]}, **sections}
    return plan_on(parse_experiment(raw, told=Told(names_of((log,)), log.regimes)), raw, market, logs=(log,))


def seconds(plans: list[Plan]) -> float:
    """Seconds per container of the plans' containers, each plan in a process that has just begun with it."""
    count, began = 0, time.perf_counter()
    for plan in plans:
        shared = Shared(plan)
        for index in range(plan.containers):
            run(resolve(shared, index), shared)
            count += 1
    return (time.perf_counter() - began) / count


def ratio(full: list[Plan], replay: list[Plan], repeats: int) -> dict[str, float]:
    """Medians of microseconds per container, and of the ratios of neighbouring measurements."""
    seconds(full), seconds(replay)
    pairs = [(seconds(full), seconds(replay)) for _ in range(repeats)]
    return {
        "full_us": 1e6 * statistics.median(one for one, _ in pairs),
        "replay_us": 1e6 * statistics.median(other for _, other in pairs),
        "ratio": statistics.median(one / other for one, other in pairs),
    }


def strategies(market: Market, containers: int, repeats: int) -> dict[str, dict[str, float]]:
    found = {}
    stops = [round(0.02 + 0.0005 * number, 4) for number in range(containers)]
    sections = {"risk": {**RISK, "stop_loss": stops}, "execution": EXECUTION}
    for kind in sorted(BUILT_IN.strategies):
        if kind != ByRegime.kind:
            plan = prepare(experiment({"kind": kind}, **sections), market)[1]
            found[kind] = ratio([plan], [replayed(log_of(plan, 0), market, **sections)], repeats)
    return found


def markov(market: Market, containers: int, repeats: int) -> dict[str, float]:
    """Each container fits a classifier of its own."""
    histories = [252 + 10 * number for number in range(containers)]
    sections = {"risk": RISK, "execution": EXECUTION}
    classifier = {"kind": "markov_switching", "min_history": histories}
    plan = prepare(experiment({"kind": "ma_cross"}, classifier=classifier, **sections), market)[1]
    replays = [replayed(log_of(plan, index), market, **sections) for index in range(plan.containers)]
    return ratio([plan], replays, repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containers", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    import tempfile

    from app.services.home import Home

    with tempfile.TemporaryDirectory() as folder:
        market = Home(Path(folder)).datasets.market("us-tech")
    found = {
        "strategies": strategies(market, asked.containers, asked.repeats),
        "markov_switching": markov(market, 5, max(asked.repeats // 2, 1)),
    }
    print("| strategy | full backtest | replay | full / replay |\n| --- | ---: | ---: | ---: |")
    rows = {**found["strategies"], "ma_cross, a Markov classifier each": found["markov_switching"]}
    for name, row in rows.items():
        print(f"| {name} | {row['full_us']:,.0f} µs | {row['replay_us']:,.0f} µs | {row['ratio']:.2f} |")
    (HERE / "results" / "replay.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
