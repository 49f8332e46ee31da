"""What cuts an order in the twin: its symbol's weight, the bar's volume, net and gross, cash."""

import math

from tests.oracle.account import Account
from tests.oracle.quantities import Trade, asked_of, in_lots, whole
from tests.oracle.rules import NOTHING, SLACK


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
            after_costs -= account.worth(trade.quantity, trade.sign * (price - trade.reference))
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
