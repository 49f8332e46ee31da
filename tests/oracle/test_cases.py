"""What the random cases reach, and what holds for every log of the twin."""

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from tests.oracle.cases import cases
from tests.oracle.figures import equity, metrics, trades
from tests.oracle.trading import simulate


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(case=cases(groups=()))
def test_every_log_of_the_basic_rules_keeps_the_laws(case: dict[str, Any]) -> None:
    market, rules = case["market"], case["rules"]
    log = simulate(**case)
    answered = Counter(row["cause"] for row in log if row["kind"] != "RESIZE")
    for seq, row in enumerate(log):
        assert row["bar"] >= rules["first_bar"]
        kind, cause = row["kind"], row["cause"]
        assert (cause is None) == (kind in ("REGIME", "SIGNAL", "REBALANCE"))
        if cause is not None:
            assert cause < seq
            parents = {
                "TARGET": {"SIGNAL", "REGIME"},
                "ORDER": {"TARGET", "STOP", "REBALANCE"},
                "RESIZE": {"ORDER"},
                "REJECTION": {"SIGNAL", "TARGET", "ORDER"},
                "STOP": {"FILL"},
                "FILL": {"ORDER"},
            }
            assert log[cause]["kind"] in parents[kind]
        if kind == "ORDER":
            assert answered[seq] == 1  # one FILL or one REJECTION
        if kind == "TARGET":
            assert answered[seq] == 1  # one ORDER or one REJECTION
        if kind == "SIGNAL":
            targets = [
                r for r in log if r["kind"] == "TARGET" and (r["bar"], r["symbol"]) == (row["bar"], row["symbol"])
            ]
            refused = [r for r in log if r["kind"] == "REJECTION" and r["cause"] == seq]
            assert len(targets) + len(refused) == 1
        if row["side"] is not None:
            assert row["quantity"] > 0 or (kind == "RESIZE" and row["quantity"] == 0)  # a cut that left nothing
    # Buys that open something never overdraw: cash below zero comes from closing shorts alone.
    if not any(row["kind"] == "FILL" and row["side"] == "sell" for row in log):
        spent = sum(r["price"] * r["quantity"] + r["commission"] for r in log if r["kind"] == "FILL")
        assert spent <= rules["initial_cash"] * (1 + 1e-9)
    # Trades' profits are the equity's, once everything is closed and commissions are in.
    values = equity(log, market, rules)
    failed = any(row["reason"] == "bankrupt" and row["kind"] == "STOP" for row in log)
    held: Counter[int] = Counter()
    for row in log:
        if row["kind"] == "FILL":
            held[row["symbol"]] += row["quantity"] if row["side"] == "buy" else -row["quantity"]
    if not failed and not any(held.values()):
        gained = math.fsum(trade["profit"] for trade in trades(log))
        assert values[-1] - rules["initial_cash"] == pytest.approx(gained, rel=1e-6, abs=1e-4)
    # Figures are defined or None, never infinite.
    first = rules["first_bar"]
    base = rules["initial_cash"]
    for name, value in metrics(log, market, rules, first, len(values), base).items():
        assert value is None or math.isfinite(value), name


#: What must happen in some case of a group of rules (`None`: of the basic rules); each where it comes soon.
REACHED = [
    *((None, "REJECTION", reason) for reason in ("no_change", "stopped", "below_lot", "replaced", "end_of_data")),
    (None, "STOP", "stop_loss"),
    ("commission", "REJECTION", "no_cash"),
    ("carry", "REJECTION", "bankrupt"),
    ("carry", "STOP", "bankrupt"),
    (None, "RESIZE", "cash"),
    (None, "REBALANCE", "schedule"),
    ("entry", "REJECTION", "expired"),
    ("participation", "RESIZE", "volume"),
    ("margin", "RESIZE", "margin"),
    ("margin", "REJECTION", "margin"),
    ("margin", "STOP", "margin_call"),
    ("margin", "CASH", "financing"),
    ("carry", "CASH", "borrow"),
    ("net", "RESIZE", "net"),
    ("net", "REJECTION", "net"),
    ("leverage", "RESIZE", "leverage"),
    ("leverage", "REJECTION", "leverage"),
    ("long_only", "REJECTION", "long_only"),
    ("stop_atr", "STOP", "stop_atr"),
    ("take_profit", "STOP", "take_profit"),
    ("trailing_stop", "STOP", "trailing_stop"),
    ("trailing_atr", "STOP", "trailing_stop"),
    ("time_stop", "STOP", "time_stop"),
    ("cool_down", "REJECTION", "cool_down"),
    ("daily_loss", "STOP", "daily_loss"),
    ("max_drawdown", "STOP", "max_drawdown"),
    ("max_drawdown", "REJECTION", "halted"),
    ("universe", "STOP", "left_universe"),
    ("universe", "REJECTION", "not_member"),
    ("drift_band", "REBALANCE", "drift"),
    *((group, "REJECTION", "no_size") for group in ("inverse_volatility", "volatility_target", "risk")),
    ("cash", "RESIZE", "max_weight"),
    ("quantity", "REJECTION", "max_weight"),
    ("splits", "SPLIT", None),
    ("dividends", "CASH", "dividend"),
    ("ends", "STOP", "delisted"),
    ("ends", "REJECTION", "delisted"),
]


@pytest.mark.parametrize(("group", "kind", "reason"), REACHED)
def test_random_cases_reach_every_rule(group: str | None, kind: str, reason: str | None) -> None:
    def reaches(case: dict[str, Any]) -> bool:
        return any((row["kind"], row["reason"]) == (kind, reason) for row in simulate(**case))

    first = settings(
        max_examples=400,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    assert find(cases(groups=() if group is None else (group,)), reaches, settings=first)
