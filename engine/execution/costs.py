"""What a fill costs: its price after slippage and ticks, its commission, and the cash that is left."""

import numpy as np

from engine.compiled import lean_kernel
from engine.execution.state import BY_CASH, BY_WEIGHT, LIMIT

#: RESIZE is about money that is missing, not about the last digit of a sum; a difference, or what a cut leaves, of
#: this share or less is rounding and trades nothing.
SLACK = 1e-9
#: However small the volume, an order moves the price by less than this share.
MOST = 0.99


@lean_kernel
def cash_after(cash, side, quantity, price, multiplier, commission):  # type: ignore[no-untyped-def]
    """Cash after a fill; equity is projected from the log by the same expression, to the same bytes."""
    return cash - side * quantity * price * multiplier - commission


@lean_kernel
def difference(wanted, held):  # type: ignore[no-untyped-def]
    """What to trade to get from `held` to `wanted`; exactly 0 where it is only rounding."""
    delta = wanted - held
    return 0.0 if abs(delta) <= SLACK * max(abs(wanted), abs(held)) else delta


@lean_kernel
def whole_lots(quantity, lot):  # type: ignore[no-untyped-def]
    """The part of `quantity` that is whole lots (all of it when lots are not used)."""
    if lot <= 0.0:
        return quantity
    return np.floor(quantity / lot + 1e-9) * lot


@lean_kernel
def on_tick(price, side, tick):  # type: ignore[no-untyped-def]
    """`price` on the next tick against the one who trades, up for a buy, down for a sell; never below one tick."""
    if tick <= 0.0:
        return price
    steps = price / tick
    return max(np.ceil(steps - 1e-9) if side > 0 else np.floor(steps + 1e-9), 1.0) * tick


@lean_kernel
def fill_price(at, side, quantity, volume, style, rules):  # type: ignore[no-untyped-def]
    """The price of a fill that without slippage would be at `at`. A limit order gets its price, or a better one.

    The impact is the square-root law of market impact (e.g. Grinold & Kahn, Active Portfolio Management, ch. 16):
    a share of the price, `impact` × √(quantity / volume of the bar).
    """
    slip = 0.0
    if style != LIMIT:
        slip = rules.slippage
        if rules.impact > 0.0 and volume > 0.0:
            slip = min(slip + rules.impact * np.sqrt(quantity / volume), MOST)
    return on_tick(at * (1.0 + side * slip), side, rules.tick)


@lean_kernel
def fee(price, quantity, entry, rules):  # type: ignore[no-untyped-def]
    """Commission of a fill, in money. What an order costs at least, or at all, counts once for its fills."""
    cost = rules.commission * price * quantity * rules.multiplier + rules.per_unit * quantity
    if rules.per_order == 0.0 and rules.least == 0.0:
        return cost
    return max(rules.least, entry.fees + cost + rules.per_order) - entry.charged


@lean_kernel
def buying_cost(quantity, volume, entry, rules):  # type: ignore[no-untyped-def]
    """What buying `quantity` at `entry.at` takes out of the cash."""
    if quantity <= 0.0:
        return 0.0
    price = fill_price(entry.at, 1, quantity, volume, entry.style, rules)
    return price * quantity * rules.multiplier + fee(price, quantity, entry, rules)


@lean_kernel
def quantity_for(target, equity, price, rules):  # type: ignore[no-untyped-def]
    """The quantity a target asks for at a price: a share of equity, or a multiple of the fixed size."""
    if rules.sizing == BY_WEIGHT:
        return target * equity / (price * rules.multiplier)
    if rules.sizing == BY_CASH:
        return target * rules.size / (price * rules.multiplier)
    return target * rules.size
