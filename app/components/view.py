"""What a reader does with a container's figure: which bars are in view, which event is chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from app.charts.scene import Scene
from app.services.home import Home
from app.services.reading import Reading
from engine.market.market import Market

Window = tuple[int, int]

#: Fewer bars than this are no view.
LEAST = 10
#: How near to a fill a click must be, as a share of the bars in view: some ten pixels.
REACH = 0.012
#: Spans to choose from, in days; None: all there is.
SPANS: dict[str, int | None] = {"All": None, "5 years": 1826, "1 year": 366, "3 months": 92}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bars a window can lie in, first:stop; `end`: where the account's story ends (the held-out bars, covered)."""

    first: int
    stop: int
    end: int


@dataclass(frozen=True, slots=True)
class Sight:
    """A container as it is looked at: the bars in view, the symbol shown, the chosen event (its seq).

    `name`: tells it apart from others where state is kept.
    """

    home: Home
    reading: Reading
    benchmark: Reading | None
    limits: Bounds
    window: Window
    symbol: str
    event: int | None
    name: str

    @property
    def end(self) -> int:
        """Where its account ends for the reader: the first bar that is covered, or the number of bars."""
        return self.limits.end

    @property
    def covered(self) -> bool:
        return self.limits.end < self.limits.stop


def bounds(reading: Reading, covered: bool) -> Bounds:
    stop = len(reading.market.time)
    return Bounds(0, stop, reading.test if covered and reading.test is not None else stop)


def whole(limits: Bounds) -> Window:
    return limits.first, limits.stop


def fitted(window: Window, limits: Bounds) -> Window:
    """`window` within its bounds, and wide enough to be one."""
    start, stop = max(window[0], limits.first), min(window[1], limits.stop)
    missing = LEAST - (stop - start)
    if missing > 0:
        start = max(limits.first, start - missing // 2 - 1)
        stop = min(limits.stop, start + LEAST)
        start = max(limits.first, stop - LEAST)
    return start, stop


def spanned(span: str, market: Market, limits: Bounds) -> Window:
    """The last bars of the account that make up a span."""
    days = SPANS[span]
    if days is None:
        return whole(limits)
    since = int(market.time[limits.end - 1]) - days * 86_400 * 10**9
    return fitted((int(np.searchsorted(market.time, since)), limits.end), limits)


def moved(window: Window, limits: Bounds, direction: int) -> Window:
    """The window half its width to the left (−1) or right (1)."""
    width = window[1] - window[0]
    start = window[0] + direction * max(1, width // 2)
    start = min(max(start, limits.first), limits.stop - width)
    return start, start + width


def around(bar: int, limits: Bounds, bars: int = 60) -> Window:
    """So many bars on both sides of one."""
    return fitted((bar - bars, bar + bars + 1), limits)


def dated(chosen: Sequence[date], market: Market, limits: Bounds) -> Window:
    """The bars from one date to another, both included."""
    begin, end = chosen[0], chosen[-1]
    return fitted((market.first_bar(begin), market.first_bar(end + timedelta(days=1))), limits)


def day(market: Market, bar: int) -> date:
    """The date of a bar, in the market's zone."""
    return datetime.fromtimestamp(int(market.time[bar]) // 10**9, ZoneInfo(market.zone)).date()


def boxed(selection: Mapping[str, Any], limits: Bounds) -> Window | None:
    """The bars of a box drawn in the figure, if one was."""
    boxes = selection.get("box") or []
    if not boxes or len(boxes[0].get("x", ())) < 2:
        return None
    left, right = sorted(float(edge) for edge in boxes[0]["x"])
    return fitted((round(left), round(right) + 1), limits)


def clicked(selection: Mapping[str, Any], shown: Scene) -> int | None:
    """The seq of the fill that was clicked, if one was: the nearest to the bar of the click, when it is near enough."""
    points = selection.get("points") or []
    if not points or not len(shown.fills):
        return None
    distance = np.abs(shown.fills["bar"] - float(points[0]["x"]))
    nearest = int(distance.argmin())
    return int(shown.seqs[nearest]) if distance[nearest] <= REACH * (shown.stop - shown.start) else None
