"""Importing a user's stage files from their text: only ever in a child, which runs stages and nothing else."""

import importlib
import linecache
import sys
import traceback
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from engine.errors import StageError
from engine.own.source import Source
from engine.stage import Stage


class _Texts(MetaPathFinder, Loader):
    """Gives the modules of some sources."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = {source.name: source for source in sources}
        for source in sources:
            lines = source.text.splitlines(keepends=True)
            linecache.cache[source.file] = (len(source.text), None, lines, source.file)

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        source = self.sources.get(fullname)
        if source is None:
            return None
        spec = ModuleSpec(fullname, self, origin=source.file)
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        source = self.sources[module.__name__]
        exec(compile(source.text, source.file, "exec"), module.__dict__)  # noqa: S102 - what this module is for


def load(sources: Sequence[Source], names: Sequence[str]) -> list[type[Stage]]:
    """Import the modules `names` from `sources` into this process; the stages they define, in order."""
    sys.meta_path[:] = [_Texts(sources), *(finder for finder in sys.meta_path if not isinstance(finder, _Texts))]
    found: list[type[Stage]] = []
    for source in sources:
        sys.modules.pop(source.name, None)
    for name in names:
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:
            raise StageError(line_of(error, sources)) from error
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, Stage) and item.__module__ == name:
                if isinstance(getattr(item, "kind", None), str):
                    found.append(item)
    return list(dict.fromkeys(found))


def line_of(error: BaseException, sources: Sequence[Source]) -> str:
    """An error of a user's code in one line: file, line, what it says."""
    files = {source.file for source in sources}
    said = " ".join(str(error).split())
    words = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename in files:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    if isinstance(error, SystemExit):
        words = f"sys.exit({error.code!r}) was called"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return f"{frames[-1].filename}:{frames[-1].lineno}: {words}" if frames else words
