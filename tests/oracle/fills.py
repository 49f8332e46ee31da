"""How the twin settles pending orders: which are due, how much each wants, what cuts it, and in which order they fill."""

import math
from dataclasses import dataclass, field

from tests.oracle.account import Account, Order
from tests.oracle.rules import AT, NOTHING, SLACK, Row


@dataclass
class Trade:
    """One order at a settlement. Quantities are positive: `closing` never is cut by money, `opening` can be."""

    symbol: int
    order: Order
    reference: float  # the price it fills at, before costs
    inside: bool  # a limit or stop order reached after the open
    wanted: float
    difference: float
    closing: float
    opening: float
    resizes: list[Row] = field(default_factory=list)
    emptied: str | None = None  # what left nothing of it
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


def reached(order: Order, opened: float, high: float, low: float) -> tuple[float, bool] | None:
    """The price a limit or stop order fills at on a bar, and whether inside it; None when it is not reached."""
    price = order.price
    assert price is not None
    falling = (order.side == "buy") == (order.style == "limit")  # a buy limit and a sell stop wait for a fall
    if falling:
        if opened <= price * (1 + AT):
            return opened, False
        return (price, True) if low <= price * (1 + AT) else None
    if opened >= price * (1 - AT):
        return opened, False
    return (price, True) if high >= price * (1 - AT) else None


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
    return quantity if trade.wanted == 0 and quantity == abs(trade.difference) else in_lots(account, quantity)


def wanted_quantity(account: Account, target: float, equity: float, price: float) -> float:
    rules = account.rules
    if rules["sizing"] == "quantity":
        return float(target * rules["quantity_per_trade"])
    money = rules["cash_per_trade"] if rules["sizing"] == "cash" else equity
    return float(target * money / account.worth(1.0, price))


def settle(account: Account, bar: int, at: str) -> None:
    """Fill what is pending at the bar's `at`: "open" or "close"."""
    prices = account.market[at][bar]
    trades, refused = due(account, bar, at)
    if not trades and not refused:
        return
    equity = account.equity(prices)
    for trade in trades:
        s, order = trade.symbol, trade.order
        trade.wanted = order.wanted
        if account.rules["size_price"] == "fill":
            trade.wanted = wanted_quantity(account, order.target, max(equity, 0.0), trade.reference)
        trade.difference = difference(account, s, trade.wanted)
        against = trade.difference * account.held(s) < 0
        trade.closing = min(abs(trade.difference), abs(account.held(s))) if against else 0.0
        trade.opening = abs(trade.difference) - trade.closing
    cut_by_weight(account, trades, equity)
    cut_by_volume(account, trades, bar)
    cut_by_exposure(account, trades, bar, prices, equity)

    money, asked = account.cash, 0.0
    for trade in trades:
        if trade.difference < 0:
            money += account.worth(trade.quantity, trade.reference)
        else:
            asked += account.worth(trade.quantity, trade.reference)
    short_of_money = asked > money + SLACK * abs(money)

    for s in range(account.symbols):
        if s in refused:
            account.reject(bar, "container", s, "expired", refused[s])
        for trade in trades:
            if trade.symbol == s and trade.difference <= 0:
                finish(account, trade, bar, at)
    buys = [trade for trade in trades if trade.difference > 0]
    if account.rules["margin"] is None:
        cut_by_cash(account, buys, bar, short_of_money)
    for trade in [t for t in buys if account.held(t.symbol) < 0] + [t for t in buys if account.held(t.symbol) >= 0]:
        finish(account, trade, bar, at)


def due(account: Account, bar: int, at: str) -> tuple[list[Trade], dict[int, int]]:
    """The orders that fill at this settlement, and the ORDERs that expire at it by symbol. Both leave `pending`."""
    trades: list[Trade] = []
    refused: dict[int, int] = {}
    rules, market = account.rules, account.market
    needs_volume = rules["impact"] > 0 or rules["participation"] is not None
    for s in range(account.symbols):
        order, reference = account.pending[s], market[at][bar][s]
        if order is None or reference is None or (needs_volume and not account.volume(bar, s) > 0):
            continue
        inside = False
        if order.price is not None:
            met = reached(order, reference, market["high"][bar][s], market["low"][bar][s])
            if met is None:
                order.waited += 1
                if order.waited >= rules["good_for"]:
                    refused[s] = order.seq
                    account.pending[s] = None
                continue
            reference, inside = met
        account.pending[s] = None
        trades.append(Trade(s, order, reference, inside, 0.0, 0.0, 0.0, 0.0))
    return trades, refused


def cut(account: Account, trade: Trade, opening: float, reason: str, limit: float, actual: float) -> None:
    """Leave only `opening` of what a trade opens, and note the RESIZE."""
    before = trade.quantity
    trade.opening = opening
    note(trade, reason, limit, actual)
    if trade.emptied is None and whole(account, trade, before) > 0 and not whole(account, trade, trade.quantity) > 0:
        trade.emptied = reason


def note(trade: Trade, reason: str, limit: float, actual: float) -> None:
    trade.resizes.append(
        {
            "side": trade.side,
            "price": trade.reference,
            "quantity": trade.quantity,
            "limit": limit,
            "actual": actual,
            "reason": reason,
        }
    )


def cut_by_weight(account: Account, trades: list[Trade], equity: float) -> None:
    """max_weight of a fixed size: what opens or adds takes a position at most there."""
    if account.rules["sizing"] not in ("cash", "quantity"):
        return
    most = account.rules["max_weight"] * max(equity, 0.0)
    for trade in trades:
        asked = account.worth(abs(trade.wanted), trade.reference)
        if trade.opening > 0 and asked > most * (1 + SLACK):
            kept = abs(account.held(trade.symbol)) if trade.closing == 0 else 0.0
            room = most / account.worth(1.0, trade.reference) - kept
            cut(account, trade, min(max(room, 0.0), trade.opening), "max_weight", most, asked)


def cut_by_volume(account: Account, trades: list[Trade], bar: int) -> None:
    """A share of the bar's volume, in whole lots, closing or opening alike."""
    if account.rules["participation"] is None:
        return
    for trade in trades:
        most = in_lots(account, account.rules["participation"] * account.volume(bar, trade.symbol))
        asked = trade.quantity
        if asked > most * (1 + SLACK):
            trade.closing = min(trade.closing, most)
            trade.opening = most - trade.closing
            trade.rest = True
            note(trade, "volume", most, asked)


def cut_by_exposure(account: Account, trades: list[Trade], bar: int, prices: list[float | None], equity: float) -> None:
    """max_net, then max_leverage or margin: what opens or adds is cut pro rata so that the account is within them."""
    rules = account.rules
    leverage, reason = rules["max_leverage"], "leverage"
    if rules["margin"] is not None and (leverage is None or 1 / rules["margin"] <= leverage):
        leverage, reason = 1 / rules["margin"], "margin"
    if rules["max_net"] is None and leverage is None:
        return
    after_costs = equity
    kept = [account.held(s) for s in range(account.symbols)]
    for trade in trades:
        if trade.quantity > 0:
            order = trade.order
            price = account.fill_price(
                bar, trade.symbol, trade.side, trade.quantity, trade.reference, order.style != "limit"
            )
            after_costs -= account.commission(order, price, trade.quantity)
            after_costs -= account.worth(trade.quantity, abs(price - trade.reference))
        kept[trade.symbol] += trade.sign * trade.closing
    after_costs = max(after_costs, 0.0)
    stays = [0.0, 0.0]  # worth of longs and shorts that no order opens
    for s, quantity in enumerate(kept):
        if quantity != 0:
            price = account.last_close[s] if prices[s] is None else prices[s]
            stays[quantity < 0] += account.worth(abs(quantity), price)

    def opened(side: int) -> float:
        return sum(opening_worth(account, t, prices) for t in trades if (t.sign < 0) == side)

    def scale(chosen: list[Trade], share: float, reason: str, limit: float, actual: float) -> None:
        for trade in chosen:
            if trade.opening > 0:
                left = share * trade.opening if share > NOTHING else 0.0
                cut(account, trade, left, reason, limit, actual)

    if rules["max_net"] is not None:
        limit = rules["max_net"] * after_costs
        longs, shorts = stays[0] + opened(0), stays[1] + opened(1)
        side = 0 if longs > shorts else 1
        if abs(longs - shorts) > limit * (1 + SLACK) and opened(side) > 0:
            room = limit + (shorts - stays[0] if side == 0 else longs - stays[1])
            share = min(max(room / opened(side), 0.0), 1.0)
            scale([t for t in trades if (t.sign < 0) == side], share, "net", limit, abs(longs - shorts))
    if leverage is not None:
        limit = leverage * after_costs
        gross = sum(stays) + opened(0) + opened(1)
        if gross > limit * (1 + SLACK) and opened(0) + opened(1) > 0:
            share = min(max((limit - sum(stays)) / (opened(0) + opened(1)), 0.0), 1.0)
            scale(trades, share, reason, limit, gross)


def opening_worth(account: Account, trade: Trade, prices: list[float | None]) -> float:
    """What a trade opens, at its price; inside the bar at the open if that is more."""
    price = trade.reference
    opened = prices[trade.symbol]
    if trade.inside and opened is not None:
        price = max(price, opened)
    return account.worth(trade.opening, price)


def cut_by_cash(account: Account, buys: list[Trade], bar: int, short_of_money: bool) -> None:
    """What the buys open is cut, pro rata, to what cash pays for after the sells and after closing shorts."""
    rules = account.rules

    def cost(trade: Trade, quantity: float) -> float:
        if quantity == 0:
            return 0.0
        slips = trade.order.style != "limit"
        price = account.fill_price(bar, trade.symbol, "buy", quantity, trade.reference, slips)
        return account.worth(quantity, price) + account.commission(trade.order, price, quantity)

    in_proportion = not any(rules[name] for name in ("impact", "tick_size", "commission_per_order", "commission_min"))
    available = account.cash - sum(cost(trade, trade.closing) for trade in buys)
    needed = sum(cost(trade, trade.quantity) - cost(trade, trade.closing) for trade in buys)
    if not needed > 0:
        return
    share = min(max(available / needed, 0.0), 1.0)
    if not in_proportion and share < 1:
        share, too_much = 0.0, 1.0
        for _ in range(60):
            middle = (share + too_much) / 2
            if sum(cost(trade, trade.closing + middle * trade.opening) for trade in buys) <= account.cash:
                share = middle
            else:
                too_much = middle
    if share <= NOTHING:
        share = 0.0
    if share == 1:
        return
    for trade in buys:
        if trade.opening > 0:
            before = trade.quantity
            trade.opening *= share
            if short_of_money:
                note(trade, "cash", available, needed)
            if trade.emptied is None and whole(account, trade, before) > 0:
                trade.emptied = "no_cash" if not whole(account, trade, trade.quantity) > 0 else None


def finish(account: Account, trade: Trade, bar: int, at: str) -> None:
    """Write what became of a trade: its RESIZEs, then its FILL or its REJECTION."""
    s, order = trade.symbol, trade.order
    for row in trade.resizes:
        account.write(bar, "RESIZE", "risk", "risk", symbol=s, cause=order.seq, **row)
    if trade.rest and trade.emptied is None:
        account.pending[s] = order
    quantity = whole(account, trade, trade.quantity)
    if trade.difference == 0:
        account.reject(bar, "container", s, "no_change", order.seq)
    elif quantity > 0:
        when = "inside" if trade.inside else at
        account.fill(bar, s, trade.side, quantity, trade.reference, order, when, slips=order.style != "limit")
    elif trade.emptied is not None:
        account.reject(bar, "container", s, trade.emptied, order.seq)
    elif not trade.rest:
        account.reject(bar, "container", s, "below_lot", order.seq)
