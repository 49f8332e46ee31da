"""Writes backtesting.json: what backtesting.py makes of moving averages with stop and profit inside the bar.

Run it in the peer's environment, which `benchmarks/peers/environment.py backtesting` makes and prints the path of:

    .peers/backtesting/bin/python tests/golden/make_backtesting.py

Decided at the close, filled at the next open or at that very close (the peer's `trade_on_close`), a fixed number of
whole shares, so much cash that no order is cut, a commission on both sides. Stop and profit are orders in the market
from the entry's fill on; filled at an open, they count in that bar too. Figures are written with all their digits.

The strategy sees to what the peer leaves to it:
- It trades where the signal changes and nowhere else, so a position that was stopped is not entered again.
- Stop and profit are measured from the entry's fill. The peer wants their prices before that, so they are put on the
  order with the next bar's open, past the check that compares them with the last close.
- It closes by `position.close()`, which the peer carries out before the stops of a bar, and reverses by a second order.
  An order of twice the size would come after the stops: the bar could stop a position that its open has closed.

What it cannot see to is refused where it occurs, and another point is taken:
- Averages that are equal but for rounding (see `make_vectorbt.py`).
- A low or a high that is at a level but for rounding: AAPL's prices were whole cents once, so 4% above one may be
  another, and 1e-15 decides. Bulkhead takes what is within 1e-12 of a level to be at it.
- A bar that opens beyond the profit and falls back to the stop: the peer tries the stop first. Bulkhead takes the
  profit, since the open comes before what lies inside the bar.
"""

import json
import platform
import warnings
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "assets" / "data"
CASH = 2_000_000.0
#: Rounding moves the ratio of two averages by some 1e-13, that of a price and a level by less.
TIE = 1e-11
#: Series: the file of its bars, and the symbol in it.
SERIES = {"sp500": ("sp500", "sp500"), "AAPL": ("us-tech", "AAPL")}
PACKAGES = ("backtesting", "numpy", "pandas")
TRADE = ("Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "PnL")


@dataclass(frozen=True)
class Point:
    """One strategy: its averages, what it does with them, and what its trades cost and risk; in Bulkhead's terms."""

    fast: int
    slow: int
    enter_on: str
    long_only: bool
    quantity: int
    commission_bps: float
    stop_loss: float | None
    take_profit: float | None
    fill: str = "next_open"


POINTS = (
    Point(10, 50, "cross", True, 100, 0.0, None, None),
    Point(20, 100, "state", False, 137, 10.0, None, None),
    Point(10, 50, "cross", True, 100, 10.0, 0.03, None),
    Point(10, 50, "cross", True, 100, 10.0, None, 0.05),
    Point(5, 30, "state", True, 61, 5.0, 0.02, 0.06),
    Point(5, 30, "state", False, 61, 5.0, 0.02, 0.06),
    Point(10, 60, "cross", False, 250, 10.0, 0.05, 0.1),
    Point(15, 80, "state", False, 1, 20.0, 0.1, 0.2),
    Point(3, 12, "cross", False, 333, 2.5, 0.03, 0.045),
    Point(3, 12, "state", True, 333, 2.5, 0.05, 0.03),
    Point(5, 30, "cross", False, 90, 10.0, 0.01, None),
    Point(5, 30, "cross", False, 90, 0.0, None, 0.02),
    Point(20, 100, "state", False, 137, 10.0, None, None, "same_close"),
    Point(5, 30, "cross", True, 61, 5.0, 0.03, None, "same_close"),
    Point(5, 30, "state", False, 61, 5.0, 0.02, 0.06, "same_close"),
    Point(10, 60, "cross", False, 250, 10.0, 0.05, 0.1, "same_close"),
)


def bars(series: str) -> pd.DataFrame:
    """The bars of a series by date, with the peer's names."""
    file, symbol = SERIES[series]
    rows = pd.read_parquet(DATA / f"{file}.parquet")
    rows = rows[rows["symbol"] == symbol]
    named = rows[["open", "high", "low", "close", "volume"]].rename(columns=str.capitalize)
    return named.set_index(pd.to_datetime(rows["time"]))


def positions(close: pd.Series, point: Point) -> np.ndarray:
    """The position that is asked for at each close: 1, 0 or −1. A NaN compares false."""
    fast, slow = (close.rolling(window).mean().to_numpy() for window in (point.fast, point.slow))
    closest = np.nanmin(abs(fast / slow - 1.0))
    if closest < TIE:
        raise SystemExit(f"{point}: two averages differ by {closest:.0e} of themselves; take another point")
    above, below = fast > slow, fast < slow
    if point.enter_on == "cross":
        above[1:], below[1:] = above[1:] & (fast[:-1] <= slow[:-1]), below[1:] & (fast[:-1] >= slow[:-1])
    asked = np.where(above, 1.0, np.where(below, 0.0 if point.long_only else -1.0, np.nan))
    held = pd.Series(asked).ffill().fillna(0.0).to_numpy()
    if held[-1] != held[-2]:
        raise SystemExit(f"{point}: its signal changes at the last close, which the peer does not fill; take another")
    return held


class Positions(Strategy):
    """Trades to the position that is asked for, where that changes; stop and profit go with the entry."""

    point: Any = None
    asked: Any = None
    opens: Any = None

    def init(self) -> None:
        pass

    def next(self) -> None:
        bar = len(self.data) - 1
        side = self.asked[bar]
        if side == self.asked[bar - 1]:
            return
        self.position.close()
        if side == 0.0:
            return
        order = (self.buy if side > 0.0 else self.sell)(size=self.point.quantity)
        entry = self.opens[bar + 1] if self.point.fill == "next_open" else self.data.Close[-1]
        if self.point.stop_loss is not None:
            order._replace(sl_price=entry * (1.0 - side * self.point.stop_loss))
        if self.point.take_profit is not None:
            order._replace(tp_price=entry * (1.0 + side * self.point.take_profit))


def refuse_what_is_unclear(table: pd.DataFrame, trades: pd.DataFrame, point: Point) -> None:
    """Raises SystemExit where a bar touches a level but for rounding, or falls from beyond the profit to the stop."""
    for trade in trades.itertuples():
        held = table.iloc[trade.EntryBar : trade.ExitBar + 1]
        side = 1.0 if trade.Size > 0 else -1.0
        worst, finest = (held["Low"], held["High"]) if side > 0.0 else (held["High"], held["Low"])
        stop = trade.EntryPrice * (1.0 - side * (point.stop_loss or np.nan))
        profit = trade.EntryPrice * (1.0 + side * (point.take_profit or np.nan))
        if point.fill == "same_close":  # the position has not seen the rest of that bar
            held, worst, finest = held[1:], worst[1:], finest[1:]
        touches = (abs(worst / stop - 1.0) < TIE) | (abs(finest / profit - 1.0) < TIE)
        falls = (side * (held["Open"] - profit) >= 0.0) & (side * (worst - stop) <= 0.0)
        if touches.any() or falls.any():
            raise SystemExit(f"{point}: the trade of {trade.EntryTime:%F} is unclear; take another point")


def outcome(table: pd.DataFrame, point: Point) -> dict[str, Any]:
    """A point, the final equity, and the closed trades in order, each with the columns of TRADE."""
    at_close = point.fill == "same_close"
    test = Backtest(table, Positions, cash=CASH, commission=point.commission_bps / 1e4, trade_on_close=at_close)
    result = test.run(point=point, asked=positions(table["Close"], point), opens=table["Open"].to_numpy())
    trades = result["_trades"].sort_values("ExitBar", kind="stable")
    refuse_what_is_unclear(table, trades, point)
    rows = [list(row) for row in zip(*(trades[name].tolist() for name in TRADE), strict=True)]
    return {"point": asdict(point), "final_equity": float(result["Equity Final [$]"]), "trades": rows}


def main() -> None:
    warnings.filterwarnings("error", message=".*canceled")  # an order that cash did not allow
    warnings.filterwarnings("ignore", message="Some trades remain open")  # as they do in Bulkhead
    head = {
        "script": "tests/golden/make_backtesting.py",
        "versions": {"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
        "cash": CASH,
        "trade": ["size", "entry_bar", "exit_bar", "entry_price", "exit_price", "profit"],
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    series = []
    for name in SERIES:
        table = bars(name)
        rows = ",\n".join(f"   {json.dumps(outcome(table, point))}" for point in POINTS)
        series.append(f"  {json.dumps(name)}: [\n{rows}\n  ]")
    lines.append(' "results": {\n' + ",\n".join(series) + "\n }")
    (HERE / "backtesting.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
