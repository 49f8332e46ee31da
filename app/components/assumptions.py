"""What a container takes for granted, in words: how it fills, sizes and pays, and on which bars."""

from app.charts.dates import words
from app.services.reading import Reading


def assumptions(reading: Reading) -> list[tuple[str, object]]:
    """Pairs of (what, how) for the container's header."""
    spec, market = reading.spec, reading.market
    execution, risk, portfolio = spec.execution, spec.risk, spec.portfolio
    slot = 1 / len(market.symbols) if portfolio.slot is None else portfolio.slot
    sized = "at the fill" if execution.size_price == "fill" else "at the decision"
    lots = f"lots of {execution.lot_size:g}" if execution.lot_size else "fractional quantities"
    found: list[tuple[str, object]] = [
        ("Fills", "decided at a close, filled at the next open"),
        ("Costs", f"commission {execution.commission_bps:g} bps, slippage {execution.slippage_bps:g} bps"),
        ("Sizing", f"{slot:.4g} of equity for a full signal, priced {sized}, {lots}"),
        ("Caps", f"{risk.max_weight:.4g} a symbol, {risk.max_gross:.4g} gross"),
        ("Stop loss", f"{100 * risk.stop_loss:.4g} %, judged at the close" if risk.stop_loss else "none"),
    ]
    if risk.regime_scale:
        found.append(("Regime scale", ", ".join(f"{name} {scale:g}" for name, scale in risk.regime_scale.items())))
    if portfolio.rebalance:
        found.append(("Rebalance", f"every {portfolio.rebalance:,} bars"))
    found += [
        ("Cash", f"{portfolio.initial_cash:,.2f}"),
        ("Risk-free", f"{100 * portfolio.risk_free:.4g} % a year"),
        ("Prices", f"{market.adjustment.replace('_', ' ')}, bars of {market.frequency}"),
        ("Trades from", words(market.time[reading.first : reading.first + 1])[0]),
    ]
    return found
