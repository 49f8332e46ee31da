"""Writes vectorbt_ma_cross.json: what vectorbt makes of 100 moving-average crossings, on two series, with two costs.

Run it in vectorbt's environment, which `benchmarks/peers/environment.py vectorbt` makes and prints the path of:

    .peers/vectorbt/bin/python tests/golden/make_vectorbt.py

Decided at the close, filled at the next open (signals one bar later, price = open), valued at the close, all cash in,
252 days a year. Figures are written with all their digits.

Where two averages are equal but for rounding, whether they cross hangs on how a sum is rounded, and two correct
programs differ: on AAPL, whose prices have few digits, for about 1 pair in 300 (fast 40, slow 50 is one). These pairs
have no such bar, which is checked: averages closer than TIE are refused.
"""

import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "assets" / "data"
CASH = 100_000.0
DAYS = 252
FAST = range(5, 51, 5)
SLOW = range(60, 241, 20)
PAIRS = list(product(FAST, SLOW))
#: Rounding moves the ratio of two averages by some 1e-13.
TIE = 1e-11
#: Series: the file of its bars, and the symbol in it.
SERIES = {"sp500": ("sp500", "sp500"), "AAPL": ("us-tech", "AAPL")}
#: Costs in basis points: commission, slippage.
COSTS = {"free": (0.0, 0.0), "costs": (10.0, 5.0)}
PACKAGES = ("vectorbt", "numba", "numpy", "pandas")


@dataclass(frozen=True)
class Case:
    """vectorbt's portfolio of all PAIRS (in order, a column each) on one series with one set of costs."""

    series: str
    costs: str
    portfolio: Any


def bars(series: str) -> pd.DataFrame:
    """Open and close of a series by date."""
    file, symbol = SERIES[series]
    rows = pd.read_parquet(DATA / f"{file}.parquet")
    rows = rows[rows["symbol"] == symbol]
    return rows[["open", "close"]].set_index(pd.to_datetime(rows["time"]))


def crossings(fast: np.ndarray, slow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where `fast` crosses above and below `slow`: beyond it now, not so at the bar before. A NaN compares false.

    vectorbt's own `crossed_above` differs where the averages are equal at their first bar: it sees no crossing there.
    """
    up, down = np.zeros(fast.shape, bool), np.zeros(fast.shape, bool)
    up[1:] = (fast[1:] > slow[1:]) & (fast[:-1] <= slow[:-1])
    down[1:] = (fast[1:] < slow[1:]) & (fast[:-1] >= slow[:-1])
    return up, down


def one_later(signals: np.ndarray) -> np.ndarray:
    """Signals one bar later: what is decided at a close is filled at the next open."""
    return np.vstack([np.zeros_like(signals[:1]), signals[:-1]])


def cases() -> Iterator[Case]:
    """Every series with every set of costs."""
    vbt.settings["engine"] = "numba"
    vbt.settings.returns["year_freq"] = f"{DAYS} days"  # vectorbt's own default is 365
    for series in SERIES:
        table = bars(series)
        fast = vbt.MA.run(table["close"], window=[fast for fast, _ in PAIRS]).ma.to_numpy()
        slow = vbt.MA.run(table["close"], window=[slow for _, slow in PAIRS]).ma.to_numpy()
        closest = np.nanmin(abs(fast / slow - 1.0))
        if closest < TIE:
            raise SystemExit(f"{series}: two averages differ by {closest:.0e} of themselves; take other pairs")
        up, down = crossings(fast, slow)
        for costs, (commission, slippage) in COSTS.items():
            portfolio = vbt.Portfolio.from_signals(
                table["close"],
                one_later(up),
                one_later(down),
                price=table["open"],
                init_cash=CASH,
                fees=commission / 1e4,
                slippage=slippage / 1e4,
                freq="1D",
            )
            yield Case(series, costs, portfolio)


def write(
    name: str, packages: tuple[str, ...], columns: list[str], results: dict[str, Any], script: str | None = None
) -> None:
    """Write the golden file of this script, or of one that uses it: its versions, its settings, its results."""
    head = {
        "script": f"tests/golden/{script or 'make_' + name.split('_')[0]}.py",
        "versions": {"python": platform.python_version()} | {package: version(package) for package in packages},
        "cash": CASH,
        "days_a_year": DAYS,
        "costs_bps": {costs: dict(zip(("commission", "slippage"), pair, strict=True)) for costs, pair in COSTS.items()},
        "columns": columns,
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    tables = [
        f"  {json.dumps(key)}: [\n" + ",\n".join(f"   {json.dumps(row)}" for row in rows) + "\n  ]"
        for key, rows in results.items()
    ]
    lines.append(' "results": {\n' + ",\n".join(tables) + "\n }")
    (HERE / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main() -> None:
    results = {}
    for case in cases():
        columns = (
            case.portfolio.value().iloc[-1],
            case.portfolio.sharpe_ratio(),
            case.portfolio.max_drawdown(),
            case.portfolio.orders.count(),
        )
        figures = zip(*(column.tolist() for column in columns), strict=True)
        results[f"{case.series}/{case.costs}"] = [[*pair, *row] for pair, row in zip(PAIRS, figures, strict=True)]
    names = ["fast", "slow", "final_equity", "sharpe", "max_drawdown", "orders"]
    write("vectorbt_ma_cross", PACKAGES, names, results)


if __name__ == "__main__":
    main()
