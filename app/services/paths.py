"""Names into paths: the only way from a text of a user to a place under the home.

A name is one part of a path: it cannot climb out, stand for the root, a device or a stream, or hide what it is. And
what a path meets on its way, a link, must not lead out of the home.
"""

import os
import re
from pathlib import Path

from engine.errors import InputError

#: Bytes of a name and of a whole path: what common file systems take, less room for a temporary name beside it.
MAX_NAME = 200
MAX_PATH = 1000
#: Characters that separate parts of a path, or mean something in a name, on some system.
_SPECIAL = re.compile(r'[/\\:*?"<>|~$%`\x00]')
#: Names that are devices on Windows, whatever their ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
#: Shown of a name that is refused.
_SHOWN = 60


def checked(name: str, what: str = "name") -> str:
    """`name`, when it can be one part of a path. InputError in one line; `what` it is the name of, for that line."""
    problem = _problem(name)
    if problem:
        shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
        raise InputError(f"{shown!r} is no {what}: {problem}; use letters, digits, '.', '_' and '-'")
    return name


def _problem(name: str) -> str:
    """Why a text is no name for a file, "" when it is one."""
    if not name or name.strip(". ") == "":
        return "it names nothing"
    if len(os.fsencode(name.encode(errors="replace"))) > MAX_NAME:
        return f"it is longer than {MAX_NAME} bytes"
    if found := _SPECIAL.search(name):
        return f"it holds {found.group()!r}"
    if not name.isprintable():
        return "it holds characters that cannot be seen"
    if name[0] in " -" or name[-1] in " .":
        return f"it begins or ends with {(name[0] if name[0] in ' -' else name[-1])!r}"
    if _DEVICES.fullmatch(name):
        return "some systems have a device of that name"
    return ""


def inside(home: Path, *names: str, what: str = "name") -> Path:
    """The path `home/names[0]/names[1]/…`. InputError in one line for a name that cannot be, or a link that leads out.

    Nothing is made. `home` is the user's own choice and taken as it is.
    """
    path = home.joinpath(*(checked(name, what) for name in names))
    if len(os.fsencode(path)) > MAX_PATH:
        raise InputError(f"the path of this {what} is longer than {MAX_PATH} bytes; choose a shorter --home")
    root = os.path.realpath(home)
    real = os.path.realpath(path)
    if real != root and not real.startswith(root.rstrip(os.sep) + os.sep):
        raise InputError(f"{path} is a link that leads out of the home; move what it leads to there, or remove it")
    return path


def own(path: str | Path, option: str) -> Path:
    """A path that a user may choose freely. InputError for what no system takes as one; `option` names it."""
    text = os.fspath(path)
    if "\0" in text:
        raise InputError(f"{option}: a path cannot hold a NUL character; check it")
    try:
        found = Path(text).expanduser()
        if len(os.fsencode(found)) <= 4 * MAX_PATH:
            return found
    except (RuntimeError, UnicodeError):  # of a user that is not known; of half a character
        raise InputError(f"{option}: {text[:_SHOWN]!r} is no path here; write it out") from None
    raise InputError(f"{option}: this path is too long ({len(text):,} characters); check it")
