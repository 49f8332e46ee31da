"""`bulkhead data`: market data in, and what looks odd in it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import HomeOption, JsonOption, console, open_home, print_json, say

if TYPE_CHECKING:
    from engine.market.dataset import Dataset
    from engine.market.quality import SymbolQuality

_FINDINGS = 20


def add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or Parquet: one symbol, or long with a symbol column.")
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="What experiments call the dataset.")],
    tz: Annotated[str | None, typer.Option(metavar="ZONE", help="IANA zone of naive intraday times.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME=COLUMN", help="A column by another name; can be repeated."),
    ] = None,
    symbol: Annotated[str | None, typer.Option(metavar="S", help="Name of the only symbol (default: NAME).")] = None,
    adjustment: Annotated[str, typer.Option(metavar="A", help="Of the prices: raw, split or total_return.")] = "raw",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a file of bars and store it as the newest version of NAME."""
    from app.datasets import parse_mapping

    mapping = parse_mapping(columns or [])
    dataset = open_home(home).datasets.add(file, name, tz=tz, mapping=mapping, symbol=symbol, adjustment=adjustment)
    if as_json:
        print_json(asdict(dataset))
        return
    console().print(_listed([dataset]))
    console().print(f"next: bulkhead data check {dataset.name}")


def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the datasets of the home."""
    library = open_home(home).datasets
    found = library.list()
    for problem in library.problems():
        say(f"warning: {problem}")
    if as_json:
        print_json([asdict(dataset) for dataset in found])
    else:
        console().print(_listed(found))


def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name or hash of a dataset.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report gaps, suspected splits, stale bars, and opens taken from the previous close."""
    report = open_home(home).datasets.check(name)
    if as_json:
        print_json(report.to_dict())
        return

    from app.cli.tables import table

    out = console()
    heads = (
        *(
            "symbol",
            "bars",
            "first",
            "last",
            "missing",
            "gaps",
            "longest gap\n(days)",
            "suspected\nsplits",
            "stale\nbars",
        ),
        *("no volume\n(%)", "open = close\nbefore (%)", "outside\nrange"),
    )
    out.print(table(heads, [_line(symbol) for symbol in report.symbols], left=(0, 2, 3)))
    if not report.findings:
        out.print("nothing odd was found")
        return
    count = len(report.findings)
    out.print(f"{count:,} finding{'' if count == 1 else 's'}{', the first:' if count > _FINDINGS else ':'}")
    rows = [(found.symbol, found.time, found.kind, found.detail) for found in report.findings[:_FINDINGS]]
    out.print(table(("symbol", "time", "kind", "what"), rows, left=(0, 1, 2, 3)))
    if count > _FINDINGS:
        out.print(f"all of them: bulkhead data check {name} --json")


def _line(found: "SymbolQuality") -> tuple[str, ...]:
    opens = found.open_equals_previous_close
    return (
        *(found.symbol, f"{found.bars:,}", found.first, found.last, f"{found.missing:,}", f"{found.gaps:,}"),
        *(f"{found.longest_gap_days:g}", f"{found.suspected_splits:,}", f"{found.stale:,}"),
        *(f"{100 * found.zero_volume:.2f}", "–" if opens is None else f"{100 * opens:.2f}", f"{found.outside_range:,}"),
    )


def _listed(found: "list[Dataset] | tuple[Dataset, ...]") -> object:
    from app.cli.tables import table

    heads = ("name", "version", "symbols", "bars", "frequency", "first", "last", "adjustment", "hash")
    rows = [
        (
            *(dataset.name, str(dataset.version), _symbols(dataset.symbols), f"{dataset.bars:,}", dataset.frequency),
            *(dataset.first, dataset.last, dataset.adjustment, dataset.hash[:12]),
        )
        for dataset in found
    ]
    return table(heads, rows, left=(0, 2, 4, 5, 6, 7, 8))


def _symbols(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])}, … ({len(names)})"
