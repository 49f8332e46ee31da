"""`bulkhead export` and `bulkhead reproduce`: a result as a file, and the file as a result."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.bundle import read_experiment
from app.cli.common import (
    HomeOption,
    JsonOption,
    TrustOption,
    WorkersOption,
    console,
    open_home,
    parse_container,
    parse_run,
    print_json,
    say,
)  # fmt: skip
from engine.errors import InputError

if TYPE_CHECKING:
    from app.services.reproducing import Divergence, Verdict


def export(
    name: Annotated[str, typer.Argument(metavar="RUN[/INDEX]", help="A run, or one container of it.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.toml", help="Where to write (default: standard output)."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write a run (with its sweep), or one container (resolved), as a config that pins data, versions and digest."""
    run_id, index = parse_container(name) if "/" in name else (parse_run(name), None)
    if output and not output.absolute().parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.absolute().parent}; make it first")
    opened = open_home(home)

    from app.services.exporting import export_container, export_run

    text = export_run(opened, run_id) if index is None else export_container(opened, run_id, index)
    if output is None:
        sys.stdout.write(text)
        return
    from app.datasets.storage import atomic

    try:
        with atomic(output) as file:
            file.write(text.encode())
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}; choose another place") from None
    say(f"written: {output} (run it anew and compare: bulkhead reproduce {output})")


def reproduce(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Made by 'bulkhead export' or 'bulkhead bundle'.")],
    tolerance: Annotated[bool, typer.Option("--tolerance", help="Accept what is the same within 1e-9.")] = False,
    trust: TrustOption = False,
    workers: WorkersOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an exported config anew and compare: identical, same within 1e-9, or different. Nothing of it is stored."""
    text, bundle = read_experiment(file)
    opened = open_home(home)

    from app.cli.run import compiling, progress_for
    from app.services import reproducing
    from app.services.workflow.schema import is_workflow
    from engine.config import load

    if is_workflow(load(text)):
        from app.cli import workflow

        _end(workflow.reproduce(opened, text, workers, trust), tolerance, as_json)

    prepared, expected = reproducing.prepare(opened, text, trust, bundle)
    total = prepared.plan.containers
    say(f"reproducing {total:,} container{'' if total == 1 else 's'}; nothing of it is stored")
    compiling()
    progress = progress_for(total)
    with progress:
        found = reproducing.reproduce(opened, prepared, expected, workers, progress)
    _end(found, tolerance, as_json)


def _end(found: "Verdict", tolerance: bool, as_json: bool) -> None:
    """Print what was found, and end with the exit code that says it."""
    from app.services import reproducing

    if as_json:
        print_json(asdict(found))
    else:
        _print(found)
    accepted = (reproducing.IDENTICAL, reproducing.SAME) if tolerance else (reproducing.IDENTICAL,)
    raise typer.Exit(0 if found.verdict in accepted else 1)


def _print(found: "Verdict") -> None:
    out = console()
    out.print(found.verdict, style="bold")
    out.print(f"digest expected {found.expected}")
    out.print(f"digest now      {found.digest or '– (not every container is done)'}")
    for name, (there, here) in found.versions.items():
        out.print(f"{name}: {there or '–'} there, {here or '–'} here", soft_wrap=True)
    for name, (before, now) in list(found.metrics.items())[:10]:
        out.print(f"{name}: expected {before}, now {now}")
    if found.note:
        out.print(found.note, soft_wrap=True)
    if found.diverged:
        _print_divergence(found.diverged)


def _print_divergence(diverged: "Divergence") -> None:
    from engine.projections.trace import sentence

    out = console()
    at = diverged.original or diverged.now or {}
    out.print(f"first event that differs: container {diverged.index}, event {diverged.seq}, {at.get('time')}")
    for name, row in (("original", diverged.original), ("now", diverged.now)):
        told = "the log has ended" if row is None else f"{row['kind']}: {sentence(row)}"
        out.print(f"  {name}: {told}", soft_wrap=True)
    if diverged.original and diverged.now:
        apart = [key for key, value in diverged.original.items() if value != diverged.now[key]]
        out.print(
            "  " + ", ".join(f"{key}: {diverged.original[key]} → {diverged.now[key]}" for key in apart), soft_wrap=True
        )
