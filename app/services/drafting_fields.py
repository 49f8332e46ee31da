"""The fields of a form, read off a pydantic model: a stage that is added later gets its form without a change here."""

import datetime
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Kind = Literal["int", "float", "bool", "choice", "text", "date", "numbers", "table", "other"]

#: Ends of names that only repeat the unit.
_UNITS = {"bps": "basis points", "seconds": "seconds", "mb": "MiB"}
_ACRONYMS = ("atr", "cpu")


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A parameter as a form needs it. `numbers`: a list of numbers by nature; `table`, `other`: written as TOML.

    `optional`: it may be absent, written "none". `by_regime`: a value for each regime, always or beside one for all.
    `swept`: it may be given as a list.
    """

    name: str
    kind: Kind
    default: Any = None
    required: bool = False
    optional: bool = False
    by_regime: Literal["never", "possible", "always"] = "never"
    swept: bool = True
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    unit: str = ""
    description: str = ""

    @property
    def label(self) -> str:
        """Its name for people: `stop_loss` is "Stop loss"."""
        words = self.name.split("_")
        words = words[:-1] if len(words) > 1 and words[-1] in _UNITS else words
        shown = " ".join(word.upper() if word in _ACRONYMS else word for word in words)
        return shown[:1].upper() + shown[1:]

    @property
    def numeric(self) -> bool:
        return self.kind in ("int", "float")

    @property
    def bounds(self) -> str:
        """The values it takes, in words; empty when any will do."""
        low = "" if self.low is None else f"{self.low:,.12g}"
        high = "" if self.high is None else f"{self.high:,.12g}"
        if low and high and not self.low_open and not self.high_open:
            return f"{low} to {high}"
        above = low and f"{'above' if self.low_open else 'at least'} {low}"
        below = high and f"{'below' if self.high_open else 'at most'} {high}"
        return ", ".join(filter(None, (above, below)))


def fields(model: type[BaseModel]) -> tuple[FieldSpec, ...]:
    """The fields of a model, in its order, those of its bases after its own."""
    own = [name for name in model.model_fields if name in vars(model).get("__annotations__", {})]
    names = [*own, *(name for name in model.model_fields if name not in own)]
    return tuple(_field(name, model.model_fields[name]) for name in names)


def _field(name: str, info: FieldInfo) -> FieldSpec:
    parts = _parts(info.annotation)
    optional = type(None) in parts
    parts = [part for part in parts if part is not type(None)]
    plain = [part for part in parts if typing.get_origin(part) is not dict]
    mappings = [part for part in parts if typing.get_origin(part) is dict]
    by_regime: Literal["never", "possible", "always"] = "possible" if mappings else "never"
    if mappings and not plain:
        plain, by_regime = [typing.get_args(mappings[0])[1]], "always"
    kind, choices = _kind(plain)
    if kind == "other" and by_regime == "always":
        kind, by_regime = "table", "never"
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    default = info.get_default(call_default_factory=True) if not info.is_required() else None
    low, low_open = _bound(info, annotated_types.Ge, annotated_types.Gt, "ge", "gt")
    high, high_open = _bound(info, annotated_types.Le, annotated_types.Lt, "le", "lt")
    return FieldSpec(
        name=name,
        kind=kind,
        default=None if default is PydanticUndefined else default,
        required=info.is_required(),
        optional=optional,
        by_regime=by_regime,
        swept=kind != "table" and extra.get("swept") is not False,
        choices=choices,
        low=low,
        high=high,
        low_open=low_open,
        high_open=high_open,
        unit=str(extra.get("unit", _UNITS.get(name.split("_")[-1], ""))),
        description=info.description or "",
    )


def _parts(annotation: Any) -> list[Any]:
    """The members of a union; what is none is one alone."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [part for member in typing.get_args(annotation) for part in _parts(member)]
    return [annotation]


def _kind(parts: list[Any]) -> tuple[Kind, tuple[Any, ...]]:
    if len(parts) != 1:
        return "other", ()
    part = parts[0]
    if typing.get_origin(part) is Literal:
        return "choice", typing.get_args(part)
    if typing.get_origin(part) is list:
        return ("numbers" if typing.get_args(part)[0] in (int, float) else "other"), ()
    kinds: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text", datetime.date: "date"}
    return kinds.get(part, "other"), ()


def _bound(
    info: FieldInfo, closed: type, opened: type, closed_name: str, opened_name: str
) -> tuple[float | None, bool]:
    for item in info.metadata:
        if isinstance(item, closed):
            return getattr(item, closed_name), False
        if isinstance(item, opened):
            return getattr(item, opened_name), True
    return None, False
