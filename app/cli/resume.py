"""`bulkhead resume`: a run that broke off goes on, and ends as if it had not."""

from typing import Annotated

import typer

from app.cli.common import HomeOption, JsonOption, QueueOption, WorkersOption, open_home, parse_run, say
from app.cli.run import BackendOption, Options, SchedulerOption, carry_out, check_backend


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run: its number.")],
    failed: Annotated[
        bool, typer.Option("--failed", help="Run the containers again that are not done, of a finished run too.")
    ] = False,
    workers: WorkersOption = None,
    backend: BackendOption = "loky",
    scheduler: SchedulerOption = None,
    queue: QueueOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a run that was interrupted, paused, stopped or failed: only what is not stored yet is run."""
    run_id = parse_run(run)
    check_backend(backend, scheduler)
    opened = open_home(home)

    from app.services import resuming, running

    with opened.store() as store:
        prepared = resuming.resumable(opened, store, run_id, failed)
        known = store.progress(run_id)
        total, left = known.containers, known.containers - known.done - known.failed
        say(f"run {run_id}: {left} of {total} containers to go")
        count = workers or max(1, min(running.default_workers(), left))
        carry_out(store, prepared, run_id, as_json, Options(count, backend, scheduler, queue))
