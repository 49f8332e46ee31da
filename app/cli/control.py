"""`bulkhead stop`, `pause`, `kill` and `now`: what can be asked of a run while somebody works on it."""

from typing import Annotated

import typer

from app.cli.common import HomeOption, JsonOption, console, open_home, parse_container, parse_run, print_json, say

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Number of the run.")]
#: Seconds until a request that nobody heeds is reported.
_PATIENCE = 60.0


def stop(run: RunArgument, home: HomeOption = None) -> None:
    """Stop a run: what is stored stays, and 'resume' goes on from there."""
    _end(run, "stop", home)


def pause(run: RunArgument, home: HomeOption = None) -> None:
    """Pause a run: its workers end, what is stored stays, and 'resume' goes on from there."""
    _end(run, "pause", home)


def kill(
    container: Annotated[str, typer.Argument(metavar="RUN/INDEX", help="The container.")], home: HomeOption = None
) -> None:
    """Kill one container of a run that is on its way; the others go on."""
    run_id, index = parse_container(container)
    opened = open_home(home)

    from app.services import steering

    with opened.store() as store:
        steering.ask(store, run_id, "kill", index)
        steering.wait(store, run_id, _PATIENCE, index)
        status = store.container(run_id, index).status
    say(f"container {run_id}/{index} is {status}")
    raise typer.Exit(0 if status == "killed" else 1)


def now(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the containers that run now, with their time, CPU and memory."""
    opened = open_home(home)

    from app.services import steering

    with opened.store() as store:
        found = steering.running_now(store)
    if as_json:
        print_json([{name: getattr(one, name) for name in one.__slots__} for one in found])
        return
    from app.cli.tables import seconds, table

    if not found:
        console().print("nothing runs now")
        return
    rows = [
        (f"{one.run}/{one.index}", str(one.pid), seconds(one.seconds), seconds(one.cpu), f"{one.memory_mb:,.0f}")
        for one in found
    ]
    console().print(table(("container", "pid", "time", "CPU", "memory (MiB)"), rows, left=(0,)))


def _end(run: str, action: str, home: HomeOption) -> None:
    run_id = parse_run(run)
    opened = open_home(home)

    from app.services import steering

    with opened.store() as store:
        steering.ask(store, run_id, action)
        steering.wait(store, run_id, _PATIENCE)
        ended = store.progress(run_id)
    kept = ended.done + ended.failed
    say(f"run {run_id} is {ended.status}: {kept:,} of {ended.containers:,} containers are stored")
