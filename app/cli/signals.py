"""`bulkhead signals`: the signal logs of the home, what one is worth, and logs of elsewhere."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import HomeOption, JsonOption, console, open_home, parse_run, print_json
from engine.errors import InputError

if TYPE_CHECKING:
    from app.services.signals import Log

_TOP = 50
#: Of so many logs of a run, how much they say the same is worked out unasked.
_FEW = 6


def list_(
    run: Annotated[str | None, typer.Option("--run", metavar="N", help="Of this run only.")] = None,
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="On this dataset (name or hash).")] = None,
    strategy: Annotated[str | None, typer.Option(metavar="NAME", help="With this strategy (kind or name).")] = None,
    pattern: Annotated[str | None, typer.Option(metavar="P", help="Of runs of this pattern.")] = None,
    top: Annotated[int, typer.Option(metavar="N", min=1, max=10**9, help="How many.")] = _TOP,
    offset: Annotated[int, typer.Option(metavar="N", min=0, max=10**12, help="After so many.")] = 0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List stored signal logs, the newest run's first. Every container that was done keeps one."""
    from app.services import signals

    run_id = None if run is None else parse_run(run)
    page = signals.logs(open_home(home), run_id, dataset, strategy, pattern, top, offset)
    if as_json:
        print_json({"total": page.total, "logs": [asdict(log) for log in page.logs]})
        return

    from app.cli.tables import FIGURES, number, parameter, table

    out = console()
    if not page.logs:
        out.print('no signal logs here; make some with [experiment] pattern = "signal_generation", or any run')
        return
    heads = ("log", "run", "pattern", "dataset", "strategies", "parameters", *FIGURES, "digest")
    rows = [
        (
            *(f"{log.run}/{log.index}", log.name[:30], log.pattern, log.dataset, _strategies(log)),
            ", ".join(f"{name} = {parameter(value)}" for name, value in log.params.items())[:60],
            *(number((log.summary or {}).get(name)) for name in FIGURES.values()),
            log.digest[:12],
        )
        for log in page.logs
    ]
    out.print(table(heads, rows, left=(0, 1, 2, 3, 4, 5, len(heads) - 1)))
    if len(page.logs) < page.total:
        out.print(f"{len(page.logs):,} of {page.total:,} shown; more with --top N, --offset N")
    out.print(f"next: bulkhead signals show {page.logs[0].run}/{page.logs[0].index}")


def _strategies(log: "Log") -> str:
    names = ", ".join(log.strategies)[:40]
    return f"{names} (of {log.file})" if log.file else names


def show(
    name: Annotated[str, typer.Argument(metavar="RUN/INDEX|DIGEST", help="A log, e.g. 3/17, or its digest.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a signal log is worth on the bars that are not held out, and what made it."""
    from app.services import replays, signals

    opened = open_home(home)
    run_id, index = replays.place(opened, name)
    report, made = signals.report_of(opened, run_id, index), signals.made_by(opened, run_id, index)
    others = signals.logs(opened, run_id, top=_FEW + 1)
    references = [f"{log.run}/{log.index}" for log in others.logs]
    few = 1 < others.total <= _FEW
    overlap = signals.overlap(opened, references) if few else None
    if as_json:
        shown = None if overlap is None else dict[str, object](overlap) | {"logs": references}
        print_json({"log": f"{run_id}/{index}", "made_by": made, "report": report, "overlap": shown})
        return

    from app.cli.signal_tables import print_made, print_overlap, print_report

    out = console()
    print_made(out, made)
    print_report(out, report, made.strategies)
    if overlap is not None:
        out.print()
        print_overlap(out, references, overlap)
    out.print(f'next: replay it with pattern = "signal_replay" and [replay] signals = ["{run_id}/{index}"]')


def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet: time, symbol, value in [-1, 1].")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What the strategy is called that said this.")],
    dataset: Annotated[str, typer.Option(metavar="NAME", help="The dataset on whose bars the signals are.")],
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="NAME=COLUMN", help="A column by another name. Repeatable.")
    ] = None,
    tz: Annotated[str | None, typer.Option(metavar="ZONE", help="IANA zone of naive intraday times.")] = None,
    symbols: Annotated[
        str | None, typer.Option(metavar="A,B", help="The log's symbols (default: those in the file).")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="The last date that the log is of.")] = None,
    test_start: Annotated[str | None, typer.Option(metavar="DATE", help="Hold out the bars from here on.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a file of signals and keep it as a log. What the file does not say stays as it was."""
    from app.services import signals

    listed = None if symbols is None else [symbol.strip() for symbol in symbols.split(",")]
    found = signals.add(
        open_home(home),
        file,
        name,
        dataset,
        mapping=signals.parse_mapping(columns or []),
        tz=tz,
        symbols=listed,
        end=_date("--end", end),
        test_start=_date("--test-start", test_start),
    )
    if as_json:
        print_json(found)
        return
    out = console()
    out.print(
        f"{found.run}/{found.index}: {found.name} on {found.dataset}, {len(found.symbols)} "
        f"symbol{'' if len(found.symbols) == 1 else 's'}, {found.rows:,} rows from {found.first} to {found.last}, "
        f"{found.signals:,} changes of signal"
    )
    out.print(f"digest {found.digest}")
    out.print(f"next: bulkhead signals show {found.run}/{found.index}")


def _date(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} '{text}' is no date; write 2024-01-31") from None
