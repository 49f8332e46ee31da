"""Pending orders become fills, sells first, buys cut to what the cash pays for: at the open, or at the close."""

import numpy as np

from engine.compiled import lean_kernel
from engine.ensemble.combine import write
from engine.events import Kind, Level, Reason, Source
from engine.execution.costs import (
    SLACK,
    buying_cost,
    cash_after,
    fee,
    fill_price,
    quantity_for,
    whole_lots,
)
from engine.execution.limits import change, limit_exposure, limit_volume, limit_weight
from engine.execution.state import LIMIT, MARKET, NEXT_CLOSE

FILL, RESIZE, REJECTION = int(Kind.FILL), int(Kind.RESIZE), int(Kind.REJECTION)
LEVEL_CONTAINER, LEVEL_RISK = int(Level.CONTAINER), int(Level.RISK)
SOURCE_EXECUTION, SOURCE_RISK = int(Source.EXECUTION), int(Source.RISK)
NO_CHANGE, NO_CASH, BELOW_LOT = int(Reason.NO_CHANGE), int(Reason.NO_CASH), int(Reason.BELOW_LOT)
CASH, EXPIRED = int(Reason.CASH), int(Reason.EXPIRED)
#: Halvings of the search for a cut when costs are not in proportion to quantity.
HALVINGS = 60


@lean_kernel
def forget(entry, account):  # type: ignore[no-untyped-def]
    """The pending order of `entry` is no more."""
    entry.pending = 0
    account.pending -= 1


@lean_kernel
def refuse_order(log, n, bar, s, entry, account, reason):  # type: ignore[no-untyped-def]
    """Log that the pending order of symbol `s` is refused where it would fill, and forget it."""
    write(log, n, bar, REJECTION, LEVEL_CONTAINER, SOURCE_EXECUTION, s, entry.order, reason)
    forget(entry, account)
    return n + 1


@lean_kernel
def trade(log, n, bar, bars, s, side, quantity, entry, account, rules):  # type: ignore[no-untyped-def]
    """Fill `quantity` > 0 of the order of symbol `s` at `entry.at`, with slippage and commission. It stays pending."""
    price = fill_price(entry.at, side, quantity, bars[bar, s].volume, entry.style, rules)
    commission = fee(price, quantity, entry, rules)
    entry.fees += rules.commission * price * quantity * rules.multiplier + rules.per_unit * quantity
    entry.charged += commission
    account.cash = cash_after(account.cash, side, quantity, price, rules.multiplier, commission)
    held = entry.quantity
    now = held + side * quantity
    if held * side < 0.0:
        if now * side > 0.0:
            entry.entry = price
    else:
        entry.entry = (entry.entry * abs(held) + price * quantity) / (abs(held) + quantity) if held != 0.0 else price
    if held * now <= 0.0:  # a position begins
        entry.best = price
        entry.atr = entry.order_atr
        entry.count = -1 if rules.fill == NEXT_CLOSE else 0
    entry.quantity = now
    row = write(log, n, bar, FILL, LEVEL_CONTAINER, SOURCE_EXECUTION, s, entry.order, 0)
    row.side = side
    row.price = price
    row.quantity = quantity
    row.commission = commission
    if entry.at != bars[bar, s].open:
        row.limit = entry.at
    entry.fill = n
    entry.filled = 1
    account.newest = s
    return n + 1


@lean_kernel
def expire(log, n, bar, s, entry, account):  # type: ignore[no-untyped-def]
    """Refuse a limit or stop order that has stood for as long as it is good for."""
    if entry.style != MARKET and entry.left <= 0:
        return refuse_order(log, n, bar, s, entry, account, EXPIRED)
    return n


@lean_kernel
def fill_order(log, n, bar, bars, s, side, quantity, entry, account, rules):  # type: ignore[no-untyped-def]
    """Fill `quantity` of a pending order; what the volume left over stays pending."""
    n = trade(log, n, bar, bars, s, side, quantity, entry, account, rules)
    if not entry.partial:
        forget(entry, account)
        return n
    return expire(log, n, bar, s, entry, account)


@lean_kernel
def buy(log, n, bar, bars, s, share, available, needed, short, entry, account, rules):  # type: ignore[no-untyped-def]
    """Fill a buy of which only the part beyond a short can be cut, to `share`; log the RESIZE when cash was `short`."""
    uncut = entry.delta
    closing = min(uncut, -entry.quantity) if entry.quantity < 0.0 else 0.0
    beyond = uncut - closing
    quantity = uncut if share >= 1.0 or beyond <= 0.0 else closing + share * beyond
    if quantity < uncut and short:
        row = write(log, n, bar, RESIZE, LEVEL_RISK, SOURCE_RISK, s, entry.order, CASH)
        row.side = 1
        row.price = entry.at
        row.quantity = quantity
        row.limit = available
        row.actual = needed
        n += 1
    filled = uncut if entry.wanted == 0.0 and not entry.partial else whole_lots(quantity, rules.lot)
    if filled > 0.0:
        return fill_order(log, n, bar, bars, s, 1, filled, entry, account, rules)
    if whole_lots(uncut, rules.lot) > 0.0:
        return refuse_order(log, n, bar, s, entry, account, NO_CASH)
    return refuse_order(log, n, bar, s, entry, account, entry.why if entry.cut else BELOW_LOT)


@lean_kernel
def place(bar, s, bars, entry, closing, log, n, account):  # type: ignore[no-untyped-def]
    """Where the pending order of symbol `s` would fill on this bar: `entry.at`, NaN where it would not."""
    entry.at = bars[bar, s].mark if closing else bars[bar, s].open
    if entry.style == MARKET:
        return n
    level = entry.price
    opened = bars[bar, s].open
    buying = log[entry.order].side > 0
    entry.left -= 1
    reached = bars[bar, s].low <= level if buying == (entry.style == LIMIT) else bars[bar, s].high >= level
    through = opened <= level if buying == (entry.style == LIMIT) else opened >= level
    if through:
        return n
    if reached:
        entry.at = level
        entry.inside = bar
        return n
    entry.at = np.nan
    return expire(log, n, bar, s, entry, account)


@lean_kernel
def cut_to_cash(bar, bars, book, available, needed, account, rules):  # type: ignore[no-untyped-def]
    """Which share of the buys that can be cut is paid for by the cash."""
    if rules.linear:
        share = max(available, 0.0) / needed
    else:
        # costs grow faster or slower than quantity: halve the range in which the cash is spent
        share = 0.0
        most = 1.0
        for _ in range(HALVINGS):
            middle = 0.5 * (share + most)
            cost = 0.0
            for s in range(len(book)):
                entry = book[s]
                if entry.pending and entry.at == entry.at and entry.delta > 0.0:
                    closing = min(entry.delta, -entry.quantity) if entry.quantity < 0.0 else 0.0
                    quantity = closing + middle * (entry.delta - closing)
                    cost += buying_cost(quantity, bars[bar, s].volume, entry, rules)
            if cost <= account.cash:
                share = middle
            else:
                most = middle
    return 0.0 if share <= SLACK else share


@lean_kernel
def settle(bar, bars, book, account, rules, closing, log, n):  # type: ignore[no-untyped-def]
    """Fill the pending orders of this bar at its open (or, `closing`, at its close); refuse those that come to nothing.

    Equity is taken once, before the fills. Sells go first; then buys that close a short; then the other buys.
    """
    symbols = len(book)
    equity = account.cash
    for s in range(symbols):
        if book[s].quantity != 0.0:
            price = bars[bar, s].open if bars[bar, s].valid and not closing else bars[bar, s].mark
            equity += book[s].quantity * price * rules.multiplier
    equity = max(equity, 0.0)

    for s in range(symbols):
        entry = book[s]
        entry.at = np.nan
        if entry.pending and bars[bar, s].valid:
            n = place(bar, s, bars, entry, closing, log, n, account)
            if not entry.pending or entry.at != entry.at:
                continue
            entry.wanted = entry.meant if rules.decision else quantity_for(entry.ordered, equity, entry.at, rules)
            entry.cut = 0
            entry.partial = 0
            entry.delta = change(entry, log)
            n = limit_weight(bar, s, entry, equity, rules, log, n)
            n = limit_volume(bar, s, bars, entry, rules, log, n)
            if entry.partial and entry.delta == 0.0:
                entry.at = np.nan  # no volume: it waits
                n = expire(log, n, bar, s, entry, account)
    if rules.max_net == rules.max_net or rules.max_leverage == rules.max_leverage:
        n = limit_exposure(bar, bars, book, equity, rules, closing, log, n)

    before = account.cash
    sells = 0.0
    buys = 0.0
    for s in range(symbols):
        entry = book[s]
        if entry.pending and entry.at == entry.at:
            value = entry.delta * entry.at * rules.multiplier
            if entry.delta < 0.0:
                sells -= value
            else:
                buys += value

    for s in range(symbols):
        entry = book[s]
        if entry.pending and entry.at == entry.at and entry.delta <= 0.0:
            if entry.delta == 0.0:
                if entry.filled and not entry.cut:
                    forget(entry, account)  # an order that was filled in parts is done
                else:
                    n = refuse_order(log, n, bar, s, entry, account, entry.why if entry.cut else NO_CHANGE)
                continue
            quantity = -entry.delta
            filled = quantity if entry.wanted == 0.0 and not entry.partial else whole_lots(quantity, rules.lot)
            if filled > 0.0:
                n = fill_order(log, n, bar, bars, s, -1, filled, entry, account, rules)
            else:
                n = refuse_order(log, n, bar, s, entry, account, entry.why if entry.cut else BELOW_LOT)

    # what is left are buys; the parts that close a short are never cut, the others share what cash remains
    unit = (1.0 + rules.slippage) * (1.0 + rules.commission)
    closed = 0.0
    needed = 0.0
    for s in range(symbols):
        entry = book[s]
        if entry.pending and entry.at == entry.at and entry.delta > 0.0:
            part = min(entry.delta, -entry.quantity) if entry.quantity < 0.0 else 0.0
            if rules.linear:
                cost = entry.at * (unit if entry.style != LIMIT else 1.0 + rules.commission) * rules.multiplier
                cost += rules.per_unit
                closed += part * cost
                needed += (entry.delta - part) * cost
            else:
                volume = bars[bar, s].volume
                cost = buying_cost(part, volume, entry, rules)
                closed += cost
                needed += buying_cost(entry.delta, volume, entry, rules) - cost
    available = account.cash - closed
    share = 1.0
    if needed > available and not rules.margin:
        share = cut_to_cash(bar, bars, book, available, needed, account, rules)
    short = buys - before - sells > SLACK * buys

    for s in range(symbols):
        entry = book[s]
        if entry.pending and entry.at == entry.at and entry.delta > 0.0 and entry.quantity < 0.0:
            n = buy(log, n, bar, bars, s, share, available, needed, short, entry, account, rules)
            entry.at = np.nan
    for s in range(symbols):
        entry = book[s]
        if entry.pending and entry.at == entry.at and entry.delta > 0.0:
            n = buy(log, n, bar, bars, s, share, available, needed, short, entry, account, rules)
    return n
