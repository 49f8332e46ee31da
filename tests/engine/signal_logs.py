"""Logs of made-up signals and labels, and how two reports are compared."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from engine.classifiers.base import regime_rows
from engine.events import Source, empty_log
from engine.market.market import Market
from engine.strategies.changes import signal_rows
from tests.engine.signals import with_gaps
from tests.engine.small import small_market

Log = npt.NDArray[np.void]


def log_of(market: Market, first: int, *dense: npt.NDArray[np.float64], codes: Any = None) -> Log:
    """The log of strategies with these signals, (bars, symbols) each, and of labels `codes`, (bars,)."""
    parts = [signal_rows(values, market.valid, first, Source.STRATEGY + i, "s") for i, values in enumerate(dense)]
    if codes is not None:
        parts.insert(0, regime_rows(np.asarray(codes, np.int64), first))
    rows = np.concatenate([empty_log(0), *parts])
    return rows[np.argsort(rows["bar"], kind="stable")]


def sticky(market: Market, levels: list[float], seed: int, stay: float = 0.9) -> npt.NDArray[np.float64]:
    """Signals that mostly stay what they are, from `levels`; no opinion in the first 40 bars."""
    generator = np.random.default_rng(seed)
    values = generator.choice(levels, market.valid.shape)
    values[generator.random(values.shape) < stay] = np.nan
    values[:40] = np.nan
    return values


def stretches(bars: int, seed: int) -> npt.NDArray[np.int64]:
    """Labels 0 and 1 in stretches, from bar 60 on."""
    codes = np.repeat(np.random.default_rng(seed).integers(0, 2, bars // 15 + 1), 15)[:bars]
    codes[:60] = -1
    return codes


def twelve(bars: int = 400) -> Market:
    """Twelve symbols, one of them listed late, each without some of its bars."""
    return with_gaps(small_market(bars, 12), 0.08)


def check(found: Any, expected: Any, place: str = "report") -> None:
    """Every figure the same to 1e-12, and nothing missing or in excess."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key in expected:
            check(found[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            check(a, b, f"{place}[{i}]")
    elif isinstance(expected, float):
        assert isinstance(found, float) and found == pytest.approx(expected, rel=1e-12, abs=1e-12), place
    else:
        assert type(found) in (int, str, type(None)) and found == expected, place


def text(found: Any) -> str:
    """As it would be stored; refuses what JSON does not know."""
    return json.dumps(found, allow_nan=False)
