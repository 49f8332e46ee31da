"""What is in a user's stage files, as plain JSON: found out in a sealed child for each file, kept by the files' hash.

A file that does not parse, imports what is missing, ends its process or never ends costs its own stages alone, and one
line says what is wrong with it.
"""

import inspect
import json
import math
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.classifiers.base import Classifier
from engine.compiled import SOURCE_HASH
from engine.digest import text_digest
from engine.errors import StageError
from engine.own import sealed
from engine.own.annotations import described as type_of
from engine.own.load import load
from engine.own.source import Source, needed, source_hash
from engine.own.stages import OwnStages
from engine.registry import BUILT_IN, FAMILIES
from engine.stage import Stage
from engine.strategies.bar import BarStrategy
from engine.sweep import canonical

#: Seconds and MiB that importing one file may take.
SECONDS, MEMORY_MB = 10.0, 4096.0
#: Seconds that a file is taken to fail without being tried again: one that said why (a package may be there by now),
#: and one that gave no answer.
FAILED_FOR, SILENT_FOR = 5.0, 600.0
#: Files whose description is kept.
KEPT = 1000
_KIND = re.compile(r"[A-Za-z_][\w-]{0,63}")
_TAKEN = {*BUILT_IN.strategies, *BUILT_IN.classifiers, "none", "standard", "portfolio", "ensemble", "execution"}
#: Keys that a stage's table has already.
_RESERVED = ("book", "kind", "name")
_BOUNDS = {
    annotated_types.Ge: "ge",
    annotated_types.Gt: "gt",
    annotated_types.Le: "le",
    annotated_types.Lt: "lt",
    annotated_types.MultipleOf: "multiple_of",
    annotated_types.MinLen: "min_length",
    annotated_types.MaxLen: "max_length",
}


def known(sources: Sequence[Source], cache: Path | None = None) -> OwnStages:
    """The stages of a folder. `cache`: the home's folder for what can be made again, if there is one."""
    if not sources:
        return OwnStages(cache=cache)
    found = describe(sources, cache=None if cache is None else cache / "stages")
    usable = tuple(source for source in sources if not source.problem)
    return OwnStages(usable, tuple(found["stages"]), found["problems"], cache)


def describe(
    sources: Sequence[Source], limits: tuple[float, float] = (SECONDS, MEMORY_MB), cache: Path | None = None
) -> dict[str, Any]:
    """The stages in `sources`: `{"stages": […], "problems": {file name: one line}}`, plain JSON, in file order.

    A stage: kind, family, module, class, doc, hash (of its file and what that imports), regimes, bar_by_bar, fields
    (name, type as in `annotations.py`, required, default, bounds, unit, description). limits: seconds and MiB a file
    may take.
    """
    entries: dict[str, dict[str, Any]] = {}
    keys = {source.name: _key(sources, source) for source in sources if not source.problem}
    for name, key in keys.items():
        entry = None if cache is None else _kept(cache / f"{key}.json")
        if entry is not None:
            entries[name] = entry
    missing = [name for name in keys if name not in entries]
    if missing:
        for name, entry in sealed.apart(_described, tuple(sources), missing, limits).items():
            entries[name] = entry
            if cache is not None:
                _keep(cache, f"{keys[name]}.json", entry)
    problems = {source.name: source.problem for source in sources if source.problem}
    stages: list[dict[str, Any]] = []
    for name in keys:
        stages += entries[name]["stages"]
        if entries[name]["problem"]:
            problems[name] = entries[name]["problem"]
    return {"stages": _without_doubles(stages, problems), "problems": dict(sorted(problems.items()))}


def _described(
    sources: tuple[Source, ...], names: Sequence[str], limits: tuple[float, float]
) -> dict[str, dict[str, Any]]:
    """`{"stages", "problem"}` of each file, asked of a child of its own."""
    found = {}
    for name in names:
        try:
            text = sealed.ask(*limits, _told, needed(sources, name), name)
            found[name] = json.loads(text)
        except sealed.Unanswered as error:
            found[name] = {"stages": [], "problem": f"stages/{name}.py: importing it failed: {error}", "silent": True}
        except StageError as error:
            found[name] = {"stages": [], "problem": str(error)}
    return found


def _told(sources: tuple[Source, ...], name: str) -> str:
    """In the child: what one file defines, as JSON. Text, so that no object of the user travels."""
    stages, problem = [], None
    for item in load(sources, [name]):
        try:
            stages.append(_stage(item, name))
        except (TypeError, ValueError) as error:
            problem = problem or f"stages/{name}.py: class {item.__name__}: {' '.join(str(error).split())}"
    if not stages and problem is None:
        problem = _nameless(name)
    return json.dumps({"stages": stages, "problem": problem})


def _nameless(name: str) -> str | None:
    """A line for a file whose only stages have no kind, or are of a family that nobody can add to."""
    for item in vars(sys.modules[name]).values():
        if isinstance(item, type) and issubclass(item, Stage) and item.__module__ == name:
            if not issubclass(item, tuple(FAMILIES.values())):
                return f"stages/{name}.py: class {item.__name__}: own stages are {', '.join(FAMILIES)} only"
            if not inspect.isabstract(item) and not hasattr(item, "kind"):
                return f"stages/{name}.py: class {item.__name__} has no kind; give it one, by which configs name it"
    return None


def _stage(item: type[Stage], name: str) -> dict[str, Any]:
    """One stage as JSON. Raises ValueError or TypeError, in words, when no config could name it."""
    if not _KIND.fullmatch(item.kind):
        raise ValueError(f"kind must be letters, digits, _ or - (it is {item.kind!r})")
    if inspect.isabstract(item):
        methods = ", ".join(f"{method}()" for method in sorted(item.__abstractmethods__))
        raise TypeError(f"it has no {methods}; define it")
    regimes: Any = ()
    if issubclass(item, Classifier):
        regimes = getattr(item, "regimes", ())
        if not (isinstance(regimes, tuple | list) and regimes and all(isinstance(one, str) for one in regimes)):
            raise TypeError("regimes must be the names of its regimes, in the order of their codes")
        if len(set(regimes)) < len(regimes):
            raise ValueError("regimes names one of them twice")
    own = vars(item).get("__doc__")
    return {
        "kind": item.kind,
        "family": item.family,
        "module": name,
        "class": item.__name__,
        "doc": _text(inspect.cleandoc(own)) if isinstance(own, str) else "",
        "hash": item.source_hash,
        "regimes": list(regimes),
        "bar_by_bar": issubclass(item, BarStrategy),
        "fields": [_field(field, info) for field, info in item.model_fields.items()],
    }


def _field(name: str, info: FieldInfo) -> dict[str, Any]:
    if name in _RESERVED:
        raise ValueError(f"no parameter can be called '{name}', which each stage's table has; choose another name")
    try:
        kind = type_of(info.annotation)
    except TypeError as error:
        raise TypeError(f"parameter '{name}': {error}") from None
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        raise TypeError(f"parameter '{name}': its default is no plain value")
    try:
        default = json.loads(canonical(default))
    except (TypeError, ValueError):
        raise ValueError(f"parameter '{name}': its default {default!r} is no plain, finite value") from None
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    bounds = {}
    for item in info.metadata:
        for bound, key in _BOUNDS.items():
            if isinstance(item, bound):
                value = getattr(item, key)
                if isinstance(value, int | float) and math.isfinite(value):  # any other is the class's own affair
                    bounds[key] = value
    return {
        "name": name,
        "type": kind,
        "required": info.is_required(),
        "default": default,
        "bounds": bounds,
        "unit": _text(extra.get("unit", "")),
        "description": _text(info.description or ""),
    }


def _text(words: object) -> str:
    """Words that every encoding has."""
    return str(words).encode(errors="replace").decode()


def _without_doubles(stages: list[dict[str, Any]], problems: dict[str, str]) -> list[dict[str, Any]]:
    """The stages whose kind is theirs alone; a line for each of the others in `problems`."""
    owners: dict[str, list[str]] = {}
    for stage in stages:
        owners.setdefault(stage["kind"], []).append(f"stages/{stage['module']}.py")
    kept = []
    for stage in stages:
        kind, module = stage["kind"], stage["module"]
        if kind in _TAKEN:
            line = f"stages/{module}.py: the kind '{kind}' is built in; choose another"
        elif len(owners[kind]) > 1:
            both = " and ".join(dict.fromkeys(owners[kind]))
            line = f"stages/{module}.py: the kind '{kind}' stands twice, in {both}; rename one of them"
        else:
            kept.append(stage)
            continue
        problems.setdefault(module, line)
    return kept


# --- kept results -----------------------------------------------------------------------------------------------------


def _key(sources: Sequence[Source], source: Source) -> str:
    return text_digest(canonical([SOURCE_HASH, source.name, source_hash(sources, source.name)]))


def _kept(path: Path) -> dict[str, Any] | None:
    """What is known of a file; None when nothing is, or it failed and should be tried again."""
    try:
        entry = json.loads(path.read_bytes())
        fresh = time.time() - path.stat().st_mtime < (SILENT_FOR if entry.get("silent") else FAILED_FOR)
        shaped = isinstance(entry["stages"], list) and (entry["problem"] is None or isinstance(entry["problem"], str))
        return entry if shaped and (entry["problem"] is None or fresh) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _keep(folder: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Write an entry, whole or not at all, and drop the oldest; a home that cannot be written to keeps nothing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{name}.{os.getpid()}"
        beside.write_text(json.dumps(entry))
        beside.replace(folder / name)
        old = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in old[:-KEPT]:
            path.unlink(missing_ok=True)
    except OSError:
        pass
