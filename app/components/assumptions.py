"""What a container takes for granted, in words: how it fills, sizes and pays, and on which bars.

What makes its figures look better than trading would is marked.
"""

import numpy as np

from app.charts.dates import words
from app.components.numbers import many
from app.services.reading import Reading
from engine.events import Kind
from engine.execution.rules import Execution
from engine.market.actions import Action
from engine.market.market import Market
from engine.projections.funnel import positions
from engine.risk.standard import Risk

#: What was assumed, how, and why that flatters ("" when it does not).
Assumption = tuple[str, str, str]

#: A fill of more than this share of its bar's volume would have moved the price.
SHARE_OF_VOLUME = 0.10
_ADJUSTED = {
    "raw": "as traded: a split or dividend looks like a fall",
    "split": "adjusted for splits; dividends are left out",
    "total_return": "total return: adjusted for splits and dividends",
}


def assumptions(reading: Reading, end: int | None = None) -> list[Assumption]:
    """All of them. `end`: the first bar that is covered, if one is."""
    last = len(reading.market.time) if end is None else end
    spec, market = reading.spec, reading.market
    risk, portfolio, execution = spec.risk, spec.portfolio, spec.execution
    found = [
        *_replay(reading),
        _fills(reading, last),
        _costs(execution),
        ("Sizing", f"{_sizing(reading)}; {_lots(execution)}", ""),
        ("Caps", _caps(risk), ""),
        ("Stops", _stops(risk, execution), ""),
    ]
    if execution.entry != "market":
        found.append(("Entries", _entries(execution), ""))
    if halts := _halts(risk):
        found.append(("Halts", halts, ""))
    if risk.regime_scale:
        scales = ", ".join(f"{name} × {scale:g}" for name, scale in risk.regime_scale.items())
        found.append(("Regimes", f"targets are scaled: {scales}", ""))
    if portfolio.rebalance:
        found.append(("Rebalance", f"back to the targets every {many(portfolio.rebalance, 'bar')}", ""))
    if portfolio.drift_band:
        found.append(("Drift", f"back to the targets when a weight is {_percent(portfolio.drift_band)} off", ""))
    if portfolio.universe:
        found.append(("Universe", f"a symbol belongs to it where {portfolio.universe} is above 0", ""))
    return [
        *found,
        _cash(reading, last),
        ("Ratios", f"a risk-free rate of {100 * portfolio.risk_free:g} % a year is taken off", ""),
        _prices(market),
        ("Missing bars", "a symbol keeps its last close, its orders wait for its next bar", ""),
        ("Trades from", words(reading.clock[reading.first : reading.first + 1])[0], ""),
    ]


def _replay(reading: Reading) -> list[Assumption]:
    """What a replay took from its logs; marked when they were chosen with knowledge of its held-out bars."""
    told = reading.run.plan.get("told")
    if told is None or reading.spec.pattern != "signal_replay":
        return []
    logs = ", ".join(log["reference"] for log in told["logs"])
    knowing = ", ".join(told["knowing"])
    warning = f"{knowing} chosen with knowledge of the held-out bars: test figures are no test" if knowing else ""
    return [("Signals", f"replayed from {logs}; nothing above the ensemble is computed again", warning)]


_WHEN = {"next_open": "the next open", "next_close": "the next close", "same_close": "that very close"}


def _fills(reading: Reading, last: int) -> Assumption:
    execution = reading.spec.execution
    share = execution.participation
    part = "in full" if share is None else f"at most {_percent(share)} of a bar's volume each"
    told = f"decided at a close, filled at {_WHEN[execution.fill]} of the symbol, {part}"
    if execution.fill == "same_close":
        return "Fills", told, "optimistic: a close is known only when it is too late"
    return "Fills", told, _volume(reading, last)


def _costs(execution: Execution) -> Assumption:
    parts = [
        (execution.commission_per_unit, f"{execution.commission_per_unit:g} a unit"),
        (execution.commission_per_order, f"{execution.commission_per_order:g} an order"),
        (execution.commission_min, f"at least {execution.commission_min:g} an order"),
        (execution.spread_bps, f"half of a spread of {execution.spread_bps:g} bps"),
        (execution.impact, f"impact {execution.impact:g} × √(quantity / volume)"),
        (execution.tick_size, f"ticks of {execution.tick_size:g}"),
    ]
    told = [text for amount, text in parts if amount]
    bps = execution.commission_bps, execution.slippage_bps
    if not told and not any(bps):
        return "Costs", "none", "optimistic: trading is never free"
    slips = execution.slippage_bps or execution.spread_bps or execution.impact
    told.insert(0, f"commission {bps[0]:g} bps, slippage {bps[1]:g} bps of each fill")
    return "Costs", ", ".join(told), "" if slips else "optimistic: every fill gets the open itself"


def _sizing(reading: Reading) -> str:
    portfolio, execution = reading.spec.portfolio, reading.spec.execution
    share = _percent(1 / len(reading.market.symbols) if portfolio.slot is None else portfolio.slot)
    when = "the fill" if execution.size_price == "fill" else "the decision"
    window = f"of {many(portfolio.sizing_window, 'bar')}"
    match portfolio.sizing:
        case "inverse_volatility":
            return f"{share} of equity a symbol on average, by 1 / volatility {window}, priced at {when}"
        case "volatility_target":
            goal = _percent(portfolio.target_volatility or 0.0)
            return f"{share} of equity × {goal} a year / volatility {window}, priced at {when}"
        case "risk":
            move = f"{portfolio.atr_multiple:g} × ATR {window}"
            return f"a move of {move} costs {_percent(portfolio.risk_per_trade or 0.0)} of equity, priced at {when}"
        case "cash":
            return f"a full signal spends {portfolio.cash_per_trade:,.2f}"
        case "quantity":
            return f"a full signal holds {portfolio.quantity_per_trade:g}"
    return f"a full signal asks for {share} of equity, priced at {when}"


def _lots(execution: Execution) -> str:
    unit = "" if execution.multiplier == 1.0 else f", each worth {execution.multiplier:g} × its price"
    return (f"lots of {execution.lot_size:g}" if execution.lot_size else "fractional quantities") + unit


def _caps(risk: Risk) -> str:
    parts = [f"{_percent(risk.max_weight)} of equity a symbol, {_percent(risk.max_gross)} in all"]
    if risk.max_leverage is not None:
        parts.append(f"{_percent(risk.max_leverage)} in all after a fill")
    if risk.max_net is not None:
        parts.append(f"{_percent(risk.max_net)} net after a fill")
    if risk.long_only:
        parts.append("no shorts")
    return ", ".join(parts)


def _entries(execution: Execution) -> str:
    away = _percent(execution.entry_offset)
    return f"a {execution.entry} order {away} from the close, good for {many(execution.good_for, 'bar')}"


def _stops(risk: Risk, execution: Execution) -> str:
    parts = [
        (risk.stop_loss, lambda x: f"{_percent(x)} below the entry (above it for a short)"),
        (risk.stop_atr, lambda x: f"{x:g} × ATR from the entry"),
        (risk.trailing_stop, lambda x: f"{_percent(x)} from the best price"),
        (risk.trailing_atr, lambda x: f"{x:g} × ATR from the best price"),
        (risk.take_profit, lambda x: f"profit at {_percent(x)}"),
    ]
    told = [text(value) for value, text in parts if value is not None]
    if told:
        inside = f"judged inside the bar, the {'profit' if execution.intrabar == 'optimistic' else 'stop'} first"
        after = f"judged at the close, filled at {_WHEN[execution.fill]}"
        told.append(after if risk.stop_when == "close" else inside)
    if risk.time_stop is not None:
        told.append(f"after {many(risk.time_stop, 'bar')}")
    if told and risk.cool_down:
        told.append(f"then {many(risk.cool_down, 'bar')} of rest")
    return ", ".join(told) or "none"


def _halts(risk: Risk) -> str:
    parts = []
    if risk.daily_loss is not None:
        parts.append(f"a session that loses {_percent(risk.daily_loss)} closes all until the next")
    if risk.max_drawdown is not None:
        parts.append(f"a drawdown of {_percent(risk.max_drawdown)} closes all for good")
    return "; ".join(parts)


def _cash(reading: Reading, last: int) -> Assumption:
    execution, cash = reading.spec.execution, reading.spec.portfolio.initial_cash
    told = [f"{cash:,.2f} to begin with; it earns nothing"]
    if execution.margin is not None:
        rate = _percent(execution.financing_rate)
        told.append(f"credit on a margin of {_percent(execution.margin)} at {rate} a year")
    if execution.borrow_rate:
        told.append(f"shorts pay {_percent(execution.borrow_rate)} a year")
    free = not execution.borrow_rate and _short(reading, last)
    return "Cash", "; ".join(told), "short positions pay no fee" if free else ""


def _prices(market: Market) -> Assumption:
    told = _ADJUSTED.get(market.adjustment, market.adjustment)
    if market.adjustment == "raw" and (market.actions["kind"] != Action.END).any():
        told = "as traded, with the splits and dividends that are known"
    return "Prices", f"{told}; bars of {market.frequency}", ""


def _volume(reading: Reading, last: int) -> str:
    """A warning when fills are large against what was traded; "" when not, or when no volume is known."""
    fills = reading.log[(reading.log["kind"] == Kind.FILL) & (reading.log["bar"] < last)]
    volume = reading.market.volume[fills["bar"], fills["symbol"]]
    known = volume > 0
    if not known.any():
        return ""
    most = float((fills["quantity"][known] / volume[known]).max())
    return f"optimistic: one took {_percent(most)} of its bar's volume" if most > SHARE_OF_VOLUME else ""


def _short(reading: Reading, last: int) -> bool:
    """Whether it was ever short."""
    fills = reading.log[(reading.log["kind"] == Kind.FILL) & (reading.log["bar"] < last)]
    for symbol in np.unique(fills["symbol"]):
        own = fills[fills["symbol"] == symbol]
        if (positions(reading.log, int(symbol))[1 : len(own) + 1] < -1e-9 * own["quantity"]).any():
            return True
    return False


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
