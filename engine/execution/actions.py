"""What happens to a holding before the open without a trade: financing, splits, dividends, the end of a symbol."""

from engine.compiled import lean_kernel
from engine.ensemble.combine import write
from engine.events import NO_CAUSE, NO_SYMBOL, Kind, Level, Reason, Source
from engine.execution.costs import SLACK
from engine.execution.fills import forget, trade
from engine.execution.state import LIMIT
from engine.market.actions import Action

SPLIT_ROW, CASH_ROW, STOP, ORDER = int(Kind.SPLIT), int(Kind.CASH), int(Kind.STOP), int(Kind.ORDER)
REJECTION = int(Kind.REJECTION)
LEVEL_CONTAINER, LEVEL_RISK, LEVEL_PORTFOLIO = int(Level.CONTAINER), int(Level.RISK), int(Level.PORTFOLIO)
SOURCE_EXECUTION, SOURCE_RISK, SOURCE_PORTFOLIO = int(Source.EXECUTION), int(Source.RISK), int(Source.PORTFOLIO)
SPLIT, DIVIDEND = int(Action.SPLIT), int(Action.DIVIDEND)
PAID, BORROW, FINANCING = int(Reason.DIVIDEND), int(Reason.BORROW), int(Reason.FINANCING)
DELISTED = int(Reason.DELISTED)
#: Money market convention: a year of interest is 360 days.
YEAR = 360.0


@lean_kernel
def pay(log, n, bar, s, cause, amount, quantity, limit, reason, account):  # type: ignore[no-untyped-def]
    """Log a CASH event of `amount` (negative: paid out) and book it."""
    row = write(log, n, bar, CASH_ROW, LEVEL_CONTAINER, SOURCE_EXECUTION, s, cause, reason)
    row.value = amount
    row.quantity = quantity
    row.limit = limit
    account.cash += amount
    return n + 1


@lean_kernel
def finance(bar, bars, dates, book, account, rules, log, n):  # type: ignore[no-untyped-def]
    """Charge the calendar days since the bar before: short positions at its closes, and negative cash."""
    days = dates[bar].days
    if days == 0:
        return n
    if rules.financing > 0.0 and account.cash < -SLACK * rules.initial_cash:  # less is left by rounding
        owed = account.cash
        n = pay(log, n, bar, NO_SYMBOL, NO_CAUSE, owed * rules.financing * days / YEAR, days, owed, FINANCING, account)
    if rules.borrow > 0.0:
        for s in range(len(book)):
            entry = book[s]
            if entry.quantity < 0.0:
                value = entry.quantity * bars[bar - 1, s].mark * rules.multiplier
                n = pay(log, n, bar, s, entry.fill, value * rules.borrow * days / YEAR, days, value, BORROW, account)
    return n


@lean_kernel
def split(log, n, bar, s, entry, ratio):  # type: ignore[no-untyped-def]
    """What is held, ordered and remembered of symbol `s` in new units."""
    entry.price /= ratio
    entry.order_atr /= ratio
    entry.meant *= ratio
    if entry.quantity == 0.0:
        return n
    entry.quantity *= ratio
    entry.entry /= ratio
    entry.best /= ratio
    entry.atr /= ratio
    row = write(log, n, bar, SPLIT_ROW, LEVEL_CONTAINER, SOURCE_EXECUTION, s, entry.fill, 0)
    row.value = ratio
    row.quantity = abs(entry.quantity)
    row.side = 1 if entry.quantity > 0.0 else -1
    return n + 1


@lean_kernel
def end(bar, bars, s, entry, account, rules, log, n):  # type: ignore[no-untyped-def]
    """Symbol `s` has no more bars: its pending order is refused, its position closed at its last price."""
    entry.ended = 1
    if entry.pending:
        write(log, n, bar, REJECTION, LEVEL_RISK, SOURCE_RISK, s, entry.order, DELISTED)
        n += 1
        forget(entry, account)
    if entry.quantity == 0.0:
        return n
    price = bars[bar, s].mark
    size = abs(entry.quantity)
    side = -1 if entry.quantity > 0.0 else 1
    row = write(log, n, bar, STOP, LEVEL_RISK, SOURCE_RISK, s, entry.fill, DELISTED)
    row.side = side
    row.quantity = size
    row.price = price
    n += 1
    return close_at(log, n, bar, bars, s, side, size, price, entry, account, rules)


@lean_kernel
def close_at(log, n, bar, bars, s, side, size, price, entry, account, rules):  # type: ignore[no-untyped-def]
    """The ORDER of the STOP in the row before, and its FILL at `price` within the same bar."""
    row = write(log, n, bar, ORDER, LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, s, n - 1, 0)
    row.side = side
    row.quantity = size
    row.price = price
    row.value = 0.0
    entry.order = n
    entry.fees = 0.0
    entry.charged = 0.0
    entry.at = price
    return trade(log, n + 1, bar, bars, s, side, size, entry, account, rules)


@lean_kernel
def act(bar, bars, actions, dates, book, account, rules, log, n):  # type: ignore[no-untyped-def]
    """Everything that is due before the open of `bar`, in the order of `actions`."""
    if rules.borrow > 0.0 or rules.financing > 0.0:
        n = finance(bar, bars, dates, book, account, rules, log, n)
    while account.action < len(actions) and actions[account.action].bar <= bar:
        action = actions[account.action]
        account.action += 1
        s = action.symbol
        entry = book[s]
        if action.kind == SPLIT:
            n = split(log, n, bar, s, entry, action.value)
        elif action.kind == DIVIDEND:
            if entry.quantity != 0.0 and action.bar == bar:
                amount = entry.quantity * action.value * rules.multiplier
                n = pay(log, n, bar, s, entry.fill, amount, abs(entry.quantity), action.value, PAID, account)
                log[n - 1].side = 1 if entry.quantity > 0.0 else -1
        else:
            entry.style = LIMIT  # at its last price, without slippage
            n = end(bar, bars, s, entry, account, rules, log, n)
    return n
