"""Which files are meant: paths and patterns, each a file with the name that messages call it by."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.services.paths import own
from engine.errors import DataError

#: Left out, in this order, where a file's name is a symbol's.
_SUFFIXES = ((".gz",), (".csv", ".txt", ".tsv", ".parquet", ".pq"))


@dataclass(frozen=True, slots=True)
class File:
    """`label`: the file's name, or its whole path where another file has that name too."""

    path: Path
    label: str

    @property
    def stem(self) -> str:
        """The name without its suffix, in upper and lower case as it is: the symbol of a file that is one."""
        name = self.path.name
        for suffixes in _SUFFIXES:
            for suffix in suffixes:
                if name.lower().endswith(suffix) and len(name) > len(suffix):
                    name = name[: -len(suffix)]
                    break
        return name


def find(named: File | Path | str | Sequence[Path | str]) -> tuple[File, ...]:
    """The files of paths and patterns (`dir/*.csv`, `**` for all folders below), a pattern's in order of their paths.

    A path that exists is that file, whatever its name; a File alone is taken as it is. Raises DataError for a pattern
    that nothing matches, or that matches a folder, InputError for what cannot be a path.
    """
    if isinstance(named, File):
        return (named,)
    named = [named] if isinstance(named, Path | str) else named
    paths: dict[str, Path] = {}
    for one in named:
        for path in _paths(os.fspath(own(one, "FILE"))):
            paths.setdefault(os.path.normpath(path), Path(path))
    if not paths:
        raise DataError("no file; name at least one")
    names = [path.name for path in paths.values()]
    return tuple(
        File(path, path.name if path.name and names.count(path.name) == 1 else str(path)) for path in paths.values()
    )


def _paths(one: str) -> list[str]:
    if os.path.lexists(one) or not glob.has_magic(one):
        return [one]
    found = sorted(glob.glob(one, recursive=True))
    if not found:
        raise DataError(f"no file matches '{one}'; check the folder and the pattern")
    for path in found:
        if os.path.isdir(path):
            raise DataError(
                f"{path}: a folder, which '{one}' matches too; write a pattern for files, as 'folder/*.csv'"
            )
    return found


def symbols(files: Sequence[File]) -> list[str]:
    """The symbol of each file, by its name. Raises DataError when two would be the same symbol, or one is none."""
    seen: dict[str, File] = {}
    for file in files:
        symbol = file.stem
        if symbol in seen:
            raise DataError(f"{seen[symbol].label} and {file.label} would both be symbol '{symbol}'; rename one")
        if not symbol.strip() or len(symbol) > 64 or not symbol.isprintable():
            raise DataError(f"{file.label!r}: {symbol[:64]!r} is no name for a symbol; rename the file")
        seen[symbol] = file
    return list(seen)
