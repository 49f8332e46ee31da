"""The plain experiment that each phase runs, as TOML text that runs alone too."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import tomli_w

from app.services.workflow.schema import SHARED, Discover, Phase, Weigh, Workflow
from engine import config
from engine.errors import ConfigError

_BARE = re.compile(r"[A-Za-z0-9_-]+")
Raw = dict[str, Any]


def discovery(flow: Workflow, phase: Discover) -> Raw:
    """The sweep of a discover phase: every strategy named, and a book of its own unless it names one."""
    raw = _head(flow, phase, phase.name, "full_backtest")
    if classifiers := config.tables({"classifier": phase.classifier}, "classifier"):
        raw["classifier"] = classifiers
    tables = config.tables({"strategy": phase.strategy}, "strategy")
    named = [table.get("book") for table in tables]
    taken: dict[Any, None] = {}
    strategies = []
    for number, table in enumerate(tables, start=1):
        kind, count = table.get("kind"), 1
        name = table.get("name", kind)
        while "name" not in table and name in taken:
            count += 1
            name = f"{kind}_{count}"
        taken[name] = None
        if "book" not in table and name in named:
            raise ConfigError(
                f"phase '{phase.name}': strategy {number}: '{name}' is a book of others; give it another name"
            )
        rest = {key: value for key, value in table.items() if key not in ("kind", "name", "book")}
        names = {"name": name} if name is not None else {}  # without a kind: refused where it is parsed
        strategies.append(
            {**({"kind": kind} if "kind" in table else {}), **names, "book": table.get("book", name), **rest}
        )
    raw["strategy"] = strategies
    return _with(raw, flow, sweep=phase.sweep)


def signals(
    flow: Workflow, phase: Phase, label: str, classifier: Raw | None, strategies: Sequence[Raw], start: date | None
) -> Raw:
    """The signals of chosen strategies under one classifier: a container for each book.

    start: the first trading bar of their sweep, so that they begin there too, whatever they need for themselves.
    """
    raw = _head(flow, phase, f"{phase.name}/{label}", "signal_generation")
    if start is not None:
        raw["data"].pop("warmup", None)
        raw["data"]["start"] = start
    if classifier is not None:
        raw["classifier"] = classifier
    raw["strategy"] = list(strategies)
    return _with(raw, flow)


def replay(flow: Workflow, phase: Weigh, label: str, logs: Sequence[str], start: date | None = None) -> Raw:
    """The replays of stored signals under one classifier, with the weights that are tried. start: their first date."""
    raw = _head(flow, phase, f"{phase.name}/{label}", "signal_replay")
    raw["data"] = {key: value for key, value in raw["data"].items() if key in ("start", "end")}
    if start is not None:
        raw["data"]["start"] = start
    raw["replay"] = {"signals": list(logs)}
    ensemble = dict(phase.ensemble)
    if ensemble.get("method") == "tpe":
        ensemble.setdefault("objective", phase.objective)
    if ensemble:
        raw["ensemble"] = ensemble
    return _with(raw, flow, sweep=phase.sweep)


def validation(flow: Workflow, phase: Phase, classifier: Raw | None, strategies: Sequence[Raw], ensemble: Raw) -> Raw:
    """One full backtest of the chosen strategies, in one book, with the chosen weights."""
    raw = _head(flow, phase, phase.name, "full_backtest")
    raw["data"].pop("warmup", None)  # there are bars before it: indicators have had theirs
    if classifier is not None:
        raw["classifier"] = classifier
    raw["strategy"] = [{key: value for key, value in table.items() if key != "book"} for table in strategies]
    raw["ensemble"] = ensemble
    return _with(raw, flow)


def _head(flow: Workflow, phase: Phase, title: str, pattern: str) -> Raw:
    header = {**flow.raw["experiment"], "name": f"{flow.header.name[:120]}/{title[:79]}"}
    if pattern != "full_backtest":
        header["pattern"] = pattern
    start, end = flow.period(phase)
    data = {key: value for key, value in flow.raw["data"].items() if key not in ("start", "end", "test_start")}
    dates = {key: day for key, day in (("start", start), ("end", end)) if day is not None}
    return {"experiment": header, "data": {**data, **dates}}


def _with(raw: Raw, flow: Workflow, sweep: Mapping[str, Any] | None = None) -> Raw:
    """`raw` with the sections that all phases share. An exported workflow pins its data, and brings its files along."""
    raw |= {name: flow.raw[name] for name in SHARED if name in flow.raw}
    if sweep:
        raw["sweep"] = dict(sweep)
    if flow.expected is not None:
        kept = flow.expected
        raw["expected"] = {
            "dataset_hash": kept.dataset_hash,
            "engine": kept.engine,
            "platform": kept.platform,
            "containers": kept.containers,
        }
    if config.SOURCE in flow.raw:
        raw[config.SOURCE] = flow.raw[config.SOURCE]
    return raw


def text(raw: Mapping[str, Any]) -> str:
    """`raw` as TOML: a header for each section, a line for each key."""
    parts = []
    for name, value in raw.items():
        if name == config.SOURCE:
            parts += [_section(f"[{name}.{key}]", table) for key, table in value.items()]
        elif isinstance(value, list):
            parts += [_section(f"[[{name}]]", table) for table in value]
        else:
            parts.append(_section(f"[{name}]", value))
    return "\n".join(parts)


def _section(header: str, table: Mapping[str, Any]) -> str:
    return "".join([f"{header}\n", *(f"{_key(key)} = {_inline(value)}\n" for key, value in table.items())])


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")
