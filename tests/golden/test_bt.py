"""Four symbols rebalanced to equal weights and by inverse volatility against bt, fill by fill (`make_bt.py`).

What the two decide differently, and how it is avoided:

- When: "monthly" is the calendar's in bt; ours is every so many bars, the same distance for each market. bt is given
  the bars' dates.
- Costs: bt's `Rebalance` lets the weights pay for them, so that less is bought; ours trades the weights and pays from
  the cash, since a target says what is held. With costs bt is told the quantities, and a part of the cash is kept.
- Inverse volatility: bt's is of a sample of the returns over calendar days, ours of all in the window over bars. The
  weights are the same when the windows are; bt is given business days without the market's holidays.
- The spread: bt charges its commission on the price without it, ours on the price paid. The commission is per unit.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.golden.conftest import Backtest

GOLDEN = json.loads(Path(__file__).with_name("bt_rebalancing.json").read_text())
CASES = ("equal", "equal, next close, commission", "inverse volatility", "inverse volatility, next close, spread")


def test_the_file_is_whole() -> None:
    assert tuple(GOLDEN["results"]) == CASES
    for result in GOLDEN["results"].values():
        assert len(result["equity"]) > 40
        assert len(result["fills"]) == 4 * (len(result["equity"]) - 1)


@pytest.mark.parametrize("case", CASES)
def test_every_fill_equals_bt(case: str, backtest: Callable[..., Backtest]) -> None:
    golden = GOLDEN["results"][case]
    settings = golden["settings"]
    sizing = {"sizing": "inverse_volatility", "sizing_window": settings["window"]} if settings["window"] else {}
    own = backtest(
        {"start": GOLDEN["start"]},
        {"kind": "buy_and_hold"},
        portfolio={"initial_cash": GOLDEN["cash"], "slot": settings["invested"] / 4, "rebalance": settings["every"]}
        | sizing,
        execution={"fill": "next_close" if settings["lag"] else "same_close"} | settings["costs"],
    )
    fills = sorted(own.fills, key=lambda fill: (fill["bar"], fill["symbol"]))
    assert len(fills) == len(golden["fills"])
    for fill, (bar, symbol, quantity, price) in zip(fills, golden["fills"], strict=True):
        assert (fill["bar"], fill["symbol"]) == (bar, symbol)
        assert fill["side"] * fill["quantity"] == pytest.approx(quantity, rel=1e-9, abs=0.0), (bar, symbol)
        assert fill["price"] == pytest.approx(price, rel=1e-9, abs=0.0), (bar, symbol)
    for bar, equity in golden["equity"]:
        assert own.account.equity[bar - own.first] == pytest.approx(equity, rel=1e-9, abs=0.0), bar
    charged = sum(fill["commission"] for fill in fills)
    assert charged == pytest.approx(golden["fees"], rel=1e-9, abs=0.0)
