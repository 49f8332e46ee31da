"""Stops: where a position is given up or cashed in, judged at the close or inside the bar."""

import numpy as np

from engine.compiled import lean_kernel
from engine.ensemble.combine import write
from engine.events import NO_CAUSE, Kind, Level, Reason, Source
from engine.execution.actions import close_at
from engine.execution.fills import forget
from engine.execution.state import LIMIT, MARKET

STOP, REJECTION = int(Kind.STOP), int(Kind.REJECTION)
LEVEL_RISK, SOURCE_RISK = int(Level.RISK), int(Source.RISK)
STOP_LOSS, STOP_ATR, TRAILING = int(Reason.STOP_LOSS), int(Reason.STOP_ATR), int(Reason.TRAILING_STOP)
PROFIT, TIME, LEFT = int(Reason.TAKE_PROFIT), int(Reason.TIME_STOP), int(Reason.LEFT_UNIVERSE)
STOPPED = int(Reason.STOPPED)
#: A price at the stop's stops, also where the product that gives the stop has rounded past it.
AT = 1e-12


@lean_kernel
def log_stop(log, n, bar, s, entry, price, limit, actual, reason):  # type: ignore[no-untyped-def]
    """Log a STOP of symbol `s` at `price`."""
    row = write(log, n, bar, STOP, LEVEL_RISK, SOURCE_RISK, s, entry.fill, reason)
    if entry.quantity != 0.0:
        row.side = -1 if entry.quantity > 0.0 else 1
    row.quantity = abs(entry.quantity)
    row.price = price
    row.limit = limit
    row.actual = actual
    return n + 1


@lean_kernel
def loss_level(entry, rules):  # type: ignore[no-untyped-def]
    """The nearest price at which the position of `entry` is given up, and by which rule; (NaN, 0) without any."""
    side = 1.0 if entry.quantity > 0.0 else -1.0
    level = np.nan
    reason = 0
    if rules.stop_loss == rules.stop_loss:
        level = entry.entry * (1.0 - side * rules.stop_loss)
        reason = STOP_LOSS
    if rules.stop_atr == rules.stop_atr:
        found = entry.entry - side * rules.stop_atr * entry.atr
        if found == found and not side * (level - found) >= 0.0:
            level = found
            reason = STOP_ATR
    if rules.trailing_stop == rules.trailing_stop:
        found = entry.best * (1.0 - side * rules.trailing_stop)
        if not side * (level - found) >= 0.0:
            level = found
            reason = TRAILING
    if rules.trailing_atr == rules.trailing_atr:
        found = entry.best - side * rules.trailing_atr * entry.atr
        if found == found and not side * (level - found) >= 0.0:
            level = found
            reason = TRAILING
    return level, reason


@lean_kernel
def profit_level(entry, rules):  # type: ignore[no-untyped-def]
    """The price at which the position of `entry` is cashed in; NaN without any."""
    side = 1.0 if entry.quantity > 0.0 else -1.0
    return entry.entry * (1.0 + side * rules.take_profit)


@lean_kernel
def guard(bar, bars, members, book, rules, closing):  # type: ignore[no-untyped-def]
    """Mark the positions that are to be closed, unless they are being closed, all are (`closing`: they only see this
    close), or this bar's TARGET ends them anyway: `why`, and `level`."""
    found = False
    for s in range(len(book)):
        entry = book[s]
        if entry.quantity == 0.0 or not bars[bar, s].valid:
            continue
        side = 1.0 if entry.quantity > 0.0 else -1.0
        close = bars[bar, s].close
        reason = 0
        if rules.stops:
            entry.count += 1
            if not rules.intrabar:
                entry.best = max(entry.best, close) if side > 0.0 else min(entry.best, close)
                level, why = loss_level(entry, rules)
                profit = profit_level(entry, rules)
                if side * (close - level) <= AT * abs(level):
                    reason = why
                    entry.level = level
                elif side * (close - profit) >= -AT * abs(profit):
                    reason = PROFIT
                    entry.level = profit
            if reason == 0 and rules.time_stop > 0 and entry.count >= rules.time_stop:
                reason = TIME
                entry.level = rules.time_stop
        if reason == 0 and len(members) > 0 and not members[bar, s]:
            reason = LEFT
            entry.level = np.nan
        if reason == 0 or closing or entry.stopped or (entry.decided and entry.next_target * entry.quantity <= 0.0):
            continue
        entry.stop = 0
        entry.why = reason
        found = True
    return found


@lean_kernel
def log_stops(bar, bars, book, log, n):  # type: ignore[no-untyped-def]
    """Log the STOPs that `guard` has marked; their symbols stay flat until a SIGNAL releases them."""
    for s in range(len(book)):
        entry = book[s]
        if entry.stop == NO_CAUSE:
            continue
        actual = float(entry.count) if entry.why == TIME else bars[bar, s].mark
        entry.stop = n
        stop_symbol(bar, entry)
        n = log_stop(log, n, bar, s, entry, bars[bar, s].mark, entry.level, actual, entry.why)
    return n


@lean_kernel
def stop_symbol(bar, entry):  # type: ignore[no-untyped-def]
    """From here on `entry` stays flat until a SIGNAL releases it, and cools down."""
    entry.stopped = 1
    entry.stop_weighted = entry.weighted
    entry.stop_bar = bar


@lean_kernel
def stop_inside(bar, bars, book, account, rules, log, n):  # type: ignore[no-untyped-def]
    """Close the positions whose stop or profit lies inside this bar, at that price, or at the open where it gapped."""
    for s in range(len(book)):
        entry = book[s]
        if entry.quantity == 0.0 or not bars[bar, s].valid:
            continue
        side = 1.0 if entry.quantity > 0.0 else -1.0
        opened = bars[bar, s].open
        worst = bars[bar, s].low if side > 0.0 else bars[bar, s].high
        finest = bars[bar, s].high if side > 0.0 else bars[bar, s].low
        level, reason = loss_level(entry, rules)
        profit = profit_level(entry, rules)
        began_inside = entry.inside == bar and entry.count == 0
        lost = side * (worst - level) <= AT * abs(level)
        won = side * (finest - profit) >= -AT * abs(profit)
        if began_inside and not rules.optimistic:
            won = False  # the price may have been there before the entry
        gapped_down = not began_inside and side * (opened - level) <= 0.0
        gapped_up = not began_inside and side * (opened - profit) >= 0.0
        if gapped_down:
            won = False
        elif gapped_up or (lost and won and rules.optimistic):
            lost = False
        if lost:
            price = opened if gapped_down else level
            style = MARKET
        elif won:
            price = opened if gapped_up else profit
            level = profit
            reason = PROFIT
            style = LIMIT
        else:
            entry.best = max(entry.best, finest) if side > 0.0 else min(entry.best, finest)
            continue
        if entry.pending:
            write(log, n, bar, REJECTION, LEVEL_RISK, SOURCE_RISK, s, entry.order, STOPPED)
            n += 1
            forget(entry, account)
        stop_symbol(bar, entry)
        n = log_stop(log, n, bar, s, entry, price, level, price, reason)
        entry.style = style
        n = close_at(log, n, bar, bars, s, -1 if side > 0.0 else 1, abs(entry.quantity), price, entry, account, rules)
    return n
