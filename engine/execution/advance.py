"""The trading kernel: risk, portfolio and execution of one container, bar after bar.

It reads as the pipeline reads: what happens before the open, what is pending fills, stops inside the bar, the book is
marked, halts and stops are judged, targets become orders. It is resumable: called once for all bars or once for each,
it leaves the same bytes.
"""

import numpy as np

from engine.compiled import lean_kernel
from engine.ensemble.combine import write
from engine.events import NO_CAUSE, Kind, Level, Reason, Source
from engine.execution.actions import act
from engine.execution.costs import SLACK
from engine.execution.fills import forget, settle
from engine.execution.halts import close_all, go_bankrupt, judge, open_session
from engine.execution.orders import copy_intents, place_orders, rebalance, release
from engine.execution.state import NEXT_CLOSE, NEXT_OPEN, SAME_CLOSE
from engine.execution.stops import guard, log_stops, stop_inside

TARGET, REJECTION = int(Kind.TARGET), int(Kind.REJECTION)
LEVEL_CONTAINER, SOURCE_EXECUTION = int(Level.CONTAINER), int(Source.EXECUTION)
END_OF_DATA = int(Reason.END_OF_DATA)
#: Rows a symbol can add to the log within one bar beyond the rows of the intents: before the open BORROW, SPLIT,
#: DIVIDEND and the four of its end; at a settlement four RESIZEs and a FILL, twice; inside the bar four; then TARGET's
#: REJECTION, STOP, its pending order's REJECTION, ORDER and the REJECTION of what it replaces.
ROWS_PER_SYMBOL = 28


@lean_kernel
def next_due(bar, stop, actions, book, account, rules):  # type: ignore[no-untyped-def]
    """The next bar, up to `stop`, at which something can happen without a new signal.

    No bar between would change the book or the log.
    """
    if account.pending:
        return bar + 1
    if not account.bankrupt:
        if account.cash < -SLACK * rules.initial_cash:  # less than that an all-in buy leaves by rounding
            return bar + 1  # equity may reach zero at any close
        drifts = rules.drift == rules.drift  # also from a target that could not be entered yet
        for s in range(len(book)):
            if book[s].quantity < 0.0 or (
                rules.watch and (book[s].quantity != 0.0 or (drifts and book[s].target != 0.0))
            ):
                return bar + 1
    if rules.drift == rules.drift and not account.bankrupt:
        for s in range(len(book)):
            if book[s].target != 0.0:
                return bar + 1  # also what is not held can be too far from its target
    found = stop
    if account.action < len(actions) and not account.bankrupt:
        found = min(found, max(np.int64(actions[account.action].bar), bar + 1))
    if rules.rebalance > 0 and not account.bankrupt:
        found = min(found, bar + rules.rebalance - (bar - rules.first) % rules.rebalance)
    return found


@lean_kernel
def marked(bar, bars, book, account, rules):  # type: ignore[no-untyped-def]
    """Equity at the close of `bar`."""
    equity = account.cash
    for s in range(len(book)):
        if book[s].quantity != 0.0:
            equity += book[s].quantity * bars[bar, s].mark * rules.multiplier
    return equity


@lean_kernel
def begin(bar, bars, actions, dates, book, account, rules, log):  # type: ignore[no-untyped-def]
    """Everything of `bar` before its decisions: its corporate actions, fills, stops inside it, and its equity."""
    n = account.rows
    if not account.bankrupt:
        n = act(bar, bars, actions, dates, book, account, rules, log, n)
    if account.pending and rules.fill == NEXT_OPEN:
        n = settle(bar, bars, book, account, rules, False, log, n)
    if rules.intrabar and rules.stops and not account.bankrupt:
        n = stop_inside(bar, bars, book, account, rules, log, n)
    if account.pending and rules.fill == NEXT_CLOSE:
        n = settle(bar, bars, book, account, rules, True, log, n)
    open_session(bar, dates, account)
    if not account.bankrupt:
        account.equity = marked(bar, bars, book, account, rules)
    account.rows = n
    account.begun = bar


@lean_kernel
def decide(bar, head, bars, targets, moves, members, atr, book, account, rules, log):  # type: ignore[no-untyped-def]
    """The close of `bar`: halts and stops, TARGETs (rows of `targets` up to `head`), REBALANCE, ORDERs."""
    n = account.rows
    release(bar, moves, book, account)
    ruined = account.equity <= 0.0 and not account.bankrupt
    if ruined:
        account.bankrupt = 1
    closing, limit, actual = 0, 0.0, 0.0
    if rules.watch and not account.bankrupt:
        closing, limit, actual = judge(bar, bars, book, account, rules)
    stopping = rules.watch and not account.bankrupt and guard(bar, bars, members, book, rules, closing != 0)
    deciding = head > account.intent
    if deciding:
        n = copy_intents(bar, head, targets, members, book, account, rules, closing != 0, log, n)
    if stopping:
        n = log_stops(bar, bars, book, log, n)
    if closing != 0:
        n = close_all(bar, bars, book, account, closing, limit, actual, log, n)
    if ruined:
        n = go_bankrupt(bar, bars, book, account, log, n)
    if not account.bankrupt:
        due = NO_CAUSE
        if account.halted == 0 and closing == 0:
            rows = n
            n = rebalance(bar, bars, members, book, account, rules, log, n)
            if n > rows:
                due = rows
        if deciding or stopping or closing != 0 or due != NO_CAUSE:
            n = place_orders(bar, bars, atr, members, due, book, account, rules, log, n)
        if rules.fill == SAME_CLOSE and account.pending:
            n = settle(bar, bars, book, account, rules, True, log, n)
            account.equity = marked(bar, bars, book, account, rules)  # what the next session's loss counts from
    account.rows = n


@lean_kernel
def open_bar(bar, accounts, bars, actions, dates, book, rule, log):  # type: ignore[no-untyped-def]
    """Only what comes before the decisions of `bar`, for a strategy that is to see it. False: `log` has no room."""
    if accounts[0].rows + ROWS_PER_SYMBOL * len(book) + 2 > len(log):
        return False
    begin(bar, bars, actions, dates, book, accounts[0], rule[0], log)
    return True


@lean_kernel
def next_bar_of(bar, stop, accounts, actions, book, rule):  # type: ignore[no-untyped-def]
    """`next_due`, for one who holds the state in arrays."""
    return next_due(bar, stop, actions, book, accounts[0], rule[0])


@lean_kernel
def advance(accounts, bars, actions, dates, members, atr, targets, moves, book, rule, start, stop, log):  # type: ignore[no-untyped-def]
    """Trade the bars from `start` until before `stop`. Returns the next bar at which something can happen (`stop` when
    none is left), or minus the bar, less 1, for which `log` has no room.

    accounts: ACCOUNT (1,), book: BOOK (symbols,): the state, changed in place. bars: BAR (bars, symbols). actions:
    ACTION. dates: DATE (bars,). members: bool and atr: float64, (bars, symbols), or without rows where no rule reads
    them. targets: EVENT and moves: MOVE, from `combine`, at bars >= start. rule: RULES (1,). log: EVENT;
    accounts.rows is its next free row.
    """
    account = accounts[0]
    rules = rule[0]
    bar = start
    while bar < stop:
        head = account.intent
        while head < len(targets) and targets[head].bar == bar:
            if targets[head].kind == TARGET:
                book[targets[head].symbol].decided = 1
                book[targets[head].symbol].next_target = targets[head].value
            head += 1
        if account.rows + (head - account.intent) + ROWS_PER_SYMBOL * len(book) + 2 > len(log):
            return -bar - 1
        if account.begun != bar:
            begin(bar, bars, actions, dates, book, account, rules, log)
        decide(bar, head, bars, targets, moves, members, atr, book, account, rules, log)
        bar = next_due(bar, stop, actions, book, account, rules)
        if account.intent < len(targets):
            bar = min(bar, np.int64(targets[account.intent].bar))
    return bar


@lean_kernel
def finish(bar, accounts, book, log):  # type: ignore[no-untyped-def]
    """After the last bar: what is still pending will never fill. `log` needs a free row for each symbol."""
    account = accounts[0]
    for s in range(len(book)):
        if book[s].pending:
            write(log, account.rows, bar, REJECTION, LEVEL_CONTAINER, SOURCE_EXECUTION, s, book[s].order, END_OF_DATA)
            account.rows += 1
            forget(book[s], account)
