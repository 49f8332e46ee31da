"""Objects that a user's modules hold: seen when they change, and put back as they were.

Each watch has `restore()`: whether the object is again what it was when the watch was made. It compares identities, so
that what replaced a value is found even when it is equal.
"""

import functools
import pickle
import random
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from operator import is_
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any, Protocol

import numpy as np
from pydantic import BaseModel

#: Bytes of arrays and pickles that are compared after each container; objects that are looked at.
BYTES, OBJECTS = 16 << 20, 100_000
_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, type, ModuleType, BuiltinFunctionType, re.Pattern)
_PLAIN_NUMPY = (np.generic, np.dtype, np.ufunc)
#: Modules whose objects do not change by use: annotations, compiled functions, loggers, locks, fields.
_STEADY = (
    *("typing", "types", "numba", "logging", "pydantic", "enum", "weakref"),
    *("_thread", "_contextvars", "abc", "_abc"),
)
_COMPILED = "numba.core.registry"


class Watch(Protocol):
    name: str

    def restore(self) -> bool: ...


class TooMuchError(Exception):
    """There is something that cannot be watched, or too much of it; the message says what."""


class Names:
    """A dict, such as a module's: every key and which object it names."""

    name = "dict"

    def __init__(self, held: dict[Any, Any]) -> None:
        self.held, self.saved = held, dict(held)
        self.values = list(held.values())

    def changed(self) -> bool:
        held = self.held
        return (
            len(held) != len(self.values) or not all(map(is_, held.values(), self.values)) or [*held] != [*self.saved]
        )

    def restore(self) -> bool:
        if self.changed():
            self.held.clear()
            self.held.update(self.saved)
        return True


class Class:
    """A class's attributes."""

    name = "class"

    def __init__(self, cls: type) -> None:
        self.cls, self.saved = cls, dict(vars(cls))

    def restore(self) -> bool:
        now = vars(self.cls)
        if len(now) == len(self.saved) and all(map(is_, now.values(), self.saved.values())):
            return True
        with suppress(TypeError, AttributeError):
            for name in [*now]:
                if name not in self.saved:
                    type.__delattr__(self.cls, name)
            for name, value in self.saved.items():
                if vars(self.cls).get(name, self) is not value:
                    type.__setattr__(self.cls, name, value)
        now = vars(self.cls)
        return len(now) == len(self.saved) and all(now.get(name, self) is self.saved[name] for name in self.saved)


class Items:
    """A list or deque."""

    name = "list"

    def __init__(self, held: Any) -> None:
        self.held, self.saved = held, list(held)

    def restore(self) -> bool:
        if len(self.held) != len(self.saved) or not all(map(is_, self.held, self.saved)):
            self.held.clear()
            self.held.extend(self.saved)
        return True


class Content:
    """A set or bytearray, compared by value."""

    name = "set"

    def __init__(self, held: Any) -> None:
        self.held, self.saved = held, held.copy()

    def restore(self) -> bool:
        if self.held != self.saved:
            self.held.clear()
            (self.held.update if isinstance(self.held, set) else self.held.extend)(self.saved)
        return True


class Values:
    """An array of numbers."""

    name = "array"

    def __init__(self, held: np.ndarray[Any, Any]) -> None:
        self.held, self.saved = held, held.copy()
        self.bytes, self.flag = held.tobytes(), held.flags.writeable

    def restore(self) -> bool:
        held = self.held
        if held.shape != self.saved.shape or held.dtype != self.saved.dtype:
            return False
        if held.tobytes() != self.bytes:
            try:
                held.flags.writeable = True
                np.copyto(held, self.saved)
            except ValueError:
                return False
        if held.flags.writeable != self.flag:
            held.flags.writeable = self.flag
        return True


class Drawn:
    """A generator of random numbers. `put` sets the state that `get` gives."""

    name = "generator"

    def __init__(self, get: Callable[[], Any], put: Callable[[Any], None]) -> None:
        self.get, self.put = get, put
        self.saved = get()

    def restore(self) -> bool:
        self.put(self.saved)
        return True


class Function:
    """A function's defaults, closure, attributes and code."""

    name = "function"

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.saved = function.__code__, function.__defaults__, function.__kwdefaults__
        self.cells = [(cell, cell.cell_contents) for cell in function.__closure__ or () if _filled(cell)]

    def restore(self) -> bool:
        function = self.function
        if function.__code__ is not self.saved[0] or function.__defaults__ is not self.saved[1]:
            function.__code__, function.__defaults__ = self.saved[:2]
        if function.__kwdefaults__ is not self.saved[2]:
            function.__kwdefaults__ = self.saved[2]
        for cell, content in self.cells:
            if not _filled(cell) or cell.cell_contents is not content:
                cell.cell_contents = content
        return True


class Remembering:
    """What `functools.cache` has wrapped."""

    name = "cache"

    def __init__(self, held: Any) -> None:
        self.held = held
        self.saved = held.cache_info()

    def restore(self) -> bool:
        if self.held.cache_info() != self.saved:
            self.held.cache_clear()
            self.saved = self.held.cache_info()
        return True


class Opaque:
    """Any other object: its pickle tells whether it changed; it cannot be put back."""

    def __init__(self, held: Any) -> None:
        self.held, self.name = held, type(held).__name__
        try:
            self.saved = pickle.dumps(held, protocol=5)
            steady = pickle.dumps(held, protocol=5) == self.saved
        except Exception:
            steady = False
        if not steady:
            raise TooMuchError(f"a {type(held).__module__}.{type(held).__qualname__}")

    def restore(self) -> bool:
        try:
            return pickle.dumps(self.held, protocol=5) == self.saved
        except Exception:
            return False


class Watcher:
    """Finds all that can change in what a user's modules hold. `modules`: their names."""

    def __init__(self, modules: Iterable[str]) -> None:
        self.modules = frozenset(modules)
        self.watches: list[Watch] = []
        self.variables: list[Names] = []
        self.compiled: list[Any] = []
        self._seen: dict[int, Any] = {}
        self._bytes = 0

    def module(self, module: ModuleType) -> None:
        """Watch a module. Raises TooMuchError, which names the variable."""
        self.variables.append(Names(vars(module)))
        self.watches.append(self.variables[-1])
        for name, value in list(vars(module).items()):
            if not name.startswith("__"):
                self._named(f"{module.__name__}.{name}", value)

    def renamed(self) -> bool:
        """Whether variables of the modules are not what they were."""
        return any(names.changed() for names in self.variables)

    def stage(self, stage: BaseModel) -> None:
        """Watch an instance: its parameters, and what it keeps. Raises TooMuchError."""
        self._named(type(stage).__name__, stage)

    def _named(self, name: str, value: Any) -> None:
        try:
            self._any(value)
        except TooMuchError as error:
            raise TooMuchError(f"{name} holds {error}") from None
        except RecursionError:
            raise TooMuchError(f"{name} is nested too deeply") from None

    def _any(self, value: Any) -> None:
        kind = type(value)
        if kind is type or isinstance(value, type):
            self._class(value)
            return
        if kind in _PLAIN or isinstance(value, _PLAIN + _PLAIN_NUMPY) or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if len(self._seen) > OBJECTS:
            raise TooMuchError("too many objects")
        if not self._container(value):
            self._object(value)

    def _container(self, value: Any) -> bool:
        if isinstance(value, dict):
            self._watch(Names(value))
            self._all(value.values())
        elif isinstance(value, list | deque):
            self._watch(Items(value))
            self._all(value)
        elif isinstance(value, tuple | frozenset):
            self._all(value)
        elif isinstance(value, set | bytearray):
            self._watch(Content(value))
            self._all(value if isinstance(value, set) else ())
        elif isinstance(value, np.ndarray) and value.dtype.kind != "O":
            self._weigh(value.nbytes)
            self._watch(Values(value))
        else:
            return False
        return True

    def _object(self, value: Any) -> None:
        if isinstance(value, FunctionType | MethodType | staticmethod | classmethod | property | functools.partial):
            self._function(value)
        elif isinstance(value, functools._lru_cache_wrapper):
            if value.__module__ in self.modules:
                self._watch(Remembering(value))
                self._any(value.__wrapped__)
        elif isinstance(value, np.random.Generator):
            self._any(value.bit_generator)
        elif isinstance(value, np.random.BitGenerator):
            self._watch(Drawn(lambda: value.state, lambda state: setattr(value, "state", state)))
        elif isinstance(value, np.random.RandomState):
            self._watch(Drawn(lambda: value.get_state(legacy=False), value.set_state))
        elif type(value) is random.Random:
            self._watch(Drawn(value.getstate, value.setstate))
        elif type(value).__module__ == _COMPILED:
            self.compiled.append(value)
        elif isinstance(value, BaseModel) or type(value).__module__ in self.modules:
            self._instance(value)
        elif type(value).__module__.partition(".")[0] not in _STEADY and type(value).__module__ != "__future__":
            opaque = Opaque(value)
            self._weigh(len(opaque.saved))
            self._watch(opaque)

    def _instance(self, value: Any) -> None:
        if isinstance(value, BaseModel):
            self._all((vars(value), value.__pydantic_private__, value.__pydantic_fields_set__))
        elif hasattr(value, "__dict__") and not getattr(value, "__slots__", None):
            self._any(vars(value))
        else:
            self._watch(Opaque(value))

    def _class(self, value: type) -> None:
        if value.__module__ not in self.modules or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        self._watch(Class(value))
        self._all(held for name, held in vars(value).items() if not name.startswith("__") and name != "_abc_impl")

    def _function(self, value: Any) -> None:
        if isinstance(value, FunctionType):
            if value.__module__ in self.modules:
                self._watch(Function(value))
                self._all((value.__defaults__, value.__kwdefaults__, vars(value)))
                self._all(cell.cell_contents for cell in value.__closure__ or () if _filled(cell))
        elif isinstance(value, functools.partial):
            self._all((value.func, value.args, value.keywords))
        elif isinstance(value, property):
            self._all((value.fget, value.fset, value.fdel))
        else:
            self._all((value.__func__, getattr(value, "__self__", None)))

    def _all(self, values: Iterable[Any]) -> None:
        for value in list(values):
            self._any(value)

    def _weigh(self, size: int) -> None:
        self._bytes += size
        if self._bytes > BYTES:
            raise TooMuchError(f"more than {BYTES >> 20} MiB of values")

    def _watch(self, watch: Watch) -> None:
        self.watches.append(watch)


def same(held: Mapping[str, Any], saved: Mapping[str, Any]) -> bool:
    """Whether two dicts are alike; values that cannot be compared are not. Identical values cost next to nothing."""
    try:
        return bool(held == saved)
    except Exception:
        return False


def _filled(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises when it is empty
    except ValueError:
        return False
    return True
