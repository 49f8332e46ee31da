"""What a stage's own code raised, in one line: where in its file, what, and what to change."""

import traceback
from datetime import UTC, datetime

from pydantic import ValidationError

from engine.errors import BulkheadError
from engine.market.market import Market

#: How files of a user's folder are called in tracebacks.
_FOLDER = "stages/"


def told(error: BaseException) -> str:
    """`error` in one line, with the last line of the user's files on its way."""
    said = " ".join(str(error).split())
    if isinstance(error, BulkheadError):
        return said
    if isinstance(error, SystemExit):
        said = f"sys.exit({error.code!r}) was called"
    elif isinstance(error, ValidationError):
        first = error.errors()[0]
        said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
    where = line(error)
    return f"{where}: {said}" if where else said


def line(error: BaseException) -> str:
    """File and line of the user's code that `error` came through last; empty when it did not."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(_FOLDER)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def writes(error: BaseException) -> str:
    """What `error` says was written to and may not be: `its inputs`, `its parameters`; empty for another error."""
    if isinstance(error, ValueError) and any(words in str(error) for words in ("read-only", "set WRITEABLE flag")):
        return "its inputs"
    if isinstance(error, ValidationError) and error.errors()[0]["type"].startswith("frozen"):
        return "its parameters"
    return ""


def day(market: Market, bar: int) -> str:
    """The date (and within days the time) of a bar, UTC."""
    stamp = datetime.fromtimestamp(int(market.time[bar]) // 10**9, UTC)
    return stamp.strftime("%Y-%m-%d" if stamp.hour == stamp.minute == 0 else "%Y-%m-%d %H:%M")
