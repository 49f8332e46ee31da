"""What a fill may not exceed: a symbol's weight, a share of the bar's volume, the net and the gross of all positions.

Each cut is a RESIZE with its rule as reason, the limit, and what it would have been without. Only what opens or adds
is cut for exposure: an exit is always let through.
"""

from engine.compiled import lean_kernel
from engine.ensemble.combine import write
from engine.events import Kind, Level, Reason, Source
from engine.execution.costs import SLACK, buying_cost, difference, fee, fill_price, whole_lots
from engine.execution.state import BY_CREDIT, BY_WEIGHT, MARKET

RESIZE = int(Kind.RESIZE)
LEVEL_RISK, SOURCE_RISK = int(Level.RISK), int(Source.RISK)
MAX_WEIGHT, VOLUME, NET = int(Reason.MAX_WEIGHT), int(Reason.VOLUME), int(Reason.NET)
LEVERAGE, MARGIN, BELOW_LOT = int(Reason.LEVERAGE), int(Reason.MARGIN), int(Reason.BELOW_LOT)


@lean_kernel
def resize(log, n, bar, s, entry, side, before, quantity, limit, actual, reason, rules):  # type: ignore[no-untyped-def]
    """Log a RESIZE of the pending order of symbol `s` from `before` to `quantity`."""
    row = write(log, n, bar, RESIZE, LEVEL_RISK, SOURCE_RISK, s, entry.order, reason)
    row.side = side
    row.price = entry.at
    row.quantity = quantity
    row.limit = limit
    row.actual = actual
    if whole_lots(before, rules.lot) > 0.0:
        entry.why = reason
    elif not entry.cut:
        entry.why = BELOW_LOT  # else the cut before has taken its last lot
    entry.cut = 1
    return n + 1


@lean_kernel
def change(entry, log):  # type: ignore[no-untyped-def]
    """What the pending order trades to hold what is wanted. A limit or stop order to buy never sells."""
    delta = difference(entry.wanted, entry.quantity)
    return 0.0 if entry.style != MARKET and delta * log[entry.order].side < 0.0 else delta


@lean_kernel
def limit_weight(bar, s, entry, equity, rules, log, n):  # type: ignore[no-untyped-def]
    """Cut a fixed size to `max_weight`; weights were capped when they became targets."""
    if rules.sizing == BY_WEIGHT:
        return n
    value = abs(entry.wanted) * entry.at * rules.multiplier
    limit = rules.max_weight * equity
    if value > limit * (1.0 + SLACK):
        before = entry.delta
        entry.wanted = (limit if entry.wanted > 0.0 else -limit) / (entry.at * rules.multiplier)
        entry.delta = change(entry, log)
        if before != 0.0 or entry.delta != 0.0:
            side = 1 if entry.delta > 0.0 or (entry.delta == 0.0 and before > 0.0) else -1
            n = resize(log, n, bar, s, entry, side, abs(before), abs(entry.delta), limit, value, MAX_WEIGHT, rules)
    return n


@lean_kernel
def limit_volume(bar, s, bars, entry, rules, log, n):  # type: ignore[no-untyped-def]
    """Cut what the bar's volume does not take; the rest waits. Without volume an order that needs it waits whole."""
    volume = bars[bar, s].volume
    if rules.participation != rules.participation:
        if rules.impact > 0.0 and not volume > 0.0 and entry.delta != 0.0:
            entry.partial = 1
            entry.delta = 0.0
        return n
    most = whole_lots(rules.participation * max(volume, 0.0), rules.lot) if volume == volume else 0.0
    size = abs(entry.delta)
    if size > most:
        side = 1 if entry.delta > 0.0 else -1
        entry.partial = 1
        entry.delta = side * most
        if most > 0.0:
            n = resize(log, n, bar, s, entry, side, size, most, most, size, VOLUME, rules)
            entry.cut = 0  # what is cut here still comes
    return n


@lean_kernel
def opening(entry):  # type: ignore[no-untyped-def]
    """The part of a difference that opens or adds, ≥ 0."""
    if entry.delta * entry.quantity >= 0.0:
        return abs(entry.delta)
    return max(abs(entry.delta) - abs(entry.quantity), 0.0)


@lean_kernel
def limit_exposure(bar, bars, book, equity, rules, closing, log, n):  # type: ignore[no-untyped-def]
    """Cut what opens or adds so that net and gross keep their limits after the fills, costs paid.

    Positions are valued at this settlement's prices. Costs are those of the uncut orders, so a limit holds with a
    little to spare.
    """
    kept_long = 0.0
    kept_short = 0.0
    open_long = 0.0
    open_short = 0.0
    costs = 0.0
    for s in range(len(book)):
        entry = book[s]
        price = bars[bar, s].open if bars[bar, s].valid and not closing else bars[bar, s].mark
        held = entry.quantity
        if entry.pending and entry.at == entry.at and entry.delta != 0.0:
            side = 1 if entry.delta > 0.0 else -1
            size = abs(entry.delta)
            volume = bars[bar, s].volume
            at = entry.at * size * rules.multiplier
            if side > 0:
                costs += buying_cost(size, volume, entry, rules) - at
            else:
                got = fill_price(entry.at, -1, size, volume, entry.style, rules)
                costs += at - got * size * rules.multiplier + fee(got, size, entry, rules)
            more = opening(entry)
            held += side * (size - more)
            # what is bought inside the bar is worth what was paid, or what it was at the open: the larger counts
            worth = more * max(entry.at, price) * rules.multiplier
            if side > 0:
                open_long += worth
            else:
                open_short += worth
        if held > 0.0:
            kept_long += held * price * rules.multiplier
        elif held < 0.0:
            kept_short -= held * price * rules.multiplier
    left = max(equity - costs, 0.0)

    if rules.max_net == rules.max_net:
        open_long, open_short, n = limit_net(
            bar, book, kept_long, kept_short, open_long, open_short, left, rules, log, n
        )
    if rules.max_leverage == rules.max_leverage:
        limit = rules.max_leverage * left
        kept = kept_long + kept_short
        added = open_long + open_short
        if kept + added > limit * (1.0 + SLACK) and added > 0.0:
            share = min(max(limit - kept, 0.0) / added, 1.0)
            reason = MARGIN if rules.margin == BY_CREDIT else LEVERAGE
            n = cut(bar, book, 0, share, limit, kept + added, reason, rules, log, n)
            if rules.max_net == rules.max_net:  # less on one side may be too little against the other
                open_long *= share
                open_short *= share
                _, _, n = limit_net(bar, book, kept_long, kept_short, open_long, open_short, left, rules, log, n)
    return n


@lean_kernel
def limit_net(bar, book, kept_long, kept_short, open_long, open_short, equity, rules, log, n):  # type: ignore[no-untyped-def]
    """Cut what opens or adds on the side that is too large; returns what both sides open then, and the next row."""
    limit = rules.max_net * equity
    net = kept_long + open_long - kept_short - open_short
    slack = SLACK * (kept_long + open_long + kept_short + open_short)
    if net > limit + slack and open_long > 0.0:
        left = min(max(open_long - (net - limit), 0.0), open_long)
        return left, open_short, cut(bar, book, 1, left / open_long, limit, net, NET, rules, log, n)
    if -net > limit + slack and open_short > 0.0:
        left = min(max(open_short - (-net - limit), 0.0), open_short)
        return open_long, left, cut(bar, book, -1, left / open_short, limit, -net, NET, rules, log, n)
    return open_long, open_short, n


@lean_kernel
def cut(bar, book, side, share, limit, actual, reason, rules, log, n):  # type: ignore[no-untyped-def]
    """Cut what opens or adds on `side` (0: both) to `share`, a RESIZE for each order."""
    for s in range(len(book)):
        entry = book[s]
        if not entry.pending or entry.at != entry.at or entry.delta == 0.0:
            continue
        direction = 1 if entry.delta > 0.0 else -1
        more = opening(entry)
        if more == 0.0 or direction == -side:
            continue
        before = abs(entry.delta)
        closing = 0.0 if entry.delta * entry.quantity >= 0.0 else min(before, abs(entry.quantity))
        left = share * more
        size = closing + (left if left > SLACK * before else 0.0)
        entry.delta = direction * size
        n = resize(log, n, bar, s, entry, direction, before, size, limit, actual, reason, rules)
        entry.wanted = entry.quantity + entry.delta
    return n
