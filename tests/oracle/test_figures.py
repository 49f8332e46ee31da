"""The twin's figures and a strategy against examples worked out by hand; the arithmetic stands in each test."""

import math
from typing import Any

import pytest

from tests.oracle.by_hand import dense, make_market
from tests.oracle.figures import METRICS, metrics, trades
from tests.oracle.stages import ma_cross
from tests.oracle.trading import simulate


def test_metrics_by_hand() -> None:
    # 10 bought at 10 with 100. Equity 100, 110, 99, 118.8: returns 0, 0.1, −0.1, 0.2.
    market = make_market(([10, 10, 11, 9.9], [10, 11, 9.9, 11.88]))
    rules = {"slot": 1.0, "initial_cash": 100.0}
    log = simulate(market, [dense([1.0, None, None, None])], None, rules)
    result = metrics(log, market, rules, 0, 4)
    root = math.sqrt(252)
    # Deviations from the mean 0.05: −0.05, 0.05, −0.15, 0.15; squares sum to 0.05; variance 0.05 / 3, biased 0.0125.
    deviation = math.sqrt(0.05 / 3)
    expected = {
        "total_return": 0.188,
        "cagr": 1.188**63 - 1,  # 4 of 252 bars are 1/63 of a year
        "volatility": deviation * root,
        "sharpe": 0.05 / deviation * root,
        "sortino": root,  # 0.05 / √(0.01 / 4) = 1
        "max_drawdown": -0.1,
        "calmar": (1.188**63 - 1) / 0.1,
        "orders": 1,
        "trades": 0,
        "win_rate": None,
        "profit_factor": None,
        "average_trade": None,
        "exposure": 0.75,
        "time_in_market": 0.75,
        "turnover": 0.5 * 100 / 106.95 * 63,  # mean equity (100 + 110 + 99 + 118.8) / 4
        "skew": 0.0,
        # (2 × 0.05⁴ + 2 × 0.15⁴) / 4 = 2.5625e-4; / 0.0125² = 1.64; − 3
        "kurtosis": -1.36,
        "var_95": -0.085,  # 0.15 of the way from −0.1 to 0
        "cvar_95": -0.1,
        "max_drawdown_bars": 1,
        "commission_paid": 0.0,
        "slippage_paid": 0.0,
    }
    assert set(expected) == set(METRICS)
    for name, value in expected.items():
        assert result[name] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)), name
    # Two sessions of two bars: 110 / 100 − 1 and 118.8 / 110 − 1.
    by_session = metrics(log, market, rules, 0, 4, sessions=["a", "a", "b", "b"], sessions_per_year=2)
    # ddof 1: |0.1 − 0.08| / √2, annual × √2.
    assert by_session["volatility"] == pytest.approx(0.02)
    assert by_session["total_return"] == pytest.approx(0.188)
    # Risk-free of 0.1 a year is 0.05 a session: (0.05 + 0.03) / 2 = 0.04 over 0.02 / √2, × √2.
    rich = metrics(log, market, rules, 0, 4, sessions=["a", "a", "b", "b"], sessions_per_year=2, risk_free=0.1)
    assert rich["sharpe"] == pytest.approx(0.04 / (0.02 / math.sqrt(2)) * math.sqrt(2))
    # The last two bars, against the equity of 110 before them.
    held_out = metrics(log, market, rules, 2, 4, base_equity=110.0)
    assert held_out["total_return"] == pytest.approx(0.08)
    assert held_out["max_drawdown"] == pytest.approx(-0.1)
    assert (held_out["orders"], held_out["turnover"]) == (0, 0.0)


def test_trade_figures() -> None:
    # Three round trips with 1% commission: 10 at 10 → 12: 120 − 100 − 1 − 1.2 = 17.8. 10 at 10 → 9: −10 − 1.9 = −11.9.
    # A partial sale (5 at 12) does not end a trade: 10 at 10, 5 at 12, 5 at 13: 60 + 65 − 100 − 2.25 = 22.75.
    def fill(bar: int, side: str, quantity: float, price: float) -> dict[str, Any]:
        commission = 0.01 * quantity * price
        row = {"bar": bar, "kind": "FILL", "symbol": 0, "side": side, "quantity": quantity, "price": price}
        return {**row, "commission": commission, "reason": None}

    log = [
        fill(0, "buy", 10, 10),
        fill(1, "sell", 10, 12),
        fill(2, "buy", 10, 10),
        fill(3, "sell", 10, 9),
        fill(4, "buy", 10, 10),
        fill(5, "sell", 5, 12),
        fill(6, "sell", 5, 13),
    ]
    opens = [10, 12, 10, 9, 10, 12.5, 13]  # the sale at 12 slipped by 0.5 a share
    market = make_market((opens, opens))
    assert [(t["entry_bar"], t["exit_bar"], round(t["profit"], 9)) for t in trades(log)] == [
        (0, 1, 17.8),
        (2, 3, -11.9),
        (4, 6, 22.75),
    ]
    result = metrics(log, market, {"initial_cash": 1000.0}, 0, 7)
    assert result["win_rate"] == pytest.approx(2 / 3)
    assert result["profit_factor"] == pytest.approx((17.8 + 22.75) / 11.9)
    assert result["average_trade"] == pytest.approx((17.8 - 11.9 + 22.75) / 3)
    assert result["slippage_paid"] == pytest.approx(2.5)
    assert result["commission_paid"] == pytest.approx(2.2 + 1.9 + 2.25)
    # A trade counts where it is closed.
    assert metrics(log, market, {"initial_cash": 1000.0}, 6, 7, base_equity=1000.0)["trades"] == 1


def test_drawdown_in_bars() -> None:
    # The starting value is a peak: below it at bars 1 to 3, at it again at bar 4.
    market = make_market(([10] * 5, [10, 9, 8, 9, 10]))
    rules = {"slot": 1.0, "initial_cash": 100.0}
    log = simulate(market, [dense([1.0] + [None] * 4)], None, rules)
    result = metrics(log, market, rules, 0, 5)
    assert result["max_drawdown_bars"] == 3
    assert result["max_drawdown"] == pytest.approx(-0.2)
    assert result["cagr"] == 0.0


def test_ma_cross() -> None:
    nan, none = math.nan, None
    fast = [nan, 1.0, 3.0, none, 3.0, 1.0, 2.0, 2.0, 3.0]
    slow = [2.0, 2.0, 2.0, none, 2.0, 2.0, 2.0, 2.0, 2.0]
    valid = [True, True, True, False, True, True, True, True, True]
    # Up at 2; the gap at 3 is nobody's bar; down at 5; at 6 and 7 equal, which is not above; up from equal at 8.
    assert ma_cross(fast, slow, valid) == [none, none, 1.0, none, none, 0.0, none, none, 1.0]
    assert ma_cross(fast, slow, valid, long_only=False) == [none, none, 1.0, none, none, -1.0, none, none, 1.0]
    state = [none, 0.0, 1.0, none, 1.0, 0.0, 0.0, 0.0, 1.0]
    assert ma_cross(fast, slow, valid, enter_on="state") == state
    state[1] = state[5] = -1.0
    assert ma_cross(fast, slow, valid, enter_on="state", long_only=False) == state
    # A crossing over the missing bar is one; the first valid bar never is.
    assert ma_cross([1.0, none, 3.0], [2.0, none, 2.0], [True, False, True]) == [none, none, 1.0]
    assert ma_cross([3.0, 3.0], [2.0, 2.0], [True, True]) == [none, none]
