"""The user's own stages of a home: what is in HOME/stages, what of it an experiment needs, whether it may run here.

No file of the user is imported here; what is in it is found out in a sealed child, once for each edit.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.services.home import Home
from db.engine import FILE
from engine import config
from engine.errors import ConfigError, InputError, StoreError
from engine.own.catalogue import known
from engine.own.source import Source, read_folder, source_hash
from engine.own.stages import OwnStages, named
from engine.registry import BUILT_IN, Registry

FOLDER = "stages"


def folder(home: Home) -> Path:
    return home.library / FOLDER


def own_stages(home: Home) -> OwnStages:
    """All stages in the home's folder, and a line for each file that cannot be used."""
    return known(read_folder(folder(home)), cache_of(home))


def cache_of(home: Home) -> Path:
    """The folder for what can be made again."""
    return home.library / "cache"


def of_config(home: Home, raw: Mapping[str, Any], trust: bool = False) -> OwnStages:
    """The own stages that a config may name: those it brings along (`[source]`), else those of the home's folder.

    Raises ConfigError in one line: a kind that is nowhere, or code of elsewhere without `trust`.
    """
    if "source" in raw:
        return brought(home, raw, trust)
    if not named(raw):
        return OwnStages(cache=cache_of(home))
    found = own_stages(home)
    _check_files(found, raw)
    return found


def registry(home: Home, raw: Mapping[str, Any]) -> Registry:
    """The kinds that a draft may name. A draft may be wrong in any way; then those of the home's folder."""
    try:
        if "source" in raw:
            return brought(home, raw, False).registry
    except InputError:
        return BUILT_IN
    return own_stages(home).registry


def files(home: Home) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A line for each file of the home's folder that cannot be used, and the hashes of them all."""
    sources = read_folder(folder(home))
    problems = known(sources, cache_of(home)).problems
    return tuple(problems.values()), tuple(f"{source.name} {source.hash}{source.problem}" for source in sources)


def brought(home: Home, raw: Mapping[str, Any], trust: bool) -> OwnStages:
    """The stages whose source a config brings along. ConfigError when this home has not had that code before."""
    return allowed(home, tuple(Source(name, one.text) for name, one in config.sources(raw).items()), raw, trust)


def allowed(home: Home, sources: tuple[Source, ...], raw: Mapping[str, Any], trust: bool) -> OwnStages:
    """The stages in files that came along with a config. ConfigError when this home has not had that code before."""
    if not trust and (unknown := strange(home, sources)):
        listed = ", ".join(f"{source.name} ({source.hash[:12]})" for source in unknown)
        raise ConfigError(
            f"[source] brings code that this home has not had: {listed}; read it, then allow it with --trust"
        )
    found = known(sources, cache_of(home))
    _check_files(found, raw)
    return found


def strange(home: Home, sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """The files among `sources` that this home has not had: nobody here has said that they may run."""
    had = _had(home, sources)
    return tuple(source for source in sources if source.hash not in had)


def _had(home: Home, sources: tuple[Source, ...]) -> set[str]:
    """The hashes of those sources that stand in the home's folder, or that a run of the home has used."""
    here = {source.hash for source in read_folder(folder(home)) if not source.problem}
    if (home.path / FILE).exists():
        with home.store() as store:
            here |= store.known_sources([source.hash for source in sources])
    return here


def _check_files(own: OwnStages, raw: Mapping[str, Any]) -> None:
    """Raise ConfigError when a kind is missing that a file which cannot be used seems to define."""
    there = own.hashes
    texts = {source.name: source.text for source in own.sources}
    for kind in named(raw):
        if kind in there:
            continue
        for name, problem in own.problems.items():
            text = texts.get(name, "")
            if f'"{kind}"' in text or f"'{kind}'" in text or name == kind:
                raise ConfigError(f"no such kind '{kind}': {problem}")


def stored(home: Home, plan: Mapping[str, Any], sources: tuple[Source, ...]) -> OwnStages:
    """The own stages of a stored run: its sources, and its description of them. StoreError when they do not fit."""
    described = plan.get("own", ())
    for stage in described:
        if source_hash(sources, stage["module"]) != stage["hash"]:
            raise StoreError(f"the stored source of '{stage['kind']}' is damaged; restore the database from a backup")
    return OwnStages(sources, tuple(described), {}, cache_of(home)) if described else OwnStages()
