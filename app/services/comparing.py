"""Which containers are compared, and in what they differ besides their results: parameters, data, engine, costs.

Two results are an A/B test only when the same bars were traded under the same conditions: `conditions` says what is
not the same, `parameters` what was meant to be different.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice
from typing import Any

import numpy as np

from app.services.reading import Reading
from engine.market.dataset import is_intraday
from engine.own.source import all_needed
from engine.parallel.block import BENCHMARK
from engine.stage import Stage
from engine.sweep import flat

#: So many containers fit on a page side by side.
MOST = 8
#: So many lines of a difference in code are shown.
MOST_LINES = 400
_PICK = re.compile(r"([0-9]{1,18})/(-1|[0-9]{1,18})")

#: A container: its run, and its index there (−1: the run's buy and hold).
Pick = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same: `name`, and for each container its value in words (None: it has none)."""

    name: str
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class CodeDifference:
    """How one file of own stages differs between two containers, named as a reader knows them: lines of a diff."""

    file: str
    base: str
    other: str
    lines: tuple[str, ...]


def parse(text: str) -> tuple[list[Pick], list[str]]:
    """The containers that `3/7,3/9,4/-1` names, each once, and a line for each part that names none, or is too much."""
    found: dict[Pick, None] = {}
    problems = []
    for part in filter(None, (part.strip() for part in text[:2_000].split(","))):
        if match := _PICK.fullmatch(part):
            found[int(match[1]), int(match[2])] = None
        else:
            problems.append(f"'{part[:40]}' is no container; write RUN/INDEX, such as 3/7.")
    picks = list(found)
    if len(picks) > MOST:
        problems.append(f"{len(picks)} containers were asked for; these are the first {MOST}.")
    return picks[:MOST], problems


def written(picks: Iterable[Pick]) -> str:
    """Containers as `parse` reads them."""
    return ",".join(f"{run}/{index}" for run, index in picks)


def name(pick: Pick) -> str:
    """What a container is called beside others: "3/7"; "3/buy & hold"."""
    return f"{pick[0]}/{'buy & hold' if pick[1] == BENCHMARK else pick[1]}"


def parameters(readings: Sequence[Reading]) -> list[Difference]:
    """The resolved parameters that differ, swept or not, by path: `ma_cross.fast`, `risk.stop_loss`.

    What `conditions` names is left out: costs, cash and risk-free rate.
    """
    found = [_parameters(reading) for reading in readings]
    names = dict.fromkeys(path for values in found for path in values)
    rows = [Difference(path, tuple(values.get(path) for values in found)) for path in names]
    if len({reading.run.seed for reading in readings}) > 1:
        rows.append(Difference("experiment.seed", tuple(str(reading.run.seed) for reading in readings)))
    return _differing(rows)


def conditions(readings: Sequence[Reading]) -> list[Difference]:
    """What differs of data, period, engine, platform, costs, cash and risk-free rate. Empty: an A/B test."""

    def row(label: str, value: Callable[[Reading], str | None]) -> Difference:
        return Difference(label, tuple(value(reading) for reading in readings))

    rows = [
        row("Dataset", lambda r: f"{r.run.dataset} ({r.run.dataset_hash[:12]})"),
        row("Symbols", lambda r: ", ".join(r.market.symbols)),
        row("Period", _period),
        row("Held out from", lambda r: None if r.test is None else _day(r, r.test)),
        row("Pattern", lambda r: r.run.pattern.replace("_", " ")),
        row("Engine", lambda r: r.run.engine),
    ]
    facts = dict.fromkeys(fact for reading in readings for fact in reading.run.platform)
    rows += [row(f"Platform: {fact}", lambda r, fact=fact: r.run.platform.get(fact)) for fact in facts]
    found = _differing(rows)
    if not any(difference.name.startswith("Platform") for difference in found):
        found += _differing([row("Platform", lambda r: r.run.fingerprint)])
    costs = [_stage(reading.spec.execution) for reading in readings]
    for path in dict.fromkeys(path for values in costs for path in values):
        found += _differing([Difference(_cost(path), tuple(values.get(path) for values in costs))])
    return found + _differing(
        [
            row("Starting cash", lambda r: f"{r.spec.portfolio.initial_cash:,.2f}"),
            row("Risk-free rate", lambda r: f"{100 * r.spec.portfolio.risk_free:g} % a year"),
        ]
    )


def code(readings: Sequence[Reading], base: int = 0) -> list[CodeDifference]:
    """How the files of own stages differ from those of `readings[base]`, as unified diffs; of stages that both have."""
    names = [name((reading.run.id, reading.container.index)) for reading in readings]
    found = []
    for other, reading in enumerate(readings):
        kinds = [kind for kind in _own_kinds(readings[base]) if kind in _own_kinds(reading)]
        ours, theirs = _files(readings[base], kinds), _files(reading, kinds)
        for file in sorted({**ours, **theirs}):
            before, after = ours.get(file, ""), theirs.get(file, "")
            if before != after:
                heads = f"{names[base]}: {file}.py", f"{names[other]}: {file}.py"
                lines = unified_diff(before.splitlines(), after.splitlines(), *heads, lineterm="")
                found.append(CodeDifference(file, names[base], names[other], tuple(islice(lines, MOST_LINES))))
    return found


def _own_kinds(reading: Reading) -> list[str]:
    """The kinds of a container's own stages."""
    stages = (reading.spec.classifier, *reading.spec.strategies)
    return list(dict.fromkeys(stage.kind for stage in stages if stage is not None and stage.source_hash))


def _files(reading: Reading, kinds: Sequence[str]) -> dict[str, str]:
    """The texts that some own stages of a container need, by file."""
    own = reading.shared.plan.own
    modules = [stage["module"] for stage in own.described if stage["kind"] in kinds]
    return {source.name: source.text for source in all_needed(own.sources, modules)}


def _differing(rows: Iterable[Difference]) -> list[Difference]:
    return [row for row in rows if len(set(row.values)) > 1]


#: Shown as conditions: two accounts that differ in them are not traded alike.
_CONDITIONS = ("initial_cash", "risk_free")
_COSTS = {
    "commission_bps": "Commission (bps)",
    "slippage_bps": "Slippage (bps)",
    "fill": "Fills",
    "size_price": "Sizing price",
    "lot_size": "Lot size",
}


def _cost(path: str) -> str:
    return _COSTS.get(path, f"Execution: {path.replace('_', ' ')}")


def _parameters(reading: Reading) -> dict[str, str]:
    """All that decides what a container does on its data, by path."""
    spec = reading.spec
    found: dict[str, str] = {"risk": spec.risk.kind}
    stages: list[tuple[str, Stage]] = [("risk", spec.risk), ("portfolio", spec.portfolio), ("ensemble", spec.ensemble)]
    if spec.classifier is not None:
        found["classifier"] = spec.classifier.kind
        stages.insert(0, ("classifier", spec.classifier))
    names = spec.names[-len(spec.strategies) :]
    for path, strategy in zip(names, spec.strategies, strict=True):
        found[path] = strategy.kind
        stages.append((path, strategy))
    for path, stage in stages:
        if stage.source_hash:
            found[f"{path}.source"] = stage.source_hash[:12]
        for key, value in _stage(stage).items():
            if path != "portfolio" or key not in _CONDITIONS:
                found[f"{path}.{key}"] = value
    return found


def _stage(stage: Stage) -> dict[str, str]:
    """A stage's parameters in words, tables flattened: `regime_scale.calm`."""
    return {path: _words(value) for path, value in flat(stage.values()).items()}


def _words(value: Any) -> str:
    """A parameter's value as a config has it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.12g}"
    return ", ".join(map(_words, value)) if isinstance(value, list | tuple) else str(value)


def _day(reading: Reading, bar: int) -> str:
    """The date of a bar, with its time where bars are intraday."""
    text = str(np.datetime_as_string(reading.market.time[bar].view("datetime64[ns]"), unit="m"))
    return text.replace("T", " ") if is_intraday(reading.market.frequency) else text[:10]


def _period(reading: Reading) -> str:
    return f"{_day(reading, reading.first)} to {_day(reading, len(reading.market.time) - 1)}"
