"""`bulkhead container`: one container, its metrics, its funnel, and its event log and equity as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import HomeOption, JsonOption, Opened, console, open_home, parse_container, print_json, say
from engine.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from app.services.reading import Reading
    from db.store import Container

_KEYS = ("index", "status", "error", "params", "metrics", "test_metrics", "digest")
_FORMATS = (".csv", ".parquet")


def container(
    name: Annotated[str, typer.Argument(metavar="RUN/INDEX", help="E.g. 3/17; 3/benchmark is the run's buy and hold.")],
    trace: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the event log (.csv or .parquet).")] = None,
    equity: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write equity bar by bar (.csv or .parquet).")
    ] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show held-out figures too; each look is counted.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one container: what it was, what it decided, what it earned."""
    run_id, index = parse_container(name)
    files = [_target(option, path) for option, path in (("--trace", trace), ("--equity", equity)) if path]
    if len(set(files)) < len(files):
        raise InputError("--trace and --equity name the same file; give each its own")
    opened = open_home(home)
    with opened.store() as store:
        store.progress(run_id)
        row = store.container(run_id, index)
        if reveal and row.test_metrics is not None:
            store.reveal(run_id)
    reading = None
    if row.status == "done":
        from app.services.reading import read

        reading = read(opened, run_id, index)
        if not reading.same_spec:
            say("note: another version of Bulkhead made this run; names and indicators are shown as this one reads it")
    elif files:
        raise InputError(f"container {name} is {row.status}: it has no event log to write; choose one that is done")
    if equity and reading and row.metrics is None:
        raise InputError(f"container {name} generated signals and traded nothing, so it has no equity; use --trace")
    if reading and trace:
        _write(reading.trace(), trace)
    if reading and equity:
        _write(reading.equity(), equity)
    if as_json:
        print_json(_document(row, reading))
    else:
        _print(console(), name, row, reading, reveal)
        for path in files:
            say(f"written: {path}")


def _document(row: "Container", reading: "Reading | None") -> dict[str, Any]:
    from engine.events import empty_log
    from engine.projections.funnel import funnel

    return {
        **{key: getattr(row, key) for key in _KEYS},
        "events": reading.events() if reading else [],
        "funnel": reading.funnel if reading else funnel(empty_log(0)),
        "fills_digest": row.fills_digest,
        "spec_hash": row.spec_hash,
    }


def _print(out: "Console", name: str, row: "Container", reading: "Reading | None", reveal: bool) -> None:
    from app.cli.tables import parameter, seconds
    from engine.projections.catalogue import CATALOGUE

    run = f"{reading.run.name}, {reading.run.dataset}, " if reading else ""
    usage = f"{seconds(row.usage.wall)} ({row.usage.memory / 2**20:,.1f} MiB)"
    out.print(f"container {name}: {run}{row.status} in {usage}, {row.rows:,} events")
    for key, value in row.params.items():
        out.print(f"  {key} = {parameter(value)}")
    if row.error:
        out.print(row.error, soft_wrap=True)
    if reading is None:
        return
    if row.metrics is None:
        _print_generated(out, name, row, reading)
        return
    from app.cli.tables import figure, head, table

    held_out = row.test_metrics is not None and reveal
    heads = ("metric", "value", *(("held out",) if held_out else ()), "meaning")
    rows = [
        (
            head(metric.name).replace("\n", " "),
            figure(metric.name, (row.metrics or {}).get(metric.name)),
            *((figure(metric.name, (row.test_metrics or {}).get(metric.name)),) if held_out else ()),
            metric.text,
        )
        for metric in CATALOGUE
    ]
    out.print(table(heads, rows, left=(0, len(heads) - 1)))
    if row.test_metrics is not None and not reveal:
        out.print("what happened on held-out bars is covered: --reveal shows it, and each look is counted")
    funnel = dict(reading.funnel)
    rejections = ", ".join(f"{count:,} {reason}" for reason, count in funnel.pop("rejections").items())
    out.print(" → ".join(f"{funnel[key]:,} {key}" for key in ("signals", "targets", "orders", "fills", "trades")))
    out.print(f"{funnel['stops']:,} stops, {funnel['resizes']:,} resizes, rejections: {rejections or 'none'}")
    out.print(f"digest {row.digest}")
    out.print(f"next: bulkhead container {name} --trace events.csv --equity equity.csv")


def _print_generated(out: "Console", name: str, row: "Container", reading: "Reading") -> None:
    """A container that made signals and traded none of them."""
    from app.cli.tables import FIGURES, number, table
    from app.services.home import Home
    from app.services.signals import summaries

    with Home(Opened.folder).store() as store:
        worth = summaries(store, row.run, [row.index]).get(row.index, {})
    out.print(table(tuple(FIGURES), [[number(worth.get(name)) for name in FIGURES.values()]], left=()))
    out.print(f"{reading.funnel['signals']:,} signals, and nothing was traded: it generated them")
    out.print(f"digest {row.digest}")
    out.print(f"next: bulkhead signals show {name}")


def _target(option: str, path: Path) -> Path:
    """Where to write. InputError when it cannot be."""
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"{option} {path}: the name must end in {' or '.join(_FORMATS)}")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{option} {path}: there is no folder {path.absolute().parent}; make it first")
    return path


def _write(frame: "pd.DataFrame", path: Path) -> None:
    from app.datasets.storage import atomic
    from app.services.cells import safe

    try:
        with atomic(path) as file:
            if path.suffix.lower() == ".csv":
                safe(frame).to_csv(file, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
            else:
                frame.to_parquet(file, index=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}; choose another place") from None
