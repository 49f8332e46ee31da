"""Whether dicts were changed since, without a look at what is in them.

CPython 3.11 gives each dict a number that is another after every change (PEP 509), and keeps it in the object. Where
that is not so, which is tried out once, every dict counts as perhaps changed, and is compared.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from engine.compiled import lean_kernel

_USED, _VERSION = 16, 24


@intrinsic
def _at(_: Any, address: Any) -> Any:
    """The number in memory at an address."""

    def load(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.load(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()))

    return types.uint64(types.uint64), load


@lean_kernel
def _read(addresses: npt.NDArray[np.uint64], found: npt.NDArray[np.uint64]) -> bool:
    """Put the numbers at some addresses into `found`; whether that is what it held."""
    same = True
    for place in range(len(addresses)):
        now: Any = _at(addresses[place])  # type: ignore[call-arg]  # Numba gives the first itself
        same = same and now == found[place]
        found[place] = now
    return same


class Versions:
    """The versions of some dicts, which it keeps alive."""

    def __init__(self, dicts: Sequence[dict[Any, Any]]) -> None:
        self._dicts = dicts
        self._addresses = np.array([id(held) + _VERSION for held in dicts], np.uint64)
        self._known = np.zeros(len(dicts), np.uint64)
        self.settle()

    def changed(self) -> list[int]:
        """The places of those that may have changed since the last call (the first: since they were taken)."""
        if not _NUMBERED:
            return [*range(len(self._dicts))]
        before = self._known.copy()
        if _read(self._addresses, self._known):
            return []
        return np.flatnonzero(self._known != before).tolist()

    def settle(self) -> None:
        """Take the dicts as they are now: they were put back."""
        if _NUMBERED:
            _read(self._addresses, self._known)


def _numbered() -> bool:
    tried: dict[str, int] = {"one": 1, "two": 2}
    if tried.__sizeof__() < _VERSION + 8 or ctypes.c_ssize_t.from_address(id(tried) + _USED).value != len(tried):
        return False
    number = ctypes.c_uint64.from_address(id(tried) + _VERSION)
    seen = [number.value, number.value]
    tried["two"] = 3
    seen.append(number.value)
    del tried["one"]
    seen.append(number.value)
    other: dict[str, int] = {}
    steady = ctypes.c_uint64.from_address(id(other) + _VERSION)
    return seen[0] == seen[1] and len(set(seen)) == 3 and steady.value == steady.value


_NUMBERED = _numbered()
