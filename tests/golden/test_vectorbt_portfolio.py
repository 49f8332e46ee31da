"""Shared cash, long and short, and stops against vectorbt, trade by trade (`make_vectorbt_portfolio.py`).

What the two decide differently, and how it is avoided:

- Buys that the cash does not cover: ours are cut pro rata, since none came first; vectorbt serves them one after the
  other. No bar has two such buys; bars with one are among these.
- A short that the cash does not cover: ours is covered all the same, since an exit is never cut; vectorbt covers a
  part. No bar has one.
- The bar of an entry: ours is watched for stops from its open on, since the price moves after the fill; vectorbt
  watches from the next bar. Entries are at the close.
- A stop and a crossing on one bar: ours does both, the stop inside and the order at the close; vectorbt has one order
  a bar. No long-and-short run has such a bar.
- An open beyond the profit on a bar that reaches the stop too: ours is the profit, since the open came first; vectorbt
  looks at the stop first. No exit is on such a bar.
- Slippage: a profit is a limit order and has none here, a stop has; vectorbt has one rule for both. Where both are set
  inside the bar, slippage is 0.
- The quantity of a round trip: ours is the most that was held, vectorbt's all that went in. Where there are additions,
  each fill is compared instead.
- The best price and the entry that stops count from are those of the fill, with slippage: vectorbt's `FillPrice`.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.events import Kind
from tests.golden.conftest import Backtest

GOLDEN = json.loads(Path(__file__).with_name("vectorbt_portfolio.json").read_text())
COLUMNS = GOLDEN["columns"]
SHARED = ("10/100/costs", "20/80/free", "30/150/costs")
REBALANCED = ("10/100/costs/0.2/42",)
PAIRS = {"AAPL": (15, 80), "MSFT": (40, 100)}
#: The rules of each stop.
STOPS: dict[str, dict[str, Any]] = {
    "loss": {"stop_loss": 0.06, "stop_when": "intrabar"},
    "trailing": {"trailing_stop": 0.09, "stop_when": "intrabar"},
    "profit": {"take_profit": 0.12, "stop_when": "intrabar"},
    "loss, profit": {"stop_loss": 0.05, "take_profit": 0.15, "stop_when": "intrabar"},
    "loss at the close": {"stop_loss": 0.04},
    "trailing, profit at the close": {"trailing_stop": 0.08, "take_profit": 0.25},
}
STOPPED = tuple(f"{symbol}/{name}/{sides}" for symbol in PAIRS for name in STOPS for sides in ("long", "both"))


def costs(name: str) -> dict[str, float]:
    return {f"{cost}_bps": value for cost, value in GOLDEN["costs_bps"][name].items()}


def compare(own: Backtest, key: str, columns: Sequence[str] = COLUMNS) -> None:
    (equity,), *rows = GOLDEN["results"][key]
    trades = own.account.trades
    assert len(trades) == len(rows)
    for mine, row in zip(sorted(trades, key=lambda trade: (trade["exit_bar"], trade["symbol"])), rows, strict=True):
        for name, value in zip(COLUMNS, row, strict=True):
            if name not in columns:
                continue
            assert mine[name] == pytest.approx(value, rel=1e-9, abs=1e-9 * (name == "profit")), (name, row)
    assert own.account.equity[-1] == pytest.approx(equity, rel=1e-9, abs=0.0)


def test_the_file_is_whole() -> None:
    trades = {f"shared/{case}" for case in SHARED} | {f"stops/{case}" for case in STOPPED}
    trades |= {f"rebalanced/{case}" for case in REBALANCED}
    assert set(GOLDEN["results"]) == trades | {f"orders/rebalanced/{case}" for case in REBALANCED}
    for key in sorted(trades):
        rows = GOLDEN["results"][key][1:]
        assert len(rows) > 20
        assert {row[COLUMNS.index("side")] for row in rows} == ({1} if key.endswith("/long") else {1, -1})


@pytest.mark.parametrize("case", SHARED)
def test_four_symbols_in_one_account_equal_vectorbt(case: str, backtest: Callable[..., Backtest]) -> None:
    fast, slow, cost = case.split("/")
    own = backtest(
        {},
        {"kind": "ma_cross", "fast": int(fast), "slow": int(slow), "long_only": False},
        portfolio={"initial_cash": GOLDEN["cash"], "slot": 0.25},
        execution=costs(cost),
    )
    compare(own, f"shared/{case}")
    assert (own.log["kind"] == Kind.RESIZE).any(), "some buys are cut by the cash"


@pytest.mark.parametrize("case", REBALANCED)
def test_rebalanced_longs_and_shorts_equal_vectorbt(case: str, backtest: Callable[..., Backtest]) -> None:
    fast, slow, cost, share, every = case.split("/")
    own = backtest(
        {},
        {"kind": "ma_cross", "fast": int(fast), "slow": int(slow), "long_only": False},
        portfolio={"initial_cash": GOLDEN["cash"], "slot": float(share), "rebalance": int(every)},
        execution=costs(cost),
    )
    orders = GOLDEN["results"][f"orders/rebalanced/{case}"]
    fills = sorted(own.fills, key=lambda fill: (fill["bar"], fill["symbol"]))
    assert len(fills) == len(orders)
    for fill, (bar, symbol, quantity, price) in zip(fills, orders, strict=True):
        assert (fill["bar"], fill["symbol"]) == (bar, symbol)
        assert fill["side"] * fill["quantity"] == pytest.approx(quantity, rel=1e-9, abs=0.0), (bar, symbol)
        assert fill["price"] == pytest.approx(price, rel=1e-9, abs=0.0), (bar, symbol)
    compare(own, f"rebalanced/{case}", [name for name in COLUMNS if name != "quantity"])


@pytest.mark.parametrize("case", STOPPED)
def test_stops_equal_vectorbt(case: str, backtest: Callable[..., Backtest]) -> None:
    symbol, name, sides = case.split("/")
    fast, slow = PAIRS[symbol]
    portfolio: dict[str, Any] = {"initial_cash": GOLDEN["cash"]}
    if sides == "both":
        portfolio |= {"sizing": "quantity", "quantity_per_trade": 100.0}
    slippage = {"slippage_bps": 0.0} if name == "loss, profit" else {}
    own = backtest(
        {"symbols": [symbol]},
        {"kind": "ma_cross", "fast": fast, "slow": slow, "long_only": sides == "long"},
        risk=STOPS[name],
        portfolio=portfolio,
        execution=costs("costs") | {"fill": "same_close"} | slippage,
    )
    compare(own, f"stops/{case}")
    assert (own.log["kind"] == Kind.STOP).sum() > 3
