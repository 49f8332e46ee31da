"""The entry: puts the commands together, and turns every way of failing into one line and an exit code.

0: done. 1: it ran, and the answer is no. 2: it could not run, and one line says why.
"""

import gc
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli import (
    bundle,
    container,
    control,
    data,
    difference,
    export,
    resume,
    run,
    runs,
    safety,
    serve,
    signals,
    stage,
    workflow,
)
from app.cli.common import Opened, one_line, say
from app.cli.later import COMMANDS
from engine import __version__
from engine.errors import BulkheadError, nearest

INTERRUPTED = 130  # what typer makes of Ctrl-C


class Commands(TyperGroup):
    """The commands there are; one of a later version, or none at all, is refused in one line."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0] if args else ""
        if name not in self.commands and not name.startswith("-"):
            if name in COMMANDS and ctx.parent is None:
                raise BulkheadError(f"'{name}' is not part of this version of Bulkhead: {COMMANDS[name]}")
            raise BulkheadError(f"there is no command '{name}'; {nearest(name, self.commands)}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Bulkhead: a research workbench for trading strategies.",
)
app.command("run")(run.run)
app.command("resume")(resume.resume)
app.command("extend")(resume.extend)
app.command("stop")(control.stop)
app.command("pause")(control.pause)
app.command("kill")(control.kill)
app.command("now")(control.now)
app.command("runs")(runs.runs)
app.command("show")(runs.show)
app.command("container")(container.container)
app.command("export")(export.export)
app.command("reproduce")(export.reproduce)
app.command("bundle")(bundle.bundle)
app.command("import")(bundle.import_)
app.command("serve")(serve.serve)
app.command("backup")(safety.backup)
app.command("verify")(safety.verify)
app.command("new")(stage.new)
app.command("check")(stage.check)
datasets = typer.Typer(cls=Commands, help="Add, list, check and compare datasets.")
datasets.command("add")(data.add)
datasets.command("list")(data.list_)
datasets.command("check")(data.check)
datasets.command("diff")(difference.diff)
app.add_typer(datasets, name="data")
workflows = typer.Typer(cls=Commands, help="List, show, go on with and export research workflows.")
workflows.command("list")(workflow.list_)
workflows.command("show")(workflow.show)
workflows.command("resume")(workflow.resume)
workflows.command("export")(workflow.export)
app.add_typer(workflows, name="workflow")
logs = typer.Typer(cls=Commands, help="List, look at and import signal logs.")
logs.command("list")(signals.list_)
logs.command("show")(signals.show)
logs.command("add")(signals.add)
app.add_typer(logs, name="signals")


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"bulkhead {__version__}")
        raise typer.Exit()
    _help_alone(context)


@logs.callback(invoke_without_command=True)
@datasets.callback(invoke_without_command=True)
@workflows.callback(invoke_without_command=True)
def _help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; never returns, ends with an exit code."""
    # Python's collector looks through all that is loaded every few hundred objects, which is a tenth of the time to
    # start, and once more at the end, a third of a second
    gc.set_threshold(100_000, 50, 50)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal without our characters shows their codes
            stream.reconfigure(errors="backslashreplace")
    code = outcome(arguments)
    gc.freeze()
    sys.exit(code)


def outcome(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = app(args=arguments, prog_name="bulkhead", standalone_mode=False)
        sys.stdout.flush()
    except BulkheadError as error:
        say(f"error: {one_line(str(error))}")
        return 2
    except typer.TyperException as error:  # a wrong option, a missing argument
        say(f"error: {one_line(_usage(error))}")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        say("stopped")
        return 1
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        say(f"internal error: {one_line(f'{type(error).__name__}: {error}')}{_kept(error)}")
        return 2
    if code == INTERRUPTED:
        say("stopped")
        return 1
    return code if isinstance(code, int) else 0


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the arguments, and where to look them up."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "bulkhead"
    return f"{message.rstrip('.')}; see '{where} --help'"


def _kept(error: Exception) -> str:
    """Write the traceback of a defect of ours to HOME/logs; returns where to, for the message."""
    text = "".join(traceback.format_exception(error))
    name = f"error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (Opened.folder and Opened.folder / "logs", Path(tempfile.gettempdir())):
        if folder:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
            except OSError:
                continue
            return f" (a defect of Bulkhead; please report it with {folder / name})"
    return ""
