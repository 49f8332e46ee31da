"""Signals and regimes in, targets out: the kernel of the ensemble.

It walks the bars at which a REGIME or SIGNAL stands, merges them into log order, and adds the TARGETs they lead to.
Path-independent: it knows no position, no cash and no stop, so its result can be shared between containers.
"""

import numpy as np

from engine.compiled import lean_kernel
from engine.events import NO_CAUSE, Kind, Level, Reason, Source

#: The weighted signal of a symbol after a bar, where it changed or a SIGNAL stood. The risk stage reads it to decide
#: when a stopped symbol is released; it is not an event.
MOVE = np.dtype([("bar", "<i4"), ("symbol", "<i4"), ("weighted", "<f8"), ("signalled", "<i8")], align=True)

#: What the ensemble remembers of a symbol from one bar to the next.
MEMORY = np.dtype(
    [("weighted", "<f8"), ("target", "<f8"), ("slot", "<f8"), ("newest", "<i8"), ("signalled", "<i8")], align=True
)

#: One row: the rules by which signals become targets. `slot`: the share of equity of a full signal where it is the same
#: for all; `rebalance` and `first`: when sizes that differ are taken anew.
AIM = np.dtype(
    [
        *((name, "<f8") for name in ("slot", "least", "max_weight", "max_gross")),
        *((name, "<i8") for name in ("rebalance", "first")),
    ],
    align=True,
)

CHANGE = 1e-12

REGIME, SIGNAL, TARGET, REJECTION = int(Kind.REGIME), int(Kind.SIGNAL), int(Kind.TARGET), int(Kind.REJECTION)
LEVEL_PORTFOLIO, LEVEL_RISK = int(Level.PORTFOLIO), int(Level.RISK)
SOURCE_ENSEMBLE, SOURCE_RISK = int(Source.ENSEMBLE), int(Source.RISK)
NO_CHANGE, LONG_ONLY, NO_SIZE = int(Reason.NO_CHANGE), int(Reason.LONG_ONLY), int(Reason.NO_SIZE)
NEVER = 2147483647


@lean_kernel
def write(log, n, bar, kind, level, source, symbol, cause, reason):  # type: ignore[no-untyped-def]
    """Fill row `n` of `log` with what every kind has; amounts are none. Returns the row, for the amounts."""
    row = log[n]
    row.bar = bar
    row.kind = kind
    row.level = level
    row.source = source
    row.symbol = symbol
    row.cause = cause
    row.reason = reason
    row.side = 0
    row.price = np.nan
    row.quantity = np.nan
    row.commission = np.nan
    row.value = np.nan
    row.limit = np.nan
    row.actual = np.nan
    return row


@lean_kernel
def aim(bar, s, weighted, scale, slot, rules, caps):  # type: ignore[no-untyped-def]
    """The target weight of one symbol before the cap on gross."""
    most = rules.max_weight
    if len(caps) > 0 and caps[bar, s] == caps[bar, s]:
        most = min(most, caps[bar, s])
    return min(max(scale * slot * weighted, -most, rules.least), most)


@lean_kernel
def combine(regimes, signals, heads, ends, weights, scales, slots, caps, agenda, rule, last, memory, out, moves):  # type: ignore[no-untyped-def]
    """Merge REGIME and SIGNAL rows into log order and add TARGETs (and REJECTIONs of SIGNALs without one).

    regimes: EVENT rows, by bar. signals: EVENT rows of all strategies, one after the other, each by (bar, symbol);
    strategy i has rows heads[i]:ends[i], int64; heads are moved to the ends. weights: float64 (labels + 1, strategies)
    and scales: float64 (labels + 1,), row 0 before the first label. slots: float64 (bars, symbols), what a full signal
    asks for, taken at a symbol's own SIGNALs and at scheduled rebalances; without rows it is `slot` of the rules. caps:
    float64 (bars, symbols), the largest weight, NaN for none; or without rows. agenda: int64, further bars at which a
    size or a cap may have changed. rule: AIM (1,). last: float64 (strategies, symbols), the last SIGNAL values. memory:
    MEMORY (symbols + 1,); row -1 holds the current label + 1 in `newest`. out: EVENT, moves: MOVE, both with room for
    the worst case. `cause` is the row number in `out` (NO_CAUSE for a TARGET of the agenda alone). Returns (rows of
    out, rows of moves).
    """
    strategies, symbols = last.shape
    rules = rule[0]
    regime_head = 0
    agenda_head = 0
    rows = 0
    moved = 0
    context = memory[symbols]
    while True:
        bar = np.int64(NEVER)
        if regime_head < len(regimes):
            bar = min(bar, np.int64(regimes[regime_head].bar))
        if agenda_head < len(agenda):
            bar = min(bar, agenda[agenda_head])
        for i in range(strategies):
            if heads[i] < ends[i]:
                bar = min(bar, np.int64(signals[heads[i]].bar))
        if bar == NEVER:
            return rows, moved
        if agenda_head < len(agenda) and agenda[agenda_head] == bar:
            agenda_head += 1

        regime_row = NO_CAUSE
        if regime_head < len(regimes) and regimes[regime_head].bar == bar:
            out[rows] = regimes[regime_head]
            context.newest = np.int64(regimes[regime_head].reason) + 1
            regime_row = rows
            rows += 1
            regime_head += 1

        # all of the bar's signals count before any target is judged
        for s in range(symbols):
            memory[s].signalled = 0
        for i in range(strategies):
            k = heads[i]
            while k < ends[i] and signals[k].bar == bar:
                s = signals[k].symbol
                last[i, s] = signals[k].value
                memory[s].signalled = 1
                k += 1

        label = context.newest
        renewed = rules.rebalance > 0 and bar > rules.first and (bar - rules.first) % rules.rebalance == 0
        gross = 0.0
        for s in range(symbols):
            weighted = 0.0
            for i in range(strategies):
                weighted += weights[label, i] * last[i, s]
            if abs(weighted) <= CHANGE:
                weighted = 0.0  # opposite signals cancel; what rounding leaves is no position
            if len(slots) == 0:
                memory[s].slot = rules.slot
            elif renewed or memory[s].signalled == 1:
                memory[s].slot = slots[bar, s]
            gross += abs(aim(bar, s, weighted, scales[label], memory[s].slot, rules, caps))
            if memory[s].signalled == 1 or weighted != memory[s].weighted:
                move = moves[moved]
                move.bar = bar
                move.symbol = s
                move.weighted = weighted
                move.signalled = memory[s].signalled
                moved += 1
            memory[s].weighted = weighted
        shrink = rules.max_gross / gross if gross > rules.max_gross else 1.0

        newest = NO_CAUSE
        for i in range(strategies):
            while heads[i] < ends[i] and signals[heads[i]].bar == bar:
                s = signals[heads[i]].symbol
                out[rows] = signals[heads[i]]
                memory[s].newest = rows
                newest = rows
                rows += 1
                heads[i] += 1
                slot = memory[s].slot
                asked = scales[label] * slot * memory[s].weighted
                target = aim(bar, s, memory[s].weighted, scales[label], slot, rules, caps) * shrink
                changes = abs(target - memory[s].target) > CHANGE
                if rules.least == 0.0 and asked < 0.0:
                    veto = write(out, rows, bar, REJECTION, LEVEL_RISK, SOURCE_RISK, s, rows - 1, LONG_ONLY)
                    veto.limit = 0.0
                    veto.actual = asked
                    rows += 1
                elif not changes:
                    reason = NO_SIZE if slot == 0.0 and memory[s].weighted != 0.0 else NO_CHANGE
                    write(out, rows, bar, REJECTION, LEVEL_PORTFOLIO, SOURCE_ENSEMBLE, s, rows - 1, reason)
                    rows += 1

        for s in range(symbols):
            target = aim(bar, s, memory[s].weighted, scales[label], memory[s].slot, rules, caps) * shrink + 0.0
            if abs(target - memory[s].target) > CHANGE:
                if memory[s].signalled == 1:
                    cause = memory[s].newest
                elif regime_row != NO_CAUSE:
                    cause = np.int64(regime_row)
                else:
                    cause = np.int64(newest)
                row = write(out, rows, bar, TARGET, LEVEL_PORTFOLIO, SOURCE_ENSEMBLE, s, cause, 0)
                row.value = target
                memory[s].target = target
                rows += 1


def worst_rows(bars: int, regimes: int, signals: int, agenda: int, symbols: int) -> tuple[int, int]:
    """How many rows `combine` may write to `out` and to `moves`: every event bar may move every symbol's target."""
    bars = min(bars, regimes + signals + agenda)
    return regimes + 2 * signals + bars * symbols, bars * symbols
