"""An exported config, run anew and compared with what it says came out. Nothing of it is kept, no trial is counted."""

import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.services import bundle_taking, executing, running
from app.services.bundle_reading import Bundle
from app.services.executing import Progress
from app.services.exporting import mean_metrics
from app.services.home import Home
from app.services.reading import read, searched_point
from app.services.running import Prepared
from db.engine import FILE
from db.store import Container, Store
from engine import config
from engine.config import ExpectedSection
from engine.errors import ConfigError
from engine.events import DECISIONS, VALUES
from engine.fingerprint import engine_version, platform_facts
from engine.projections import trace
from engine.projections.trace import Names
from engine.shared import Shared
from engine.spec import resolve

IDENTICAL, SAME, DIFFERENT = "identical", "same within 1e-9", "different"
TOLERANCE = 1e-9
#: So few containers are not worth starting workers for.
_ALONE = 64


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first event that differs: its container's index and its seq; its row in words in either log, None where a log
    has ended before it."""

    index: int
    seq: int
    original: dict[str, Any] | None
    now: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run made anew compares. `verdict`: IDENTICAL, SAME (same decisions, metrics within 1e-9) or DIFFERENT.

    versions: what differs between there and here, name → (there, here). metrics: those beyond the tolerance, name →
    (expected, now). note: what else there is to say.
    """

    verdict: str
    containers: int
    expected: str
    digest: str | None
    versions: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    metrics: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    diverged: Divergence | None = None
    note: str | None = None


def prepare(
    home: Home, text: str, trust: bool = False, bundle: Bundle | None = None
) -> tuple[Prepared, ExpectedSection]:
    """An exported config, ready to run. ConfigError when it does not say what came out, or brings strange code.

    `trust`: own stages that it brings along may run although this home has not had them before. `bundle`: what came
    along with the config.
    """
    if "expected" not in config.load(text):
        raise ConfigError(
            "the config has no [expected] section, so there is nothing to compare; make it with 'bulkhead export'"
        )
    prepared = running.check(home, text, trust) if bundle is None else of_bundle(home, bundle, trust)
    expected = prepared.experiment.expected
    if expected is None or expected.digest is None:
        raise ConfigError(
            "[expected] has no digest, so there is nothing to compare; export the run again when it is done"
        )
    return prepared, expected


def of_bundle(home: Home, bundle: Bundle, trust: bool) -> Prepared:
    """A bundle's experiment on what it brings along; its own stages as `running.check` has those of a config."""
    market = bundle.market()
    if bundle.logs:
        whole = home.datasets.market(bundle.manifest.dataset_hash) if market is None else market
        for log in bundle.logs.values():
            bundle_taking.check_log(log, whole)
    own = bundle_taking.own_of(home, bundle, trust)
    return running.check(home, bundle.config, own=own, market=market, logs=bundle.logs)


def reproduce(
    home: Home,
    prepared: Prepared,
    expected: ExpectedSection,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Run `prepared` in a temporary store and compare it with `expected`."""
    plan = prepared.plan
    count = workers or (1 if plan.containers <= _ALONE else running.default_workers())
    with tempfile.TemporaryDirectory(prefix="bulkhead-reproduce-") as folder, Store(Path(folder)) as store:
        run_id = running.create(store, prepared, count, "loky")
        executing.execute(store, prepared, run_id, count, progress=progress)
        return _compare(home, prepared, expected, store, run_id)


def _compare(home: Home, prepared: Prepared, expected: ExpectedSection, store: Store, run_id: int) -> Verdict:
    run = store.run(run_id)
    one = store.container(run_id, 0) if run.containers == 1 else None
    assert expected.digest is not None
    # a file with one container may be the export of it, or of a run that has no other
    if expected.digest in (run.digest, one.digest if one else None):
        return Verdict(IDENTICAL, run.containers, expected.digest, expected.digest, versions_differ(expected))
    digest = one.digest if one else run.digest
    if one:
        metrics = {name: value for name, value in (one.metrics or {}).items() if value is not None}
    else:
        metrics = mean_metrics(store.containers(run_id, status="done"))
    apart = metrics_differ(expected.metrics, metrics)
    decisions = (run.decisions_digest, one.decisions_digest if one else None)
    same = expected.decisions_digest is not None and expected.decisions_digest in decisions
    diverged, note = None, None
    if not same or apart:
        if run.containers != expected.containers:
            note = f"the file pins {expected.containers:,} containers and now has {run.containers:,}: it was changed"
        else:
            diverged, note = _first_difference(home, prepared, expected.digest, store, run_id)
    verdict = SAME if same and not apart else DIFFERENT
    return Verdict(verdict, run.containers, expected.digest, digest, versions_differ(expected), apart, diverged, note)


def versions_differ(expected: ExpectedSection) -> dict[str, tuple[str | None, str | None]]:
    """What of engine and platform differs between where the file was made and here: name → (there, here)."""
    there = {"engine": expected.engine, **expected.platform}
    here = {"engine": engine_version(), **platform_facts()}
    names = dict.fromkeys([*there, *here])
    return {name: (there.get(name), here.get(name)) for name in names if there.get(name) != here.get(name)}


def metrics_differ(expected: dict[str, float], now: dict[str, float]) -> dict[str, tuple[float | None, float | None]]:
    """The metrics that are not the same within 1e-9 of the larger: name → (expected, now)."""

    def close(name: str) -> bool:
        # the absolute tolerance is for what is 0 but for rounding: there is nothing it could be a share of
        return (
            name in expected
            and name in now
            and math.isclose(expected[name], now[name], rel_tol=TOLERANCE, abs_tol=1e-13)
        )

    names = dict.fromkeys([*expected, *now])
    return {name: (expected.get(name), now.get(name)) for name in names if not close(name)}


def _first_difference(
    home: Home, prepared: Prepared, digest: str, store: Store, run_id: int
) -> tuple[Divergence | None, str | None]:
    """The first event that differs from the original's, when the original is in this home; else a note."""
    missing = "the original's event log is not in this home, so the first event that differs cannot be named"
    if not (home.path / FILE).exists():
        return None, missing
    with home.store() as originals:
        found = originals.find(digest)
        if found is None:
            return None, missing
        original_run, index = found
        before = [originals.container(original_run, index)] if index is not None else originals.containers(original_run)
    for old, new in zip(before, store.containers(run_id), strict=False):
        if old.status != new.status:
            return None, f"container {new.index} is {new.status} now, and was {old.status}{_why(old, new)}"
        if old.digest != new.digest:
            return _divergence(
                home, prepared, old, new, store
            ), f"the original is container {old.run}/{old.index} of this home"
    return None, None


def _why(old: Container, new: Container) -> str:
    error = (new.error or old.error or "").strip()
    return f": {error.splitlines()[-1]}" if error else ""


def _divergence(home: Home, prepared: Prepared, old: Container, new: Container, store: Store) -> Divergence | None:
    original = read(home, old.run, old.index)
    log = store.events(new.run, new.index)
    seq = first_difference(original.log, log)
    if seq is None:
        return None
    shared = Shared(prepared.plan)
    if shared.plan.search is not None:
        shared.points[new.index] = searched_point(shared, new)
    spec = resolve(shared, new.index)
    market = prepared.plan.market
    replay = prepared.plan.replay
    regimes = spec.classifier.regimes if spec.classifier else replay.regimes if replay else ()
    names = Names(market.symbols, spec.names, regimes, market.time)
    return Divergence(new.index, seq, _row(original.log, original.names, seq), _row(log, names, seq))


def first_difference(one: npt.NDArray[np.void], other: npt.NDArray[np.void]) -> int | None:
    """The first row in which two logs differ by more than 1e-9; if none does, by a bit; None when they are equal."""
    rows = min(len(one), len(other))
    a, b = one[:rows], other[:rows]
    decided = np.zeros(rows, np.bool_)
    for name in DECISIONS:
        decided |= a[name] != b[name]
    apart, unequal = decided.copy(), decided.copy()
    for name in VALUES:
        x, y = a[name], b[name]
        both_none = np.isnan(x) & np.isnan(y)
        unequal |= ~both_none & (x != y)
        apart |= ~both_none & ~(np.abs(x - y) <= TOLERANCE * np.maximum(np.abs(x), np.abs(y)))
    for found in (apart, unequal):
        if found.any():
            return int(found.argmax())
        if len(one) != len(other):
            return rows
    return None


def _row(log: npt.NDArray[np.void], names: Names, seq: int) -> dict[str, Any] | None:
    return trace.rows(log, names, [seq])[0] if seq < len(log) else None
