"""How the twin settles pending orders: which are due, what each trades, in which order they fill."""

from tests.oracle.account import Account, Order
from tests.oracle.limits import cut_by_cash, cut_by_exposure, cut_by_volume, cut_by_weight, resize
from tests.oracle.quantities import Trade, asked_of, wanted_quantity, whole
from tests.oracle.rules import AT, SLACK


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
