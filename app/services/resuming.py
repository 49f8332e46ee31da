"""Going on with a run that broke off, as if it had never done so."""

import json

from app.services import stages
from app.services.executing import Progress, Report, execute
from app.services.home import Home
from app.services.running import Prepared, check, described
from db.store import Store
from engine.errors import DataError, StoreError
from engine.fingerprint import engine_version, fingerprint


def resumable(home: Home, store: Store, run_id: int, failed: bool = False, take_over: bool = False) -> Prepared:
    """A stored run that is not complete, ready to go on: its config, its data and its own stages as they were.

    `failed`: containers that are not done are taken back, of a finished run too. StoreError when it is complete,
    somebody works on it, or what would come now is not what came before. `take_over`: also from a process that gives no
    sign of life.
    """
    run = store.run(run_id)
    if failed and not run.failed:
        raise StoreError(f"every container of run {run_id} that has ended is done, so there is none to run again")
    if run.status == "done" and not failed:
        raise StoreError(f"run {run_id} is done, so there is nothing to resume; see it with 'bulkhead show {run_id}'")
    silence = store.silence(run_id)
    if run.pid is not None and silence is None:
        raise StoreError(f"run {run_id} is being worked on by process {run.pid}; wait for it, or stop it")
    if silence is not None and not take_over:
        raise StoreError(
            f"run {run_id} is held by process {run.pid}, which has given no sign of life for {silence:,.0f} s; "
            f"end it, or take the run over with 'bulkhead resume {run_id} --take-over'"
        )
    again = "so its digest would not be that of an unbroken run: run the experiment again"
    if (run.engine, run.fingerprint) != (engine_version(), fingerprint()):
        raise StoreError(f"run {run_id} was begun with another version of Bulkhead or on another platform, {again}")
    try:
        market = home.datasets.market(run.dataset_hash)
    except DataError as error:
        raise StoreError(
            f"run {run_id} ran on dataset '{run.dataset}' ({run.dataset_hash[:12]}), which this home cannot give "
            f"({error}); add that version again with 'bulkhead data add'"
        ) from None
    own = stages.stored(home, run.plan, tuple(store.sources(run_id)) if run.plan.get("own") else ())
    prepared = check(home, run.config, own=own, market=market)
    if json.loads(json.dumps(described(prepared))) != run.plan:
        raise StoreError(f"run {run_id} is resolved to something else now, {again}")
    if failed:
        with store.claim(run_id, take_over) as lease:
            store.forget_failed(lease)
    return prepared


def resume(
    home: Home,
    run_id: int,
    workers: int,
    backend: str = "loky",
    progress: Progress | None = None,
    take_over: bool = False,
) -> Report:
    """Go on with a run that was interrupted, stopped or failed: run what is not stored, as if it had never broken off.

    Errors raised: those of `resumable`. See `execute`.
    """
    with home.store() as store:
        prepared = resumable(home, store, run_id, take_over=take_over)
        return execute(store, prepared, run_id, workers, backend, progress, take_over=take_over)
