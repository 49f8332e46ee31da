"""Checking a user's own stages: before they are believed, and before a run that names them.

A verdict holds for one source (with what it imports from its folder) and one engine, and is kept under HOME/cache.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from app.datasets.storage import atomic
from app.services import paths
from app.services.home import Home
from engine.errors import ConfigError, InputError, nearest
from engine.fingerprint import engine_version
from engine.market.actions import in_first_units
from engine.market.market import Market
from engine.own.source import Source, all_needed, read_folder, source_hash
from engine.registry import BUILT_IN
from engine.soundness.check import MEMORY_MB, SECONDS
from engine.soundness.check import check as check_job
from engine.soundness.declared import declared, defining, family_of
from engine.soundness.examine import Job
from engine.soundness.finding import Report
from engine.stage import Stage

FOLDER = "stages"
#: The dataset that stages are checked on unless another is named.
DATASET = "us-tech"
#: The most bars of it: what a stage does shows in these.
_BARS = 6000
_SAFE = re.compile(r"[^A-Za-z0-9_.+-]")


@dataclass(frozen=True, slots=True)
class Gate:
    """What a run is told of its own stages: a line for each that is not sound, and the kinds that stay isolated."""

    warnings: tuple[str, ...]
    isolated: tuple[str, ...]


def folder(home: Home) -> Path:
    return home.library / FOLDER


def check(
    home: Home,
    kind: str,
    data: str | None = None,
    sources: Sequence[Source] | None = None,
    seconds: float = SECONDS,
    memory_mb: float = MEMORY_MB,
    market: Market | None = None,
) -> Report:
    """Check a stage, own or built in, and keep the verdict on an own one.

    `data`: a dataset's name (default: `us-tech`); on another one only look-ahead is kept for `verdict`. `sources`:
    default, the home's folder. Raises ConfigError when there is no such kind, DataError for the dataset.
    """
    found = read_folder(folder(home)) if sources is None else tuple(sources)
    known: dict[str, type[Stage]] = {**BUILT_IN.strategies, **BUILT_IN.classifiers}
    names = () if kind in known else _names(found, kind)
    if kind in known:
        _check_alone(known[kind])
    needed = all_needed(found, names)
    dataset = data or DATASET
    if market is None:
        market = market_of(home, dataset)
    family = known[kind].family if kind in known else family_of(_named(found, names[0]), kind)
    report = check_job(Job(kind, market, needed, names), family, dataset, seconds, memory_mb)
    if names and (dataset == DATASET or report.refused):
        _keep(home, report)
    return report


def market_of(home: Home, dataset: str) -> Market:
    """The bars that stages are checked on: the first of the dataset. Raises DataError."""
    market = in_first_units(home.datasets.market(dataset))
    if len(market.time) <= _BARS:
        return market
    from engine.soundness.markets import prefix

    return prefix(market, _BARS)


def verdict(home: Home, kind: str, source_hash: str) -> Report | None:
    """What the last check of `kind` with this source by this engine said; None when there was none."""
    try:
        report = Report.from_dict(json.loads(_path(home, kind, source_hash).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a damaged file is as good as none: it is checked again
    same = (report.kind, report.source_hash, report.engine) == (kind, source_hash, engine_version())
    return report if same else None


def gate(home: Home, kinds: Iterable[str], sources: Sequence[Source]) -> Gate:
    """Whether a run may use these own kinds from these sources; those not yet checked as they are get checked first.

    Raises ConfigError, which names the bar, for one that looks ahead. Any other failure is a warning, and the kind
    should have a child for each container. Kinds that are built in are passed over.
    """
    warnings, isolated = [], []
    market = None
    for kind in dict.fromkeys(kinds):
        if kind in BUILT_IN.strategies or kind in BUILT_IN.classifiers or kind in ("none", "standard"):
            continue
        names = _names(sources, kind)
        report = verdict(home, kind, source_hash(sources, names[0]))
        if report is None:
            market = market_of(home, DATASET) if market is None else market
            report = check(home, kind, sources=sources, market=market)
        if report.refused:
            raise ConfigError(
                f"{report.family or 'stage'} '{kind}' (stages/{names[0]}.py) looks ahead: {report.text}; "
                f"'bulkhead check {kind}' tells more"
            )
        if not report.sound:
            warnings.append(
                f"'{kind}' is not sound, so each container gets a process of its own: {report.text} "
                f"('bulkhead check {kind}')"
            )
            isolated.append(kind)
    return Gate(tuple(warnings), tuple(isolated))


def kinds(home: Home) -> dict[str, str]:
    """The kinds that the home's files declare, with the file's name."""
    return {kind: source.name for source in read_folder(folder(home)) for kind in declared(source)}


def _check_alone(model: type[Stage]) -> None:
    """Raise ConfigError for a built-in stage that is nothing by itself, but made over another."""
    try:
        model()
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"'{model.kind}' cannot be checked by itself: {reason}") from None


def _names(sources: Sequence[Source], kind: str) -> tuple[str, ...]:
    """The file that defines `kind`, as a tuple of one. Raises ConfigError when there is none, or more."""
    names = defining(sources, kind)
    if not names:
        for source in sources:
            if source.name == kind and source.problem:
                raise ConfigError(source.problem)
        known = {one for source in sources for one in declared(source)}
        known |= {*BUILT_IN.strategies, *BUILT_IN.classifiers}
        unread = next((f" (and {source.problem})" for source in sources if source.problem), "")
        raise ConfigError(f"no such kind '{kind}'; {nearest(kind, known)}{unread}")
    if len(names) > 1:
        both = " and ".join(f"stages/{name}.py" for name in names)
        raise ConfigError(f"the kind '{kind}' stands in {both}; rename one of them")
    return names


def _named(sources: Sequence[Source], name: str) -> Source:
    return next(source for source in sources if source.name == name)


def _path(home: Home, kind: str, digest: str) -> Path:
    name = f"{digest}-{_SAFE.sub('_', kind)[:64]}-{engine_version()}.json"
    return paths.inside(home.library, "cache", "checks", name)


def _keep(home: Home, report: Report) -> None:
    """Store a report, whole or not at all. InputError when the home cannot be written to."""
    try:
        with atomic(_path(home, report.kind, report.source_hash)) as file:
            file.write(json.dumps(report.to_dict(), indent=1).encode())
    except OSError as error:
        raise InputError(
            f"{home.library / 'cache'}: cannot be written ({error.strerror}); choose another --home"
        ) from None
