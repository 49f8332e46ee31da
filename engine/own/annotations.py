"""The types that a parameter can have in a config, as plain JSON and back.

`"int"`, `{"list": "float"}`, `{"any": ["float", "none"]}`, `{"literal": ["SMA", "EMA"]}`, `{"dict": "float"}`.
"""

import types
import typing
from typing import Annotated, Any, Literal, Union

_PLAIN: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str, "none": type(None)}
_NAMES = {kind: name for name, kind in _PLAIN.items()}


def described(kind: Any) -> Any:
    """A type as JSON. Raises TypeError, in words, for one that no config can hold."""
    if kind is None or kind in _NAMES:
        return _NAMES[type(None) if kind is None else kind]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return described(args[0])
    if origin is Literal and all(isinstance(value, str | int | bool) for value in args):
        return {"literal": list(args)}
    if origin in (Union, types.UnionType):
        return {"any": [described(part) for part in args]}
    if origin is list:
        return {"list": described(args[0])}
    if origin is dict and args[0] is str:
        return {"dict": described(args[1])}
    name = getattr(kind, "__name__", str(kind))
    raise TypeError(
        f"a config cannot hold the type {name}; use int, float, bool, str, Literal, or list or dict of them"
    )


def annotation(told: Any) -> Any:
    """The type that `described` told of."""
    if isinstance(told, str):
        return _PLAIN[told]
    (name, inside), *_ = told.items()
    if name == "literal":
        return Literal[tuple(inside)]
    if name == "any":
        return Union[tuple(annotation(part) for part in inside)]  # noqa: UP007 - made at run time
    return list[annotation(inside)] if name == "list" else dict[str, annotation(inside)]  # type: ignore[misc]
