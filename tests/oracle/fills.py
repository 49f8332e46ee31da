"""How the twin settles pending orders: which are due, how much each wants, what cuts it, in which order they fill."""

import math
from dataclasses import dataclass

from tests.oracle.account import Account, Order
from tests.oracle.rules import AT, NOTHING, SLACK


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
    return quantity if trade.wanted == 0 and not trade.rest else in_lots(account, quantity)


def wanted_quantity(account: Account, target: float, equity: float, price: float) -> float:
    rules = account.rules
    if rules["sizing"] == "quantity":
        return float(target * rules["quantity_per_trade"])
    money = rules["cash_per_trade"] if rules["sizing"] == "cash" else equity
    return float(target * money / account.worth(1.0, price))


def settle(account: Account, bar: int, at: str) -> None:
    """Fill what is pending at the bar's `at`: "open" or "close"."""
    prices = account.market[at][bar]
    equity = account.equity(prices)
    trades = []
    for s in range(account.symbols):
        order = account.pending[s]
        if order is not None and prices[s] is not None:
            trade = due(account, bar, s, order, prices[s])
            if trade is not None and sized(account, trade, bar, equity):
                account.pending[s] = None
                trades.append(trade)
    cut_by_exposure(account, trades, bar, prices, equity)

    money, asked = account.cash, 0.0
    for trade in trades:
        if trade.difference < 0:
            money += account.worth(trade.quantity, trade.reference)
        else:
            asked += account.worth(trade.quantity, trade.reference)
    short_of_money = asked > money + SLACK * asked

    buys = [trade for trade in trades if trade.difference > 0 and trade.quantity > 0]
    for trade in trades:
        if trade not in buys:
            finish(account, trade, bar, at)
    if account.rules["margin"] is None:
        cut_by_cash(account, buys, bar, short_of_money)
    for trade in [t for t in buys if account.held(t.symbol) < 0] + [t for t in buys if account.held(t.symbol) >= 0]:
        finish(account, trade, bar, at)


def due(account: Account, bar: int, symbol: int, order: Order, opened: float) -> Trade | None:
    """The trade of an order that can fill on this bar. A limit or stop order may not be reached, and expire."""
    market = account.market
    reference, inside = opened, False
    if order.price is not None:
        order.stood += 1
        met = reached(order, opened, market["high"][bar][symbol], market["low"][bar][symbol])
        if met is None:
            expire(account, bar, symbol, order)
            return None
        reference, inside = met
    return Trade(symbol, order, reference, inside)


def expire(account: Account, bar: int, symbol: int, order: Order) -> None:
    """Refuse a limit or stop order that has stood for as long as it is good for."""
    if order.price is not None and order.stood >= account.rules["good_for"]:
        account.reject(bar, "container", symbol, "expired", order.seq)
        account.pending[symbol] = None


def sized(account: Account, trade: Trade, bar: int, equity: float) -> bool:
    """What a trade wants, within the weight of its symbol and the volume; False where it must wait for volume."""
    s, order = trade.symbol, trade.order
    trade.wanted = order.wanted
    if account.rules["size_price"] == "fill":
        trade.wanted = wanted_quantity(account, order.target, max(equity, 0.0), trade.reference)
    trade.difference = asked_of(account, trade)
    cut_by_weight(account, trade, bar, equity)
    against = trade.difference * account.held(s) < 0
    trade.closing = min(abs(trade.difference), abs(account.held(s))) if against else 0.0
    trade.opening = abs(trade.difference) - trade.closing
    if cut_by_volume(account, trade, bar):
        return True
    expire(account, bar, s, order)
    return False


def asked_of(account: Account, trade: Trade) -> float:
    """What a trade has to change to hold what is wanted. A limit or stop order to buy never sells."""
    found = difference(account, trade.symbol, trade.wanted)
    turned = trade.order.price is not None and found * (1.0 if trade.order.side == "buy" else -1.0) < 0
    return 0.0 if turned else found


def resize(
    account: Account, trade: Trade, bar: int, side: str, quantity: float, reason: str, limit: float, actual: float
) -> None:
    account.write(
        bar,
        "RESIZE",
        "risk",
        "risk",
        symbol=trade.symbol,
        side=side,
        price=trade.reference,
        quantity=quantity,
        limit=limit,
        actual=actual,
        reason=reason,
        cause=trade.order.seq,
    )


def cut_by_weight(account: Account, trade: Trade, bar: int, equity: float) -> None:
    """max_weight of a fixed size: a position of at most that is wanted."""
    if account.rules["sizing"] not in ("cash", "quantity"):
        return
    most = account.rules["max_weight"] * max(equity, 0.0)
    asked = account.worth(abs(trade.wanted), trade.reference)
    if asked <= most * (1 + SLACK):
        return
    uncut, side = trade.difference, trade.side
    before = whole(account, trade, abs(uncut))
    trade.wanted = math.copysign(most / account.worth(1.0, trade.reference), trade.wanted)
    trade.difference = asked_of(account, trade)
    if trade.difference == 0 and uncut == 0:
        return
    side = side if trade.difference == 0 else trade.side
    resize(account, trade, bar, side, abs(trade.difference), "max_weight", most, asked)
    trade.cut = True
    if before > 0 and not whole(account, trade, abs(trade.difference)) > 0:
        trade.emptied = "max_weight"


def cut_by_volume(account: Account, trade: Trade, bar: int) -> bool:
    """A share of the bar's volume, in whole lots, closing or opening alike. False where there is none for a trade."""
    rules, volume = account.rules, account.volume(bar, trade.symbol)
    if rules["participation"] is None and not (rules["impact"] > 0 and volume == 0):
        return True
    most = 0.0 if rules["participation"] is None else in_lots(account, rules["participation"] * volume)
    asked = trade.quantity
    if asked <= most:
        return True
    trade.closing = min(trade.closing, most)
    trade.opening = most - trade.closing
    trade.rest = True
    if most > 0:
        resize(account, trade, bar, trade.side, most, "volume", most, asked)
    return most > 0


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
            order, slips = trade.order, trade.order.style != "limit"
            price = account.fill_price(bar, trade.symbol, trade.side, trade.quantity, trade.reference, slips)
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
                before = trade.quantity
                had = whole(account, trade, before) > 0
                trade.opening *= share
                if trade.opening <= NOTHING * before:
                    trade.opening = 0.0
                trade.cut = True
                trade.wanted = account.held(trade.symbol) + trade.sign * trade.quantity
                resize(account, trade, bar, trade.side, trade.quantity, reason, limit, actual)
                if had and not whole(account, trade, trade.quantity) > 0:
                    trade.emptied = reason

    def within_net() -> None:
        limit = rules["max_net"] * after_costs
        longs, shorts = stays[0] + opened(0), stays[1] + opened(1)
        side = 0 if longs > shorts else 1
        if abs(longs - shorts) > limit + SLACK * (longs + shorts) and opened(side) > 0:
            room = limit + (shorts - stays[0] if side == 0 else longs - stays[1])
            share = min(max(room / opened(side), 0.0), 1.0)
            scale([t for t in trades if (t.sign < 0) == side], share, "net", limit, abs(longs - shorts))

    if rules["max_net"] is not None:
        within_net()
    if leverage is not None:
        limit = leverage * after_costs
        gross = sum(stays) + opened(0) + opened(1)
        if gross > limit * (1 + SLACK) and opened(0) + opened(1) > 0:
            share = min(max((limit - sum(stays)) / (opened(0) + opened(1)), 0.0), 1.0)
            scale(trades, share, reason, limit, gross)
            if rules["max_net"] is not None:
                within_net()


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
    if needed <= 0 or available >= needed:
        return
    share = max(available / needed, 0.0)
    if not in_proportion:
        share, too_much = 0.0, 1.0
        for _ in range(60):
            middle = (share + too_much) / 2
            if sum(cost(trade, trade.closing + middle * trade.opening) for trade in buys) <= account.cash:
                share = middle
            else:
                too_much = middle
    if share <= NOTHING:
        share = 0.0
    for trade in buys:
        if trade.opening > 0:
            had = whole(account, trade, trade.quantity) > 0
            trade.opening *= share
            if short_of_money:
                trade.cash_limit = available, needed
            if had and not whole(account, trade, trade.quantity) > 0:
                trade.emptied = "no_cash"


def finish(account: Account, trade: Trade, bar: int, at: str) -> None:
    """Write what became of a trade: the RESIZE by cash, then its FILL or its REJECTION."""
    s, order = trade.symbol, trade.order
    if trade.cash_limit is not None:
        resize(account, trade, bar, trade.side, trade.quantity, "cash", *trade.cash_limit)
    quantity = whole(account, trade, trade.quantity)
    if quantity > 0:
        when = "inside" if trade.inside else at
        account.fill(bar, s, trade.side, quantity, trade.reference, order, when, slips=order.style != "limit")
        if trade.rest:
            account.pending[s] = order
            expire(account, bar, s, order)
    elif trade.emptied is not None:
        account.reject(bar, "container", s, trade.emptied, order.seq)
    elif trade.difference != 0 or trade.cut:
        account.reject(bar, "container", s, "below_lot", order.seq)
    elif order.quantity == 0:  # one that has filled in parts is done without a word
        account.reject(bar, "container", s, "no_change", order.seq)
