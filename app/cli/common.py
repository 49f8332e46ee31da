"""What the commands share: their common options, how they print, how they read RUN and RUN/INDEX."""

import dataclasses
import json
import math
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from app.services.home import Home

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="Folder with the database and the datasets (or BULKHEAD_HOME; default: the platform's user data folder).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else.")]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="Allow the code of own stages that a config brings along; read it first.")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, max=4096, help="Processes to use (default: one a core).")
]
QueueOption = Annotated[
    bool, typer.Option("--queue", help="Wait until nothing else runs; queued runs go in the order of their numbers.")
]

#: Columns of output that goes to a file or a pipe.
_WIDTH = 200
_RUN = re.compile(r"[0-9]{1,18}")
#: What RUN/INDEX calls the run's buy and hold.
BENCHMARK = "benchmark"


class Opened:
    """The home this process opened, for the report of an internal error."""

    folder: Path | None = None


def open_home(path: Path | None) -> "Home":
    """The home to work in. StoreError when it cannot be made."""
    from app.services.home import Home

    home = Home(path)
    Opened.folder = home.path
    return home


@contextmanager
def terminable() -> Iterator[Callable[[], None]]:
    """In the block a polite end (SIGTERM) is taken as Ctrl-C.

    Yields a function that raises once more for either: Python drops what is raised while it finalizes an object or
    answers a C library, as when kernels are being loaded.
    """
    asked = False

    def interrupt(*_: object) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def console(stderr: bool = False) -> "Console":
    """A console that prints texts as they are: a name with brackets in it is no markup, one with escapes no command."""
    from rich.console import Console

    class Plain(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*(printable(item) if isinstance(item, str) else item for item in objects), **options)

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH
    return Plain(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


def say(text: str) -> None:
    """A line for people, on standard error."""
    print(text, file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """`text` without characters that a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def one_line(text: str) -> str:
    """`text` as one printable line."""
    return printable(" ".join(text.split()))


def print_json(value: Any) -> None:
    """Print one JSON document: NaN and infinity as null, dates in ISO 8601."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def many(count: int, what: str) -> str:
    """`count` of something: "1 run", "1,000 runs"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def plain(value: Any) -> Any:
    """`value` as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def parse_run(text: str) -> int:
    """The number of a run. InputError for anything else."""
    if not _RUN.fullmatch(text):
        hint = f"; for one container use 'bulkhead container {text}'" if "/" in text else ""
        raise InputError(f"'{text}' is no run: write its number, e.g. 3 ('bulkhead runs' lists them){hint}")
    return int(text)


def parse_container(text: str) -> tuple[int, int]:
    """Run and index of RUN/INDEX (RUN/benchmark: −1, the run's buy and hold). InputError for anything else."""
    run, slash, index = text.partition("/")
    if slash and _RUN.fullmatch(run) and index == BENCHMARK:
        return int(run), -1
    if not (slash and _RUN.fullmatch(run) and _RUN.fullmatch(index)):
        raise InputError(f"'{text}' is no container: write RUN/INDEX, e.g. 3/17 ('bulkhead show RUN' lists them)")
    return int(run), int(index)


def read_text(path: str, what: str) -> str:
    """The text of a file, or of standard input for `-`. InputError in one line."""
    from app.services.paths import own

    try:
        if path == "-":
            return sys.stdin.buffer.read(_MOST + 1).decode()
        with own(path, what).open("rb") as file:
            return file.read(_MOST + 1).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: this {what} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: this {what} cannot be read: {error.strerror}; check the name") from None


#: No more of a file is read: a config this long is refused by its length anyway.
_MOST = 1 << 20
