"""Watches of single objects: each tells whether its object is what it was when the watch was made, and puts it back.

They compare identities, so that what replaced a value is found even when it is equal.
"""

import pickle
from collections.abc import Callable
from contextlib import suppress
from operator import is_
from types import CellType, FunctionType
from typing import Any, Protocol

import numpy as np


class Watch(Protocol):
    """`restore()`: whether the object is again what it was."""

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
        self.cells = [(cell, cell.cell_contents) for cell in function.__closure__ or () if filled(cell)]

    def restore(self) -> bool:
        function = self.function
        if function.__code__ is not self.saved[0] or function.__defaults__ is not self.saved[1]:
            function.__code__, function.__defaults__ = self.saved[:2]
        if function.__kwdefaults__ is not self.saved[2]:
            function.__kwdefaults__ = self.saved[2]
        for cell, content in self.cells:
            if not filled(cell) or cell.cell_contents is not content:
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


class Lock:
    """A lock that a container left as it should not."""

    name = "lock"

    def __init__(self, held: Any) -> None:
        self.held, self.saved = held, held.locked()

    def restore(self) -> bool:
        if self.held.locked() and not self.saved:
            self.held.release()
        return bool(self.held.locked() == self.saved)


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


def filled(cell: CellType) -> bool:
    """Whether a variable of a closure has a value."""
    try:
        cell.cell_contents  # noqa: B018 - raises when it is empty
    except ValueError:
        return False
    return True
