"""`bulkhead resume`: a run that broke off goes on, and ends as if it had not."""

import warnings
from dataclasses import asdict
from typing import Annotated

import typer

from app.cli.common import (
    HomeOption,
    JsonOption,
    WorkersOption,
    open_home,
    parse_run,
    print_json,
    say,
    terminable,
)  # fmt: skip
from app.cli.run import KEYS, compiling, progress_for, stopped, summary


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run: its number.")],
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Also from a process that holds it and gives no sign of life.")
    ] = False,
    workers: WorkersOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a run that was interrupted, stopped or failed: only what is not stored yet is run."""
    run_id = parse_run(run)
    opened = open_home(home)

    from app.services import running

    warnings.filterwarnings("ignore", module="joblib")  # on Ctrl-C it counts what was not finished
    with opened.store() as store, terminable() as check:
        prepared = running.resumable(opened, store, run_id, take_over)
        total, known = prepared.plan.containers, store.progress(run_id)
        left = total - known.done - known.failed
        try:
            say(f"run {run_id}: {left} of {total} containers to go")
            compiling()
            progress = progress_for(total)
            with progress:

                def told(done: int, failed: int, total: int) -> None:
                    check()
                    progress(done, failed, total)

                count = workers or max(1, min(running.default_workers(), left))
                report = running.execute(store, prepared, run_id, count, progress=told, take_over=take_over)
        except KeyboardInterrupt:
            report = stopped(store, run_id)
        if report.error:
            say(report.error)
        if as_json:
            print_json({key: value for key, value in asdict(report).items() if key in KEYS})
        else:
            summary(store, report)
    raise typer.Exit(0 if report.done == report.containers and not report.error else 1)
