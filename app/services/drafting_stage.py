"""Beginning a stage of one's own: a file that works, its test, and an experiment that runs it."""

import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from app.services import checking
from app.services.home import Home
from app.services.templates import EXPERIMENTS, STAGES, TESTS
from engine.errors import ConfigError, InputError, nearest
from engine.own.source import taken
from engine.registry import BUILT_IN

#: Kinds that mean something in a config already.
_RESERVED = ("none", "standard", "portfolio", "ensemble", "execution", "tests")


@dataclass(frozen=True, slots=True)
class Begun:
    """The files that were written. `experiment` is None for a family that no experiment names by itself."""

    stage: Path
    test: Path
    experiment: Path | None


def begin(home: Home, family: str, name: str) -> Begun:
    """Write the files of a new stage. Raises ConfigError for a name that cannot be, and nothing is overwritten."""
    if family not in STAGES:
        raise ConfigError(f"there is no family '{family}'; {nearest(family, STAGES)}")
    _check_name(name)
    stage = home.within(checking.FOLDER, f"{name}.py")
    test = home.within(checking.FOLDER, "tests", f"test_{name}.py")
    experiment = home.within("experiments", f"{name}.toml") if family in EXPERIMENTS else None
    _check(home, name, stage)
    texts = {stage: STAGES[family], test: TESTS[family]}
    if experiment:
        texts[experiment] = EXPERIMENTS[family]
    for path in texts:
        if path.exists():
            raise ConfigError(f"{path} is there already; choose another name, or remove it first")
    for path, text in texts.items():
        _write(path, text.replace("CLASS", class_name(name)).replace("NAME", name))
    return Begun(stage, test, experiment)


def class_name(name: str) -> str:
    """`my_breakout` as a class is called: `MyBreakout`."""
    found = "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)
    return found if found.isidentifier() and found != name else f"{found or 'Own'}Stage"


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) or keyword.iskeyword(name):
        raise ConfigError(f"'{name}' is no name for a stage; use letters, digits and _, e.g. my_breakout")


def _check(home: Home, name: str, path: Path) -> None:
    if name in BUILT_IN.strategies or name in BUILT_IN.classifiers or name in _RESERVED:
        raise ConfigError(f"'{name}' is built in; choose another name, e.g. my_{name}")
    if path.exists():
        raise ConfigError(f"{path} is there already; choose another name, or remove it first")
    if taken(name, path):
        raise ConfigError(f"there is a Python module called '{name}', which the file would hide; try my_{name}")
    known = checking.kinds(home)
    if name in known:
        raise ConfigError(f"the kind '{name}' stands in stages/{known[name]}.py; choose another name")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} is there already; choose another name, or remove it first") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another --home") from None
