"""`bulkhead new` and `bulkhead check`: a stage of one's own, from its first line to one that may be believed."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import HomeOption, JsonOption, console, open_home, print_json

if TYPE_CHECKING:
    from engine.soundness.finding import Finding

_MARKS = {"ok": "ok", "note": "note", "failure": "failed", "look-ahead": "look-ahead"}


def new(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="strategy, classifier, indicator or risk.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What configs call it, e.g. my_breakout.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a stage of your own that works as it is, its test, and an experiment that runs it."""
    from app.services.drafting_stage import begin, class_name

    begun = begin(open_home(home), family, name)
    if as_json:
        paths = {"stage": begun.stage, "test": begun.test, "experiment": begun.experiment}
        print_json({"kind": name, "family": family, **{key: path and str(path) for key, path in paths.items()}})
        return
    out = console()
    for path in filter(None, (begun.stage, begun.test, begun.experiment)):
        out.print(f"written: {path}", soft_wrap=True)
    out.print("next:")
    out.print(f"  bulkhead check {name}")
    if begun.experiment:
        out.print(f"  bulkhead run {begun.experiment}", soft_wrap=True)
    elif family == "indicator":
        out.print(f"  in a strategy: from {name} import {class_name(name)}; indicator({class_name(name)}(window=20))")


def check(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="A kind of stage, your own or built in.")],
    data: Annotated[
        str | None, typer.Option("--data", metavar="NAME", help="The dataset to check it on (default: us-tech).")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=1.0, max=3600.0, help="The most that the check may take.")
    ] = 60.0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that a stage keeps its protocol, repeats itself, and never looks ahead. Exit code 1: it does not."""
    from app.services import checking

    report = checking.check(open_home(home), kind, data, seconds=seconds)
    if as_json:
        print_json(report.to_dict())
    else:
        out = console()
        out.print(_table(report.findings))
        if report.sound:
            out.print(f"{kind} is sound: {report.verdict}, checked on {report.dataset} in {report.seconds:.2g} s")
        else:
            refused = "looks ahead: no run may use it" if report.refused else "is not sound"
            out.print(f"{kind} {refused}")
            out.print(f"  {report.text}", soft_wrap=True)
    raise typer.Exit(0 if report.sound else 1)


def _table(findings: "tuple[Finding, ...]") -> object:
    from rich import box
    from rich.table import Table

    from app.cli.common import one_line

    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    made.add_column("check", no_wrap=True)
    made.add_column("", no_wrap=True)
    made.add_column("what was found", overflow="fold")
    for finding in findings:
        made.add_row(finding.check, _MARKS[finding.severity], one_line(finding.message))
    return made
