"""Finds all that a user's modules hold and that can change, and has each watched."""

import functools
import gc
import random
import re
import threading
from _thread import LockType
from collections import deque
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import (
    BuiltinFunctionType,
    FunctionType,
    GenericAlias,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
    UnionType,
)
from typing import Any

import numpy as np
from pydantic import BaseModel

from engine.parallel.watches import (
    Class,
    Content,
    Drawn,
    Function,
    Items,
    Lock,
    Names,
    Opaque,
    Remembering,
    TooMuchError,
    Values,
    Watch,
    filled,
)

#: Bytes of arrays and pickles that are compared after each container; objects that are looked at.
BYTES, OBJECTS = 16 << 20, 100_000
_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, type, ModuleType, re.Pattern)
_PLAIN_NUMPY = (np.generic, np.dtype, np.ufunc)
#: Packages whose objects do not change by use: annotations, compiled functions, loggers, fields, enumerations.
_STEADY = tuple(
    f"{package}."
    for package in ("typing", "numba.core", "numba.np", "logging", "pydantic", "enum", "abc", "_abc", "__future__")
)
#: Others that do not: `list[int]`, `int | None`, a slot; and context variables, as each container has its own context.
_STEADY_TYPES = (GenericAlias, UnionType, GetSetDescriptorType, MemberDescriptorType, ContextVar)
#: What has its attributes in a dict, and nothing else: of a `local`, those of the thread that runs stages.
_NAMESPACES = (SimpleNamespace, threading.local)
_COMPILED = "numba.core.registry"


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
        if hasattr(value, "__dict__"):  # of a class derived from these
            self._any(vars(value))
        return True

    def _object(self, value: Any) -> None:
        if isinstance(value, FunctionType | MethodType | staticmethod | classmethod | property | functools.partial):
            self._function(value)
        elif isinstance(value, BuiltinFunctionType):
            self._any(value.__self__)  # `rows.append` keeps the list
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
        elif isinstance(value, _NAMESPACES):
            self._any(vars(value))
        elif isinstance(value, MappingProxyType):
            self._all(gc.get_referents(value))
        elif type(value) is LockType:
            self._watch(Lock(value))
        elif not isinstance(value, _STEADY_TYPES) and not f"{type(value).__module__}.".startswith(_STEADY):
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
                self._all(cell.cell_contents for cell in value.__closure__ or () if filled(cell))
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
