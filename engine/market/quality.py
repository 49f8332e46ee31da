"""What looks odd in a market's bars. Nothing is refused or changed here: the user decides."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.market.actions import Action
from engine.market.dataset import DAY, SECOND, is_intraday
from engine.market.market import Market

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Factors by which shares are commonly split. Smaller ones (4:3, 5:4) look like any bad day.
SPLITS = {"3:2": 1.5, "5:2": 2.5} | {f"{n}:1": float(n) for n in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100)}
SPLIT_TOLERANCE = 0.03
STALE_BARS = 5
#: Opens this near to the previous close (half a basis point) are taken from it, and rounded on the way.
NEAR = 5e-5
#: Longest usual distance in days of two bars in a row: a long weekend, or one closed day for a market without them.
USUAL_DAYS = {"1d": 5.0, "1w": 14.0, "1mo": 62.0, "3mo": 184.0, "1y": 732.0}


@dataclass(frozen=True)
class Finding:
    """One oddity: `kind` is `gap`, `missing`, `split`, `stale` or `no_volume`; `bars` how many it spans or lacks."""

    symbol: str
    kind: str
    #: ISO 8601, UTC: the first bar it concerns (for a gap, the bar after it).
    time: str
    bars: int
    detail: str


@dataclass(frozen=True)
class SymbolQuality:
    """The figures of one symbol; shares are of its own bars, None where it has too few of them."""

    symbol: str
    bars: int
    first: str
    last: str
    #: Bars that other symbols have between this one's first and last bar, and it lacks.
    missing: int
    #: Long breaks in its own bars, and the longest distance of two bars, in days.
    gaps: int
    longest_gap_days: float
    suspected_splits: int
    #: Bars in runs of the same close (5 and more), and share of bars without volume.
    stale: int
    zero_volume: float
    #: Share of bars that open exactly at, and within half a basis point of, the previous close.
    open_equals_previous_close: float | None
    open_near_previous_close: float | None
    #: Bars whose open or close lies outside low and high.
    outside_range: int
    #: Declared corporate actions, and whether the symbol ended before the dataset does.
    splits: int = 0
    dividends: int = 0
    ended: bool = False


@dataclass(frozen=True)
class Report:
    """The check of one dataset: a line for each symbol, and every finding in order of symbol and time."""

    dataset: str
    symbols: tuple[SymbolQuality, ...]
    findings: tuple[Finding, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One plain dict for each symbol, for a table."""
        return [asdict(symbol) for symbol in self.symbols]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {"dataset": self.dataset, "symbols": self.rows(), "findings": [asdict(f) for f in self.findings]}


def check(market: Market) -> Report:
    """Look for gaps, suspected splits, stale bars, and opens taken from the previous close."""
    symbols, findings = [], []
    for s, symbol in enumerate(market.symbols):
        found = [*_missing(market, s), *_gaps(market, s), *_splits(market, s), *_stale(market, s)]
        found.sort(key=lambda finding: (finding.time, finding.kind))
        findings += found
        symbols.append(_figures(market, s, symbol, found))
    return Report(market.dataset, tuple(symbols), tuple(findings))


def _figures(market: Market, s: int, symbol: str, found: list[Finding]) -> SymbolQuality:
    own = np.flatnonzero(market.valid[:, s])
    opens, close = market.open[own, s], market.close[own, s]
    high, low, volume = market.high[own, s], market.low[own, s], market.volume[own, s]
    several = len(own) > 1
    steps = np.diff(market.time[own])
    actions = market.actions["kind"][market.actions["symbol"] == s]

    def count(kind: str) -> list[int]:
        return [finding.bars for finding in found if finding.kind == kind]

    return SymbolQuality(
        symbol=symbol,
        bars=len(own),
        first=_stamp(market, int(own[0])) if len(own) else "",
        last=_stamp(market, int(own[-1])) if len(own) else "",
        missing=sum(count("missing")),
        gaps=len(count("gap")),
        longest_gap_days=round(float(steps.max()) / DAY, 3) if several else 0.0,
        suspected_splits=len(count("split")),
        stale=sum(count("stale")),
        zero_volume=float((volume == 0).mean()) if len(own) else 0.0,
        open_equals_previous_close=float((opens[1:] == close[:-1]).mean()) if several else None,
        open_near_previous_close=float((np.abs(opens[1:] / close[:-1] - 1) <= NEAR).mean()) if several else None,
        outside_range=int(((opens > high) | (opens < low) | (close > high) | (close < low)).sum()),
        splits=int((actions == Action.SPLIT).sum()),
        dividends=int((actions == Action.DIVIDEND).sum()),
        ended=bool((actions == Action.END).any()),
    )


def _missing(market: Market, s: int) -> list[Finding]:
    """Runs of bars that the other symbols have and this one, already and still listed, lacks."""
    own = np.flatnonzero(market.valid[:, s])
    lacking = np.diff(own) - 1
    return [
        Finding(market.symbols[s], "missing", _stamp(market, int(own[k]) + 1), int(lacking[k]), "other symbols have it")
        for k in np.flatnonzero(lacking > 0)
    ]


def _gaps(market: Market, s: int) -> list[Finding]:
    """Breaks longer than the calendar explains: between sessions in days, and within one in steps of the frequency."""
    own = np.flatnonzero(market.valid[:, s])
    steps = np.diff(market.time[own])
    if len(steps) == 0:
        return []
    intraday = is_intraday(market.frequency)
    every_day = market.sessions_per_year == 365.0
    if intraday:
        usual = float(np.median(steps))
        same = np.diff(market.session[own]) == 0
        limit = np.where(same, 3.0 * usual, DAY if every_day else USUAL_DAYS["1d"] * DAY)
    else:
        limit = np.full(len(steps), DAY if every_day else USUAL_DAYS[market.frequency] * DAY)
    unit, name = (60 * SECOND, "minutes") if intraday else (DAY, "days")
    return [
        Finding(
            market.symbols[s],
            "gap",
            _stamp(market, int(own[k + 1])),
            1,
            f"{steps[k] / unit:g} {name} after the bar before, {_stamp(market, int(own[k]))}",
        )
        for k in np.flatnonzero(steps > limit)
    ]


def _splits(market: Market, s: int) -> list[Finding]:
    """Jumps from a close to the next open (or, where opens are taken from it, the next close) by a split's factor.

    A declared split is taken off first, so one that the prices do not follow is found too.
    """
    own = np.flatnonzero(market.valid[:, s])
    opens, close = market.open[own, s], market.close[own, s]
    declared = _declared(market, s)[own][1:]
    copied = np.abs(opens[1:] / close[:-1] - 1) <= NEAR
    ratios = close[:-1] / np.where(copied, close[1:], opens[1:]) / declared
    findings = []
    for k in np.flatnonzero((ratios > 1.4) | (ratios < 1 / 1.4)):
        size = max(ratios[k], 1 / ratios[k])
        name = min(SPLITS, key=lambda name: abs(np.log(size / SPLITS[name])))
        if abs(size / SPLITS[name] - 1) <= SPLIT_TOLERANCE:
            name = name if ratios[k] > 1 else ":".join(reversed(name.split(":")))
            looks = f"looks like a {name} split"
            if declared[k] != 1.0:
                looks = f"a split of {declared[k]:g} for 1 is declared, and after it prices jump as by one of {name}"
            detail = f"{looks}: close {close[k]:g}, then open {opens[k + 1]:g}, close {close[k + 1]:g}"
            findings.append(Finding(market.symbols[s], "split", _stamp(market, int(own[k + 1])), 1, detail))
    return findings


def _declared(market: Market, s: int) -> Floats:
    """New units for one old that symbol `s` declares at each bar, float64 (bars,): 1 where there is no split."""
    factor = np.ones(len(market.time))
    for action in market.actions[(market.actions["symbol"] == s) & (market.actions["kind"] == Action.SPLIT)]:
        factor[action["bar"]] *= action["value"]
    return factor


def _stale(market: Market, s: int) -> list[Finding]:
    """Runs of at least STALE_BARS bars with the same close, and runs of bars without volume (unless none has any)."""
    own = np.flatnonzero(market.valid[:, s])
    close, volume = market.close[own, s], market.volume[own, s]
    findings = []
    for start, length in _runs(close[1:] == close[:-1]):
        if length + 1 >= STALE_BARS:  # n equal pairs are n + 1 equal bars
            detail = f"{length + 1} bars in a row close at {close[start]:g}"
            findings.append(Finding(market.symbols[s], "stale", _stamp(market, int(own[start])), length + 1, detail))
    if (volume > 0).any():
        for start, length in _runs(volume == 0):
            stamp = _stamp(market, int(own[start]))
            findings.append(Finding(market.symbols[s], "no_volume", stamp, length, f"{length} bars without volume"))
    return findings


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and length of every run of True in `flags` (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(stop - start)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _stamp(market: Market, bar: int) -> str:
    stamp = datetime.fromtimestamp(int(market.time[bar]) // SECOND, UTC)
    return stamp.strftime("%Y-%m-%dT%H:%M:%SZ" if is_intraday(market.frequency) else "%Y-%m-%d")
