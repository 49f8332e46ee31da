"""A draft as TOML: a table for each section, everything inside it in one line."""

import re
from typing import Any

import tomli_w

#: Sections in the order they are written.
ORDER = (
    *("experiment", "data", "replay", "classifier", "risk", "portfolio", "strategy", "ensemble", "execution"),
    *("sweep", "limits"),
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dumped(draft: dict[str, Any]) -> str:
    """The draft as TOML; `tomllib` gives back what was written."""
    known = [name for name in ORDER if name in draft]
    names = known + [name for name in draft if name not in known]
    loose = [name for name in names if not _tables(draft[name])]
    parts = ["".join(_line(name, draft[name]) for name in loose)] if loose else []
    for name in names:
        for table in _tables(draft[name]):
            header = f"[{_key(name)}]" if isinstance(draft[name], dict) else f"[[{_key(name)}]]"
            parts.append(f"{header}\n" + "".join(_line(key, value) for key, value in table.items()))
    return "\n".join(parts)


def _tables(value: Any) -> list[dict[str, Any]]:
    """The tables a section is written as; none for what has to stand in a line."""
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) and value and all(isinstance(item, dict) for item in value) else []


def _line(key: str, value: Any) -> str:
    return f"{_key(key)} = {inline(value)}\n"


def inline(value: Any) -> str:
    """A value as it stands after its key, in one line."""
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(key)} = {inline(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else tomli_w.dumps({key: 0}).removesuffix(" = 0\n")
