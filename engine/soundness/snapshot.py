"""A digest of what a stage's code could keep between calls: its modules' variables, class attributes, defaults."""

import sys
from collections.abc import Mapping, Sequence
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

import numpy as np

from engine.stage import Stage

_DEPTH = 6
_PLAIN = (str, int, float, bool, bytes, type(None))


def snapshot(stage: Stage, modules: Sequence[str]) -> dict[str, str]:
    """What is kept, by where: texts that are equal while it is. `modules`: the names of the user's modules."""
    found = {"its parameters": _digest(stage.__dict__, _DEPTH)}
    found["its private attributes"] = _digest(getattr(stage, "__pydantic_private__", None), _DEPTH)
    for name in modules:
        module = sys.modules.get(name)
        if module is not None:
            _of(vars(module), f"{name}.", name, found)
    return found


def _of(variables: Mapping[str, Any], where: str, module: str, found: dict[str, str]) -> None:
    for name, value in list(variables.items()):
        if name.startswith("__") and name not in ("__defaults__",):
            continue
        if isinstance(value, type):
            if value.__module__ == module and where.count(".") < 3:
                _of(vars(value), f"{where}{name}.", module, found)
        elif isinstance(value, FunctionType | staticmethod | classmethod):
            function = value if isinstance(value, FunctionType) else value.__func__
            if isinstance(function, FunctionType) and function.__module__ == module:
                kept = [function.__defaults__, function.__kwdefaults__, _cells(function), function.__dict__]
                found[f"{where}{name}()"] = _digest(kept, _DEPTH)
        elif not isinstance(value, ModuleType) and not name.startswith(("model_", "_abc")):
            found[f"{where}{name}"] = _digest(value, _DEPTH)


def _cells(function: FunctionType) -> list[Any]:
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not bound yet
            continue
    return cells


def _digest(value: Any, depth: int) -> str:
    """A text that is the same while `value` is."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if depth == 0:
        return type(value).__name__
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{hash(value.tobytes()) if value.dtype != object else ''}"
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    if isinstance(value, dict | MappingProxyType):
        items = [f"{_digest(key, depth - 1)}: {_digest(item, depth - 1)}" for key, item in list(value.items())]
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_digest(item, depth - 1) for item in value) + "]"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(_digest(item, depth - 1) for item in value)) + "}"
    if isinstance(value, FunctionType | ModuleType | type):
        return getattr(value, "__name__", "")
    if "pandas" in sys.modules and type(value).__module__.startswith("pandas"):
        return repr(value)
    kept = getattr(value, "__dict__", None)
    if isinstance(kept, dict) and not type(value).__module__.startswith(("numba", "pydantic", "typing", "functools")):
        return f"{type(value).__name__}{_digest(kept, depth - 1)}"
    if type(value).__module__ in ("collections", "itertools"):
        return repr(value)
    return type(value).__name__
