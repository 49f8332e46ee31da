"""At the open: pending orders become fills, sells first, buys cut to what the cash pays for."""

import numpy as np

from engine.compiled import kernel
from engine.ensemble.combine import write
from engine.events import Kind, Level, Reason, Source

FILL, RESIZE, REJECTION = int(Kind.FILL), int(Kind.RESIZE), int(Kind.REJECTION)
LEVEL_CONTAINER, LEVEL_RISK = int(Level.CONTAINER), int(Level.RISK)
SOURCE_EXECUTION, SOURCE_RISK = int(Source.EXECUTION), int(Source.RISK)
NO_CHANGE, NO_CASH, BELOW_LOT, CASH = (
    int(Reason.NO_CHANGE),
    int(Reason.NO_CASH),
    int(Reason.BELOW_LOT),
    int(Reason.CASH),
)
#: RESIZE is about money that is missing, not about the last digit of a sum; a difference, or what a cut leaves, of
#: this share or less is rounding and trades nothing.
SLACK = 1e-9


@kernel
def cash_after(cash, side, quantity, price, commission):  # type: ignore[no-untyped-def]
    """Cash after a fill; equity is projected from the log by the same expression, to the same bytes."""
    return cash - side * quantity * price - commission


@kernel
def difference(wanted, held):  # type: ignore[no-untyped-def]
    """What to trade to get from `held` to `wanted`; exactly 0 where it is only rounding."""
    delta = wanted - held
    return 0.0 if abs(delta) <= SLACK * max(abs(wanted), abs(held)) else delta


@kernel
def whole_lots(quantity, lot):  # type: ignore[no-untyped-def]
    """The part of `quantity` that is whole lots (all of it when lots are not used)."""
    if lot <= 0.0:
        return quantity
    return np.floor(quantity / lot + 1e-9) * lot


@kernel
def refuse_order(log, n, bar, s, entry, account, reason):  # type: ignore[no-untyped-def]
    """Log that the pending order of symbol `s` is refused at the open, and forget it."""
    write(log, n, bar, REJECTION, LEVEL_CONTAINER, SOURCE_EXECUTION, s, entry.order, reason)
    entry.pending = 0
    account.pending -= 1
    return n + 1


@kernel
def trade(log, n, bar, s, side, quantity, open_price, entry, account, rules):  # type: ignore[no-untyped-def]
    """Fill `quantity` > 0 of the pending order of symbol `s` at the open, with slippage and commission."""
    price = open_price * (1.0 + side * rules.slippage)
    commission = rules.commission * price * quantity
    account.cash = cash_after(account.cash, side, quantity, price, commission)
    held = entry.quantity
    now = held + side * quantity
    if held * side < 0.0:
        if now * side > 0.0:
            entry.entry = price
    else:
        entry.entry = (entry.entry * abs(held) + price * quantity) / (abs(held) + quantity) if held != 0.0 else price
    entry.quantity = now
    row = write(log, n, bar, FILL, LEVEL_CONTAINER, SOURCE_EXECUTION, s, entry.order, 0)
    row.side = side
    row.price = price
    row.quantity = quantity
    row.commission = commission
    entry.fill = n
    entry.pending = 0
    account.newest = s
    account.pending -= 1
    return n + 1


@kernel
def buy(log, n, bar, s, share, available, needed, short, open_price, entry, account, rules):  # type: ignore[no-untyped-def]
    """Fill a buy of which only the part beyond a short can be cut, to `share`; log the RESIZE when cash was `short`."""
    uncut = entry.delta
    closing = min(uncut, -entry.quantity) if entry.quantity < 0.0 else 0.0
    beyond = uncut - closing
    quantity = uncut if share >= 1.0 or beyond <= 0.0 else closing + share * beyond
    if quantity < uncut and short:
        row = write(log, n, bar, RESIZE, LEVEL_RISK, SOURCE_RISK, s, entry.order, CASH)
        row.side = 1
        row.price = open_price
        row.quantity = quantity
        row.limit = available
        row.actual = needed
        n += 1
    filled = uncut if entry.wanted == 0.0 else whole_lots(quantity, rules.lot)
    if filled > 0.0:
        return trade(log, n, bar, s, 1, filled, open_price, entry, account, rules)
    reason = NO_CASH if whole_lots(uncut, rules.lot) > 0.0 else BELOW_LOT
    return refuse_order(log, n, bar, s, entry, account, reason)


@kernel
def settle(bar, bars, book, account, rules, log, n):  # type: ignore[no-untyped-def]
    """Fill or refuse what is pending for the symbols that have this bar. Returns the next row of the log.

    bars: BAR (bars, symbols); book: BOOK (symbols,); account, rules: one record; log: EVENT; n: its next row.
    """
    symbols = len(book)
    equity = account.cash
    for s in range(symbols):
        if book[s].quantity != 0.0:
            price = bars[bar, s].open if bars[bar, s].valid else bars[bar, s].mark
            equity += book[s].quantity * price
    equity = max(equity, 0.0)

    before = account.cash
    sells = 0.0
    buys = 0.0
    for s in range(symbols):
        entry = book[s]
        if entry.pending and bars[bar, s].valid:
            price = bars[bar, s].open
            if not rules.decision:
                entry.wanted = entry.ordered * equity / price
            entry.delta = difference(entry.wanted, entry.quantity)
            if entry.delta < 0.0:
                sells -= entry.delta * price
            else:
                buys += entry.delta * price

    for s in range(symbols):
        entry = book[s]
        if entry.pending and bars[bar, s].valid and entry.delta <= 0.0:
            if entry.delta == 0.0:
                n = refuse_order(log, n, bar, s, entry, account, NO_CHANGE)
                continue
            quantity = -entry.delta
            filled = quantity if entry.wanted == 0.0 else whole_lots(quantity, rules.lot)
            if filled > 0.0:
                n = trade(log, n, bar, s, -1, filled, bars[bar, s].open, entry, account, rules)
            else:
                n = refuse_order(log, n, bar, s, entry, account, BELOW_LOT)

    # what is left are buys; the parts that close a short are never cut, the others share what cash remains
    unit = (1.0 + rules.slippage) * (1.0 + rules.commission)
    closing = 0.0
    needed = 0.0
    for s in range(symbols):
        entry = book[s]
        if entry.pending and bars[bar, s].valid:
            cost = bars[bar, s].open * unit
            part = min(entry.delta, -entry.quantity) if entry.quantity < 0.0 else 0.0
            closing += part * cost
            needed += (entry.delta - part) * cost
    available = account.cash - closing
    share = 1.0
    if needed > available:
        share = max(available, 0.0) / needed
        if share <= SLACK:
            share = 0.0
    short = buys - before - sells > SLACK * buys

    for s in range(symbols):
        entry = book[s]
        if entry.pending and bars[bar, s].valid and entry.quantity < 0.0:
            n = buy(log, n, bar, s, share, available, needed, short, bars[bar, s].open, entry, account, rules)
    for s in range(symbols):
        entry = book[s]
        if entry.pending and bars[bar, s].valid:
            n = buy(log, n, bar, s, share, available, needed, short, bars[bar, s].open, entry, account, rules)
    return n
