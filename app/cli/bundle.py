"""`bulkhead bundle` and `bulkhead import`: a run with all it needs, as one file, to another home."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import (
    HomeOption,
    JsonOption,
    TrustOption,
    console,
    open_home,
    parse_container,
    parse_run,
    print_json,
    read_text,
    say,
)  # fmt: skip
from engine.errors import InputError

if TYPE_CHECKING:
    from app.services.bundle_reading import Bundle
    from app.services.bundle_taking import Taken
    from app.services.home import Home
    from app.services.running import Prepared


def bundle(
    name: Annotated[str, typer.Argument(metavar="RUN[/INDEX]", help="A run, or one container of it.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write.")],
    with_data: Annotated[bool, typer.Option("--with-data", help="Bring the dataset along, too.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run, or one container, with own stages and signal logs as one file that runs anywhere."""
    run_id, index = parse_container(name) if "/" in name else (parse_run(name), None)
    if not output.absolute().parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.absolute().parent}; make it first")
    opened = open_home(home)

    from app.services.bundle import write

    manifest = write(opened, run_id, index, output, with_data)
    if as_json:
        print_json({"file": str(output), **manifest.model_dump(mode="json")})
        return
    out = console()
    for part in manifest.parts:
        out.print(f"  {part.name}, {part.bytes:,} bytes", soft_wrap=True)
    out.print(f"written: {output} ({manifest.what})", soft_wrap=True)
    if not with_data:
        out.print(f"its dataset, {manifest.dataset} ({manifest.dataset_hash[:12]}), is not in it: --with-data")
    out.print(f"next, elsewhere: bulkhead reproduce {output}", soft_wrap=True)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bundle made by 'bulkhead bundle'.")],
    trust: TrustOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what a bundle holds, and keep its data and signal logs in the home. None of its code is run."""
    from app.services.bundle_reading import read
    from app.services.bundle_taking import take

    found = read(file)
    opened = open_home(home)
    taken = take(opened, found, trust)
    if as_json:
        print_json(_document(found, taken))
    else:
        _print(file, found, taken)


def read_experiment(file: str) -> "tuple[str, Bundle | None]":
    """The config in a file, and the bundle if it is one. InputError in one line."""
    if file != "-":
        from app.services.bundle_file import is_bundle

        path = Path(file).expanduser()
        if is_bundle(path):
            from app.services.bundle_reading import read

            found = read(path)
            return found.config, found
    return read_text(file, "config"), None


def taken(home: "Home", found: "Bundle", trust: bool) -> "Prepared":
    """A bundle's experiment, once what it brings is in the home."""
    from app.services.bundle_taking import own_of, take
    from app.services.reproducing import of_bundle

    own_of(home, found, trust)
    for log in take(home, found, trust).logs:
        if log.new:
            say(f"signals {log.digest[:12]} are kept as {log.run}/{log.index}")
    return of_bundle(home, found, trust)


def _document(found: "Bundle", taken: "Taken") -> dict[str, object]:
    strange = {source.name for source in taken.strange}
    return {
        "name": taken.name,
        "what": taken.what,
        "containers": found.raw["expected"]["containers"],
        "sources": [
            {"name": source.name, "hash": source.hash, "allowed": source.name not in strange}
            for source in taken.sources
        ],
        "dataset": {
            "name": taken.dataset,
            "hash": taken.dataset_hash,
            "new": taken.dataset_new,
            "named": taken.dataset_named,
        },
        "logs": [{"digest": log.digest, "run": log.run, "index": log.index, "new": log.new} for log in taken.logs],
    }


def _print(file: Path, found: "Bundle", taken: "Taken") -> None:
    out = console()
    out.print(f"{taken.name}: {taken.what} of another home")
    for source in taken.sources:
        lines = source.text.count("\n")
        out.print(f"  own stages in {source.name}.py, {lines} lines ({source.hash[:12]})")
    for log in taken.logs:
        where = "kept as" if log.new else "here already,"
        out.print(f"  signals {log.digest[:12]}: {where} {log.run}/{log.index}")
    data = f"dataset {taken.dataset} ({taken.dataset_hash[:12]})"
    if taken.dataset_new:
        known = "kept under its name" if taken.dataset_named else "kept by its hash: there is another of that name"
        out.print(f"  {data}: {known}")
    elif found.data or taken.dataset_named:
        out.print(f"  {data}: here already")
    else:
        out.print(f"  {data}: not in the bundle; add that version with 'bulkhead data add'")
    if taken.strange:
        names = ", ".join(f"{source.name}.py" for source in taken.strange)
        out.print(f"not allowed to run here: {names}; unzip the bundle, read them, then import it with --trust")
    out.print(f"next: bulkhead reproduce {file}", soft_wrap=True)
