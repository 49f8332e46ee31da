"""The trading kernel: risk, portfolio and execution of one container, bar after bar.

It reads as the pipeline reads: fill what is pending at the open, mark the book, judge the stops, turn targets into
orders. It is resumable: called once for all bars or once for each, it leaves the same bytes.
"""

import numpy as np

from engine.compiled import kernel
from engine.ensemble.combine import CHANGE, write
from engine.events import NO_CAUSE, NO_SYMBOL, Kind, Level, Reason, Source
from engine.execution.fills import SLACK, difference, settle

TARGET, ORDER, REJECTION = int(Kind.TARGET), int(Kind.ORDER), int(Kind.REJECTION)
STOP, REBALANCE = int(Kind.STOP), int(Kind.REBALANCE)
LEVEL_CONTAINER, LEVEL_RISK, LEVEL_PORTFOLIO = int(Level.CONTAINER), int(Level.RISK), int(Level.PORTFOLIO)
SOURCE_EXECUTION, SOURCE_RISK, SOURCE_PORTFOLIO = int(Source.EXECUTION), int(Source.RISK), int(Source.PORTFOLIO)
NO_CHANGE, STOPPED, BANKRUPT = int(Reason.NO_CHANGE), int(Reason.STOPPED), int(Reason.BANKRUPT)
REPLACED, END_OF_DATA = int(Reason.REPLACED), int(Reason.END_OF_DATA)
STOP_LOSS, SCHEDULE = int(Reason.STOP_LOSS), int(Reason.SCHEDULE)
#: Rows a symbol can add to the log within one bar beyond the rows of the intents: at the open RESIZE and FILL; then
#: TARGET's REJECTION, STOP, its pending order's REJECTION, ORDER and the REJECTION of what it replaces.
ROWS_PER_SYMBOL = 7
#: A close at the stop price stops, also where the product that gives the price has rounded past it.
AT = 1e-12


@kernel
def release(bar, moves, book, account):  # type: ignore[no-untyped-def]
    """Take over this bar's weighted signals; a SIGNAL to zero, through zero or further out releases a stop."""
    while account.move < len(moves) and moves[account.move].bar == bar:
        move = moves[account.move]
        entry = book[move.symbol]
        entry.weighted = move.weighted
        further = abs(move.weighted) > abs(entry.stop_weighted) + CHANGE
        if entry.stopped and move.signalled and (further or move.weighted * entry.stop_weighted <= 0.0):
            entry.stopped = 0
        account.move += 1


@kernel
def stop_price(entry, stop_loss):  # type: ignore[no-untyped-def]
    """The close at or beyond which the position of `entry` is stopped."""
    return entry.entry * (1.0 - stop_loss) if entry.quantity > 0.0 else entry.entry * (1.0 + stop_loss)


@kernel
def guard(bar, bars, book, rules):  # type: ignore[no-untyped-def]
    """Mark the positions whose close is at or beyond their stop, unless this bar's TARGET ends them anyway."""
    found = False
    for s in range(len(book)):
        entry = book[s]
        if entry.quantity == 0.0 or not bars[bar, s].valid:
            continue
        if entry.decided and entry.next_target * entry.quantity <= 0.0:
            continue
        level = stop_price(entry, rules.stop_loss)
        close = bars[bar, s].close
        if (close <= level * (1.0 + AT)) if entry.quantity > 0.0 else (close >= level * (1.0 - AT)):
            entry.stop = 0
            found = True
    return found


@kernel
def log_stop(log, n, bar, bars, s, entry, reason, limit, actual):  # type: ignore[no-untyped-def]
    """Log a STOP of symbol `s` at its last close."""
    row = write(log, n, bar, STOP, LEVEL_RISK, SOURCE_RISK, s, entry.fill, reason)
    if entry.quantity != 0.0:
        row.side = -1 if entry.quantity > 0.0 else 1
    row.quantity = abs(entry.quantity)
    row.price = bars[bar, s].mark
    row.limit = limit
    row.actual = actual
    return n + 1


@kernel
def copy_intents(bar, stop, targets, book, account, log, n):  # type: ignore[no-untyped-def]
    """Log this bar's REGIME, SIGNALs and TARGETs; refuse at once the TARGETs that cannot become orders."""
    offset = n - account.intent
    while account.intent < stop:
        row = log[n]
        log[n] = targets[account.intent]
        if row.cause != NO_CAUSE:
            row.cause += offset  # causes lie among this bar's REGIME and SIGNAL rows, copied without a gap
        account.intent += 1
        n += 1
        if row.kind != TARGET:
            continue
        s = row.symbol
        entry = book[s]
        entry.target = row.value
        entry.decided = 0
        if account.bankrupt:
            write(log, n, bar, REJECTION, LEVEL_RISK, SOURCE_RISK, s, n - 1, BANKRUPT)
            n += 1
        elif entry.stopped or entry.stop != NO_CAUSE:
            write(log, n, bar, REJECTION, LEVEL_RISK, SOURCE_RISK, s, n - 1, STOPPED)
            n += 1
        elif entry.target == 0.0 and entry.quantity == 0.0 and not entry.pending:
            write(log, n, bar, REJECTION, LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, s, n - 1, NO_CHANGE)
            n += 1
        else:
            entry.decision = n - 1
    return n


@kernel
def go_bankrupt(bar, bars, book, account, log, n):  # type: ignore[no-untyped-def]
    """Equity is gone: stop everything, refuse what is pending, trade no more."""
    held = False
    for s in range(len(book)):
        if book[s].quantity != 0.0:
            n = log_stop(log, n, bar, bars, s, book[s], BANKRUPT, 0.0, account.equity)
            held = True
    if not held and account.newest != NO_SYMBOL:
        n = log_stop(log, n, bar, bars, account.newest, book[account.newest], BANKRUPT, 0.0, account.equity)
    for s in range(len(book)):
        if book[s].pending:
            write(log, n, bar, REJECTION, LEVEL_RISK, SOURCE_RISK, s, book[s].order, BANKRUPT)
            n += 1
            book[s].pending = 0
        book[s].stop = NO_CAUSE
    account.pending = 0
    return n


@kernel
def place_orders(bar, bars, rebalance, book, account, log, n):  # type: ignore[no-untyped-def]
    """ORDERs of this bar's STOPs, TARGETs and REBALANCE (`rebalance`: its row, or NO_CAUSE), in symbol order."""
    for s in range(len(book)):
        entry = book[s]
        target = entry.target
        if entry.stop != NO_CAUSE:
            cause = entry.stop
            target = 0.0
        elif entry.decision != NO_CAUSE:
            cause = entry.decision
        elif rebalance != NO_CAUSE and not entry.stopped and (entry.target != 0.0 or entry.quantity != 0.0):
            cause = rebalance
        else:
            continue
        entry.stop = NO_CAUSE
        entry.decision = NO_CAUSE
        close = bars[bar, s].mark
        entry.wanted = target * account.equity / close
        delta = difference(entry.wanted, entry.quantity)
        row = write(log, n, bar, ORDER, LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, s, cause, 0)
        if delta != 0.0:
            row.side = 1 if delta > 0.0 else -1
        row.price = close
        row.quantity = abs(delta)
        row.value = target
        replaced = entry.order
        entry.order = n
        entry.ordered = target
        n += 1
        if entry.pending:
            write(log, n, bar, REJECTION, LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, s, replaced, REPLACED)
            n += 1
        else:
            entry.pending = 1
            account.pending += 1
    return n


@kernel
def next_bar(bar, stop, targets, book, account, rules, stops):  # type: ignore[no-untyped-def]
    """The next bar at which something can happen; no bar between would change the book or the log."""
    if account.pending:
        return bar + 1
    if not account.bankrupt:
        if account.cash < -SLACK * rules.initial_cash:  # less than that an all-in buy leaves by rounding
            return bar + 1  # equity may reach zero at any close
        for s in range(len(book)):
            if book[s].quantity < 0.0 or (stops and book[s].quantity != 0.0):
                return bar + 1
    found = stop
    if account.intent < len(targets):
        found = min(found, np.int64(targets[account.intent].bar))
    if rules.rebalance > 0 and not account.bankrupt:
        found = min(found, bar + rules.rebalance - (bar - rules.first) % rules.rebalance)
    return found


@kernel
def advance(accounts, bars, targets, moves, book, rule, start, stop, log):  # type: ignore[no-untyped-def]
    """Trade the bars start:stop. Returns the first bar not traded: `stop`, or less when `log` has no room for it.

    accounts: ACCOUNT (1,), book: BOOK (symbols,): the state, changed in place. bars: BAR (bars, symbols).
    targets: EVENT and moves: MOVE, from `combine`, at bars >= start. rule: RULES (1,). log: EVENT; accounts.rows is
    its next free row.
    """
    account = accounts[0]
    rules = rule[0]
    symbols = len(book)
    stops = rules.stop_loss == rules.stop_loss  # not NaN
    bar = start
    while bar < stop:
        n = account.rows
        head = account.intent
        while head < len(targets) and targets[head].bar == bar:
            if targets[head].kind == TARGET:
                book[targets[head].symbol].decided = 1
                book[targets[head].symbol].next_target = targets[head].value
            head += 1
        if n + (head - account.intent) + ROWS_PER_SYMBOL * symbols + 1 > len(log):
            return bar

        # the open
        if account.pending:
            n = settle(bar, bars, book, account, rules, log, n)

        # (what fills inside the bar belongs here)

        # the close: mark the book
        equity = account.cash
        for s in range(symbols):
            if book[s].quantity != 0.0:
                equity += book[s].quantity * bars[bar, s].mark
        if not account.bankrupt:
            account.equity = equity
        release(bar, moves, book, account)

        ruined = equity <= 0.0 and not account.bankrupt
        if ruined:
            account.bankrupt = 1
        stopping = stops and not account.bankrupt and guard(bar, bars, book, rules)
        deciding = head > account.intent
        if deciding:
            n = copy_intents(bar, head, targets, book, account, log, n)
        if stopping:
            for s in range(symbols):
                entry = book[s]
                if entry.stop != NO_CAUSE:
                    entry.stop = n
                    entry.stopped = 1
                    entry.stop_weighted = entry.weighted
                    level = stop_price(entry, rules.stop_loss)
                    n = log_stop(log, n, bar, bars, s, entry, STOP_LOSS, level, bars[bar, s].mark)
        if ruined:
            n = go_bankrupt(bar, bars, book, account, log, n)
        rebalance = NO_CAUSE
        if not account.bankrupt:
            if rules.rebalance > 0 and bar > rules.first and (bar - rules.first) % rules.rebalance == 0:
                rebalance = n
                write(log, n, bar, REBALANCE, LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, NO_SYMBOL, NO_CAUSE, SCHEDULE)
                n += 1
            if deciding or stopping or rebalance != NO_CAUSE:
                n = place_orders(bar, bars, rebalance, book, account, log, n)
        account.rows = n
        bar = next_bar(bar, stop, targets, book, account, rules, stops)
    return stop


@kernel
def finish(bar, accounts, book, log):  # type: ignore[no-untyped-def]
    """After the last bar: what is still pending will never fill. `log` needs a free row for each symbol."""
    account = accounts[0]
    for s in range(len(book)):
        if book[s].pending:
            write(log, account.rows, bar, REJECTION, LEVEL_CONTAINER, SOURCE_EXECUTION, s, book[s].order, END_OF_DATA)
            account.rows += 1
            book[s].pending = 0
    account.pending = 0
