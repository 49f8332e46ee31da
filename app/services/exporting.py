"""A stored run, or one of its containers, as a config that gives the same result anywhere.

What it ran on and what came out stands in `[expected]`: `reproduce` compares with it.
"""

from typing import Any

import tomli_w

from app.services.home import Home
from app.services.reading import Reading, read
from db.digest import run_digest
from db.store import Container, Run
from engine import config
from engine.config import DataSection
from engine.errors import StoreError
from engine.stage import Stage
from engine.sweep import Component

#: What is pinned of a whole run: the means of these over its done containers.
RUN_METRICS = ("total_return", "final_equity")


def export_run(home: Home, run_id: int) -> str:
    """A finished run as TOML, its sweep as it was written. StoreError when it is not finished."""
    with home.store() as store:
        run = store.run(run_id)
        if run.digest is None:
            raise StoreError(
                f"run {run_id} is {run.status} with {run.done + run.failed:,} of {run.containers:,} containers, so there "
                f"is no digest to pin; run it to its end, or export one container of it, e.g. {run_id}/0"
            )
        means = mean_metrics(store.containers(run_id, status="done"))
    raw = config.load(run.config)
    raw.pop("expected", None)
    raw["expected"] = _expected(run, run.containers, run.digest, run.decisions_digest, means)
    return _text(raw, f"run {run_id}")


def export_container(home: Home, run_id: int, index: int) -> str:
    """One container as TOML: its branch, swept values and warm-up resolved, its symbols listed; no sweep."""
    if index < 0:
        raise StoreError("a benchmark is no container of the sweep; export the run, its benchmark is made again with it")
    reading = read(home, run_id, index)
    run, row = reading.run, reading.container
    raw = config.load(run.config)
    resolved: dict[str, Any] = {
        "experiment": {**raw["experiment"], "name": f"{run.name}-{index}"},
        "data": _data(reading, raw),
        **_stages(reading),
    }
    if "limits" in raw:
        resolved["limits"] = raw["limits"]
    # a container that did not finish has no log: what is pinned is how it ended, as a run's digest has it
    digest = row.digest or run_digest([(0, row.status, None)])
    metrics = {name: value for name, value in (row.metrics or {}).items() if value is not None}
    resolved["expected"] = _expected(run, 1, digest, row.decisions_digest, metrics)
    return _text(resolved, f"container {run_id}/{index}")


def mean_metrics(containers: list[Container]) -> dict[str, float]:
    """The means of RUN_METRICS over `containers`, in their order; none without containers that have them."""
    means = {}
    for name in RUN_METRICS:
        values = [(container.metrics or {}).get(name) for container in containers]
        known = [value for value in values if value is not None]
        if known:
            means[name] = sum(known) / len(known)
    return means


def _expected(
    run: Run, containers: int, digest: str, decisions: str | None, metrics: dict[str, float]
) -> dict[str, Any]:
    """The [expected] section: where it ran, and what came out."""
    found: dict[str, Any] = {
        "dataset_hash": run.dataset_hash,
        "engine": run.engine,
        "containers": containers,
        "digest": digest,
    }
    if decisions is not None:
        found["decisions_digest"] = decisions
    return found | {"platform": run.platform, "metrics": metrics}


def _data(reading: Reading, raw: dict[str, Any]) -> dict[str, Any]:
    """[data] with its symbols listed and its warm-up as a number."""
    data = config.section(DataSection, raw, "data")
    values = {
        "dataset": data.dataset,
        "symbols": list(reading.market.symbols),
        "start": data.start,
        "end": data.end,
        "warmup": reading.shared.plan.warmup,
        "test_start": data.test_start,
    }
    return {key: value for key, value in values.items() if value is not None}


def _stages(reading: Reading) -> dict[str, Any]:
    """The tables of the container's stages, each with the values it took."""
    plan, index = reading.shared.plan, reading.container.index
    branch, picks = reading.shared.sweep.locate(int(plan.ranks[index]))
    spec = reading.spec
    strategies = {id(stage): None for stage in spec.strategies}
    found: dict[str, Any] = {"classifier": {}, "strategy": []}
    for part, choice in zip(branch.components, branch.choices(picks), strict=True):
        stage = choice.stage
        if id(stage) in strategies:
            found["strategy"].append({"kind": stage.kind, "name": part.name, **_parameters(stage)})
        elif stage is spec.classifier:
            found["classifier"] = {"kind": stage.kind, **_parameters(stage)}
        elif stage is spec.risk:
            found["risk"] = {"kind": stage.kind, **_parameters(stage)}
        else:
            found[_section(part)] = _parameters(stage)
    return {name: values for name, values in found.items() if values}


def _section(part: Component) -> str:
    """The section of a stage that has no kind in configs: portfolio, ensemble, execution."""
    return part.model.kind


def _parameters(stage: Stage) -> dict[str, Any]:
    """A stage's parameters as a config writes them: "none" where the default is something else, nothing where not."""
    defaults = type(stage).model_fields
    written = {}
    for name, value in stage.parameters().items():
        if value is not None:
            written[name] = value
        elif defaults[name].default is not None:
            written[name] = "none"
    return written


def _text(raw: dict[str, Any], what: str) -> str:
    return f"# Exported by Bulkhead: {what}. 'bulkhead reproduce' runs it anew and compares.\n\n{tomli_w.dumps(raw)}"
