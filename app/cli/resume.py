"""`bulkhead resume` and `extend`: a run that broke off goes on, and a finished sweep that has grown."""

from typing import Annotated

import typer

from app.cli.common import (
    HomeOption,
    JsonOption,
    QueueOption,
    TrustOption,
    WorkersOption,
    open_home,
    parse_run,
    read_text,
    say,
)
from app.cli.run import BackendOption, Options, SchedulerOption, carry_out, check_backend


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run: its number.")],
    failed: Annotated[
        bool, typer.Option("--failed", help="Run the containers again that are not done, of a finished run too.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Also from a process that holds it and gives no sign of life.")
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
        prepared = resuming.resumable(opened, store, run_id, failed, take_over)
        known = store.progress(run_id)
        total, left = known.containers, known.containers - known.done - known.failed
        say(f"run {run_id}: {left} of {total} containers to go")
        count = workers or max(1, min(running.default_workers(), left))
        carry_out(store, prepared, run_id, as_json, Options(count, backend, scheduler, queue, take_over))


def extend(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run: its number.")],
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="The grown experiment: a TOML file, or -.")],
    workers: WorkersOption = None,
    trust: TrustOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an experiment, taking over the containers that an earlier run has done already."""
    run_id = parse_run(run)
    text = read_text(config, "config")
    opened = open_home(home)

    from app.services import extending, resuming, running

    with opened.store() as store:
        count = workers or running.default_workers()
        new_id = extending.extend(opened, store, run_id, text, count, "loky", trust)
        known = store.progress(new_id)
        say(f"run {new_id}: {known.containers} containers, {known.done} of them from run {run_id}")
        prepared = resuming.resumable(opened, store, new_id)
        left = max(1, known.containers - known.done)
        carry_out(store, prepared, new_id, as_json, Options(workers or min(count, left), "loky", None, False))
