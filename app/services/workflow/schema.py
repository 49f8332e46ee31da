"""What a workflow says: sections that all phases share, and the [[phase]] tables. Parsed once, at the edge.

Every phase but `validate` ends the day before `test_start`: its market is cut there, so nothing in it can look further.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar, cast

from pydantic import Field, field_validator

from engine import config
from engine.config import DataSection, ExpectedSection, ExperimentSection, Section, validated
from engine.errors import ConfigError, nearest
from engine.projections.by_regime import FEW_EPISODES
from engine.projections.catalogue import CATALOGUE

#: Sections that hold for all phases, one table each, nothing in them swept.
SHARED = ("risk", "portfolio", "execution", "limits")
SECTIONS = ("experiment", "data", *SHARED, config.PHASE, "expected", config.SOURCE)
#: Metrics that can be an objective: those with a better side.
BETTER = {metric.name: metric.better for metric in CATALOGUE if metric.better}
_DAY = datetime.timedelta(days=1)


class Period(Section):
    """The bars of one phase, where they are not those of [data]: dates, both included."""

    start: datetime.date | None = Field(None, description="first trading date")
    end: datetime.date | None = Field(None, description="last date")


class Phase(Section):
    """What every phase has."""

    kind: ClassVar[str]
    #: The kinds of its inputs: the last one must be named, those before it may be.
    takes: ClassVar[tuple[str, ...]] = ()

    name: str = Field(pattern=r"^[A-Za-z_][\w-]{0,63}$", description="its name: letters, digits, _ and -")
    inputs: tuple[str, ...] = Field((), alias="from", description="the earlier phases it is made from")
    data: Period = Field(
        default_factory=lambda: Period.model_validate({}),
        description="[phase.data]: `start` and `end`, dates, where they are not those of [data]",
    )

    @field_validator("inputs", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class Discover(Phase):
    """Backtests a sweep of strategies under each classifier and keeps every log."""

    kind = "discover"

    classifier: list[dict[str, Any]] | dict[str, Any] = Field(
        default_factory=list, description="[[phase.classifier]]: as [classifier]; several are alternatives"
    )
    strategy: list[dict[str, Any]] | dict[str, Any] = Field(
        description="[[phase.strategy]]: as [[strategy]]; each is a book of its own, unless it names a `book`"
    )
    sweep: dict[str, Any] = Field(default_factory=dict, description="[phase.sweep]: as [sweep]")


class ByRegime(Phase):
    """Chooses, for each classifier and book, the parameters that did best in each regime, and stores the signals of
    strategies that have them."""

    kind = "by_regime"
    takes = ("discover",)

    objective: Literal["sharpe", "total_return", "max_drawdown"] = Field(
        "sharpe", description="the figure that is best: of a regime's bars, and of all of them for the overall best"
    )
    min_episodes: int = Field(
        FEW_EPISODES, ge=1, description="in a regime with fewer episodes the overall best parameters hold"
    )


class Weigh(Phase):
    """Replays the stored signals under each classifier with the weights that [phase.ensemble] gives or searches, and
    picks the best of them all."""

    kind = "ensemble"
    takes = ("by_regime",)

    objective: str = Field("sharpe", description="the metric by which the best weights are picked")
    ensemble: dict[str, Any] = Field(default_factory=dict, description="[phase.ensemble]: as [ensemble]")
    sweep: dict[str, Any] = Field(default_factory=dict, description="[phase.sweep]: as [sweep], over the weights")

    @field_validator("objective")
    @classmethod
    def _has_a_better_side(cls, value: str) -> str:
        if value not in BETTER:
            raise ValueError(f"no such objective; {nearest(value, BETTER)}")
        return value


class Validate(Phase):
    """One full backtest on bars that no earlier phase has seen, with the parameters and weights that were chosen.
    Each time it begins is counted for the hypothesis."""

    kind = "validate"
    takes = ("by_regime", "ensemble")


KINDS: dict[str, type[Phase]] = {model.kind: model for model in (Discover, ByRegime, Weigh, Validate)}
P = TypeVar("P", bound=Phase)


@dataclass(frozen=True)
class Workflow:
    """A parsed workflow. `raw`: its plain TOML data."""

    header: ExperimentSection
    data: DataSection
    phases: tuple[Phase, ...]
    expected: ExpectedSection | None
    raw: Mapping[str, Any]

    @property
    def test_start(self) -> datetime.date:
        """The first date that is kept for validation."""
        assert self.data.test_start is not None
        return self.data.test_start

    def phase(self, name: str) -> Phase:
        """The phase of that name. Raises ConfigError."""
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise ConfigError(f"there is no phase '{name}'; {nearest(name, [phase.name for phase in self.phases])}")

    def source(self, phase: Phase, model: type[P]) -> P:
        """The phase of that kind that `phase` is made from, directly or by way of another."""
        while not isinstance(phase, model):
            phase = self.phase(self._main(phase))
        return phase

    def dependents(self, name: str) -> list[str]:
        """The names of all phases that are made from phase `name`, in order."""
        found = [name]
        for phase in self.phases:
            if set(phase.inputs) & set(found):
                found.append(phase.name)
        return found[1:]

    def period(self, phase: Phase) -> tuple[datetime.date | None, datetime.date | None]:
        """The first and last date of a phase; None: the first, or last, that there is."""
        if isinstance(phase, Validate):
            return phase.data.start or self.test_start, phase.data.end or self.data.end
        last = self.test_start - _DAY
        if isinstance(phase, Weigh):  # signals end where they were made
            last = self.period(self.source(phase, ByRegime))[1] or last
        return phase.data.start or self.data.start, phase.data.end or last

    def _main(self, phase: Phase) -> str:
        """The input of the kind that must be named."""
        return next(name for name in phase.inputs if self.phase(name).kind == phase.takes[-1])


def is_workflow(raw: Mapping[str, Any]) -> bool:
    """Whether the plain data of a TOML is a workflow's."""
    return config.PHASE in raw


def parse_workflow(raw: Mapping[str, Any]) -> Workflow:
    """A workflow from the plain data of its TOML. Raises ConfigError in one line, for what would leak too."""
    for name in raw:
        if name in (*config.TABLES, "sweep", "replay", config.LOG) and name not in SECTIONS:
            raise ConfigError(f"[{name}] belongs to a phase of a workflow: write [[phase.{name}]] under its [[phase]]")
        if name not in SECTIONS:
            raise ConfigError(f"unknown section [{name}]; {nearest(name, SECTIONS)}")
    for name in ("experiment", "data"):
        if name not in raw:
            raise ConfigError(f"the section [{name}] is missing; add it")
    header = config.section(ExperimentSection, raw, "experiment")
    if "pattern" in raw["experiment"]:
        raise ConfigError("[experiment] pattern: each phase of a workflow has its own; remove it")
    data = config.section(DataSection, raw, "data")
    for name in SHARED:
        if len(config.tables(raw, name)) > 1:
            raise ConfigError(f"[[{name}]]: a workflow has one [{name}], which holds for all phases; keep one")
    expected = config.section(ExpectedSection, raw, "expected") if "expected" in raw else None
    flow = Workflow(header, data, _phases(raw), expected, raw)
    _check_data(data)
    for number, phase in enumerate(flow.phases):
        _check_inputs(phase, flow.phases[:number])
        _check_period(flow, phase)
    return flow


def _phases(raw: Mapping[str, Any]) -> tuple[Phase, ...]:
    found: dict[str, Phase] = {}
    for number, table in enumerate(config.tables(raw, config.PHASE), start=1):
        where = f"[[phase]] {number}"
        values = dict(table)
        kind = values.pop("kind", None)
        if kind is None:
            raise ConfigError(f"{where}: the key 'kind' is missing; {nearest('', KINDS)}")
        if not isinstance(kind, str) or kind not in KINDS:
            raise ConfigError(f"{where}: no such kind {kind!r}; {nearest(str(kind), KINDS)}")
        if isinstance(values.get("data"), dict) and "test_start" in values["data"]:
            raise ConfigError(
                f"{where}: data: test_start is the workflow's, or a phase could see bars kept for validation; remove it"
            )
        phase = validated(KINDS[kind], values, where)
        if phase.name in found:
            raise ConfigError(f"{where}: the name '{phase.name}' is taken; give it another")
        found[phase.name] = phase
    if not found:
        raise ConfigError('a workflow needs phases; add [[phase]] with kind = "discover"')
    return tuple(found.values())


def _check_inputs(phase: Phase, earlier: Sequence[Phase]) -> None:
    """Raise ConfigError when a phase does not name what it is made from."""
    where = f"phase '{phase.name}'"
    known = {other.name: other for other in earlier}
    kinds = []
    for name in phase.inputs:
        if name not in known:
            raise ConfigError(f"{where}: from: no phase '{name}' stands before it; {nearest(name, known)}")
        kinds.append(known[name].kind)
    if not phase.takes:
        if phase.inputs:
            raise ConfigError(f"{where}: a phase of kind '{phase.kind}' has no inputs; remove 'from'")
        return
    needed = phase.takes[-1]
    if kinds.count(needed) != 1 or len(set(kinds)) < len(kinds) or not set(kinds) <= set(phase.takes):
        raise ConfigError(
            f"{where}: a phase of kind '{phase.kind}' is made from one of kind '{needed}'; name it in 'from'"
        )
    main = known[phase.inputs[kinds.index(needed)]]
    for name in phase.inputs:
        if name != main.name and name not in main.inputs:
            raise ConfigError(f"{where}: from: '{main.name}' was not made from '{name}'; name '{main.name}' alone")


def _check_data(data: DataSection) -> None:
    if not data.dataset:
        raise ConfigError("[data]: the key 'dataset' is missing; add it")
    test = data.test_start
    if test is None:
        raise ConfigError("[data] test_start is missing: bars from there on are kept for validation; add it")
    if data.start is not None and data.start >= test:
        raise ConfigError(f"[data] start {data.start} lies not before test_start {test}; no phase before it has a bar")
    if data.end is not None and data.end < test:
        raise ConfigError(f"[data] end {data.end} lies before test_start {test}; nothing is left to validate on")


def _check_period(flow: Workflow, phase: Phase) -> None:
    """Raise ConfigError when a phase would see bars that it must not see."""
    where, test = f"phase '{phase.name}'", flow.test_start
    start, end = flow.period(phase)
    if isinstance(phase, Validate):
        if cast(datetime.date, start) < test:
            seen = [(last, other.name) for other in flow.phases if (last := _last(flow, other)) is not None]
            last, name = max(seen, default=(test - _DAY, "discover"))
            raise ConfigError(
                f"{where}: data: start {start} lies before test_start {test}, and '{name}' has seen bars up to {last}: "
                "a validation begins on test_start or later"
            )
        if end is not None and flow.data.end is not None and end > flow.data.end:
            raise ConfigError(f"{where}: data: end {end} lies after [data] end {flow.data.end}; choose an earlier one")
    else:
        for name, day in (("start", start), ("end", end)):
            if day is not None and day >= test:
                raise ConfigError(
                    f"{where}: data: {name} {day} lies not before test_start {test}: bars from there on are kept for "
                    "validation; choose an earlier date"
                )
    if start is not None and end is not None and start > end:
        raise ConfigError(f"{where}: data: start {start} lies after end {end}; swap them")
    if isinstance(phase, Weigh) and phase.data.end is not None:
        last = _last(flow, flow.source(phase, ByRegime))
        if last is not None and phase.data.end > last:
            raise ConfigError(
                f"{where}: data: end {end} lies after {last}, where its signals end; choose an earlier one"
            )


def _last(flow: Workflow, phase: Phase) -> datetime.date | None:
    return None if isinstance(phase, Validate) else flow.period(phase)[1]
