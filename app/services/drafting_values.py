"""A parameter's value and the text that stands for it in a form: fixed, a list, or a range."""

import re
import tomllib
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

import tomli_w

from app.services.drafting_fields import FieldSpec
from app.services.drafting_text import inline
from engine.sweep import RANGE_KEYS

Mode = Literal["fixed", "list", "range", "by regime"]
#: What stands for an absent value, in a form as in TOML.
NONE = "none"
#: A range that is turned into a list keeps at most so many values; a longer one is the first of them.
LISTED = 200
#: A range is made of numbers below this: above, steps between them are lost or without end.
LARGEST = 1e15
_INTEGER = re.compile(r"[+-]?\d(_?\d)*")
_BETWEEN = " | "


def modes(spec: FieldSpec) -> tuple[Mode, ...]:
    """The ways a parameter can be given."""
    if spec.by_regime == "always":
        return ("by regime",)
    if not spec.swept or (spec.kind == "choice" and len(spec.choices) < 2):
        return ("fixed",)
    found: tuple[Mode, ...] = ("fixed", "list", "range") if spec.numeric else ("fixed", "list")
    return (*found, "by regime") if spec.by_regime == "possible" else found


def mode(value: Any, spec: FieldSpec) -> Mode:
    """The way a value is given."""
    if spec.by_regime == "always":
        return "by regime"
    if isinstance(value, dict):
        if "from" in value and value.keys() <= RANGE_KEYS:
            return "range"
        return "by regime" if spec.by_regime == "possible" else "fixed"
    if isinstance(value, list) and (spec.kind != "numbers" or any(isinstance(item, list) for item in value)):
        return "list"
    return "fixed"


def swept(value: Any, spec: FieldSpec) -> int:
    """How many axes a value makes: 1 for a list or a range, one for each such value by regime or in a table."""
    given = mode(value, spec)
    if spec.kind == "table" and given == "fixed" and isinstance(value, dict):
        return sum(swept(item, spec) for item in value.values())
    if given == "by regime" and isinstance(value, dict):
        inner = replace(spec, by_regime="never")
        return sum(swept(item, inner) for item in value.values())
    return int(given in ("list", "range"))


def count(value: Any, spec: FieldSpec) -> int:
    """How many values a list or range has; 1 for what is fixed, or is no range yet."""
    given = mode(value, spec)
    if given == "range":
        return _steps(value)
    return len(value) if given == "list" else 1


def shown(value: Any, spec: FieldSpec) -> str:
    """A fixed value, or a list of them, as text; `read` gives it back."""
    if mode(value, spec) == "list":
        between = _BETWEEN if spec.kind in ("numbers", "other") else ", "
        return between.join(one(item) for item in value)
    return one(value) if spec.kind not in ("table", "other") or value is None else _toml(value)


def one(value: Any) -> str:
    """One value as text."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, list):
        return ", ".join(map(one, value))
    return value if isinstance(value, str) else _toml(value)


def read(text: str, spec: FieldSpec, mode: Mode = "fixed") -> Any:
    """The value that a text stands for; None for an empty one. What is no number stays text: the check refuses it."""
    if not text.strip():
        return None
    if mode == "list":
        between = "|" if spec.kind in ("numbers", "other") else ","
        return [_read_one(part, spec) for part in text.split(between) if part.strip()]
    return _read_one(text, spec)


def number(text: str, kind: str) -> Any:
    """A number of the kind int or float; the text itself when it is none."""
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return float(text) if kind == "float" else int(text[:400])
    try:
        return float(text)
    except ValueError:
        return text


def converted(value: Any, spec: FieldSpec, wanted: Mode) -> Any:
    """`value` given in another way, as much of it as can be kept."""
    if mode(value, spec) == wanted:
        return value
    values = _values(value, spec)
    first = values[0] if values else spec.default
    if wanted == "list":
        return [NONE if item is None and spec.optional else 1.0 if item is None else item for item in values]
    if wanted == "range":
        return _range_of([item for item in values if _is_number(item)], spec)
    return {} if wanted == "by regime" else first


def _values(value: Any, spec: FieldSpec) -> list[Any]:
    """The single values that a parameter takes."""
    given = mode(value, spec)
    if given == "range":
        return _expanded(value) or [value.get("from")]
    if given == "by regime":
        return []
    return list(value) if given == "list" else [value]


def _steps(value: dict[str, Any]) -> int:
    """How many values a range has; 0 when it is none yet."""
    try:
        start, stop, step = (Decimal(str(value[key])) for key in ("from", "to", "step"))
        return int((stop - start) / step) + 1 if step > 0 and start <= stop else 0
    except (KeyError, ArithmeticError, ValueError):
        return 0


def _expanded(value: dict[str, Any]) -> list[Any]:
    """The values of a range, when they are few enough to be listed and it is one."""
    steps = _steps(value)
    if not 0 < steps <= LISTED:
        return []
    start, step = Decimal(str(value["from"])), Decimal(str(value["step"]))
    whole = all(isinstance(item, int) for item in value.values())
    return [(int if whole else float)(start + k * step) for k in range(steps)]


def _range_of(values: list[Any], spec: FieldSpec) -> dict[str, Any]:
    """A range through the given numbers; around one alone a few steps upwards, within the bounds."""
    whole = spec.kind == "int"
    least = spec.low if spec.low is not None else 0
    low = values[0] if values else (least + (1 if whole else 0.1) if spec.low_open else least)
    if len(values) > 1:
        low, high = min(values), max(values)
        gaps = [b - a for a, b in zip(sorted(values), sorted(values)[1:], strict=False) if b > a]
        step = min(gaps, default=1)
    else:
        step = _round_step(abs(low) / 5, whole)
        high = low + 4 * step
        if spec.high is not None and not (high < spec.high or (high == spec.high and not spec.high_open)):
            high = low
    kind = int if whole else lambda x: float(f"{x:.10g}")
    return {"from": kind(low), "to": kind(high), "step": kind(step)}


def _round_step(rough: float, whole: bool) -> float:
    """1, 2 or 5 times a power of ten, at most `rough`; at least 1 for whole numbers."""
    if rough <= 0 or (whole and rough < 1):
        return 1 if whole else 0.1
    power = float(f"1e{int(f'{rough:e}'.split('e')[1])}")
    return max(times * power for times in (1, 2, 5) if times * power <= rough)


def _read_one(text: str, spec: FieldSpec) -> Any:
    text = text.strip()
    if text == NONE and spec.optional:
        return NONE
    if spec.numeric:
        return number(text, spec.kind)
    if spec.kind == "numbers":
        return [number(part, "float") for part in text.split(",") if part.strip()]
    if spec.kind == "bool":
        return {"true": True, "false": False}.get(text, text)
    if spec.kind in ("table", "other", "date"):
        return _from_toml(text)
    return text


def _from_toml(text: str) -> Any:
    """A value written as TOML; the text itself when it is none."""
    try:
        found = tomllib.loads(f"x = {text}")
    except (tomllib.TOMLDecodeError, RecursionError, ValueError, OverflowError):
        return text
    return found["x"] if set(found) == {"x"} else text


def _toml(value: Any) -> str:
    return (
        " ".join(tomli_w.dumps({"x": value}).removeprefix("x = ").split())
        if not isinstance(value, dict)
        else inline(value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST
