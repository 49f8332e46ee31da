"""What each kind of phase does: from what its inputs came to, to what it comes to itself.

A result is plain JSON without ids, times or places of this home: the same workflow gives the same text anywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from app.services import stages
from app.services.exporting import parameters
from app.services.reading import Reading, read
from app.services.running import Prepared
from app.services.workflow import choosing, configs
from app.services.workflow.making import Maker
from app.services.workflow.schema import BETTER, ByRegime, Discover, Phase, Validate, Weigh, Workflow
from db.store import BENCHMARK, Container, Run, Store
from engine.ensemble.inverse_volatility import inverse_volatility
from engine.ensemble.weights import Ensemble
from engine.errors import StoreError
from engine.events import Kind, Source
from engine.own.stages import OwnStages
from engine.stage import Regimes
from engine.sweep import canonical

Result = dict[str, Any]


@dataclass(frozen=True)
class Known:
    """What a phase is told: the workflow, the results of the phases before it, and where their runs lie.

    prepared: the sweeps of discover phases that are ready to run, by phase.
    """

    flow: Workflow
    results: Mapping[str, Result]
    runs: Mapping[str, list[int]]
    prepared: Mapping[str, Prepared]

    def result(self, phase: Phase) -> Result:
        return self.results[phase.name]

    def of(self, store: Store, phase: Phase) -> list[Run]:
        """The runs that the result of `phase` tells of, in its order."""
        found = [store.run(run_id) for run_id in self.runs[phase.name]]
        told = self.result(phase)["runs"]
        names = {run.name: run for run in found if run.status == "done"}  # the newest of a name
        return [names[entry["name"]] for entry in told]


def discover(maker: Maker, known: Known, phase: Discover) -> Result:
    raw = configs.discovery(known.flow, phase)
    run = maker.make(raw, prepared=known.prepared.get(phase.name))
    return {"containers": run.containers, "done": run.done, "runs": [_told(run)]}


def by_regime(maker: Maker, known: Known, phase: ByRegime) -> Result:
    source = known.flow.source(phase, Discover)
    (sweep,) = known.of(maker.store, source)
    own = _own(maker, sweep)
    found: dict[str, list[tuple[choosing.Group, int, list[choosing.Choice]]]] = {}
    for group in choosing.groups(maker.home, maker.store, sweep.id, phase.objective):
        overall, choices = choosing.choose(group.candidates, group.regimes, phase.objective, phase.min_episodes)
        found.setdefault(group.classifier, []).append((group, overall, choices))
    start = None if phase.data.start else _begins([read(maker.home, sweep.id, 0)])
    told, runs = [], []
    for label, chosen in found.items():
        tables = [
            table for group, overall, choices in chosen for table in choosing.strategy_tables(group, overall, choices)
        ]
        classifier = _classifier(chosen[0][0])
        run = maker.make(configs.signals(known.flow, phase, label, classifier, tables, start), own)
        _whole(maker.store, run)
        runs.append(_told(run))
        told.append(
            {
                "classifier": label,
                "table": classifier,
                "tables": tables,
                "choices": [choosing.told(group, overall, choices) for group, overall, choices in chosen],
            }
        )
    return {"objective": phase.objective, "min_episodes": phase.min_episodes, "classifiers": told, "runs": runs}


def weigh(maker: Maker, known: Known, phase: Weigh) -> Result:
    source = known.flow.source(phase, ByRegime)
    better = BETTER[phase.objective]
    told, runs = [], []
    best: tuple[float, int] | None = None
    signals = known.of(maker.store, source)
    # all of them from the same bar on, or their figures could not be compared
    start = max(filter(None, (_begins([read(maker.home, log.id, 0) for log in signals]), phase.data.start)))
    for entry, log in zip(known.result(source)["classifiers"], signals, strict=True):
        logs = [f"{log.id}/{index}" for index in range(log.containers)]
        run = maker.make(configs.replay(known.flow, phase, entry["classifier"], logs, start))
        runs.append(_told(run))
        top = maker.store.containers(run.id, phase.objective, descending=better > 0, top=1, status="done")
        if not top:
            raise StoreError(f"no replay of run {run.id} is done; see why with 'bulkhead show {run.id}'")
        reading = read(maker.home, run.id, top[0].index)
        figure = (top[0].metrics or {})[phase.objective]
        told.append(
            {
                "classifier": entry["classifier"],
                "containers": run.containers,
                "index": top[0].index,
                "ensemble": weights(reading),
                "strategies": list(reading.spec.names[5:]),
                "figures": top[0].metrics,
                "benchmark": maker.store.container(run.id, BENCHMARK).metrics,
            }
        )
        if figure is not None and (best is None or better * figure > best[0]):
            best = better * figure, len(told) - 1
    chosen = told[best[1] if best else 0]
    return {"objective": phase.objective, "best": chosen["classifier"], "classifiers": told, "runs": runs}


def validate(maker: Maker, known: Known, phase: Validate) -> Result:
    flow = known.flow
    weighed, chosen = flow.source(phase, Weigh), flow.source(phase, ByRegime)
    best = next(e for e in known.result(weighed)["classifiers"] if e["classifier"] == known.result(weighed)["best"])
    entry = next(e for e in known.result(chosen)["classifiers"] if e["classifier"] == best["classifier"])
    (sweep,) = known.of(maker.store, flow.source(phase, Discover))
    raw = configs.validation(flow, phase, entry["table"], entry["tables"], best["ensemble"])
    run = maker.make(raw, _own(maker, sweep), validates=True)
    (container,) = _whole(maker.store, run)
    market = read(maker.home, run.id, 0)
    first, last = (str(market.market.time[bar].view("datetime64[ns]"))[:10] for bar in (market.first, -1))
    return {
        "classifier": best["classifier"],
        "start": first,
        "end": last,
        "bars": len(market.market.time) - market.first,
        "figures": container.metrics,
        "benchmark": maker.store.container(run.id, BENCHMARK).metrics,
        "earlier": {"figures": best["figures"], "benchmark": best["benchmark"]},
        "runs": [_told(run)],
    }


DO: dict[str, Callable[[Maker, Known, Any], Result]] = {
    Discover.kind: discover,
    ByRegime.kind: by_regime,
    Weigh.kind: weigh,
    Validate.kind: validate,
}


def weights(reading: Reading) -> dict[str, Any]:
    """The weights of a replay, as [ensemble] writes them when they are fixed."""
    ensemble = reading.spec.ensemble
    if ensemble.method == "inverse_volatility":
        ensemble = _by_volatility(reading)
    return {key: parameters(ensemble)[key] for key in ("method", "weights") if key in parameters(ensemble)}


def _by_volatility(reading: Reading) -> Ensemble:
    """What the signals of a replay weigh by their volatility on its bars, fixed."""
    log, shared, names = reading.log, reading.shared, reading.regime_names
    signals = log[log["kind"] == Kind.SIGNAL]
    batches = [signals[signals["source"] == Source.STRATEGY + place] for place in range(len(reading.spec.names) - 5)]
    regimes = Regimes(reading.regimes, names) if names else None
    bars = len(reading.market.time)
    return inverse_volatility(batches, shared.seen, regimes, reading.first, bars, reading.spec.ensemble.by_regime)


def _begins(readings: Sequence[Reading]) -> date:
    """The first date from which on all of these containers trade."""
    latest = max(readings, key=lambda reading: reading.first)
    day: date = latest.clock[latest.first].astype("datetime64[ns]").astype("datetime64[D]").item()
    return day if latest.market.first_bar(day) == latest.first else day + timedelta(days=1)


def _classifier(group: choosing.Group) -> configs.Raw | None:
    stage = group.spec.classifier
    return None if stage is None else {"kind": stage.kind, **parameters(stage)}


def _told(run: Run) -> dict[str, Any]:
    """What of a run is the same anywhere."""
    return {
        "name": run.name,
        "containers": run.containers,
        "done": run.done,
        "digest": run.digest,
        "decisions_digest": run.decisions_digest,
    }


def _whole(store: Store, run: Run) -> list[Container]:
    """All containers of a run of which none may be missing. StoreError when one is not done."""
    found = store.containers(run.id)
    for container in found:
        if container.status != "done":
            lines = (container.error or "").strip().splitlines()
            raise StoreError(
                f"container {run.id}/{container.index} is {container.status}: {(lines or ['no reason'])[-1]}"
            )
    return found


def _own(maker: Maker, run: Run) -> OwnStages:
    """The user's own stages as a run had them, so that no phase runs others than the phase before it."""
    return stages.stored(maker.home, run.plan, tuple(maker.store.sources(run.id)) if run.plan.get("own") else ())


def plain(result: Mapping[str, Any]) -> str:
    """A result as the text that its digest is made of."""
    return canonical(result)
