"""The text of a researcher's own stage files: read from a folder, followed through their imports, named by their hash.

Nothing is imported here: what a file needs of its neighbours is read off its syntax tree.
"""

import ast
import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Characters of one file, and files of one folder.
MAX_CHARACTERS = 100_000
MAX_FILES = 500
#: Top-level names that a file of the user must not hide.
_OURS = ("app", "bulkhead", "db", "engine", "pages")


@dataclass(frozen=True, slots=True)
class Source:
    """One file: `name` is the name it is imported by, `problem` one line on why it cannot be used (`text` is empty)."""

    name: str
    text: str
    problem: str = ""

    @property
    def hash(self) -> str:
        """The SHA-256 of the text, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def file(self) -> str:
        """What it is called in messages and tracebacks."""
        return f"stages/{self.name}.py"


def read_folder(folder: Path) -> tuple[Source, ...]:
    """The Python files of `folder`, by name; none when there is no such folder. A bad file has a problem, no text."""
    try:
        paths = sorted(path for path in folder.glob("*.py") if path.name[0] != "." and path.is_file())
    except OSError as error:
        return (Source("stages", "", f"{folder}: cannot be listed ({error.strerror}); check its permissions"),)
    paths = [path for path in paths if path.stem != "__init__"]
    found = [_read(path) for path in paths[:MAX_FILES]]
    if len(paths) > MAX_FILES:
        name = paths[MAX_FILES].stem
        found.append(Source(name, "", f"stages/{name}.py: one of {len(paths)} files; at most {MAX_FILES} are read"))
    return tuple(found)


def _read(path: Path) -> Source:
    name, where = path.stem, f"stages/{path.name}"
    if not name.isidentifier():
        return Source(name, "", f"{where}: the name cannot be imported; use letters, digits and _ only")
    if taken(name, path):
        return Source(name, "", f"{where}: there is another module called '{name}'; rename the file")
    try:
        with path.open("rb") as file:
            data = file.read(4 * MAX_CHARACTERS + 1)
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        return Source(name, "", f"{where}: not UTF-8 text (byte {error.start}); save it as UTF-8")
    except OSError as error:
        return Source(name, "", f"{where}: cannot be read ({error.strerror}); check its permissions")
    if len(text) > MAX_CHARACTERS:
        return Source(name, "", f"{where}: longer than {MAX_CHARACTERS:,} characters; divide it into several files")
    if "\0" in text:
        return Source(name, "", f"{where}: holds a NUL byte; it is no Python source")
    return Source(name, text)


def taken(name: str, path: Path) -> bool:
    """Whether a top-level name belongs to Python, to Bulkhead or to an installed package, not to the file at `path`."""
    if name in sys.stdlib_module_names or name in _OURS:
        return True
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    if spec is None or spec.origin is None or spec.origin == f"stages/{name}.py":  # the last: loaded here before
        return False
    return Path(spec.origin).resolve() != path.resolve()


def needed(sources: Sequence[Source], name: str) -> tuple[Source, ...]:
    """`name` and the files of `sources` that it imports, directly or through each other, by name."""
    known = {source.name: source for source in sources}
    found: dict[str, Source] = {}
    waiting = [name]
    while waiting:
        source = known.get(waiting.pop())
        if source is not None and source.name not in found:
            found[source.name] = source
            waiting.extend(imports(source.text))
    return tuple(found[key] for key in sorted(found))


def all_needed(sources: Sequence[Source], names: Iterable[str]) -> tuple[Source, ...]:
    """What any of `names` needs, by name."""
    found = {source.name: source for name in names for source in needed(sources, name)}
    return tuple(found[key] for key in sorted(found))


def imports(text: str) -> list[str]:
    """The top-level names that a text imports, anywhere in it; none when it does not parse."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update((alias.name.partition(".")[0], None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found[node.module.partition(".")[0]] = None
    return list(found)


def source_hash(sources: Sequence[Source], name: str) -> str:
    """The hash (hex) of a file and of all it imports from its folder. Renaming the file itself does not change it."""
    parts = needed(sources, name)
    own = next((source.hash for source in parts if source.name == name), "")
    listed = [own, [[part.name, part.hash] for part in parts if part.name != name]]
    return hashlib.sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()
