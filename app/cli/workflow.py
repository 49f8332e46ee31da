"""`bulkhead workflow`: research workflows, phase by phase. They are begun with `bulkhead run`."""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import (
    HomeOption,
    JsonOption,
    QueueOption,
    TrustOption,
    WorkersOption,
    console,
    open_home,
    print_json,
    say,
    terminable,
)  # fmt: skip
from engine.errors import InputError

if TYPE_CHECKING:
    from app.services.home import Home
    from app.services.workflow.flow import Checked
    from db.store import Store

_ID = Annotated[str, typer.Argument(metavar="ID", help="Number of the workflow.")]


def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the workflows of the home."""
    with open_home(home).store() as store:
        found = store.workflows.states()
    if as_json:
        keys = ("name", "status", "pid", "created", "finished")
        print_json(
            [
                {"workflow": flow.id}
                | {key: getattr(flow, key) for key in keys}
                | {"phases": {phase.name: phase.status for phase in flow.phases}}
                for flow in found
            ]
        )
        return

    from app.cli.tables import table

    if not found:
        console().print("no workflows yet; try: bulkhead run assets/experiments/us-tech-workflow.toml")
        return
    rows = [
        (
            str(flow.id), flow.name, flow.status, flow.created[:19].replace("T", " "),
            ", ".join(f"{phase.name} {phase.status}" for phase in flow.phases),
        )
        for flow in found
    ]  # fmt: skip
    console().print(table(("workflow", "name", "status", "begun (UTC)", "phases"), rows, left=(1, 2, 3, 4)))


def show(workflow: _ID, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what each phase of a workflow came to."""
    workflow_id = _parse(workflow)
    with open_home(home).store() as store:
        _show(store, workflow_id, as_json)


def resume(
    workflow: _ID,
    phase: Annotated[str | None, typer.Option(metavar="NAME", help="Run this phase alone, and anew.")] = None,
    workers: WorkersOption = None,
    queue: QueueOption = False,
    trust: TrustOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a workflow: compute only what is not stored. With --phase: that one anew, later ones become stale."""
    workflow_id = _parse(workflow)
    opened = open_home(home)
    with opened.store() as store:
        _run(opened, store, workflow_id, workers, trust, as_json, None, phase, queue)


def export(
    workflow: _ID,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.toml", help="Where to write (default: standard output)."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write a workflow as one file that pins data, versions and the digest of every phase."""
    workflow_id = _parse(workflow)
    if output and not output.absolute().parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.absolute().parent}; make it first")
    opened = open_home(home)

    from app.services.workflow.sharing import export_workflow

    text = export_workflow(opened, workflow_id)
    if output is None:
        sys.stdout.write(text)
        return
    from app.datasets.storage import atomic

    try:
        with atomic(output) as file:
            file.write(text.encode())
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}; choose another place") from None
    say(f"written: {output} (run all phases anew and compare: bulkhead reproduce {output})")


def begin(opened: "Home", text: str, workers: int | None, trust: bool, as_json: bool, queue: bool) -> None:
    """`bulkhead run` of a workflow."""
    from app.services.workflow import flow

    checked = flow.check(opened, text, trust)
    for line in checked.warnings:
        say(f"warning: {line}")
    with opened.store() as store:
        workflow_id = flow.create(store, checked)
        say(f"workflow {workflow_id}: {len(checked.flow.phases)} phases")
        _run(opened, store, workflow_id, workers, trust, as_json, checked, None, queue)


def reproduce(opened: "Home", text: str, workers: int | None, trust: bool) -> Any:
    """`bulkhead reproduce` of an exported workflow: its verdict."""
    from app.cli.run import compiling
    from app.services import running
    from app.services.workflow import sharing

    checked, expected = sharing.prepare(opened, text, trust)
    say(f"reproducing a workflow of {len(checked.flow.phases)} phases; nothing of it is stored")
    compiling()
    with terminable() as check:
        return sharing.reproduce(
            opened, checked, expected, workers or running.default_workers(), say, _progresses(check)
        )


def _run(
    opened: "Home",
    store: "Store",
    workflow_id: int,
    workers: int | None,
    trust: bool,
    as_json: bool,
    checked: "Checked | None",
    phase: str | None,
    queue: bool,
) -> None:
    from app.cli.run import compiling
    from app.services import running
    from app.services.workflow import flow

    warnings.filterwarnings("ignore", module="joblib")  # on Ctrl-C it counts what was not finished
    compiling()
    began, count = time.perf_counter(), workers or running.default_workers()
    with terminable() as check:
        try:
            flow.run(opened, store, workflow_id, count, say, _progresses(check), checked, phase, trust, queue)
        except KeyboardInterrupt:
            say(f"stopped; go on with: bulkhead workflow resume {workflow_id}")
    seconds = time.perf_counter() - began
    status = _show(store, workflow_id, as_json, seconds)
    raise typer.Exit(0 if status == "done" or phase is not None else 1)


def _progresses(check: Callable[[], None]) -> Callable[[int], AbstractContextManager[Any]]:
    """For each run a progress bar, or lines, which end with a signal that came."""
    from app.cli.run import progress_for

    @contextmanager
    def begun(total: int) -> Iterator[Callable[[int, int, int], None]]:
        progress = progress_for(total)

        def told(done: int, failed: int, total: int) -> None:
            check()
            progress(done, failed, total)

        with progress:
            yield told

    return begun


def _show(store: "Store", workflow_id: int, as_json: bool, seconds: float | None = None) -> str:
    """Print a workflow; returns its status."""
    from app.services.workflow.sharing import described

    state = store.workflows.get(workflow_id)
    found = described(store, state)
    if as_json:
        print_json(found if seconds is None else {**found, "seconds": seconds})
        return state.status
    out = console()
    took = "" if seconds is None else f", {seconds:.1f} s"
    out.print(f"workflow {workflow_id}: {state.name}, {state.status}{took}")
    for phase in found["phases"]:
        runs = ", ".join(map(str, phase["runs"])) or "–"
        out.print(f"{phase['name']} ({phase['kind']}): {phase['status']}; runs {runs}; digest {phase['digest'] or '–'}")
        if phase["error"]:
            out.print(f"  {phase['error']}", soft_wrap=True)
        if phase["result"]:
            _PRINT[phase["kind"]](phase["result"])
    count = found["validations"]
    out.print(f"validated {count} time{'' if count == 1 else 's'} for this hypothesis on this dataset")
    if state.status == "done":
        out.print(f"next:\n  bulkhead workflow export {workflow_id} -o workflow.toml")
    else:
        out.print(f"next:\n  bulkhead workflow resume {workflow_id}")
    return state.status


def _print_discover(result: dict[str, Any]) -> None:
    console().print(f"  {result['done']:,} of {result['containers']:,} containers done")


def _print_choices(result: dict[str, Any]) -> None:
    from app.cli.tables import table

    rows = []
    for entry in result["classifiers"]:
        for choice in entry["choices"]:
            best = choice["overall"]
            head = entry["classifier"], ", ".join(choice["strategies"])
            rows.append((*head, "(overall)", "", _figure(best["objective"]), _parameters(best["parameters"])))
            for part in choice["regimes"]:
                own = _figure(part[result["objective"]])
                told = "overall" if part["by"] == "overall" else _parameters(part["parameters"], best["parameters"])
                rows.append((*head, part["regime"], str(part["episodes"]), own, told or "the same"))
    heads = (
        "classifier",
        "strategy",
        "regime",
        "episodes",
        result["objective"],
        "parameters (in a regime: that differ)",
    )
    console().print(table(heads, rows, left=(0, 1, 2, 5)))


def _print_weights(result: dict[str, Any]) -> None:
    from app.cli.tables import table

    rows = []
    for entry in result["classifiers"]:
        weights = entry["ensemble"].get("weights", "equal")
        by_regime = weights.items() if isinstance(weights, dict) else [("all", weights)]
        told = "; ".join(
            f"{name}: {given if isinstance(given, str) else ', '.join(f'{weight:.3g}' for weight in given)}"
            for name, given in by_regime
        )
        chosen = "chosen" if entry["classifier"] == result["best"] else ""
        figure = _figure(entry["figures"][result["objective"]])
        rows.append((entry["classifier"], str(entry["containers"]), figure, told, chosen))
    heads = ("classifier", "containers", result["objective"], "weights", "")
    console().print(table(heads, rows, left=(0, 3, 4)))


def _print_validation(result: dict[str, Any]) -> None:
    from app.cli.tables import table

    earlier = result["earlier"]
    columns = (result["figures"], result["benchmark"], earlier["figures"], earlier["benchmark"])
    names = ("total_return", "cagr", "sharpe", "max_drawdown", "volatility", "trades", "exposure")
    rows = [(name, *(_figure(column[name]) for column in columns)) for name in names]
    heads = ("", f"{result['start']} to {result['end']}", "buy and hold", "bars before", "buy and hold")
    console().print(table(heads, rows, left=(0,)))


_PRINT = {
    "discover": _print_discover,
    "by_regime": _print_choices,
    "ensemble": _print_weights,
    "validate": _print_validation,
}


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _parameters(tables: dict[str, dict[str, Any]], known: dict[str, dict[str, Any]] | None = None) -> str:
    """Parameters in words; those that are not as in `known`."""
    return ", ".join(
        f"{name}.{key} = {value}"
        for name, table in tables.items()
        for key, value in table.items()
        if known is None or known[name].get(key) != value
    )


def _parse(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InputError(f"'{text}' is no workflow: write its number, e.g. 1 ('bulkhead workflow list' names them)")
    return int(text)
