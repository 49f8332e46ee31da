"""Going on with a finished sweep that has grown: what is in it already is taken over, the rest is run.

Containers are the same when their spec hash is: it covers everything that decides a result.
"""

import numpy as np
import numpy.typing as npt

from app.services import running
from app.services.home import Home
from app.services.running import Prepared
from db.store import Container, Lease, Store
from engine.errors import StoreError
from engine.fingerprint import fingerprint
from engine.parallel.block import BLOCK_CONTAINERS, SKETCH, Result, encode
from engine.projections.catalogue import METRICS
from engine.shared import Shared
from engine.spec import resolve
from engine.sweep import canonical

#: A container of the extended run with its params, and that of the run before that it is.
Match = tuple[int, str, int]
#: What is to be committed of one.
Copy = tuple[Result, npt.NDArray[np.void], npt.NDArray[np.float32]]


def extend(home: Home, store: Store, run_id: int, text: str, workers: int, backend: str, trust: bool = False) -> int:
    """Store the run of a config, with what run `run_id` has of it; returns its id, ready to be executed.

    StoreError or ConfigError when the two cannot be one: another dataset, another platform, a search.
    """
    before = store.run(run_id)
    prepared = running.check(home, text, trust)
    if prepared.plan.search is not None:
        raise StoreError("a search asks for its points in view of those before, so it cannot be extended; run it anew")
    if before.dataset_hash != prepared.plan.market.dataset:
        raise StoreError(
            f"run {run_id} ran on other bars ({before.dataset}, {before.dataset_hash[:12]}) than the config "
            f"({prepared.dataset}, {prepared.plan.market.dataset[:12]}), so nothing of it can be taken over"
        )
    if before.fingerprint != fingerprint():
        raise StoreError(f"run {run_id} was made on another platform, so nothing of it can be taken over; run it anew")
    found = matches(store, run_id, prepared)
    new_id = running.create(store, prepared, workers, backend, extends=run_id)
    with store.claim(new_id) as lease:
        _take_over(store, lease, run_id, found)
    return new_id


def matches(store: Store, run_id: int, prepared: Prepared) -> list[Match]:
    """The containers of a prepared run that another run has done already."""
    known = store.spec_hashes(run_id)
    shared = Shared(prepared.plan)
    found: list[Match] = []
    for index in range(prepared.plan.containers):
        spec = resolve(shared, index)
        if (place := known.get(spec.spec_hash)) is not None:
            found.append((index, canonical(spec.params), place))
    return found


def _take_over(store: Store, lease: Lease, run_id: int, found: list[Match]) -> None:
    """Commit copies of what a run has, under the indices of the new one."""
    wanted = {place: (index, params) for index, params, place in found}
    rows = {row.index: row for row in store.containers(run_id) if row.index in wanted}
    reports = store.reports(run_id)
    pending: list[Copy] = []
    for place, log in store.logs(run_id):
        if place in wanted:
            index, params = wanted[place]
            _, sketches = store.sketches(run_id, [place])
            report = reports.get(place)
            result = _result(rows[place], index, params, None if report is None else canonical(report))
            pending.append((result, np.array(log), sketches[0] if len(sketches) else np.zeros(SKETCH, np.float32)))
        if len(pending) == BLOCK_CONTAINERS:
            _commit(store, lease, pending)
    _commit(store, lease, pending)


def _result(row: Container, index: int, params: str, report: str | None) -> Result:
    """What was stored of a container, under another index."""

    def numbers(found: dict[str, float | None] | None) -> npt.NDArray[np.float64] | None:
        return None if found is None else np.array([found[name] for name in METRICS], np.float64)

    return Result(
        index,
        row.status,
        params,
        row.spec_hash,
        row.usage,
        digest=row.digest,
        decisions_digest=row.decisions_digest,
        fills_digest=row.fills_digest,
        signals_digest=row.signals_digest,
        metrics=numbers(row.metrics),
        test_metrics=numbers(row.test_metrics),
        report=report,
    )


def _commit(store: Store, lease: Lease, pending: list[Copy]) -> None:
    if pending:
        results, logs, sketches = zip(*pending, strict=True)
        store.commit(lease, encode(list(results), list(logs), np.stack(sketches)), tried=False)
        pending.clear()
