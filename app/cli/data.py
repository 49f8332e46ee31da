"""`bulkhead data`: market data in, and what looks odd in it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import HomeOption, JsonOption, console, many, open_home, print_json, say
from engine.errors import DataError

if TYPE_CHECKING:
    from app.datasets import DatasetLibrary
    from app.datasets.refusal import Dropped
    from engine.market.dataset import Dataset
    from engine.market.quality import Report, SymbolQuality

_FINDINGS = 20


def add(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="CSV or Parquet, or quoted patterns: one symbol, or a symbol column."),
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="What experiments call the dataset.")],
    tz: Annotated[str | None, typer.Option(metavar="ZONE", help="IANA zone of naive intraday times.")] = None,
    stamp: Annotated[
        str, typer.Option(metavar="S", help="Intraday times are of the bar's open, or its close.")
    ] = "open",
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME=COLUMN", help="A column by another name; NAME= for none. Repeatable."),
    ] = None,
    symbol: Annotated[str | None, typer.Option(metavar="S", help="Name of the only symbol (default: NAME).")] = None,
    symbol_from: Annotated[
        str | None, typer.Option(metavar="filename", help="Each file is a symbol, called as the file.")
    ] = None,
    adjustment: Annotated[str, typer.Option(metavar="A", help="Of the prices: raw, split or total_return.")] = "raw",
    bad_rows: Annotated[
        str, typer.Option(metavar="B", help="Rows that no bar can be: refuse, or drop and keep a list of them.")
    ] = "refuse",
    actions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Splits and dividends: date, symbol, split, dividend.")
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=COLUMN]", help="A further column of numbers, for stages. Repeatable."),
    ] = None,
    features: Annotated[str | None, typer.Option(metavar="all", help="Every further column of numbers.")] = None,
    available_at: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="When a row's features are known (default: at its own bar).")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check files of bars and store them as the newest version of NAME."""
    from app.datasets import Wanted, parse_features, parse_mapping
    from app.datasets.features import ALL

    if features not in (None, ALL):
        raise DataError(f"no choice of features '{features}'; write --features all, or name each with --feature")
    wanted = Wanted(
        name,
        tz=tz,
        mapping=parse_mapping(columns or []),
        symbol=symbol,
        adjustment=adjustment,
        symbol_from=symbol_from,
        bad_rows=bad_rows,
        stamp=stamp,
        actions=actions,
        features=parse_features(feature or []),
        all_features=features == ALL,
        available_at=available_at,
    )
    library = open_home(home).datasets
    dataset = library.add(files, wanted)
    if as_json:
        print_json(_row(library, dataset))
        return
    out = console()
    out.print(_listed(library, [dataset]))
    if dropped := _left_out(library, dataset.name):
        out.print(_dropped(dropped))
    out.print(f"next: bulkhead data check {dataset.name}")


def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the datasets of the home."""
    library = open_home(home).datasets
    found = library.list()
    for problem in library.problems():
        say(f"warning: {problem}")
    if as_json:
        print_json([_row(library, dataset) for dataset in found])
    else:
        console().print(_listed(library, found))


def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name, NAME@VERSION or hash of a dataset.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report gaps, suspected splits, stale bars, opens taken from the previous close, and rows that were dropped."""
    library = open_home(home).datasets
    report, dataset = library.check(name), library.get(name)
    dropped = _left_out(library, name)
    if as_json:
        from app.datasets.dropped import reasons

        rows = [asdict(row) for row in dropped]
        left_out = {"rows": len(dropped), "reasons": reasons(dropped), "list": rows}
        print_json(report.to_dict() | {"features": dataset.features, "dropped": left_out})
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
    for line in _told(dataset, report):
        out.print(line)
    if report.findings:
        count = len(report.findings)
        out.print(f"{count:,} finding{'' if count == 1 else 's'}{', the first:' if count > _FINDINGS else ':'}")
        findings = [(found.symbol, found.time, found.kind, found.detail) for found in report.findings[:_FINDINGS]]
        out.print(table(("symbol", "time", "kind", "what"), findings, left=(0, 1, 2, 3)))
    else:
        out.print("nothing odd was found")
    if dropped:
        out.print(_dropped(dropped))
        lines = [(row.file, f"{row.row:,}", row.reason, row.text) for row in dropped[:_FINDINGS]]
        out.print(table(("file", "row", "why", "what it said"), lines, left=(0, 2, 3)))
    if max(len(report.findings), len(dropped)) > _FINDINGS:
        out.print(f"all of them: bulkhead data check {name} --json")


def _told(dataset: "Dataset", report: "Report") -> Iterator[str]:
    """What the dataset holds beside bars, and which symbols ended before it does."""
    if dataset.splits or dataset.dividends:
        yield f"declared: {many(dataset.splits, 'split')}, {many(dataset.dividends, 'dividend')}"
    if dataset.features:
        yield f"features: {', '.join(dataset.features)}"
    if ended := [f"{symbol.symbol} ({symbol.last})" for symbol in report.symbols if symbol.ended]:
        more = f" and {len(ended) - _FINDINGS} more" if len(ended) > _FINDINGS else ""
        yield f"ended before the others, with their last bar: {', '.join(ended[:_FINDINGS])}{more}"


def _left_out(library: "DatasetLibrary", name: str) -> "tuple[Dropped, ...]":
    """The rows that were dropped; a warning where their list cannot be read, as the bars can."""
    try:
        return library.dropped(name)
    except DataError as error:
        say(f"warning: {error}")
        return ()


def _dropped(dropped: "tuple[Dropped, ...]") -> str:
    """How many rows were left out, and why."""
    from app.datasets.dropped import reasons

    why = "; ".join(f"{count:,} × {reason}" for reason, count in reasons(dropped).items())
    return f"{many(len(dropped), 'row')} dropped: {why}"


def _line(found: "SymbolQuality") -> tuple[str, ...]:
    opens = found.open_equals_previous_close
    return (
        *(found.symbol, f"{found.bars:,}", found.first, found.last, f"{found.missing:,}", f"{found.gaps:,}"),
        *(f"{found.longest_gap_days:g}", f"{found.suspected_splits:,}", f"{found.stale:,}"),
        *(f"{100 * found.zero_volume:.2f}", "–" if opens is None else f"{100 * opens:.2f}", f"{found.outside_range:,}"),
    )


def _row(library: "DatasetLibrary", dataset: "Dataset") -> dict[str, object]:
    """A dataset as JSON has it."""
    from app.datasets.dropped import reasons

    dropped = _left_out(library, dataset.name)
    return asdict(dataset) | {"dropped": {"rows": len(dropped), "reasons": reasons(dropped)}}


def _listed(library: "DatasetLibrary", found: "Sequence[Dataset]") -> object:
    """The table of datasets; a column that is empty for all is left out."""
    from app.cli.tables import table

    heads = ["name", "version", "symbols", "bars", "frequency", "first", "last", "adjustment", "hash"]
    rows = [
        [
            *(dataset.name, str(dataset.version), _symbols(dataset.symbols), f"{dataset.bars:,}", dataset.frequency),
            *(dataset.first, dataset.last, dataset.adjustment, dataset.hash[:12]),
        ]
        for dataset in found
    ]
    for head, counts in (
        ("splits", [dataset.splits for dataset in found]),
        ("dividends", [dataset.dividends for dataset in found]),
        ("features", [len(dataset.features) for dataset in found]),
        ("dropped\nrows", [len(_left_out(library, dataset.name)) for dataset in found]),
    ):
        if any(counts):
            heads.append(head)
            for row, count in zip(rows, counts, strict=True):
                row.append(f"{count:,}")
    return table(heads, rows, left=(0, 2, 4, 5, 6, 7, 8))


def _symbols(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])}, … ({len(names)})"
