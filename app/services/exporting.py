"""A stored run, or one of its containers, as a config that gives the same result anywhere.

What it ran on and what came out stands in `[expected]`: `reproduce` compares with it.
"""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w

from app.services.home import Home
from app.services.pinning import Found, found_logs, pinned_section, pinned_text
from app.services.reading import Reading, read
from app.services.replays import signal_log
from app.services.signal_files import text_of
from db.digest import run_digest
from db.store import Container, Run
from engine import config
from engine.classifiers.base import Classifier
from engine.config import DataSection, LogSection
from engine.errors import ConfigError, StoreError
from engine.own.source import Source, all_needed
from engine.risk.standard import Risk
from engine.stage import Stage
from engine.strategies.base import Strategy

#: What is pinned of a whole run: the means of these over its done containers.
RUN_METRICS = ("total_return", "final_equity")


@dataclass(frozen=True)
class Exported:
    """What is handed on of a run or container. text: its config with [expected], to which the rest belongs.

    logs: where the signal logs lie that a replay pins, by digest. what: "run 3" or "container 3/17".
    """

    text: str
    sources: tuple[Source, ...]
    logs: Mapping[str, Found]
    what: str


def export_run(home: Home, run_id: int) -> str:
    """A finished run as TOML, its sweep as it was written. StoreError when it is not finished."""
    return _whole(home, exported_run(home, run_id))


def export_container(home: Home, run_id: int, index: int) -> str:
    """One container as TOML: its branch, swept values and warm-up resolved, its symbols listed; no sweep."""
    return _whole(home, exported_container(home, run_id, index))


def exported_run(home: Home, run_id: int) -> Exported:
    """See `export_run`."""
    with home.store() as store:
        run = store.run(run_id)
        if run.digest is None:
            raise StoreError(
                f"run {run_id} is {run.status} with {run.done + run.failed:,} of {run.containers:,} containers, "
                f"so it has no digest to pin; run it to its end, or export one container of it, e.g. {run_id}/0"
            )
        means = mean_metrics(store.containers(run_id, status="done"))
        sources = store.sources(run_id)
    _refuse_imported(run, f"run {run_id}")
    expected = _expected(run, run.containers, run.digest, run.decisions_digest, means)
    text, logs = as_written(run.config), found_logs(home, run)
    if logs:
        text = pinned_text(text, run)
    return Exported(_with(text, expected, f"run {run_id}"), tuple(sources), logs, f"run {run_id}")


def exported_container(home: Home, run_id: int, index: int) -> Exported:
    """See `export_container`."""
    if index < 0:
        raise StoreError(
            "a benchmark is no container of the sweep; export the run, its benchmark is made again with it"
        )
    reading = read(home, run_id, index)
    run, row = reading.run, reading.container
    _refuse_imported(run, f"container {run_id}/{index}")
    raw = config.load(run.config)
    stages, strategies = _stages(reading)
    logs = found_logs(home, run)
    resolved: dict[str, Any] = {
        "experiment": {**raw["experiment"], "name": f"{run.name[:180]}-{index}"},
        "data": _data(reading, raw),
        **({"replay": pinned_section(run)} if logs else {}),
        **stages,
        **{name: raw[name] for name in ("limits",) if name in raw},
    }
    text = "\n".join([tomli_w.dumps(resolved), *(_table("[[strategy]]", "strategy", table) for table in strategies)])
    # a container that did not finish has no log: what is pinned is how it ended, as a run's digest has it
    digest = row.digest or run_digest([(0, row.status, None)])
    metrics = {name: value for name, value in (row.metrics or {}).items() if value is not None}
    own = reading.shared.plan.own
    spec = reading.spec
    kinds = [stage.kind for stage in (spec.classifier, *spec.strategies, spec.risk) if stage is not None]
    modules = [stage["module"] for stage in own.described if stage["kind"] in kinds]
    expected = _expected(run, 1, digest, row.decisions_digest, metrics)
    what = f"container {run_id}/{index}"
    return Exported(_with(text, expected, what), all_needed(own.sources, modules), logs, what)


def _refuse_imported(run: Run, what: str) -> None:
    """Raise StoreError for a log that came from a file: nothing but its rows makes it."""
    imported = config.load(run.config).get(config.IMPORTED)
    if imported:
        raise StoreError(
            f"{what} was imported from {imported['file']}, and no config makes its signals; hand on that file, "
            "or export a replay of it, which brings its rows along"
        )


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
    replayed = "replay" in raw  # its logs say which symbols, and of what data
    values = {
        "dataset": data.dataset or None,
        "symbols": None if replayed else list(reading.market.symbols),
        "start": data.start,
        "end": data.end,
        "warmup": reading.shared.plan.warmup,
        "test_start": data.test_start,
    }
    return {key: value for key, value in values.items() if value is not None}


def _stages(reading: Reading) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The sections of the container's stages, and the tables of its strategies, each with the values it took."""
    point = reading.shared.point(reading.container.index)
    branch, picks = reading.shared.sweep.locate(point.rank)
    sections: dict[str, Any] = {}
    strategies = []
    for part, choice in zip(branch.components, branch.choices(picks, point.weights), strict=True):
        stage = choice.stage
        if isinstance(stage, Strategy):
            strategies.append({"kind": stage.kind, "name": part.name, **parameters(stage)})
        elif isinstance(stage, Classifier):
            sections["classifier"] = {"kind": stage.kind, **parameters(stage)}
        elif isinstance(stage, Risk):
            sections["risk"] = {"kind": stage.kind, **parameters(stage)}
        else:  # portfolio, ensemble, execution: they have one kind, which is their section's name
            sections[stage.kind] = parameters(stage)
    return sections, strategies


def parameters(stage: Stage) -> dict[str, Any]:
    """A stage's parameters as a config writes them: "none" where the default is something else, nothing where not."""
    defaults = type(stage).model_fields
    written = {}
    for name, value in stage.values().items():
        if value is not None:
            written[name] = _written(value)
        elif defaults[name].default is not None:
            written[name] = "none"
    return written


def _written(value: Any) -> Any:
    """A value as a config writes it, "none" for what is absent in its tables."""
    if isinstance(value, dict):
        return {key: "none" if item is None else _written(item) for key, item in value.items()}
    return value


def _table(header: str, name: str, table: dict[str, Any]) -> str:
    """A table under its own header, those in it after it: tomli_w would write a short one in a line of its parent."""
    text = f"{header}\n{tomli_w.dumps({key: value for key, value in table.items() if not isinstance(value, dict)})}"
    for key, value in table.items():
        if isinstance(value, dict):
            inner = f"{name}.{json.dumps(key)}"
            text += "\n" + _table(f"[{inner}]", inner, value)
    return text


def as_written(text: str) -> str:
    """A config as it was written, with its comments, but without what an earlier export pinned."""
    raw = config.load(text)
    added = ("expected", config.SOURCE, config.LOG)
    if not raw.keys() & set(added):
        return text
    raw = {name: item for name, item in raw.items() if name not in added}
    before = text.partition(_PINNED)[0].partition("\n[expected]")[0]
    try:
        if config.load(before) == raw:
            return before
    except ConfigError:
        pass
    return tomli_w.dumps(raw)


def pinned(text: str, expected: dict[str, Any], sources: Sequence[Source], what: str) -> str:
    """`text` with its [expected] section, and the files of own stages, at the end. StoreError when that is too long."""
    return joined(Exported(_with(text, expected, what), tuple(sources), {}, what))


def _with(text: str, expected: dict[str, Any], what: str) -> str:
    """`text` with its [expected] section."""
    return f"{text.rstrip()}\n\n{_PINNED} {what}\n{tomli_w.dumps({'expected': expected})}"


def _whole(home: Home, exported: Exported) -> str:
    """All of it as one config. StoreError when that is too long."""
    return joined(exported, (_log(home, digest, found) for digest, found in exported.logs.items()))


def joined(exported: Exported, logs: Iterable[str] = ()) -> str:
    """The config with the files of own stages and the tables of `logs` after it. StoreError when that is too long."""
    sources = (
        f'[source.{source.name}]\nhash = "{source.hash}"\ntext = {_quoted(source.text)}\n'
        for source in exported.sources
    )
    text = exported.text
    for part in itertools.chain(sources, logs):
        text += f"\n{part}"
        if len(text) > config.MAX_BYTES:
            name = exported.what.split()[-1]
            raise StoreError(
                f"a config holds {config.MAX_BYTES:,} characters, and {exported.what} with its own stages and the "
                f"signals it replays has more; hand it on with 'bulkhead bundle {name} -o FILE'"
            )
    return text


def _log(home: Home, digest: str, found: Found) -> str:
    """A [[log]] table: the config that makes a log, or its rows when a file did."""
    table: dict[str, Any] = {"digest": digest}
    if isinstance(found, LogSection):
        table = found.model_dump(exclude_unset=True)
    else:
        run_id, index = found
        with home.store() as store:
            imported = config.IMPORTED in config.load(store.run(run_id).config)
        if not imported:
            table["config"] = export_container(home, run_id, index)
        else:
            log, reading = signal_log(home, f"{run_id}/{index}"), read(home, run_id, index)
            if log.regimes or len(log.strategies) != 1:
                raise StoreError(
                    f"{run_id}/{index} came from elsewhere with several strategies or regimes, which no config holds; "
                    "hand the replay on with 'bulkhead bundle'"
                )
            table |= {"dataset_hash": log.dataset, "symbols": list(log.symbols)}
            table |= {} if log.end is None else {"end": log.end}
            table |= {"first": log.first, "name": log.strategies[0], "rows": text_of(log, reading.market)}
    texts = {name: table.pop(name) for name in ("config", "rows") if name in table}
    return f"[[log]]\n{tomli_w.dumps(table)}" + "".join(f"{name} = {_quoted(text)}\n" for name, text in texts.items())


def _quoted(text: str) -> str:
    """A file's text in TOML: as it stands, when that can be; else with escapes, in one line."""
    plain = all(c == "\n" or c == "\t" or c.isprintable() for c in text)
    if plain and "'''" not in text and not text.endswith("'"):
        return f"'''\n{text}'''"
    return tomli_w.dumps({"x": text}).removeprefix("x = ").rstrip("\n")


_PINNED = "# What came out, for 'bulkhead reproduce':"
