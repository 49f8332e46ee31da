"""An experiment as written: TOML in, validated sections out. Parsed once, at the edge; inside, types are trusted.

Numbers that are swept are still lists or ranges here; `sweep.py` expands them into points.
"""

import datetime
import hashlib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import ConfigError, nearest

MAX_BYTES = 256 * 1024
MAX_DOTS = 8
_QUOTED = re.compile(r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
_DOTTED = re.compile(rf"(?:[\w-]+[ \t]*\.[ \t]*){{{MAX_DOTS}}}")
_MAX_DEPTH = 40

PATTERNS = ("full_backtest", "signal_generation", "signal_replay")


M = TypeVar("M", bound=BaseModel)


class Section(BaseModel):
    """Base of the sections that are not stages."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ExperimentSection(Section):
    name: str = Field(min_length=1, max_length=200)
    pattern: Literal["full_backtest", "signal_generation", "signal_replay"] = "full_backtest"
    seed: int = Field(0, ge=0, lt=2**63)
    hypothesis: str | None = Field(None, max_length=2000)


class DataSection(Section):
    """What an experiment runs on. `dataset` is empty where a replay takes that of its logs."""

    dataset: str = Field("", max_length=128)
    symbols: list[str] | None = Field(None, min_length=1)
    start: datetime.date | None = None
    end: datetime.date | None = None
    warmup: Literal["own", "common"] | int = "own"
    test_start: datetime.date | None = None


class SweepSection(Section):
    method: Literal["grid", "random", "sobol", "tpe"] = "grid"
    samples: int | None = Field(None, ge=1, le=1_000_000)
    objective: str | None = None
    where: list[str] = Field(default_factory=list)


class ReplaySection(Section):
    """The stored signal logs of a replay, RUN/INDEX or digest each; `regimes`: whose regimes, where they differ."""

    signals: list[str] = Field(min_length=1, max_length=1000)
    regimes: str | None = None


class LogSection(Section):
    """A signal log that an export brings along: the config that makes it, or its rows (time, symbol, value) as CSV.

    What follows `rows` says what the rows are of; `first`: number of the first trading bar; `name`: the strategy's.
    """

    digest: str
    config: str | None = None
    rows: str | None = None
    dataset_hash: str | None = None
    symbols: list[str] | None = None
    end: datetime.date | None = None
    first: int = Field(0, ge=0)
    name: str = "imported"


class ImportedSection(Section):
    """Where a log came from that no experiment here made: a file, its SHA-256 (hex), how many rows it held."""

    name: str
    file: str
    sha256: str
    rows: int


class LimitsSection(Section):
    """Seconds of wall clock and CPU, MiB of memory, rows of log, MiB of output of a container; who shares a child."""

    wall_seconds: float = Field(60.0, gt=0, le=1e6)
    cpu_seconds: float = Field(60.0, gt=0, le=1e6)
    memory_mb: float = Field(1024.0, gt=0, le=1e7)
    max_events: int = Field(5_000_000, gt=0, le=10**9)
    max_output_mb: float = Field(10.0, gt=0, le=1e6)
    isolation: Literal["auto", "batch", "container"] = "auto"


class ExpectedSection(Section):
    """What an exported config pins: the data, where it was computed, and what came out."""

    dataset_hash: str
    engine: str
    platform: dict[str, str]
    containers: int
    digest: str | None = None
    decisions_digest: str | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    #: Of a workflow: the digest of each phase's result.
    phases: dict[str, str] = Field(default_factory=dict)


class SourceSection(Section):
    """One file of a user's own stages, as an export brings it along. `hash`: SHA-256 of the text, hex."""

    text: str
    hash: str


#: Section → how many tables it may have. The lists of tables are alternatives (strategies: of one book, together).
TABLES = ("classifier", "risk", "portfolio", "strategy", "ensemble", "execution")
SECTIONS: dict[str, type[Section]] = {
    "experiment": ExperimentSection,
    "data": DataSection,
    "sweep": SweepSection,
    "limits": LimitsSection,
    "expected": ExpectedSection,
    "replay": ReplaySection,
}
#: A table for each file: [source.NAME].
SOURCE = "source"
#: A table for each signal log that is brought along: [[log]].
LOG = "log"
#: The tables of a workflow: [[phase]]. An experiment has none.
PHASE = "phase"
#: What an imported log has in place of [[strategy]].
IMPORTED = "imported"


def load(text: str) -> dict[str, Any]:
    """Parse TOML into plain data, refusing what is too large or too deep to be an experiment. Raises ConfigError."""
    if len(text) > MAX_BYTES:
        raise ConfigError(f"the config has {len(text)} characters; at most {MAX_BYTES} are read")
    if _DOTTED.search(_QUOTED.sub('""', text)):
        raise ConfigError(f"the config has a key of more than {MAX_DOTS} dotted parts; no key here needs that many")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the config is not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError("the config is nested too deeply; no key here needs that") from None
    except (ValueError, OverflowError) as error:  # numbers and dates the language allows and Python does not
        raise ConfigError(f"the config holds a value that cannot be read: {error}") from None
    _check_depth(data, 0)
    return data


def _check_depth(value: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ConfigError("the config is nested too deeply; no key here needs that")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(item, depth + 1)


def validated(model: type[M], values: Mapping[str, Any], where: str) -> M:
    """`model` built from `values`; a ConfigError in one line names the place `where` and the first thing wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(": ".join(filter(None, (where, *first_problem(error, model))))) from None


def first_problem(error: ValidationError, model: type[BaseModel]) -> tuple[str, str]:
    """The first thing wrong: the path of the value it is about ("" when it is about none), and what is wrong."""
    problem = error.errors()[0]
    path = ".".join(str(part) for part in problem["loc"] if not str(part).startswith(("function-", "list[", "dict[")))
    if problem["type"] == "extra_forbidden":
        return "", f"unknown key '{path}'; {nearest(path, model.model_fields)}"
    if problem["type"] == "missing":
        return "", f"the key '{path}' is missing; add it"
    message = problem["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    shown = repr(problem["input"])
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return (path, f"{message} (got {shown})") if path else ("", message)


def section(model: type[M], data: Mapping[str, Any], name: str) -> M:
    """One section of the config, validated; a missing section is its defaults (or names its missing keys)."""
    values = data.get(name, {})
    if not isinstance(values, dict):
        raise ConfigError(f"[{name}] must be one table, written [{name}]")
    return validated(model, values, f"[{name}]")


def tables(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The tables called `name`: `[name]` gives one, `[[name]]` several, none an empty list. Raises ConfigError."""
    value = data.get(name, [])
    found = [value] if isinstance(value, dict) else value
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ConfigError(f"[{name}] must be a table, written [{name}] or [[{name}]]")
    return found


def check_sections(data: Mapping[str, Any]) -> None:
    """Refuse unknown sections, workflows, and configs without the required sections."""
    known = [*SECTIONS, *TABLES, SOURCE, LOG]
    if IMPORTED in data:
        raise ConfigError(
            "[imported] tells of signals that came from a file, and nothing here makes them anew; "
            "import the file again with 'bulkhead signals add'"
        )
    for name in data:
        if name == PHASE:
            raise ConfigError(
                "[[phase]] makes this a workflow, which is several experiments; start it with 'bulkhead run'"
            )
        if name not in known:
            raise ConfigError(f"unknown section [{name}]; {nearest(name, known)}")
    replayed = pattern(data) == "signal_replay"
    for name in ("experiment", *(() if replayed else ("data",))):
        if name not in data:
            raise ConfigError(f"the section [{name}] is missing; add it")
    if replayed != ("replay" in data):
        raise ConfigError(
            '[experiment] pattern: "signal_replay" needs [replay] with signals = ["RUN/INDEX", …]; add it'
            if replayed
            else '[replay] goes with [experiment] pattern = "signal_replay"; set that, or remove [replay]'
        )
    if replayed:
        for name in ("classifier", "strategy"):
            if name in data:
                raise ConfigError(f"[{name}] takes no part in a replay: its signals are in the logs; remove it")
    elif not data.get("strategy"):
        raise ConfigError('no [[strategy]] table; add one, e.g. [[strategy]] with kind = "ma_cross"')


def pattern(data: Mapping[str, Any]) -> Any:
    """The pattern an experiment names, whatever it is."""
    header = data.get("experiment")
    return header.get("pattern", PATTERNS[0]) if isinstance(header, dict) else PATTERNS[0]


def logs(data: Mapping[str, Any]) -> list[LogSection]:
    """The signal logs under [[log]]. Raises ConfigError."""
    found = [validated(LogSection, table, f"[[{LOG}]] {number}") for number, table in enumerate(tables(data, LOG), 1)]
    for log in found:
        whole = log.config is not None or (log.rows is not None and log.dataset_hash and log.symbols)
        if (log.config is None) == (log.rows is None) or not whole:
            raise ConfigError(
                f"[[{LOG}]] {log.digest[:12]} needs config, or rows with dataset_hash and symbols; export it again"
            )
    return found


def sources(data: Mapping[str, Any]) -> dict[str, SourceSection]:
    """The files under [source], by name. ConfigError when one is not what its hash says."""
    value = data.get(SOURCE, {})
    if not isinstance(value, dict):
        raise ConfigError("[source] must hold a table for each file, written [source.NAME]")
    found = {}
    for name, table in sorted(value.items()):
        if not name.isidentifier() or not isinstance(table, dict):
            raise ConfigError(f"[source.{name}] must be a table with text and hash, named like a Python module")
        found[name] = validated(SourceSection, table, f"[source.{name}]")
        if hashlib.sha256(found[name].text.encode()).hexdigest() != found[name].hash:
            raise ConfigError(
                f"[source.{name}] was changed: its text has another hash than the one beside it; export again"
            )
    return found
