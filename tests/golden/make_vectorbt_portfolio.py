"""Writes vectorbt_portfolio.json: what vectorbt makes of shares of one account, long and short, and of stops.

Run it in vectorbt's environment, as make_vectorbt.py:

    .peers/vectorbt/bin/python tests/golden/make_vectorbt_portfolio.py

- `shared`: the four symbols of us-tech in one account, each a share of its equity, long above and short below
  (`from_orders`, target percent, at the next open, sells before buys).
- `rebalanced`: the same, traded back to the targets every so many bars; each order too, as bar, symbol, quantity
  (negative: sold) and price.
- `stops`: one symbol, entered at the close of the crossing, left by its stop or at the close of the next crossing
  (`from_signals`). Long alone with all cash, or long and short with a fixed quantity.

Of each the final equity (the first row) and every closed round trip. Settings avoid what the two decide differently;
what settings cannot avoid ends this script: a bar on which the cash does not suffice for two buys (Bulkhead cuts them
pro rata, vectorbt the last) or to cover a short (Bulkhead covers it), a bar on which a stop and a crossing meet
(vectorbt drops the crossing), and one that opens beyond the profit and reaches the stop (vectorbt takes the stop).
"""

from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from make_vectorbt import CASH, COSTS, DATA, PACKAGES, TIE, crossings, write
from vectorbt.portfolio.enums import StopEntryPrice, StopExitPrice

SYMBOLS = ["AAPL", "GOOG", "IBM", "MSFT"]
#: Averages and costs of the shared accounts.
SHARED = [((10, 100), "costs"), ((20, 80), "free"), ((30, 150), "costs")]
#: Share of equity of each symbol.
SHARE = 0.25
#: Averages, costs, share of equity of each symbol, and bars between decisions to rebalance.
REBALANCED = [((10, 100), "costs", 0.2, 42)]
QUANTITY = 100.0
#: A stop's rules in Bulkhead's words, and whether it is judged at the close or inside the bar. Where a stop and a
#: profit go together inside the bar there is no slippage: vectorbt has one price for both, Bulkhead none on a profit.
STOPS: dict[str, tuple[dict[str, float], str]] = {
    "loss": ({"stop_loss": 0.06}, "intrabar"),
    "trailing": ({"trailing_stop": 0.09}, "intrabar"),
    "profit": ({"take_profit": 0.12}, "intrabar"),
    "loss, profit": ({"stop_loss": 0.05, "take_profit": 0.15}, "intrabar"),
    "loss at the close": ({"stop_loss": 0.04}, "close"),
    "trailing, profit at the close": ({"trailing_stop": 0.08, "take_profit": 0.25}, "close"),
}
#: What is stopped, and the averages that it is entered by.
STOPPED = {"AAPL": (15, 80), "MSFT": (40, 100)}


def table() -> dict[str, pd.DataFrame]:
    """Open, high, low and close of all symbols, (bars, symbols) by date; NaN where one has no bar."""
    rows = pd.read_parquet(DATA / "us-tech.parquet")
    rows["time"] = pd.to_datetime(rows["time"])
    rows["symbol"] = rows["symbol"].astype(str)
    return {name: rows.pivot(index="time", columns="symbol", values=name) for name in ("open", "high", "low", "close")}


def signals(close: pd.DataFrame, pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where the averages of `pair` cross, up and down."""
    fast, slow = (close.rolling(window).mean().to_numpy() for window in pair)
    closest = np.nanmin(abs(fast / slow - 1.0))
    if closest < TIE:
        raise SystemExit(f"{pair}: two averages differ by {closest:.0e} of themselves; take others")
    return crossings(fast, slow)


def trades(portfolio: Any) -> list[list[Any]]:
    """The closed round trips, in order of exit: symbol, side, bars, quantity, prices, profit after costs."""
    rows = portfolio.positions.values
    rows = np.sort(rows[rows["status"] == 1], order=["exit_idx", "col"])
    names = ("entry_idx", "exit_idx", "size", "entry_price", "exit_price", "pnl")
    return [
        [int(row["col"]), 1 if row["direction"] == 0 else -1, *(row[name].item() for name in names)] for row in rows
    ]


def orders(portfolio: Any) -> list[list[Any]]:
    """The orders, by bar and symbol: bar, symbol, quantity (negative: sold), price."""
    rows = np.sort(portfolio.orders.values, order=["idx", "col"])
    return [
        [int(row["idx"]), int(row["col"]), row["size"].item() * (1 if row["side"] == 0 else -1), row["price"].item()]
        for row in rows
    ]


def shared(
    bars: dict[str, pd.DataFrame], pair: tuple[int, int], costs: str, share: float = SHARE, every: int = 0
) -> Any:
    """A portfolio of all symbols in one account. every: bars between decisions to rebalance; 0: none."""
    up, down = signals(bars["close"], pair)
    size = np.where(up, share, np.where(down, -share, np.nan))
    if every:
        target = pd.DataFrame(size).ffill().to_numpy()
        size[every::every] = target[every::every]
    commission, slippage = COSTS[costs]
    portfolio = vbt.Portfolio.from_orders(
        bars["close"],
        np.vstack([np.full_like(size[:1], np.nan), size[:-1]]),
        size_type="targetpercent",
        price=bars["open"],
        init_cash=CASH,
        fees=commission / 1e4,
        slippage=slippage / 1e4,
        cash_sharing=True,
        group_by=True,
        call_seq="auto",
        freq="1D",
    )
    flow = portfolio.asset_flow().to_numpy()
    buys = (flow > 0.0).sum(axis=1)
    covers = ((flow > 0.0) & (portfolio.assets().to_numpy() <= 0.0)).any(axis=1)
    spent = portfolio.cash().to_numpy() < 1e-6
    if (spent & ((buys > 1) | covers)).any():
        raise SystemExit(f"{pair}: two buys, or what covers a short, on a bar without the cash; take other averages")
    return portfolio


def refuse_both(own: dict[str, pd.Series], rules: dict[str, float], rows: list[list[Any]]) -> None:
    """End the script where a position was left on a bar that opened beyond the profit and still reached the stop."""
    for _, side, _, bar, _, entry, *_ in rows:
        worst = own["low" if side > 0 else "high"].iloc[bar]
        won = side * (own["open"].iloc[bar] - entry * (1.0 + side * rules["take_profit"])) >= 0.0
        lost = side * (worst - entry * (1.0 - side * rules["stop_loss"])) <= 0.0
        if won and lost:
            raise SystemExit(f"bar {bar} opened beyond the profit and reached the stop; take other rules")


def stopped(bars: dict[str, pd.DataFrame], symbol: str, name: str, sides: str) -> Any:
    """A portfolio of one symbol with the stops of `name`; sides: "long" or "both"."""
    rules, when = STOPS[name]
    own = {field: bars[field][symbol].dropna() for field in bars}
    up, down = (side[:, 0] for side in signals(own["close"].to_frame(), STOPPED[symbol]))
    commission, slippage = COSTS["costs"]
    if when == "close":
        own["open"] = own["high"] = own["low"] = own["close"]
        style = StopExitPrice.StopMarket
    elif "take_profit" in rules:
        style = StopExitPrice.StopLimit
        slippage = slippage if len(rules) == 1 else 0.0
    else:
        style = StopExitPrice.StopMarket
    if sides == "long":
        size, sells = np.inf, {"exits": down}
    else:
        size, sells = QUANTITY, {"short_entries": down, "upon_opposite_entry": "Reverse"}
    loss = rules.get("stop_loss", rules.get("trailing_stop", np.nan))
    portfolio = vbt.Portfolio.from_signals(
        own["close"],
        up,
        **sells,
        size=size,
        open=own["open"],
        high=own["high"],
        low=own["low"],
        init_cash=CASH,
        fees=commission / 1e4,
        slippage=slippage / 1e4,
        sl_stop=loss,
        sl_trail="trailing_stop" in rules,
        tp_stop=rules.get("take_profit", np.nan),
        stop_entry_price=StopEntryPrice.FillPrice,
        stop_exit_price=style,
        allow_partial=size == np.inf,
        raise_reject=size != np.inf,
        freq="1D",
    )
    exits = [row[3] for row in trades(portfolio)]
    if when == "intrabar" and len(rules) == 2:
        refuse_both(own, rules, trades(portfolio))
    if sides == "both" and ((up | down)[exits] & (portfolio.assets().to_numpy()[exits] == 0.0)).any():
        raise SystemExit(f"{symbol}, {name}: a stop and a crossing on one bar; take other rules")
    return portfolio


def main() -> None:
    vbt.settings["engine"] = "numba"
    bars = table()
    portfolios = {f"shared/{a}/{b}/{costs}": shared(bars, (a, b), costs) for (a, b), costs in SHARED}
    for symbol in STOPPED:
        for name in STOPS:
            for sides in ("long", "both"):
                portfolios[f"stops/{symbol}/{name}/{sides}"] = stopped(bars, symbol, name, sides)
    for (a, b), costs, share, every in REBALANCED:
        portfolios[f"rebalanced/{a}/{b}/{costs}/{share}/{every}"] = shared(bars, (a, b), costs, share, every)
    columns = ["symbol", "side", "entry_bar", "exit_bar", "quantity", "entry_price", "exit_price", "profit"]
    results = {
        key: [[float(np.asarray(portfolio.value())[-1])], *trades(portfolio)] for key, portfolio in portfolios.items()
    }
    for key in [key for key in results if key.startswith("rebalanced/")]:
        results[f"orders/{key}"] = orders(portfolios[key])
    write("vectorbt_portfolio", PACKAGES, columns, results, script="make_vectorbt_portfolio")


if __name__ == "__main__":
    main()
