"""The spec of a container: one point of a sweep, resolved into stages, and the benchmark beside them all."""

from dataclasses import dataclass
from typing import Any

from engine.classifiers.base import Classifier
from engine.digest import text_digest
from engine.ensemble.weights import Ensemble
from engine.execution.rules import Execution
from engine.parallel.block import BENCHMARK
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.shared import Shared
from engine.signals.stored import Replay
from engine.strategies.base import Strategy
from engine.strategies.buy_and_hold import BuyAndHold
from engine.sweep import Branch, component


@dataclass(frozen=True, slots=True)
class Spec:
    """One point of a sweep, resolved: the stages, the swept parameters, and the hash of all that decides the result.

    names: what the sources of its events are called. In a replay `strategies` are in the logs, and stand only there.
    """

    pattern: str
    classifier: Classifier | None
    strategies: tuple[Strategy, ...]
    ensemble: Ensemble
    risk: Risk
    portfolio: Portfolio
    execution: Execution
    fragments: dict[int, str]
    names: tuple[str, ...]
    params: dict[str, Any]
    spec_hash: str


def resolve(shared: Shared, index: int) -> Spec:
    """The spec of container `index`, or of `BENCHMARK`. Raises ConfigError when a stage refuses its values."""
    if index == BENCHMARK:
        return benchmark(shared)
    point, plan = shared.point(index), shared.plan
    branch, picks = shared.sweep.locate(point.rank)
    return assemble(branch, picks, plan.data, plan.seed, point.weights, plan.pattern, plan.replay)


def assemble(
    branch: Branch,
    picks: tuple[int, ...],
    data: str,
    seed: int,
    weights: Any = None,
    pattern: str = "full_backtest",
    replay: Replay | None = None,
) -> Spec:
    """The spec of one point of a branch, on data described by the canonical JSON `data`."""
    choices = branch.choices(picks, weights)
    single: dict[str, Any] = {}
    strategies: list[Strategy] = []
    fragments: dict[int, str] = {}
    names = ["execution", "none", "", "portfolio", "ensemble"]
    for part, (stage, fragment) in zip(branch.components, choices, strict=True):
        fragments[id(stage)] = fragment
        if stage.family == "strategy":
            strategies.append(stage)
            names.append(part.name)
        else:
            single[stage.family] = stage
    classifier, risk = single.get("classifier"), single["risk"]
    names[1:3] = classifier.kind if classifier else "none", risk.kind
    if replay is not None:
        names.extend(replay.names)
        names[1] = replay.classifier
    text = f'{{"data":{data},"seed":{seed},"stages":[{",".join([fragment for _, fragment in choices])}]}}'
    return Spec(
        pattern,
        classifier,
        tuple(strategies),
        single["ensemble"],
        risk,
        single["portfolio"],
        single["execution"],
        fragments,
        tuple(names),
        branch.params(picks, weights),
        text_digest(text),
    )


def benchmark(shared: Shared) -> Spec:
    """Buy and hold with default risk and the costs, cash and risk-free rate of the experiment's first container."""
    # of a search, whose first container is drawn by chance, the sweep's first point
    branch, picks = shared.sweep.locate(int(shared.plan.ranks[0]) if len(shared.plan.ranks) else 0)
    kept, start = [], 0
    parts = [
        component("benchmark", "benchmark", BuyAndHold, {}),
        component("ensemble", "", Ensemble, {}),
        component("risk", "", Risk, {}),
    ]
    for part in branch.components:
        stop = start + len(part.axes)
        stage = part.at(picks[start:stop]).stage
        start = stop
        if isinstance(stage, Portfolio):
            kept.append(
                component(
                    "portfolio", "", Portfolio, {"initial_cash": stage.initial_cash, "risk_free": stage.risk_free}
                )
            )
        elif isinstance(stage, Execution):
            kept.append(component("execution", "", Execution, stage.model_dump() | {"entry": "market"}))
    return assemble(Branch({}, (*parts, *kept)), (), shared.plan.data, shared.plan.seed)
