"""From targets, stops and rebalances to orders: what a bar's decisions ask for at its close."""

import numpy as np

from engine.compiled import lean_kernel
from engine.ensemble.combine import CHANGE, write
from engine.events import NO_CAUSE, NO_SYMBOL, Kind, Level, Reason, Source
from engine.execution.costs import difference, on_tick, quantity_for
from engine.execution.state import LIMIT, MARKET

SIGNAL, TARGET, ORDER = int(Kind.SIGNAL), int(Kind.TARGET), int(Kind.ORDER)
REJECTION, REBALANCE = int(Kind.REJECTION), int(Kind.REBALANCE)
LEVEL_RISK, LEVEL_PORTFOLIO = int(Level.RISK), int(Level.PORTFOLIO)
SOURCE_RISK, SOURCE_PORTFOLIO = int(Source.RISK), int(Source.PORTFOLIO)
NO_CHANGE, STOPPED, BANKRUPT = int(Reason.NO_CHANGE), int(Reason.STOPPED), int(Reason.BANKRUPT)
REPLACED, SCHEDULE, DRIFT = int(Reason.REPLACED), int(Reason.SCHEDULE), int(Reason.DRIFT)
DELISTED, HALTED, COOL_DOWN = int(Reason.DELISTED), int(Reason.HALTED), int(Reason.COOL_DOWN)
NOT_MEMBER = int(Reason.NOT_MEMBER)


@lean_kernel
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


@lean_kernel
def barred(bar, s, entry, members, rules):  # type: ignore[no-untyped-def]
    """Why no position may be entered in symbol `s` now; 0 when one may."""
    if len(members) > 0 and not members[bar, s]:
        return NOT_MEMBER
    if rules.cool_down > 0 and bar - entry.stop_bar <= rules.cool_down:
        return COOL_DOWN
    return 0


@lean_kernel
def copy_intents(bar, stop, targets, members, book, account, rules, closing, log, n):  # type: ignore[no-untyped-def]
    """Log this bar's REGIME, SIGNALs and TARGETs; refuse at once the TARGETs that cannot become orders."""
    offset = n - account.intent
    while account.intent < stop:
        row = log[n]
        log[n] = targets[account.intent]
        if row.cause != NO_CAUSE:
            row.cause += offset  # causes lie among this bar's REGIME and SIGNAL rows, copied without a gap
        account.intent += 1
        n += 1
        if row.kind == SIGNAL:
            book[row.symbol].signal = n - 1
        if row.kind != TARGET:
            continue
        s = row.symbol
        entry = book[s]
        if row.cause == NO_CAUSE:  # a size or a cap has changed, no signal: what is sized is the newest
            row.cause = entry.signal
        entry.target = row.value
        entry.decided = 0
        level, source, reason = LEVEL_RISK, SOURCE_RISK, 0
        if account.bankrupt:
            reason = BANKRUPT
        elif entry.ended:
            reason = DELISTED
        elif account.halted or closing:
            reason = HALTED
        elif entry.stopped or entry.stop != NO_CAUSE:
            reason = STOPPED
        elif entry.target == 0.0 and entry.quantity == 0.0 and not entry.pending:
            level, source, reason = LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, NO_CHANGE
        elif entry.target != 0.0:
            reason = barred(bar, s, entry, members, rules)
        if reason != 0:
            refusal = write(log, n, bar, REJECTION, level, source, s, n - 1, reason)
            if reason == COOL_DOWN:
                refusal.limit = rules.cool_down
                refusal.actual = bar - entry.stop_bar
            n += 1
        else:
            entry.decision = n - 1
    return n


@lean_kernel
def rebalance(bar, bars, members, book, account, rules, log, n):  # type: ignore[no-untyped-def]
    """Log the REBALANCE that is due at this close, by schedule or by drift. Returns the next row."""
    if rules.rebalance > 0 and bar > rules.first and (bar - rules.first) % rules.rebalance == 0:
        write(log, n, bar, REBALANCE, LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, NO_SYMBOL, NO_CAUSE, SCHEDULE)
        return n + 1
    if rules.drift == rules.drift:
        most = 0.0
        for s in range(len(book)):
            entry = book[s]
            if entry.pending or entry.stopped or entry.ended or entry.decision != NO_CAUSE:
                continue
            weight = 0.0
            if entry.quantity != 0.0:
                weight = entry.quantity * bars[bar, s].mark * rules.multiplier / account.equity
            if (entry.target != 0.0 or entry.quantity != 0.0) and not barred(bar, s, entry, members, rules):
                most = max(most, abs(weight - entry.target))
        if most > rules.drift:
            row = write(log, n, bar, REBALANCE, LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, NO_SYMBOL, NO_CAUSE, DRIFT)
            row.limit = rules.drift
            row.actual = most
            return n + 1
    return n


@lean_kernel
def place_orders(bar, bars, atr, members, due, book, account, rules, log, n):  # type: ignore[no-untyped-def]
    """ORDERs of this bar's STOPs, TARGETs and REBALANCE (`due`: its row, or NO_CAUSE), in symbol order."""
    for s in range(len(book)):
        entry = book[s]
        target = entry.target
        if entry.stop != NO_CAUSE:
            cause = entry.stop
            target = 0.0
        elif entry.decision != NO_CAUSE:
            cause = entry.decision
        elif (
            due != NO_CAUSE
            and not entry.stopped
            and not entry.ended
            and (entry.target != 0.0 or entry.quantity != 0.0)
            and (entry.target == 0.0 or not barred(bar, s, entry, members, rules))
        ):
            cause = due
        else:
            continue
        entry.stop = NO_CAUSE
        entry.decision = NO_CAUSE
        close = bars[bar, s].mark
        entry.meant = quantity_for(target, account.equity, close, rules)
        delta = difference(entry.meant, entry.quantity)
        row = write(log, n, bar, ORDER, LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, s, cause, 0)
        if delta != 0.0:
            row.side = 1 if delta > 0.0 else -1
        row.price = close
        row.quantity = abs(delta)
        row.value = target
        entry.style = MARKET
        if rules.style != MARKET and delta * entry.quantity >= 0.0 and delta != 0.0:
            # a buy's limit stands below the close and its stop above it; a sell's the other way round
            away = row.side if rules.style != LIMIT else -row.side
            entry.style = rules.style
            entry.price = on_tick(close * (1.0 + away * rules.offset), away, rules.tick)
            entry.left = rules.good_for
            row.limit = entry.price
        replaced = entry.order
        entry.order = n
        entry.ordered = target
        entry.order_atr = atr[bar, s] if len(atr) > 0 else np.nan
        entry.fees = 0.0
        entry.charged = 0.0
        entry.filled = 0
        n += 1
        if entry.pending:
            write(log, n, bar, REJECTION, LEVEL_PORTFOLIO, SOURCE_PORTFOLIO, s, replaced, REPLACED)
            n += 1
        else:
            entry.pending = 1
            account.pending += 1
    return n
