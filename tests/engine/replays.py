"""Stored logs of containers that ran here, and replays of them, without a database."""

from typing import Any

from engine.container import Container
from engine.digest import digests
from engine.experiment import Told, parse_experiment
from engine.market.market import Market
from engine.outcome import Outcome, run
from engine.plan import Plan, plan_on
from engine.shared import Shared
from engine.signals.stored import SignalLog, names_of, regime_source, told
from engine.spec import resolve


def stored(plan: Plan, index: int = 0, reference: str = "1/0") -> SignalLog:
    """The signal log of a plan's container, as a home would have kept it."""
    shared = Shared(plan)
    spec = resolve(shared, index)
    log = Container(spec, shared).run()
    return SignalLog(
        reference=reference,
        digest=digests(log).signals,
        rows=told(log),
        strategies=spec.names[5:],
        classifier=spec.names[1],
        regimes=spec.classifier.regimes if spec.classifier else (),
        dataset=plan.market.dataset,
        dataset_name="small",
        symbols=plan.market.symbols,
        end=None,
        bars=len(plan.market.time),
        first=plan.first,
    )


def replay_of(
    *logs: SignalLog,
    market: Market,
    regimes: SignalLog | None = None,
    data: dict[str, Any] | None = None,
    **sections: Any,
) -> Plan:
    """The plan of a replay of `logs`."""
    raw = {
        "experiment": {"name": "replay", "seed": 7, "pattern": "signal_replay"},
        "data": data or {},
        "replay": {"signals": [log.reference for log in logs]},
        **sections,
    }
    source = regime_source(logs, regimes)
    experiment = parse_experiment(raw, told=Told(names_of(logs), source.regimes if source else ()))
    return plan_on(experiment, raw, market, logs=logs, regimes=regimes)


def outcome(plan: Plan, index: int = 0) -> Outcome:
    """What container `index` of a plan leaves."""
    shared = Shared(plan)
    return run(resolve(shared, index), shared)
