"""`bulkhead backup` and `bulkhead verify`: a copy of the database, and whether it is as it was written."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.cli.common import HomeOption, JsonOption, console, many, open_home, print_json

_LISTED = 20


def backup(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to (default: HOME/backups, named by the time).")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the database, checked, while runs go on. Datasets and own stages are files: copy them as such."""
    opened = open_home(home)
    from app.services import backups

    made = backups.make(opened, file)
    beside = [str(opened.path / name) for name in backups.BESIDE]
    if as_json:
        print_json({**asdict(made), "path": str(made.path), "without": beside})
        return
    out = console()
    out.print(
        f"written: {made.path} ({made.size / 2**20:,.1f} MiB, {many(made.runs, 'run')}, "
        f"{many(made.containers, 'container')})",
        soft_wrap=True,
    )
    out.print(f"it is the database alone; what is not in it: {', '.join(beside)}", soft_wrap=True)


def verify(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check the database: its structure, its references, and every checksum. Exit code 1: it is damaged."""
    opened = open_home(home)
    from app.services import backups
    from db.verify import verify

    found = verify(opened.path)
    advice = backups.restore(opened) if found.damage else None
    if as_json:
        print_json({"sound": not found.damage, **asdict(found), "advice": advice})
    else:
        out = console()
        looked = (
            f"{many(found.runs, 'run')}, {many(found.containers, 'container')}, {many(found.blocks, 'block')}, "
            f"{many(found.sources, 'source')}"
        )
        for one in found.damage[:_LISTED]:
            out.print(f"{one.what} {one.where}: {one.problem}", soft_wrap=True)
        if len(found.damage) > _LISTED:
            out.print(f"… and {len(found.damage) - _LISTED:,} more: bulkhead verify --json")
        if advice:
            out.print(advice, soft_wrap=True)
        out.print(f"{f'{len(found.damage):,} damaged' if found.damage else 'sound'}: looked at {looked}")
    raise typer.Exit(1 if found.damage else 0)
