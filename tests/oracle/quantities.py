"""How much an order trades in the twin: what is wanted, the difference to what is held, whole lots."""

import math
from dataclasses import dataclass

from tests.oracle.account import Account, Order
from tests.oracle.rules import NOTHING


@dataclass
class Trade:
    """One order at a settlement. Quantities are positive: `closing` never is cut by money, `opening` can be."""

    symbol: int
    order: Order
    reference: float  # the price it fills at, before costs
    inside: bool  # a limit or stop order reached after the open
    wanted: float = 0.0
    difference: float = 0.0
    closing: float = 0.0
    opening: float = 0.0
    cut: bool = False  # by a limit on weight or exposure
    emptied: str | None = None  # the cut that left nothing of it
    cash_limit: tuple[float, float] | None = None  # available and needed, where that is a RESIZE
    rest: bool = False  # the volume left some of it for the next bar

    @property
    def quantity(self) -> float:
        return self.closing + self.opening

    @property
    def side(self) -> str:
        return "buy" if self.difference > 0 else "sell"

    @property
    def sign(self) -> float:
        return 1.0 if self.difference > 0 else -1.0


def difference(account: Account, symbol: int, wanted: float) -> float:
    """What is to be traded to hold `wanted`: positive buys, negative sells, 0.0 nothing."""
    held = account.held(symbol)
    if wanted == 0:
        return -held  # an exit trades exactly what is held
    found = wanted - held
    if abs(found) <= NOTHING * max(abs(wanted), abs(held)):
        return 0.0
    return found


def in_lots(account: Account, quantity: float) -> float:
    lot: float = account.rules["lot_size"]
    return quantity if lot == 0 else math.floor(quantity / lot + 1e-9) * lot


def whole(account: Account, trade: Trade, quantity: float) -> float:
    """`quantity` of a trade in lots; an exit trades everything."""
    return quantity if trade.wanted == 0 and not trade.rest else in_lots(account, quantity)


def wanted_quantity(account: Account, target: float, equity: float, price: float) -> float:
    rules = account.rules
    if rules["sizing"] == "quantity":
        return float(target * rules["quantity_per_trade"])
    money = rules["cash_per_trade"] if rules["sizing"] == "cash" else equity
    return float(target * money / account.worth(1.0, price))


def asked_of(account: Account, trade: Trade) -> float:
    """What a trade has to change to hold what is wanted. A limit or stop order to buy never sells."""
    found = difference(account, trade.symbol, trade.wanted)
    turned = trade.order.price is not None and found * (1.0 if trade.order.side == "buy" else -1.0) < 0
    return 0.0 if turned else found
