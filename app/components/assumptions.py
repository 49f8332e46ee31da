"""What a container takes for granted, in words: how it fills, sizes and pays, and on which bars.

What makes its figures look better than trading would is marked.
"""

import numpy as np

from app.charts.dates import words
from app.components.numbers import many
from app.services.reading import Reading
from engine.events import Kind

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
    risk, portfolio = spec.risk, spec.portfolio
    found = [
        ("Fills", "decided at a close, filled in full at the symbol's next open", _volume(reading, last)),
        _costs(reading),
        _sizing(reading),
        ("Caps", f"{_percent(risk.max_weight)} of equity a symbol, {_percent(risk.max_gross)} in all", ""),
        ("Stops", _stops(risk.stop_loss), ""),
    ]
    if risk.regime_scale:
        scales = ", ".join(f"{name} × {scale:g}" for name, scale in risk.regime_scale.items())
        found.append(("Regimes", f"targets are scaled: {scales}", ""))
    if portfolio.rebalance:
        found.append(("Rebalance", f"back to the targets every {many(portfolio.rebalance, 'bar')}", ""))
    short = "short positions pay no fee" if _short(reading, last) else ""
    return [
        *found,
        ("Cash", f"{portfolio.initial_cash:,.2f} to begin with; it earns nothing", short),
        ("Ratios", f"a risk-free rate of {100 * portfolio.risk_free:g} % a year is taken off", ""),
        ("Prices", f"{_ADJUSTED.get(market.adjustment, market.adjustment)}; bars of {market.frequency}", ""),
        ("Missing bars", "a symbol keeps its last close, its orders wait for its next bar", ""),
        ("Trades from", words(reading.clock[reading.first : reading.first + 1])[0], ""),
    ]


def _costs(reading: Reading) -> Assumption:
    execution = reading.spec.execution
    if not execution.commission_bps and not execution.slippage_bps:
        return "Costs", "none", "optimistic: trading is never free"
    told = f"commission {execution.commission_bps:g} bps, slippage {execution.slippage_bps:g} bps of each fill"
    return "Costs", told, "" if execution.slippage_bps else "optimistic: every fill gets the open itself"


def _sizing(reading: Reading) -> Assumption:
    execution, slot = reading.spec.execution, reading.spec.portfolio.slot
    share = 1 / len(reading.market.symbols) if slot is None else slot
    when = "the fill" if execution.size_price == "fill" else "the decision"
    lots = f"lots of {execution.lot_size:g}" if execution.lot_size else "fractional quantities"
    return "Sizing", f"a full signal asks for {_percent(share)} of equity, priced at {when}; {lots}", ""


def _stops(stop_loss: float | None) -> str:
    if not stop_loss:
        return "none"
    return f"{_percent(stop_loss)} below the entry (above it for a short), judged at the close, filled at the next open"


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
        held = np.cumsum(own["side"] * own["quantity"])
        if (held < -1e-9 * own["quantity"]).any():
            return True
    return False


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
