"""What comes of a draft: how many containers on which bars, or what is wrong, and at which field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.services import drafting, replays, stages
from app.services.drafting import Draft, Place
from app.services.home import Home
from app.services.running import market_of
from engine import config
from engine.config import SECTIONS, TABLES, LogSection
from engine.errors import BulkheadError, ConfigError
from engine.experiment import Experiment, Told, build_sweep, parse_experiment
from engine.plan import plan_on
from engine.registry import Registry
from engine.signals.stored import SignalLog
from engine.sweep import Sweep

#: Conditions are tried on so many points, evenly spread, where there are more: the count is an estimate then.
TRIED = 20_000
#: Points times bars up to which indicators are computed while the form is filled in, to know the warm-up.
PLANNED = 200_000_000


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing that is wrong: one line, and the place it is about, as near as that can be told."""

    text: str
    place: Place | None = None

    def at(self, place: Place) -> bool:
        """Whether it is about the field at `place`."""
        return self.place is not None and self.place[: len(place)] == place


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would run. `about`: the count is an estimate. `first`, `test`: bar numbers, None where not worked out."""

    containers: int = 0
    about: bool = False
    branches: int = 0
    names: tuple[str, ...] = ()
    bars: int = 0
    symbols: int = 0
    first: int | None = None
    test: int | None = None
    problem: Problem | None = None


def outlook(home: Home, draft: Draft) -> Outlook:
    """What would run, as far as it can be told at once; the check before a run is `running.check`, which tells all."""
    found = Outlook()
    try:
        config.check_sections(draft)
        own = stages.of_config(home, draft)
        replayed = replays.of_config(home, draft, _unmade)
        experiment, count, about = _counted(draft, own.registry, replayed.told if replayed else None)
        sweep = experiment.sweep
        names = tuple(sorted({name for branch in sweep.branches for name in branch.fixed}))
        found = Outlook(count, about, len(sweep.branches), names)
        if replayed is not None:
            whole = replays.market_of(home, replayed.logs)
            plan = plan_on(experiment, draft, whole, own, logs=replayed.logs, regimes=replayed.regimes)
            bars, symbols = len(plan.market.time), len(plan.market.symbols)
            return Outlook(count, about, len(sweep.branches), names, bars, symbols, plan.first, plan.test)
        whole = market_of(home, experiment)
        market = whole.select(experiment.data.symbols, experiment.data.end)
        found = Outlook(count, about, len(sweep.branches), names, len(market.time), len(market.symbols))
        if count * market.close.size > PLANNED or own.of(draft).described:  # own stages would have to be asked
            return found
        plan = plan_on(experiment, draft, whole)
        bars, symbols = len(plan.market.time), len(plan.market.symbols)
        return Outlook(count, about, len(sweep.branches), names, bars, symbols, plan.first, plan.test)
    except BulkheadError as error:
        return Outlook(
            *(found.containers, found.about, found.branches, found.names, found.bars, found.symbols),
            problem=located(str(error), draft),
        )


def _unmade(log: LogSection) -> SignalLog:
    raise ConfigError(f"[replay] signals {log.digest[:12]} are made when the replay is run; they are not in this home")


def _counted(draft: Draft, registry: Registry, told: Told | None) -> tuple[Experiment, int, bool]:
    """The experiment, its number of containers, and whether that is an estimate. Raises ConfigError."""
    table = draft.get("sweep")
    sweeping: Mapping[str, Any] = table if isinstance(table, dict) else {}
    if not sweeping.get("where"):
        experiment = parse_experiment(draft, registry, told)
        return experiment, experiment.containers, False
    sweep = build_sweep(draft, registry, told=told)
    if sweep.total <= TRIED:
        experiment = parse_experiment(draft, registry, told)
        return experiment, experiment.containers, False
    open_to_all = {**draft, "sweep": {key: item for key, item in sweeping.items() if key != "where"}}
    experiment = parse_experiment(open_to_all, registry, told)
    met = round(_share(sweep) * sweep.total)
    return experiment, min(met, experiment.containers), True


def _share(sweep: Sweep) -> float:
    """How large a share of the points meets the conditions, from some of them."""
    ranks = np.linspace(0, sweep.total - 1, TRIED).astype(np.int64).tolist()
    return sum(map(sweep.holds, ranks)) / len(ranks)


# --- where a message points ------------------------------------------------------------------------------------------


_TABLE = re.compile(r"\[(?P<section>\w+)\]:? (?P<rest>.*)", re.DOTALL)
_NUMBERED = re.compile(r"\[\[(?P<section>\w+)\]\] (?P<number>\d+): (?P<rest>.*)", re.DOTALL)
_STRATEGY = re.compile(r"strategy '(?P<name>[^']*)': (?P<rest>.*)", re.DOTALL)
_AXIS = re.compile(r"(?P<name>[\w-]+)\.(?P<path>[\w.]+): (?P<rest>.*)", re.DOTALL)
_KEY = re.compile(r"(?P<path>[\w-]+(?:\.[\w-]+)*): (?P<rest>.*)", re.DOTALL)
_MISSING = re.compile(r"the key '(?P<key>\w+)' is missing")
#: Beginnings of messages that name no section, and the place that they are about.
_BEGINNINGS: dict[str, Place] = {
    "no dataset": ("data", "dataset"),
    "the config pins dataset": ("data", "dataset"),
    "no symbol": ("data", "symbols"),
    "symbols must": ("data", "symbols"),
    "no bar on or before": ("data", "end"),
    "no [[strategy]]": ("strategy",),
    "the sweep is empty": ("sweep", "where"),
}


def located(message: str, draft: Draft) -> Problem:
    """A message of a refused config, and the place in the draft that it names."""
    for beginning, place in _BEGINNINGS.items():
        if message.startswith(beginning):
            return Problem(message, place)
    if found := _NUMBERED.fullmatch(message):
        return _in_table(found["section"], int(found["number"]) - 1, found["rest"])
    if found := _STRATEGY.fullmatch(message):
        names = drafting.strategy_names(draft)
        if found["name"] in names:
            return _in_table("strategy", names.index(found["name"]), found["rest"])
    if (found := _TABLE.fullmatch(message)) and found["section"] in (*TABLES, *SECTIONS):
        return _in_section(found["section"], found["rest"], draft)
    if found := _AXIS.fullmatch(message):
        names = drafting.strategy_names(draft)
        if found["name"] in names:
            return Problem(_cleaned(found["rest"]), ("strategy", names.index(found["name"]), *found["path"].split(".")))
        if found["name"] in TABLES:
            return _in_section(found["name"], f"{found['path']}: {found['rest']}", draft)
    return Problem(message)


def _in_section(section: str, rest: str, draft: Draft) -> Problem:
    """A problem in a section; of alternatives, in the first that says anything of the field."""
    if section not in TABLES:
        return _about((section,), rest)
    problem = _about((section, 0), rest)
    if problem.place is not None and len(problem.place) > 2:
        key = problem.place[2]
        tables = drafting.tables(draft, section)
        index = next((i for i, table in enumerate(tables) if key in table), 0)
        return Problem(problem.text, (section, index, *problem.place[2:]))
    return problem


def _in_table(section: str, index: int, rest: str) -> Problem:
    return _about((section, index), rest)


def _about(place: Place, rest: str) -> Problem:
    """A problem in the table at `place`, at the field that the message begins with."""
    if found := _KEY.fullmatch(rest):
        path = found["path"].split(".")
        return Problem(_cleaned(found["rest"]), (*place, *path))
    if found := _MISSING.match(rest):
        return Problem(rest, (*place, found["key"]))
    if rest.startswith("no such kind"):
        return Problem(rest, (*place, "kind"))
    if rest.startswith("the name "):
        return Problem(rest, (*place, "name"))
    if rest.startswith("several "):
        return Problem(rest, (*place, "name"))
    if rest.startswith("weights go with"):
        return Problem(rest, (*place, "method"))
    word = rest.split(" ", 1)[0]
    if word in _words(str(place[0])):
        return Problem(_cleaned(rest), (*place, word))
    return Problem(rest, place)


def _words(section: str) -> tuple[str, ...]:
    """The keys that a message about a section may begin with, without a colon after them."""
    model = SECTIONS.get(section)
    return tuple(model.model_fields) if model else ("name", "book", "kind")


def _cleaned(text: str) -> str:
    """A message without the words that only a programmer needs."""
    return text.replace("input should be", "must be", 1) if text.startswith("input should be") else text
