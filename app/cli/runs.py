"""`bulkhead runs` and `bulkhead show`: what is stored, and how the containers of one run compare."""

from typing import Annotated

import typer

from app.cli.common import HomeOption, JsonOption, console, open_home, parse_run, print_json
from engine.errors import InputError, StoreError, nearest

_TOP = 20
_RUNS = ("name", "status", "containers", "done", "failed", "pid", "started", "finished", "seconds", "digest")
_SHOW = ("index", "status", "error", "params", "metrics", "test_metrics", "digest")


def runs(
    watch: Annotated[
        bool, typer.Option("--watch", help="Show how the runs go that are on their way, until the last has ended.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs of the home."""
    if watch and as_json:
        raise InputError("--watch is for people, --json for programs: use one of them")
    with open_home(home).store() as store:
        if watch:
            from app.cli import watch as watching

            watching.watch(store)
            return
        found = store.runs()
    if as_json:
        print_json([{"run": run.id} | {key: getattr(run, key) for key in _RUNS} for run in found])
        return

    from app.cli.tables import seconds, table

    if not found:
        console().print("no runs yet; try: bulkhead run assets/experiments/tech-trend.toml")
        return
    rows = [
        (
            *(str(run.id), run.name, run.status, f"{run.containers:,}", f"{run.done:,}", f"{run.failed:,}"),
            *((run.started or run.created)[:19].replace("T", " "), seconds(run.seconds), (run.digest or "–")[:12]),
        )
        for run in found
    ]
    heads = ("run", "name", "status", "containers", "done", "failed", "started (UTC)", "time", "digest")
    console().print(table(heads, rows, left=(1, 2, 6, 8)))


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Number of the run.")],
    sort: Annotated[str | None, typer.Option(metavar="METRIC", help="Best first by this metric.")] = None,
    top: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10**9, help=f"How many (default: {_TOP}; in JSON all).")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the containers of a run."""
    run_id = parse_run(run)
    _check_metric(sort)
    with open_home(home).store() as store:
        known = store.progress(run_id)
        found = store.containers(run_id, sort, top=top if top or as_json else _TOP)
        if as_json:
            rows = [{key: getattr(container, key) for key in _SHOW} for container in found]
            print_json({"run": run_id, "containers": rows})
            return
        failures = store.failures(run_id)
        generated = known.pattern == "signal_generation"
        if generated:
            from app.services.signals import summaries

            worth = summaries(store, run_id, [container.index for container in found])
        try:
            benchmark = store.container(run_id, -1)
        except StoreError:  # the run has not come that far
            benchmark = None

    from app.cli.tables import containers_table, failure_lines, generation_table, seconds

    out = console()
    out.print(
        f"run {run_id}: {known.name}, {known.status}, {known.done:,} of {known.containers:,} done, "
        f"{known.failed:,} failed, {seconds(known.seconds)}, on {known.dataset} ({known.dataset_hash[:12]})"
    )
    if known.error:
        out.print(f"error: {known.error}", soft_wrap=True)
    if found and generated:
        out.print(generation_table(found, worth))
    elif found:
        out.print(containers_table(found, sort, benchmark, out.width))
    if len(found) < known.done + known.failed:
        out.print(f"{len(found):,} of {known.done + known.failed:,} shown; more with --top N")
    for line in failure_lines(failures, run_id):
        out.print(line, soft_wrap=True)
    if known.digest:
        out.print(f"digest {known.digest}")
    if generated and found:
        out.print(f"next: bulkhead signals show {run_id}/{found[0].index}")


def _check_metric(sort: str | None) -> None:
    from engine.projections.catalogue import METRICS

    if sort is not None and sort not in METRICS:
        raise InputError(f"--sort: there is no metric '{sort}'; {nearest(sort, METRICS)}")
