"""Whether a stage is what it says it is: its family, its kind, its fields, the indicators it asks for."""

import inspect
import re
import types
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from engine.classifiers.base import Classifier
from engine.indicators.own import Indicator
from engine.indicators.request import Request
from engine.risk.caps import RiskCaps
from engine.soundness.finding import Finding
from engine.soundness.words import told
from engine.stage import Stage
from engine.strategies.base import Strategy

CHECK = "contract"
FAMILIES: dict[str, type[Stage]] = {
    "strategy": Strategy,
    "classifier": Classifier,
    "indicator": Indicator,
    "risk": RiskCaps,
}
_KIND = re.compile(r"[A-Za-z_][\w-]{0,63}")
_BOUNDS = (annotated_types.Ge, annotated_types.Gt, annotated_types.Le, annotated_types.Lt)


def contract(model: type[Stage]) -> list[Finding]:
    """What is wrong with the class itself; one finding that is passed when nothing is."""
    wrong = [Finding(CHECK, "failure", problem) for problem in _problems(model)]
    missing = _undocumented(model)
    notes = [Finding(CHECK, "note", f"for the form and the records: {'; '.join(missing)}")] if missing else []
    count = len(model.model_fields)
    said = f"family {getattr(model, 'family', '')}, {count} parameter{'' if count == 1 else 's'}"
    return wrong or [*notes, *([] if notes else [Finding(CHECK, "ok", said)])]


def requests(stage: Stage) -> list[Finding]:
    """What is wrong with what `indicators()` returns; nothing when nothing is."""
    try:
        found = stage.indicators()
    except Exception as error:
        return [Finding(CHECK, "failure", f"indicators() fails: {told(error)}")]
    if not isinstance(found, dict) or not all(isinstance(item, Request) for item in found.values()):
        return [Finding(CHECK, "failure", "indicators() must return a dict of name → indicator(…)")]
    return []


def _problems(model: type[Stage]) -> list[str]:
    family = FAMILIES.get(getattr(model, "family", ""))
    found = []
    if family is None or not issubclass(model, family):
        bases = ", ".join(base.__name__ for base in FAMILIES.values())
        found.append(f"class {model.__name__} must derive from one of {bases}, and keep its family")
    if not _KIND.fullmatch(model.kind):
        found.append(f"kind must be letters, digits, _ or -; it is {model.kind!r}")
    if inspect.isabstract(model):
        methods = ", ".join(f"{name}()" for name in sorted(model.__abstractmethods__))
        found.append(f"class {model.__name__} has no {methods}; define it")
    if issubclass(model, Classifier):
        names = getattr(model, "regimes", ())
        named = isinstance(names, tuple | list) and names and all(isinstance(name, str) for name in names)
        if not named or len(set(names)) < len(names):
            found.append("regimes must be the names of its regimes, each once, in the order of their codes")
    required = [name for name, info in model.model_fields.items() if info.is_required()]
    if required:
        found.append(f"{', '.join(required)}: no default; give each parameter one, so that it can be tried and drafted")
    return found


def _undocumented(model: type[Stage]) -> list[str]:
    found = [] if inspect.getdoc(model) and "__doc__" in vars(model) else ["the class has no docstring"]
    for name, info in model.model_fields.items():
        lacks = [] if info.description else ["description"]
        if _is_number(info.annotation) and not bounds(info):
            lacks.append("bounds (ge, le)")
        if lacks:
            found.append(f"{name} has no {' and no '.join(lacks)}")
    return found


def bounds(info: FieldInfo) -> dict[str, Any]:
    """The bounds of a numeric field by `Ge`, `Gt`, `Le`, `Lt`."""
    return {
        type(item).__name__: getattr(item, type(item).__name__.lower())
        for item in info.metadata
        if isinstance(item, _BOUNDS)
    }


def options(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, or the values of a Literal."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(option for part in get_args(annotation) for option in options(part))
    return get_args(annotation) if get_origin(annotation) is Literal else (annotation,)


def _is_number(annotation: Any) -> bool:
    return any(option in (int, float) for option in options(annotation) if isinstance(option, type))
