"""Whether dicts were changed since, without a look at what is in them.

CPython 3.11 gives each dict a number that is another after every change (PEP 509), and keeps it in the object. Where
that is not so, which is tried out once, every dict counts as perhaps changed, and is compared.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

_USED, _VERSION = 16, 24


class Versions:
    """The versions of some dicts, which it keeps alive."""

    def __init__(self, dicts: Sequence[dict[Any, Any]]) -> None:
        self._dicts = dicts
        self._read = [ctypes.c_uint64.from_address(id(held) + _VERSION) for held in dicts] if _NUMBERED else []
        self._known = [number.value for number in self._read]

    def changed(self) -> list[int]:
        """The places of those that may have changed since the last call (the first: since they were taken)."""
        if not _NUMBERED:
            return [*range(len(self._dicts))]
        now = [number.value for number in self._read]
        if now == self._known:
            return []
        found = [place for place, number in enumerate(now) if number != self._known[place]]
        self._known = now
        return found

    def settle(self) -> None:
        """Take the dicts as they are now: they were put back."""
        self._known = [number.value for number in self._read]


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
