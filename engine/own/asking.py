"""What a plan or a reader has to ask of own stages, which it does not import: each question goes to a sealed child."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from engine.classifiers.base import Classifier, carried
from engine.config import validated
from engine.errors import BulkheadError, ConfigError, StageError
from engine.indicators.kept import Kept, market_hash
from engine.indicators.own import computed
from engine.indicators.request import Request
from engine.market.market import Market, frozen
from engine.own import sealed
from engine.own.load import line_of, loaded
from engine.own.stages import OwnStages
from engine.own.standin import StandIn
from engine.registry import Registry
from engine.stage import Stage
from engine.strategies.by_regime import ByRegime
from engine.sweep import canonical

Array = npt.NDArray[np.float64]
Values = dict[str, Array]
T = TypeVar("T")
#: Seconds and MiB for one question, beyond what the child starts with.
SECONDS, MEMORY_MB = 60.0, 4096.0
#: A stage as it travels: family, kind, parameters.
Named = tuple[str, str, dict[str, Any]]


def requests(own: OwnStages, stages: Sequence[Stage]) -> list[dict[str, Request]]:
    """What each of the stages asks of the hub; of stand-ins a child is asked. ConfigError when one refuses its values.

    Raises StageError when the user's code fails.
    """
    theirs = [part for stage in stages for part in _parts(stage).values()]
    told = iter(sealed.apart(_ask, own, "indicators", [_named(part) for part in theirs]) if theirs else ())
    return [_requests(stage, told) for stage in stages]


def _requests(stage: Stage, told: Iterator[dict[str, Request]]) -> dict[str, Request]:
    parts = _parts(stage)
    if not parts:
        return stage.indicators()
    return {f"{place}.{name}" if place else name: request for place in parts for name, request in next(told).items()}


def _parts(stage: Stage) -> dict[str, Stage]:
    """The stand-ins that a stage is, or is made of, by the place that comes before their indicators' names."""
    if isinstance(stage, StandIn):
        return {"": stage}
    if isinstance(stage, ByRegime):
        return {place: variant for place, variant in stage.variants.items() if isinstance(variant, StandIn)}
    return {}


def labels(own: OwnStages, classifiers: Sequence[tuple[Classifier, Market, Values]]) -> list[npt.NDArray[np.int64]]:
    """The carried labels of classifiers (stand-ins) on their markets, each int64 (bars,)."""
    return sealed.apart(_ask, own, "label", [(_named(one), market, values) for one, market, values in classifiers])


def values(own: OwnStages, wanted: Sequence[Request], market: Market) -> list[Array]:
    """Own indicators on a market, without their lag, each float64 (bars, symbols), read-only; kept between runs."""
    kept = None if own.cache is None else Kept(own.cache / "indicators", market.valid.shape)
    content = market_hash(market) if kept else ""
    found: dict[Request, Array] = {}
    for request in wanted:
        array = kept.get(request, content) if kept else None
        if array is not None:
            found[request] = array
    missing = [request for request in dict.fromkeys(wanted) if request not in found]
    if missing:
        for request, array in zip(missing, sealed.apart(_ask, own, "compute", (missing, market)), strict=True):
            found[request] = frozen(array)
            if kept:
                kept.put(request, content, array)
    return [found[request] for request in wanted]


def _named(stage: Stage) -> Named:
    return stage.family, stage.kind, dict(stage.__dict__)


def _ask(own: OwnStages, question: str, about: Any) -> Any:
    answers: dict[str, Callable[[Registry, OwnStages, Any], Any]] = {
        "indicators": _indicators,
        "label": _labels,
        "compute": _compute,
    }
    try:
        return sealed.ask(SECONDS, MEMORY_MB, _answer, answers[question], own, about)
    except sealed.Unanswered as error:
        files = dict.fromkeys(f"stages/{stage['module']}.py" for stage in own.described)
        raise StageError(f"{', '.join(files)}: {question}() gave no answer: {error}") from error


# --- in the child -----------------------------------------------------------------------------------------------------


def _answer(answer: Callable[[Registry, OwnStages, Any], Any], own: OwnStages, about: Any) -> Any:
    return answer(loaded(own), own, about)


def _stage(registry: Registry, own: OwnStages, named: Named) -> Stage:
    """The user's own class with the values of its stand-in. ConfigError when it does not take them as they are."""
    family, kind, parameters = named
    model = registry.named(family)[kind]
    where = f"{kind} ({_file(own, kind)})"
    stage = _worked(own, where, lambda: validated(model, parameters, where))
    for name, value in parameters.items():
        found = stage.__dict__.get(name)
        if not _same(found, value):
            raise ConfigError(f"{where}: {name} = {value!r} becomes {found!r}; a stage must keep its parameters")
    return stage


def _same(one: Any, other: Any) -> bool:
    """Whether two values are written alike, so that they are one in a spec's hash."""
    try:
        return canonical(one) == canonical(other)
    except (TypeError, ValueError):
        return False


def _file(own: OwnStages, kind: str) -> str:
    return next((f"stages/{stage['module']}.py" for stage in own.described if stage["kind"] == kind), "stages")


def _worked(own: OwnStages, where: str, work: Callable[[], T]) -> T:
    """`work()`, the user's code; what it raises in one line that names the stage and the line in its file."""
    try:
        return work()
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        line = line_of(error, own.sources)
        raise StageError(line if isinstance(error, BulkheadError) and where in line else f"{where}: {line}") from error


def _indicators(registry: Registry, own: OwnStages, stages: Sequence[Named]) -> list[dict[str, Request]]:
    found = []
    for named in stages:
        stage = _stage(registry, own, named)
        where = f"{stage.kind} ({_file(own, stage.kind)})"
        told = _worked(own, where, stage.indicators)
        plain = isinstance(told, dict) and all(isinstance(key, str) for key in told)
        if not plain or not all(isinstance(item, Request) for item in told.values()):
            raise StageError(f"{where}: indicators() must return a dict of name → indicator(…)")
        found.append(told)
    return found


def _labels(registry: Registry, own: OwnStages, asked: Any) -> list[npt.NDArray[np.int64]]:
    found = []
    for named, market, given in asked:
        stage = _stage(registry, own, named)
        assert isinstance(stage, Classifier)
        where = f"{stage.kind} ({_file(own, stage.kind)})"
        codes = _worked(own, where, partial(stage.label, market, given))
        found.append(carried(codes, len(market.time), stage))
    return found


def _compute(registry: Registry, own: OwnStages, asked: tuple[list[Request], Market]) -> list[Array]:
    wanted, market = asked
    return [_worked(own, request.text, partial(computed, registry.indicators, request, market)) for request in wanted]
