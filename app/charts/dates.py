"""Dates on an axis of bar numbers: bars stand side by side, without gaps for nights and weekends."""

from typing import Any

import numpy as np
import numpy.typing as npt

_DAY = 86_400 * 10**9
#: Steps between labels, finest first: NumPy's unit, how many of it, and how many letters of an ISO time to show.
_STEPS = (
    *(("m", every, 16) for every in (1, 5, 15, 30)),
    *(("h", every, 16) for every in (1, 3, 6, 12)),
    *(("D", every, 10) for every in (1, 2, 4, 7, 14)),
    *(("M", every, 7) for every in (1, 2, 3, 6)),
    *(("Y", every, 4) for every in (1, 2, 5, 10, 20, 50)),
)


def daily(time: npt.NDArray[np.int64]) -> bool:
    """Whether the bars stand at midnights, so that their dates say all."""
    return not (time % _DAY).any()


def words(time: npt.NDArray[np.int64], letters: int | None = None) -> list[str]:
    """Times, int64 nanoseconds (n,), as text: dates, with hours and minutes where bars are intraday."""
    shown = letters or (10 if daily(time) else 16)
    texts = np.datetime_as_string(time.view("datetime64[ns]"), unit="m")
    return [text[:shown].replace("T", " ") for text in texts.tolist()]


def ticks(time: npt.NDArray[np.int64], start: int, stop: int, most: int) -> tuple[list[int], list[str]]:
    """Bars of start:stop at which a round date begins, and their labels: the finest step that gives at most `most`.

    Times of day stand alone, with their date below where it changes.
    """
    shown = time[start:stop].view("datetime64[ns]")
    for unit, every, letters in _STEPS:
        buckets = shown.astype(f"datetime64[{unit}]").astype(np.int64) // every
        bars = np.flatnonzero(np.diff(buckets)) + 1 + start
        if len(bars) <= most:
            if len(bars) < 2 and stop > start:  # too short a stretch for round dates
                bars = np.unique([start, stop - 1])
                letters = 10 if daily(time[start:stop]) else 16
            return bars.tolist(), _stacked(words(time[bars], letters))
    return [start], words(time[start : start + 1], 10)


def axis(start: int, stop: int, bars: list[int], labels: list[str]) -> dict[str, Any]:
    """An x axis of the bars start:stop with `ticks`; all figures with it show the same bars above each other."""
    shown = {"tickvals": bars, "ticktext": labels, "tickangle": 0}
    return {"range": [start - 0.5, stop - 0.5], **shown, "fixedrange": True}


def _stacked(labels: list[str]) -> list[str]:
    """Labels with a time of day as two lines, the date only where it is another than before."""
    found, before = [], ""
    for label in labels:
        date, _, clock = label.partition(" ")
        found.append(f"{clock}<br>{date}" if clock and date != before else clock or date)
        before = date
    return found
