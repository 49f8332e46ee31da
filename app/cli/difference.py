"""`bulkhead data diff`: what differs between two versions of a dataset, or two datasets."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import HomeOption, JsonOption, console, many, open_home, print_json

if TYPE_CHECKING:
    from app.datasets.difference import Difference
    from engine.market.dataset import Dataset

#: Changes that are printed, unless --limit says how many.
_CHANGES = 20


def diff(
    old: Annotated[str, typer.Argument(metavar="NAME[@V1]", help="Name, NAME@VERSION or hash of a dataset.")],
    new: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME[@V2]]", help="What it is compared with (default: the newest version, with the one before)."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Changes to list (default: 20, in JSON all).")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the bars that were changed, added and removed. Exit code 0: none was; 1: some were."""
    library = open_home(home).datasets
    found = library.difference(old, new, limit if limit is not None or as_json else _CHANGES)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    raise typer.Exit(0 if found.same else 1)


def _print(found: "Difference") -> None:
    from app.cli.tables import table

    out = console()
    out.print(f"from {_called(found.old)} to {_called(found.new)}")
    for field, (was, now) in found.described.items():
        out.print(f"{field}: {was}, now {now}")
    if found.same:
        out.print("no difference")
        return
    out.print(
        f"{many(found.changed, 'bar')} changed ({many(found.values, 'value')}), "
        f"{found.added:,} added, {found.removed:,} removed"
    )
    if not found.changes:
        return
    time = "time (UTC)" if found.new.intraday or found.old.intraday else "date"
    rows = [(c.symbol, c.time, c.what, c.column, _number(c.old), _number(c.new)) for c in found.changes]
    out.print(table(("symbol", time, "what", "column", "old", "new"), rows, left=(0, 1, 2, 3)))
    count = found.values + found.added + found.removed
    if len(found.changes) < count:
        out.print(f"{len(found.changes):,} of {count:,}; more with --limit, all with --json")


def _called(dataset: "Dataset") -> str:
    hash = dataset.hash[:12]
    return f"{dataset.name} version {dataset.version} ({hash})" if dataset.name else hash


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value!r}"
