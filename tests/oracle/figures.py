"""Equity, trades and metrics once more, from the log and the market alone."""

import math
from typing import Any

from tests.oracle.rules import Market, Row, Rules, with_defaults

METRICS = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "orders",
    "trades",
    "win_rate",
    "profit_factor",
    "average_trade",
    "exposure",
    "time_in_market",
    "turnover",
    "skew",
    "kurtosis",
    "var_95",
    "cvar_95",
    "max_drawdown_bars",
    "commission_paid",
    "slippage_paid",
)


def _fills(log: list[Row]) -> list[Row]:
    return [row for row in log if row["kind"] == "FILL"]


def _reference(fill: Row, market: Market) -> float:
    """The price that slippage is counted from: the bar's open, where no other stands in the FILL."""
    return float(market["open"][fill["bar"]][fill["symbol"]] if fill.get("limit") is None else fill["limit"])


def _bankrupt_bar(log: list[Row]) -> int | None:
    """The bar at whose close the account failed, if it did."""
    for row in log:
        if row["kind"] == "STOP" and row["reason"] == "bankrupt":
            return int(row["bar"])
    return None


def _closes(log: list[Row], market: Market, rules: Rules) -> list[dict[str, float]]:
    """Equity and gross value held at each bar's close, before what bankruptcy does to them."""
    symbols = len(market["close"][0])
    rules = with_defaults(rules)
    cash, multiplier = rules["initial_cash"], rules["multiplier"]
    held = [0.0] * symbols
    last_close = [0.0] * symbols
    states = []
    later = [row for row in log if row["kind"] in ("CASH", "SPLIT", "FILL")]
    for bar, closes in enumerate(market["close"]):
        while later and later[0]["bar"] == bar:
            row = later.pop(0)
            if row["kind"] == "CASH":
                cash += row["value"]
            elif row["kind"] == "SPLIT":
                held[row["symbol"]] *= row["value"]
            elif row["kind"] == "FILL":
                sign = 1.0 if row["side"] == "buy" else -1.0
                cash -= sign * row["price"] * row["quantity"] * multiplier + row["commission"]
                held[row["symbol"]] += sign * row["quantity"]
        for action_bar, s, kind, ratio in market.get("actions", []):
            if action_bar == bar and kind == 0:
                last_close[s] /= ratio
        for s, close in enumerate(closes):
            if close is not None:
                last_close[s] = close
        values = [held[s] * last_close[s] * multiplier for s in range(symbols)]
        states.append({"equity": cash + sum(values), "gross": math.fsum(abs(value) for value in values)})
    return states


def equity(log: list[Row], market: Market, rules: Rules) -> list[float]:
    """Equity at the close of every bar of the market (the starting cash before the first trading bar).

    From the bar after a bankruptcy on it stands still.
    """
    values = [state["equity"] for state in _closes(log, market, rules)]
    failed = _bankrupt_bar(log)
    if failed is not None:
        values = [value if bar <= failed else values[failed] for bar, value in enumerate(values)]
    return values


def trades(log: list[Row], multiplier: float = 1.0) -> list[dict[str, Any]]:
    """Closed round trips, from flat to flat, in the order they were closed.

    A fill through zero ends one and starts the next; its commission is split by quantity. Dividends and what borrowing
    costs are income of the trade that is running.
    """
    closed = []
    running: dict[int, dict[str, Any]] = {}
    held: dict[int, float] = {}
    for fill in log:
        s = fill["symbol"]
        if fill["kind"] == "CASH" and s in running:
            running[s]["income"].append(fill["value"])
        elif fill["kind"] == "SPLIT":
            held[s] *= fill["value"]
        if fill["kind"] != "FILL":
            continue
        sign = 1.0 if fill["side"] == "buy" else -1.0
        before = held.get(s, 0.0)
        after = before + sign * fill["quantity"]
        held[s] = after
        if before * after < 0:
            parts = [(abs(before), True), (abs(after), False)]
        else:
            parts = [(fill["quantity"], after == 0)]
        for quantity, ends in parts:
            if s not in running:
                running[s] = {
                    "symbol": s,
                    "side": fill["side"],
                    "entry_bar": fill["bar"],
                    "exit_bar": None,
                    "sells": [],
                    "buys": [],
                    "commissions": [],
                    "income": [],
                }
            trade = running[s]
            trade["buys" if sign > 0 else "sells"].append(quantity * fill["price"] * multiplier)
            trade["commissions"].append(fill["commission"] * quantity / fill["quantity"])
            if ends:
                del running[s]
                bought, sold = math.fsum(trade.pop("buys")), math.fsum(trade.pop("sells"))
                paid, income = math.fsum(trade.pop("commissions")), math.fsum(trade.pop("income"))
                trade.update(exit_bar=fill["bar"], commission=paid, profit=sold - bought - paid + income)
                closed.append(trade)
    return closed


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _ratios(values: list[float], base: float) -> list[float]:
    """Returns from one value to the next, the first against `base`; nothing is earned on nothing."""
    returns = []
    previous = base
    for value in values:
        returns.append(value / previous - 1 if previous > 0 else 0.0)
        previous = value
    return returns


def _deviation(values: list[float]) -> float:
    """Standard deviation with ddof 1; exactly 0 for equal values, whatever their mean rounds to."""
    if min(values) == max(values):
        return 0.0
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _percentile_5(values: list[float]) -> float:
    ordered = sorted(values)
    below, hundredths = divmod(5 * (len(ordered) - 1), 100)
    if hundredths == 0:
        return ordered[below]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (hundredths / 100)


def metrics(
    log: list[Row],
    market: Market,
    rules: Rules,
    start: int,
    stop: int,
    base_equity: float | None = None,
    sessions: list[Any] | None = None,
    bars_per_year: float = 252,
    sessions_per_year: float = 252,
    risk_free: float = 0.0,
    tie: float = 0.0,
) -> dict[str, float | int | None]:
    """The metrics of the bars from `start` up to, not including, `stop`; None where undefined.

    `base_equity`: what the first return is measured against (default: the starting cash). `sessions`: for each bar of
    the market the session it belongs to; None: each bar is one. `tie`: what counts as equal to
    the 5th percentile of returns from above; a negative one: from below not.
    """
    rules = with_defaults(rules)
    base = rules["initial_cash"] if base_equity is None else base_equity
    result: dict[str, float | int | None] = dict.fromkeys(METRICS)
    bars = range(start, stop)
    values = equity(log, market, rules)[start:stop]
    fills = [fill for fill in _fills(log) if start <= fill["bar"] < stop]
    closed = [trade for trade in trades(log, rules["multiplier"]) if start <= trade["exit_bar"] < stop]
    years = len(bars) / bars_per_year

    # Trading.
    result["orders"] = len(fills)
    result["trades"] = len(closed)
    result["commission_paid"] = math.fsum(fill["commission"] for fill in fills)
    result["slippage_paid"] = math.fsum(
        abs(fill["price"] - _reference(fill, market)) * fill["quantity"] * rules["multiplier"] for fill in fills
    )
    if closed:
        profits = [trade["profit"] for trade in closed]
        won = math.fsum(profit for profit in profits if profit > 0)
        lost = -math.fsum(profit for profit in profits if profit < 0)
        result["win_rate"] = sum(1 for profit in profits if profit > 0) / len(profits)
        result["average_trade"] = _mean(profits)
        if lost > 0:
            result["profit_factor"] = won / lost
    if not values:
        return result
    traded = math.fsum(fill["price"] * fill["quantity"] * rules["multiplier"] for fill in fills)
    if _mean(values) > 0:
        result["turnover"] = 0.5 * traded / _mean(values) / years

    # Exposure. A bankrupt account has none, whatever it was left holding.
    failed = _bankrupt_bar(log)
    states = _closes(log, market, rules)
    gross = [0.0 if failed is not None and bar >= failed else states[bar]["gross"] for bar in bars]
    result["exposure"] = _mean(
        [g / states[bar]["equity"] if g > 0 else 0.0 for bar, g in zip(bars, gross, strict=True)]
    )
    result["time_in_market"] = sum(1 for g in gross if g > 0) / len(gross)

    # The path of equity, bar by bar.
    result["total_return"] = values[-1] / base - 1 if base != 0 else 0.0
    if values[-1] > 0 and base > 0:
        result["cagr"] = (values[-1] / base) ** (1 / years) - 1
    peak, deepest, below, longest = base, 0.0, 0, 0
    for value in values:
        peak = max(peak, value)
        if value < peak:
            deepest = min(deepest, value / peak - 1) if peak > 0 else deepest
            below += 1
        else:
            below = 0
        longest = max(longest, below)
    result["max_drawdown"] = deepest
    result["max_drawdown_bars"] = longest
    if result["cagr"] is not None and deepest != 0:
        result["calmar"] = result["cagr"] / abs(deepest)

    # The distribution of returns, session by session.
    if sessions is not None:
        ends = [bar for bar in bars if bar == stop - 1 or sessions[bar + 1] != sessions[bar]]
        values = [values[bar - start] for bar in ends]
    returns = _ratios(values, base)
    excess = [r - risk_free / sessions_per_year for r in returns]
    root = math.sqrt(sessions_per_year)
    if len(returns) >= 2:
        deviation = _deviation(returns)
        result["volatility"] = deviation * root
        if deviation > 0:
            result["sharpe"] = _mean(excess) / deviation * root
    downside = math.sqrt(_mean([min(r, 0.0) ** 2 for r in excess]))
    if downside > 0:
        result["sortino"] = _mean(excess) / downside * root
    if min(returns) != max(returns):
        mean = _mean(returns)
        second = _mean([(r - mean) ** 2 for r in returns])
        if second > 0:
            result["skew"] = _mean([(r - mean) ** 3 for r in returns]) / second**1.5
            result["kurtosis"] = _mean([(r - mean) ** 4 for r in returns]) / second**2 - 3
    result["var_95"] = worst = _percentile_5(returns)
    result["cvar_95"] = _mean([r for r in returns if r <= worst + tie] or [worst])
    return result
