"""Importing a user's stage files from their text: only ever in a child, which runs stages and nothing else.

The files find each other by their plain names, as if their folder were on the path; no file is read.
"""

import importlib
import linecache
import sys
import traceback
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from engine.errors import BulkheadError, StageError
from engine.own.source import Source, source_hash
from engine.own.stages import OwnStages
from engine.registry import BUILT_IN, FAMILIES, Registry
from engine.stage import Stage

#: Characters of an error's message that are told.
_WORDS = 500


class _Texts(MetaPathFinder, Loader):
    """Gives the modules of some sources, and their lines to tracebacks and to Numba."""

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
        spec.has_location = True  # gives the module its __file__
        return spec

    def get_source(self, fullname: str) -> str:
        return self.sources[fullname].text

    def exec_module(self, module: ModuleType) -> None:
        source = self.sources[module.__name__]
        exec(compile(source.text, source.file, "exec"), module.__dict__)  # noqa: S102 - what this module is for


def load(sources: Sequence[Source], names: Sequence[str]) -> list[type[Stage]]:
    """Import the modules `names` from `sources` into this process; the stages they define, in order.

    Each class has its `source_hash`. Raises StageError in one line that names file and line.
    """
    sys.meta_path[:] = [_Texts(sources), *(finder for finder in sys.meta_path if not isinstance(finder, _Texts))]
    for source in sources:  # of other texts, loaded before
        if _is_ours(sys.modules.get(source.name)):
            del sys.modules[source.name]
    found: list[type[Stage]] = []
    for name in names:
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:
            raise StageError(line_of(error, sources)) from error
        if not _is_ours(module):
            raise StageError(f"stages/{name}.py: there is another module called '{name}'; rename the file")
        digest = source_hash(sources, name)
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, Stage) and item.__module__ == name and _is_stage(item):
                item.source_hash = digest
                found.append(item)
    return list(dict.fromkeys(found))


def _is_ours(module: ModuleType | None) -> bool:
    spec = getattr(module, "__spec__", None)
    return spec is not None and isinstance(spec.loader, _Texts)


def _is_stage(item: type[Stage]) -> bool:
    """Whether a class is of a family that a user may add to, and named; one that is not is a base of others."""
    family = FAMILIES.get(getattr(item, "family", ""))
    return family is not None and issubclass(item, family) and isinstance(getattr(item, "kind", None), str)


def loaded(own: OwnStages) -> Registry:
    """The registry of a child: built-in stages and the user's real classes. Raises StageError in one line."""
    if not own.sources:
        return BUILT_IN
    wanted = {(stage["module"], stage["kind"]) for stage in own.described}
    stages = load(own.sources, [source.name for source in own.sources])
    return BUILT_IN.with_stages(
        stage for stage in stages if (stage.__module__, stage.kind) in wanted or stage.family == "indicator"
    )


def line_of(error: BaseException, sources: Sequence[Source]) -> str:
    """An error of a user's code in one line: file, line, what it says."""
    files = {source.file for source in sources}
    said = " ".join(str(error).split())[:_WORDS]
    words = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename in files:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    if isinstance(error, SystemExit):
        words = f"sys.exit({error.code!r}) was called"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    if not frames:
        return said if isinstance(error, BulkheadError) else words
    return f"{frames[-1].filename}:{frames[-1].lineno}: {words}"
