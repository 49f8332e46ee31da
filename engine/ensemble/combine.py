"""Signals and regimes in, targets out: the kernel of the ensemble.

It walks the bars at which a REGIME or SIGNAL stands, merges them into log order, and adds the TARGETs they lead to.
Path-independent: it knows no position, no cash and no stop, so its result can be shared between containers.
"""

import numpy as np

from engine.compiled import kernel
from engine.events import NO_CAUSE, Kind, Level, Reason, Source

#: The weighted signal of a symbol after a bar, where it changed or a SIGNAL stood. The risk stage reads it to decide
#: when a stopped symbol is released; it is not an event.
MOVE = np.dtype([("bar", "<i4"), ("symbol", "<i4"), ("weighted", "<f8"), ("signalled", "<i8")], align=True)

#: What the ensemble remembers of a symbol from one bar to the next.
MEMORY = np.dtype([("weighted", "<f8"), ("target", "<f8"), ("newest", "<i8"), ("signalled", "<i8")], align=True)

CHANGE = 1e-12

REGIME, SIGNAL, TARGET, REJECTION = int(Kind.REGIME), int(Kind.SIGNAL), int(Kind.TARGET), int(Kind.REJECTION)
LEVEL_PORTFOLIO = int(Level.PORTFOLIO)
SOURCE_ENSEMBLE = int(Source.ENSEMBLE)
NO_CHANGE = int(Reason.NO_CHANGE)


@kernel
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


@kernel
def aim(weighted, scale, slot, max_weight):  # type: ignore[no-untyped-def]
    """The target weight of one symbol before the cap on gross."""
    return min(max(scale * slot * weighted, -max_weight), max_weight)


@kernel
def combine(regimes, signals, starts, weights, scales, slot, max_weight, max_gross, last, memory, out, moves):  # type: ignore[no-untyped-def]
    """Merge REGIME and SIGNAL rows into log order and add TARGETs (and REJECTIONs of SIGNALs without one).

    regimes: EVENT rows, by bar. signals: EVENT rows of all strategies, one after the other, each by (bar, symbol);
    strategy i has rows starts[i]:starts[i + 1]. weights: float64 (labels + 1, strategies) and scales: float64
    (labels + 1,), row 0 before the first label. last: float64 (strategies, symbols), the last SIGNAL values.
    memory: MEMORY (symbols + 1,); row -1 holds the current label + 1 in `newest`. out: EVENT, moves: MOVE, both with
    room for the worst case. `cause` is the row number in `out`. Returns (rows of out, rows of moves).
    """
    strategies, symbols = last.shape
    heads = starts[:-1].copy()
    regime_head = 0
    rows = 0
    moved = 0
    context = memory[symbols]
    while True:
        bar = np.int64(2147483647)
        if regime_head < len(regimes):
            bar = min(bar, np.int64(regimes[regime_head].bar))
        for i in range(strategies):
            if heads[i] < starts[i + 1]:
                bar = min(bar, np.int64(signals[heads[i]].bar))
        if bar == 2147483647:
            return rows, moved

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
            while k < starts[i + 1] and signals[k].bar == bar:
                s = signals[k].symbol
                last[i, s] = signals[k].value
                memory[s].signalled = 1
                k += 1

        label = context.newest
        gross = 0.0
        for s in range(symbols):
            weighted = 0.0
            for i in range(strategies):
                weighted += weights[label, i] * last[i, s]
            if abs(weighted) <= CHANGE:
                weighted = 0.0  # opposite signals cancel; what rounding leaves is no position
            gross += abs(aim(weighted, scales[label], slot, max_weight))
            if memory[s].signalled == 1 or weighted != memory[s].weighted:
                move = moves[moved]
                move.bar = bar
                move.symbol = s
                move.weighted = weighted
                move.signalled = memory[s].signalled
                moved += 1
            memory[s].weighted = weighted
        shrink = max_gross / gross if gross > max_gross else 1.0

        newest = NO_CAUSE
        for i in range(strategies):
            while heads[i] < starts[i + 1] and signals[heads[i]].bar == bar:
                s = signals[heads[i]].symbol
                out[rows] = signals[heads[i]]
                memory[s].newest = rows
                newest = rows
                rows += 1
                heads[i] += 1
                target = aim(memory[s].weighted, scales[label], slot, max_weight) * shrink
                if not abs(target - memory[s].target) > CHANGE:
                    write(out, rows, bar, REJECTION, LEVEL_PORTFOLIO, SOURCE_ENSEMBLE, s, rows - 1, NO_CHANGE)
                    rows += 1

        for s in range(symbols):
            target = aim(memory[s].weighted, scales[label], slot, max_weight) * shrink + 0.0
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


def worst_rows(bars: int, regimes: int, signals: int, symbols: int) -> tuple[int, int]:
    """How many rows `combine` may write to `out` and to `moves`: every event bar may move every symbol's target."""
    bars = min(bars, regimes + signals)
    return regimes + 2 * signals + bars * symbols, bars * symbols
