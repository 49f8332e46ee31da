"""Halts: what closes the whole account. Ruin, a margin call, a session's loss, a drawdown."""

from engine.compiled import lean_kernel
from engine.ensemble.combine import write
from engine.events import NO_CAUSE, NO_SYMBOL, Kind, Level, Reason, Source
from engine.execution.fills import forget
from engine.execution.stops import log_stop, stop_symbol

REJECTION = int(Kind.REJECTION)
LEVEL_RISK, SOURCE_RISK = int(Level.RISK), int(Source.RISK)
BANKRUPT, HALTED = int(Reason.BANKRUPT), int(Reason.HALTED)
MARGIN_CALL, DAILY_LOSS, MAX_DRAWDOWN = int(Reason.MARGIN_CALL), int(Reason.DAILY_LOSS), int(Reason.MAX_DRAWDOWN)
#: `halted` of the account: until the session is over, and for good.
FOR_SESSION, FOR_GOOD = 1, 2


@lean_kernel
def open_session(bar, dates, account):  # type: ignore[no-untyped-def]
    """At the first bar visited of a session: its loss counts from the equity before; a halt for a session is over."""
    if dates[bar].session != account.session:
        account.session = dates[bar].session
        account.base = account.equity
        if account.halted == FOR_SESSION:
            account.halted = 0


@lean_kernel
def judge(bar, bars, book, account, rules):  # type: ignore[no-untyped-def]
    """Why the account must be closed at this close (0: it need not), with the limit and the actual value."""
    equity = account.equity
    account.peak = max(account.peak, equity)
    if rules.max_drawdown == rules.max_drawdown and account.halted != FOR_GOOD:
        limit = account.peak * (1.0 - rules.max_drawdown)
        if equity <= limit:
            account.halted = FOR_GOOD
            return MAX_DRAWDOWN, limit, equity
    if rules.daily_loss == rules.daily_loss and account.halted == 0:
        limit = account.base * (1.0 - rules.daily_loss)
        if equity <= limit:
            account.halted = FOR_SESSION
            return DAILY_LOSS, limit, equity
    if rules.maintenance == rules.maintenance:
        gross = 0.0
        closed = True  # or about to be
        for s in range(len(book)):
            if book[s].quantity != 0.0:
                gross += abs(book[s].quantity) * bars[bar, s].mark * rules.multiplier
                closed = closed and book[s].stopped == 1
        if not closed and equity < rules.maintenance * gross:
            return MARGIN_CALL, rules.maintenance * gross, equity
    return 0, 0.0, 0.0


@lean_kernel
def refuse_pending(bar, book, account, reason, log, n):  # type: ignore[no-untyped-def]
    """Refuse every pending order."""
    for s in range(len(book)):
        if book[s].pending:
            write(log, n, bar, REJECTION, LEVEL_RISK, SOURCE_RISK, s, book[s].order, reason)
            n += 1
            forget(book[s], account)
    return n


@lean_kernel
def close_all(bar, bars, book, account, reason, limit, actual, log, n):  # type: ignore[no-untyped-def]
    """STOP every position; orders that were pending are refused."""
    for s in range(len(book)):
        entry = book[s]
        if entry.quantity != 0.0:
            entry.stop = n
            stop_symbol(bar, entry)
            n = log_stop(log, n, bar, s, entry, bars[bar, s].mark, limit, actual, reason)
    return refuse_pending(bar, book, account, HALTED, log, n)


@lean_kernel
def go_bankrupt(bar, bars, book, account, log, n):  # type: ignore[no-untyped-def]
    """Equity is gone: stop everything, refuse what is pending, trade no more."""
    held = False
    for s in range(len(book)):
        if book[s].quantity != 0.0:
            n = log_stop(log, n, bar, s, book[s], bars[bar, s].mark, 0.0, account.equity, BANKRUPT)
            held = True
    if not held and account.newest != NO_SYMBOL:
        s = account.newest
        n = log_stop(log, n, bar, s, book[s], bars[bar, s].mark, 0.0, account.equity, BANKRUPT)
    n = refuse_pending(bar, book, account, BANKRUPT, log, n)
    for s in range(len(book)):
        book[s].stop = NO_CAUSE
    return n
