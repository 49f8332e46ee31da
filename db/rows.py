"""What the store takes and gives: plain, frozen dataclasses. No database object leaves `db/`."""

import json
import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.own.source import Source
from engine.parallel.block import Usage
from engine.projections.catalogue import METRICS


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is known of a run before it begins. `plan` and `platform` are JSON objects; `containers` is their number.

    `fingerprint` is the platform's hash; `hypothesis` is free text, empty for none; `sources`: the files of the user's
    own stages that it runs (`Store.sources` gives them back); `workflow` and `phase`: what it is a part of;
    `validates`: it runs on bars kept for validation, which is counted for its hypothesis; `extends`: the run whose
    containers it takes over.
    """

    name: str
    config: str
    plan: dict[str, Any]
    seed: int
    containers: int
    dataset: str
    dataset_hash: str
    engine: str
    platform: dict[str, Any]
    fingerprint: str
    pattern: str = "full_backtest"
    hypothesis: str = ""
    workers: int | None = None
    backend: str | None = None
    sources: tuple[Source, ...] = ()
    workflow: int | None = None
    phase: str | None = None
    validates: bool = False
    extends: int | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as lists show it.

    `status`: queued, running, paused, stopped, interrupted (its runner is gone), done, failed (`error` says why).
    `pid`: the runner's while it lives; `heartbeat`: its last commit. `seconds`: from the first dispatch to the last
    commit. `epoch`: how often somebody began to work on it. Times: UTC, ISO 8601.
    """

    id: int
    name: str
    status: str
    pattern: str
    hypothesis: str
    dataset: str
    dataset_hash: str
    containers: int
    done: int
    failed: int
    pid: int | None
    heartbeat: str | None
    created: str
    started: str | None
    finished: str | None
    seconds: float | None
    startup_seconds: float | None
    digest: str | None
    error: str | None
    epoch: int


@dataclass(frozen=True, slots=True)
class Run(RunSummary):
    """A run with all that reproduces it.

    `trials`: containers ever run for its hypothesis on its dataset; `reveals`: how often test figures of such runs were
    looked at; `revealed`: when those of this run were first, None if never; `validations`: how often a workflow was
    validated for it. `workflow_id`, `phase`: what it is a part of.
    """

    seed: int
    config: str
    plan: dict[str, Any]
    engine: str
    platform: dict[str, Any]
    fingerprint: str
    workers: int | None
    backend: str | None
    decisions_digest: str | None
    trials: int
    reveals: int
    revealed: str | None
    validations: int
    workflow_id: int | None
    phase: str | None


@dataclass(frozen=True, slots=True)
class Container:
    """A stored container; `rows` is the number of its events.

    `metrics` and `test_metrics` have all names of the catalogue, None where undefined; each as a whole is None when
    there are none: the container is not done, or has no held-out bars.
    """

    run: int
    index: int
    status: str
    error: str | None
    params: dict[str, Any]
    spec_hash: str
    digest: str | None
    decisions_digest: str | None
    fills_digest: str | None
    signals_digest: str | None
    usage: Usage
    rows: int
    metrics: dict[str, float | None] | None
    test_metrics: dict[str, float | None] | None


#: A parameter's value as a condition has it; a list or a table stands as its JSON text without spaces.
Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """What containers must fulfil. `name`: a metric (before `test_start`), a swept parameter, or "status".

    Its value is one of `values` (None among them: or there is none), or a number from `low` to `high`, both included
    (None: open). Without any of the three everything passes that has a number there.
    """

    name: str
    values: tuple[Value, ...] | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A swept parameter of a run: the values its containers have, numbers in order, then words.

    `missing`: whether some containers have no such parameter, being of another branch.
    """

    name: str
    values: tuple[Value, ...]
    missing: bool

    @property
    def numeric(self) -> bool:
        """Whether all values are numbers."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)


@dataclass(frozen=True, slots=True)
class RunState:
    """As much of a run as tells whether something happened to it, and how fast it goes. Fields as in `RunSummary`."""

    id: int
    name: str
    status: str
    containers: int
    done: int
    failed: int
    pid: int | None
    started: str | None
    heartbeat: str | None
    epoch: int


@dataclass(frozen=True, slots=True)
class Request:
    """What a run's holder was asked: stop, pause, or kill container `idx`."""

    id: int
    action: str
    idx: int | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Containers that ended alike: same status, same last line of error. `error`: the full text of the `first` one."""

    status: str
    line: str
    count: int
    first: int
    error: str


def now() -> str:
    """The time as it is stored."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def named(values: tuple[float | None, ...] | None) -> dict[str, float | None] | None:
    """Metric columns by name."""
    return None if values is None else dict(zip(METRICS, values, strict=True))


def clean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Metrics as SQLite gives them back: NaN for what is not finite, and no −0.0. Same shape."""
    return np.where(np.isfinite(values), values + 0.0, np.nan)


def run_checksum(run: "NewRun | Run", plan: str, platform: str) -> int:
    """The CRC-32 of what does not change in a run's row; `plan` and `platform` as the JSON texts that are stored."""
    texts = (run.name, run.pattern, run.hypothesis, run.config, plan, platform, run.dataset, run.dataset_hash)
    fixed = (*texts, run.engine, run.fingerprint, str(run.seed), str(run.containers))
    return zlib.crc32("\0".join(fixed).encode())


_NUMBERS = struct.Struct("<qqqqqqqdd").pack


def checksum(
    numbers: tuple[int, int, int, int, int, int, int, float, float], texts: tuple[str | None, ...], metrics: bytes
) -> int:
    """The CRC-32 of a container's row.

    `numbers`: run, index, block, position, row_start, row_count, memory, wall, cpu; `texts`: status, params, spec_hash,
    the four digests, error; `metrics`: the clean values of its parts, as float64 bytes.
    """
    words = "\0".join(["\1" if text is None else text for text in texts])
    return zlib.crc32(_NUMBERS(*numbers) + words.encode() + metrics)


def printable(text: str | None) -> str | None:
    """Text that can be stored: what a user's code raises may hold characters that no encoding has."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def parse(text: str) -> dict[str, Any]:
    """A stored JSON object."""
    value: dict[str, Any] = json.loads(text)
    return value
