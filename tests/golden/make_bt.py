"""Writes bt_rebalancing.json: what bt makes of four symbols that are rebalanced to weights every so many bars.

Run it in bt's environment, which `benchmarks/peers/environment.py bt` makes and prints the path of:

    .peers/bt/bin/python tests/golden/make_bt.py

bt trades at the close of the bar that decides, or with `lag` of the bar after the one that decides. Without costs it
rebalances by its own algorithm. With costs that one lets the weights pay for them, so that less is bought and more is
sold than the weights say; Bulkhead trades the weights and pays from the cash. Then `TradeWeights` says how much, and bt
keeps the account.
"""

import json
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bt
import pandas as pd

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "assets" / "data"
CASH = 100_000.0
#: The first close that is traded on; all four have the bars that volatilities need before it.
START = "2005-01-03"
#: Costs in Bulkhead's words, as bt takes them: the commission of a quantity at a price, and the spread as a share.
COSTS: dict[str, tuple[dict[str, float], Callable[[float, float], float] | None, float]] = {
    "free": ({}, None, 0.0),
    "commission": (
        {"commission_bps": 10.0, "commission_per_order": 1.0},
        lambda q, p: 1e-3 * abs(q) * p + 1.0,
        0.0,
    ),
    "spread": ({"commission_per_unit": 0.01, "spread_bps": 20.0}, lambda q, p: 0.01 * abs(q), 20e-4),
}


@dataclass(frozen=True)
class Case:
    """`invested`: the share of equity that the weights add up to. `window`: bars of the volatility, 0: equal weights.
    `lag`: bars between the close that decides and the one that fills. `every`: bars between rebalances.
    """

    invested: float
    window: int
    lag: int
    every: int
    costs: str


CASES = {
    "equal": Case(1.0, 0, 0, 21, "free"),
    "equal, next close, commission": Case(0.96, 0, 1, 21, "commission"),
    "inverse volatility": Case(1.0, 20, 0, 21, "free"),
    "inverse volatility, next close, spread": Case(0.9, 60, 1, 42, "spread"),
}


class TradeWeights(bt.Algo):
    """Trade what is missing to the weights, in money of before the trades; sells before buys."""

    def __call__(self, target: Any) -> bool:
        value = target.value
        held = {name: child.position for name, child in target.children.items()}
        prices = target.universe.loc[target.now]
        missing = {
            name: weight * value / prices[name] - held.get(name, 0.0) for name, weight in target.temp["weights"].items()
        }
        for name, quantity in sorted(missing.items(), key=lambda item: item[1]):
            target.transact(quantity, name)
        return True


def rebalanced(close: pd.DataFrame, case: Case) -> Any:
    """bt's strategy after its backtest of one case. close: (bars, symbols) by date, without gaps."""
    holidays = pd.bdate_range(close.index[0], close.index[-1]).difference(close.index)
    days = pd.offsets.CustomBusinessDay(holidays=holidays)
    _, commission, spread = COSTS[case.costs]
    first = close.index.get_loc(START) + case.lag
    weigh = bt.algos.WeighInvVol(case.window * days, case.lag * days) if case.window else bt.algos.WeighEqually()
    algos = [
        bt.algos.RunOnDate(*close.index[first :: case.every]),
        bt.algos.SelectAll(),
        weigh,
        bt.algos.ScaleWeights(case.invested),
        bt.algos.Rebalance() if commission is None else TradeWeights(),
    ]
    test = bt.Backtest(
        bt.Strategy("golden", algos),
        close,
        initial_capital=CASH,
        commissions=commission,
        integer_positions=False,
        additional_data={"bidoffer": close * spread} if spread else None,
    )
    test.run()
    return test.strategy


def main() -> None:
    rows = pd.read_parquet(DATA / "us-tech.parquet", columns=["time", "symbol", "close"])
    rows["time"] = pd.to_datetime(rows["time"])
    rows["symbol"] = rows["symbol"].astype(str)
    close = rows.pivot(index="time", columns="symbol", values="close")
    bar = {day: i for i, day in enumerate(close.index)}
    symbol = {name: i for i, name in enumerate(close.columns)}
    close = close.dropna()  # from the first bar of the youngest on
    results = {}
    for name, case in CASES.items():
        strategy = rebalanced(close, case)
        fills = [
            [bar[day], symbol[security], row["quantity"], row["price"]]
            for (day, security), row in strategy.get_transactions().iterrows()
        ]
        traded = sorted({day for day, _ in strategy.get_transactions().index} | {close.index[-1]})
        results[name] = {
            "settings": vars(case) | {"costs": COSTS[case.costs][0]},
            "equity": [[bar[day], float(strategy.values[day])] for day in traded],
            "fees": float(strategy.fees.sum()),
            "fills": fills,
        }
    packages = ("bt", "ffn", "numpy", "pandas")
    head = {
        "script": "tests/golden/make_bt.py",
        "versions": {"python": platform.python_version()} | {package: version(package) for package in packages},
        "cash": CASH,
        "start": START,
        "columns": {"equity": ["bar", "equity"], "fills": ["bar", "symbol", "quantity", "price"]},
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    tables = [f"  {json.dumps(name)}: {json.dumps(result)}" for name, result in results.items()]
    lines.append(' "results": {\n' + ",\n".join(tables) + "\n }")
    (HERE / "bt_rebalancing.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
