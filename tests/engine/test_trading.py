"""The trading kernel against an independent plain-Python twin, under random markets, signals and rules."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engine.events import NO_CAUSE, Kind, empty_log
from engine.execution.advance import advance, finish
from engine.projections.account import project
from engine.projections.catalogue import METRICS
from engine.projections.metrics import measure
from tests.engine.trading import batch_of, plain, rules_of, run_case
from tests.oracle import figures
from tests.oracle.cases import cases
from tests.oracle.trading import simulate

DECISIONS = ("bar", "kind", "level", "source", "symbol", "side", "reason", "cause")
AMOUNTS = ("price", "quantity", "commission", "value", "limit", "actual")


def compare(case: dict[str, Any]) -> None:
    ours, theirs = plain(run_case(case)[1]), simulate(**case)
    for seq, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        for name in DECISIONS:
            assert mine[name] == other[name], f"row {seq}: {name}\n{mine}\n{other}"
        for name in AMOUNTS:
            if other[name] is None:
                assert mine[name] is None, f"row {seq}: {name}\n{mine}\n{other}"
            else:
                scale = max(
                    abs(case["rules"]["initial_cash"]) if name in ("limit", "actual", "commission") else 1.0, 1.0
                )
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
def test_bar_by_bar_equals_all_at_once(case: dict[str, Any]) -> None:
    market, whole = run_case(case)
    first = case["rules"]["first_bar"]
    batch = batch_of(case, market)
    obeyed = rules_of(case, market)
    accounts, book = obeyed.blank.open()
    log = empty_log(len(whole) + 100 * len(market.symbols))
    for bar in range(first, len(market.time)):
        world = (market.bars, market.actions, market.calendar, obeyed.members, obeyed.atr, batch.rows, batch.moves)
        assert advance(accounts, *world, book, obeyed.rules, bar, bar + 1, log) == bar + 1
    finish(len(market.time) - 1, accounts, book, log)
    assert repr(log[: accounts["rows"][0]].tolist()) == repr(whole.tolist())


@random_cases
@given(case=cases())
def test_cash_and_positions_are_equity_and_figures_equal_the_oracle(case: dict[str, Any]) -> None:
    market, log = run_case(case)
    rules, first = case["rules"], case["rules"]["first_bar"]
    rows = plain(log)
    account = project(log, market.bars, first, rules["initial_cash"])
    curve = figures.equity(rows, case["market"], rules)[first:]
    scale = max(rules["initial_cash"], *map(abs, curve))
    assert account.equity.tolist() == pytest.approx(curve, rel=1e-9, abs=1e-9 * scale)
    trades = figures.trades(rows)
    assert account.trades["profit"].tolist() == pytest.approx([t["profit"] for t in trades], rel=1e-7, abs=1e-9 * scale)
    assert account.trades["exit_bar"].tolist() == [t["exit_bar"] for t in trades]

    bars = len(market.time)
    mine = measure(account, market.session, first, first, bars, rules["initial_cash"], 252.0, 252.0, 0.02, 0)
    other = figures.metrics(rows, case["market"], rules, first, bars, risk_free=0.02)
    for name, value in zip(METRICS, mine.tolist(), strict=True):
        expected = curve[-1] if name == "final_equity" else other[name]
        if expected is None:
            assert np.isnan(value), name
        else:
            assert value == pytest.approx(expected, rel=1e-6, abs=1e-9 * scale), name


@random_cases
@given(case=cases())
def test_every_chain_of_causes_is_complete(case: dict[str, Any]) -> None:
    log = run_case(case)[1]
    kinds = [Kind(kind) for kind in log["kind"].tolist()]
    answered: dict[int, set[Kind]] = {}
    for seq, (kind, cause) in enumerate(zip(kinds, log["cause"].tolist(), strict=True)):
        if kind in (Kind.REGIME, Kind.SIGNAL, Kind.REBALANCE):
            assert cause == NO_CAUSE
            continue
        assert 0 <= cause < seq
        answered.setdefault(cause, set()).add(kind)
        expected = {
            Kind.TARGET: {Kind.SIGNAL, Kind.REGIME},
            Kind.ORDER: {Kind.TARGET, Kind.STOP, Kind.REBALANCE},
            Kind.FILL: {Kind.ORDER},
            Kind.STOP: {Kind.FILL},
            Kind.RESIZE: {Kind.ORDER},
            Kind.REJECTION: {Kind.SIGNAL, Kind.TARGET, Kind.ORDER},
        }
        assert kinds[cause] in expected[kind]
    bars, symbols = log["bar"].tolist(), log["symbol"].tolist()
    targeted = {(bars[i], symbols[i]) for i, kind in enumerate(kinds) if kind is Kind.TARGET}
    for seq, kind in enumerate(kinds):
        found = answered.get(seq, set())
        if kind is Kind.SIGNAL:
            assert ((bars[seq], symbols[seq]) in targeted) != (Kind.REJECTION in found)
        elif kind is Kind.TARGET:
            assert len(found & {Kind.ORDER, Kind.REJECTION}) == 1
        elif kind is Kind.ORDER:
            assert len(found & {Kind.FILL, Kind.REJECTION}) == 1
    assert all(np.diff(log["bar"]) >= 0)
