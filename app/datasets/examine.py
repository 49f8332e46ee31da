"""From files to a market: read, checked, put together; nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.datasets import actions, features, files, frames, reader
from app.datasets.files import File
from app.datasets.refusal import Dropped, Screen
from app.datasets.rows import Rows, together
from app.datasets.wanted import Wanted
from engine.market.dataset import build
from engine.market.market import COLUMNS, Market

#: Paths and patterns, or one file under a name of its own.
Files = File | Path | str | Sequence[Path | str]


@dataclass(frozen=True)
class Examined:
    """A market that files make, and the rows of theirs that were left out of it."""

    market: Market
    dropped: tuple[Dropped, ...]


def examine(named: Files, wanted: Wanted) -> Examined:
    """The market of files and patterns. DataError: why it is refused, with file and row."""
    wanted.check()
    found = files.find(named)
    if wanted.symbol_from is not None:
        symbols: list[str | None] = [*files.symbols(found)]
    else:
        symbols = [wanted.symbol or (wanted.name if len(found) == 1 else None)] * len(found)
    rows = together([reader.read(file, wanted, symbol) for file, symbol in zip(found, symbols, strict=True)], wanted)
    table = None
    if wanted.actions is not None:
        found = (*found, File(Path(wanted.actions), Path(wanted.actions).name))
        table = reader.read_actions(found[-1], wanted.drop, rows.symbols[0] if len(rows.symbols) == 1 else None)
    happened = actions.gather(rows, table, wanted.adjustment)
    screens = [rows.screen] if table is None else [rows.screen, table.screen]
    return Examined(_market(rows, happened, wanted.adjustment), _dropped(found, screens))


def _market(rows: Rows, happened: npt.NDArray[np.void], adjustment: str) -> Market:
    """Rows under each other as a market: the union of the symbols' bars, NaN where one has none."""
    time, bar = np.unique(rows.time, return_inverse=True)

    def dense(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        array = np.full((len(time), len(rows.symbols)), np.nan)
        array[bar, rows.symbol] = values + 0.0
        return array

    placed = features.place(rows.time, rows.symbol, rows.features, rows.available)
    return build(
        time,
        rows.symbols,
        {name: dense(rows.values[name]) for name in COLUMNS},
        zone=rows.zone,
        adjustment=adjustment,
        actions=happened,
        features={name: dense(values) for name, values in placed.items()},
    )


def _dropped(found: Sequence[File], screens: Sequence[Screen]) -> tuple[Dropped, ...]:
    """The rows that were left out, in order of files and rows, each with its text."""
    out: list[tuple[int, int, str]] = []
    first = 0
    for screen in screens:
        out += [(source + first, row, reason) for source, row, reason in screen.out]
        first += len(screen.files)
    out.sort()
    dropped = []
    for source, group in groupby(out, key=lambda one: one[0]):
        rows = [(row, reason) for _, row, reason in group]
        texts = frames.texts(found[source], [row for row, _ in rows])
        dropped += [Dropped(found[source].label, row, reason, texts.get(row, "")) for row, reason in rows]
    return tuple(dropped)
