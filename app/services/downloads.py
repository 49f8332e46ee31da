"""A container's log, equity and trades as files. A cell of a CSV is never taken for a formula by a spreadsheet."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.services.cells import safe
from app.services.reading import Reading

if TYPE_CHECKING:
    import pandas as pd

FORMS = ("csv", "parquet")
MIMES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def events(reading: Reading, stop: int) -> "pd.DataFrame":
    """The event log in words, of the bars before `stop`."""
    frame = reading.trace()
    return frame[frame["bar"] < stop]


def equity(reading: Reading, stop: int) -> "pd.DataFrame":
    """Equity, drawdown, gross weight and regime of each bar before `stop`."""
    return reading.equity().iloc[: max(0, stop - reading.first)]


def trades(reading: Reading, stop: int) -> "pd.DataFrame":
    """The round trips that were closed before `stop`."""
    frame = reading.trades()
    return frame[frame["exit_bar"] < stop]


#: What can be had: name → its frame.
TABLES: dict[str, Callable[[Reading, int], "pd.DataFrame"]] = {"events": events, "equity": equity, "trades": trades}


def name(reading: Reading, table: str, form: str, stop: int) -> str:
    """The name of a file; it says so when the held-out bars are left out."""
    which = "benchmark" if reading.container.index < 0 else reading.container.index
    part = "" if stop >= len(reading.market.time) else "-before-held-out"
    return f"run-{reading.run.id}-container-{which}-{table}{part}.{form}"


def content(reading: Reading, table: str, form: str, stop: int) -> bytes:
    """A table as a file's bytes. `form`: one of FORMS; `stop`: bars from there on are left out. Times are UTC."""
    frame = TABLES[table](reading, stop)
    if form == "csv":
        return safe(frame).to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").encode()
    file = io.BytesIO()
    frame.to_parquet(file, index=False)
    return file.getvalue()
