"""The trading kernel against an independent plain-Python twin, under random markets, signals and rules."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engine.projections.account import project
from engine.projections.catalogue import METRICS
from engine.projections.metrics import measure
from tests.engine.trading import plain, ranges_of, run_case
from tests.oracle import figures
from tests.oracle.cases import cases
from tests.oracle.ranges import tables
from tests.oracle.rules import with_defaults
from tests.oracle.trading import simulate

DECISIONS = ("bar", "kind", "level", "source", "symbol", "side", "reason", "cause")
AMOUNTS = ("price", "quantity", "commission", "value", "limit", "actual")


def compare(case: dict[str, Any]) -> None:
    """The twin's ranges equal the hub's; with these, so that rounding does not add up, its log equals the engine's."""
    market, log = run_case(case)
    ranges = ranges_of(case, market)
    for name, table in tables(case["market"], with_defaults(case["rules"])).items():
        for mine, other in zip(ranges[name], table, strict=True):
            assert mine == [None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9) for value in other]
    ours, theirs = plain(log), simulate(**case, ranges=ranges)
    for seq, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        for name in DECISIONS:
            assert mine[name] == other[name], f"row {seq}: {name}\n{mine}\n{other}"
        for name in AMOUNTS:
            if other[name] is None:
                assert mine[name] is None, f"row {seq}: {name}\n{mine}\n{other}"
            else:
                scale = case["rules"]["initial_cash"] if name in ("limit", "actual", "commission") else 1.0
                assert mine[name] == pytest.approx(other[name], rel=1e-9, abs=1e-9 * scale), f"row {seq}: {name}"
    assert len(ours) == len(theirs)


random_cases = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@random_cases
@given(case=cases())
def test_log_equals_the_oracle(case: dict[str, Any]) -> None:
    compare(case)


@random_cases
@given(case=cases())
def test_cash_and_positions_are_equity_and_figures_equal_the_oracle(case: dict[str, Any]) -> None:
    market, log = run_case(case)
    rules, first = case["rules"], case["rules"]["first_bar"]
    rows = plain(log)
    multiplier = rules.get("multiplier", 1.0)
    account = project(log, market.bars, first, rules["initial_cash"], None, multiplier)
    curve = figures.equity(rows, case["market"], rules)[first:]
    scale = max(rules["initial_cash"], *map(abs, curve))
    assert account.equity.tolist() == pytest.approx(curve, rel=1e-9, abs=1e-9 * scale)
    trades = figures.trades(rows, multiplier)
    assert account.trades["profit"].tolist() == pytest.approx([t["profit"] for t in trades], rel=1e-7, abs=1e-9 * scale)
    assert account.trades["exit_bar"].tolist() == [t["exit_bar"] for t in trades]

    bars = len(market.time)
    mine = measure(account, market.session, first, first, bars, rules["initial_cash"], 252.0, 252.0, 0.02, 0)
    sessions = case["market"].get("session")
    other, *tied = (
        figures.metrics(rows, case["market"], rules, first, bars, sessions=sessions, risk_free=0.02, tie=tie)
        for tie in (0.0, 1e-12, -1e-12)
    )
    for name, value in zip(METRICS, mine.tolist(), strict=True):
        expected = curve[-1] if name == "final_equity" else other[name]
        if expected is None:
            assert np.isnan(value), name
        elif name == "cvar_95":  # a return that is the percentile but for rounding is in the tail or not
            assert value in [pytest.approx(one[name], rel=1e-6, abs=1e-9) for one in (other, *tied)]
        else:
            assert value == pytest.approx(expected, rel=1e-6, abs=1e-9 * scale), name
