"""Equity, exposure and trades, projected from a log and its market by one kernel."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.compiled import kernel
from engine.events import Kind, Reason
from engine.execution.costs import cash_after

FILL, STOP, BANKRUPT = int(Kind.FILL), int(Kind.STOP), int(Reason.BANKRUPT)
SPLIT, CASH = int(Kind.SPLIT), int(Kind.CASH)

#: A closed round trip. `entry`, `exit`: rows of the first and last FILL; `quantity`: the most that was held; prices
#: are quantity-weighted means of the fills in and out, in units of the exit; `income`: dividends less the cost of
#: borrowing; `profit` is after costs and with the income, in money.
TRADE = np.dtype(
    [
        ("symbol", "<i8"),
        ("side", "<i8"),
        ("entry", "<i8"),
        ("exit", "<i8"),
        ("entry_bar", "<i8"),
        ("exit_bar", "<i8"),
        ("quantity", "<f8"),
        ("entry_price", "<f8"),
        ("exit_price", "<f8"),
        ("commission", "<f8"),
        ("income", "<f8"),
        ("profit", "<f8"),
    ],
    align=True,
)

#: A round trip that is still open: what went in and out so far.
_OPEN = np.dtype(
    [
        ("quantity", "<f8"),
        ("most", "<f8"),
        ("bought", "<f8"),
        ("bought_value", "<f8"),
        ("sold", "<f8"),
        ("sold_value", "<f8"),
        ("commission", "<f8"),
        ("income", "<f8"),
        ("entry", "<i8"),
        ("entry_bar", "<i8"),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Account:
    """What a log comes to, bar by bar. All arrays start at the first trading bar.

    equity, gross, cash: float64 (bars,): equity and cash at the close in money, gross weight as a share. held: bool
    (bars,). trades: TRADE. totals: float64 (2, 4), traded value, commission, slippage and fills before and from `test`.
    """

    equity: npt.NDArray[np.float64]
    gross: npt.NDArray[np.float64]
    cash: npt.NDArray[np.float64]
    held: npt.NDArray[np.bool_]
    trades: npt.NDArray[np.void]
    totals: npt.NDArray[np.float64]


@kernel
def _add(trip, side, price, quantity, commission, row, bar):  # type: ignore[no-untyped-def]
    if trip.quantity == 0.0:
        trip.entry = row
        trip.entry_bar = bar
        trip.most = 0.0
        trip.bought = 0.0
        trip.bought_value = 0.0
        trip.sold = 0.0
        trip.sold_value = 0.0
        trip.commission = 0.0
        trip.income = 0.0
    if side > 0:
        trip.bought += quantity
        trip.bought_value += quantity * price
    else:
        trip.sold += quantity
        trip.sold_value += quantity * price
    trip.commission += commission
    trip.quantity += side * quantity
    trip.most = max(trip.most, abs(trip.quantity))


@kernel
def _close(trip, s, side, row, bar, multiplier, out):  # type: ignore[no-untyped-def]
    """Write the round trip that a fill of `side` has just brought to flat."""
    out.symbol = s
    out.side = -side
    out.entry = trip.entry
    out.exit = row
    out.entry_bar = trip.entry_bar
    out.exit_bar = bar
    out.quantity = trip.most
    bought = trip.bought_value / trip.bought
    sold = trip.sold_value / trip.sold
    out.entry_price = bought if side < 0 else sold
    out.exit_price = sold if side < 0 else bought
    out.commission = trip.commission
    out.income = trip.income
    out.profit = (trip.sold_value - trip.bought_value) * multiplier + trip.income - trip.commission


@kernel
def _take_fill(event, row, opened, multiplier, trips, trades, closed, totals):  # type: ignore[no-untyped-def]
    """Book the FILL at row `row`; returns how many trades are closed. `opened`: the bar's open; totals: of its part."""
    s, side, price, quantity = event.symbol, event.side, event.price, event.quantity
    commission = event.commission
    meant = event.limit if event.limit == event.limit else opened
    totals[0] += price * quantity * multiplier
    totals[1] += commission
    totals[2] += abs(price - meant) * quantity * multiplier
    totals[3] += 1.0
    trip = trips[s]
    before = trip.quantity
    after = before + side * quantity
    if before * after < 0.0:
        ending = commission * (abs(before) / quantity)
        _add(trip, side, price, abs(before), ending, row, event.bar)
        trip.quantity = 0.0
        _close(trip, s, side, row, event.bar, multiplier, trades[closed])
        closed += 1
        _add(trip, side, price, abs(after), commission - ending, row, event.bar)
    else:
        _add(trip, side, price, quantity, commission, row, event.bar)
        if after == 0.0:
            _close(trip, s, side, row, event.bar, multiplier, trades[closed])
            closed += 1
    trip.quantity = after
    return closed


@kernel
def _mark(bars, first, start, stop, cash, multiplier, trips, holding, held_count, equity, gross, held):  # type: ignore[no-untyped-def]
    """Equity and exposure at the closes start:stop, over which nothing is traded. The arrays begin at `first`."""
    if held_count == 0:
        for t in range(start, stop):
            equity[t - first] = cash
        return
    if held_count == 1:  # nearly always, and without the inner loop twice as fast
        s = holding[0]
        quantity = trips[s].quantity
        for t in range(start, stop):
            value = quantity * bars[t, s].mark * multiplier
            total = cash + value
            equity[t - first] = total
            gross[t - first] = abs(value) / total if total > 0.0 else 0.0
            held[t - first] = total > 0.0
        return
    for t in range(start, stop):
        total = cash
        exposed = 0.0
        for k in range(held_count):
            s = holding[k]
            value = trips[s].quantity * bars[t, s].mark * multiplier
            total += value
            exposed += abs(value)
        equity[t - first] = total
        if total > 0.0:
            gross[t - first] = exposed / total
            held[t - first] = True


@kernel
def _take_split(event, trip):  # type: ignore[no-untyped-def]
    """The open round trip of a symbol in new units."""
    trip.quantity *= event.value
    trip.most *= event.value
    trip.bought *= event.value
    trip.sold *= event.value


@kernel
def _walk(log, bars, first, test, cash, multiplier, equity, gross, cashes, held, trips, trades, totals):  # type: ignore[no-untyped-def]
    head = 0
    closed = 0
    bar = first
    holding = np.empty(len(trips), np.int64)
    while bar < len(bars):
        ruined = False
        while head < len(log) and log[head].bar == bar:
            event = log[head]
            if event.kind == FILL:
                part = 1 if bar >= test else 0
                opened = bars[bar, event.symbol].open
                cash = cash_after(cash, event.side, event.quantity, event.price, multiplier, event.commission)
                closed = _take_fill(event, head, opened, multiplier, trips, trades, closed, totals[part])
            elif event.kind == CASH:
                cash += event.value
                if event.symbol >= 0:
                    trips[event.symbol].income += event.value
            elif event.kind == SPLIT:
                _take_split(event, trips[event.symbol])
            elif event.kind == STOP and event.reason == BANKRUPT:
                ruined = True
            head += 1
        stop = log[head].bar if head < len(log) else len(bars)
        held_count = 0
        for s in range(len(trips)):
            if trips[s].quantity != 0.0:
                holding[held_count] = s
                held_count += 1
        for t in range(bar, stop):
            cashes[t - first] = cash
        _mark(bars, first, bar, stop, cash, multiplier, trips, holding, held_count, equity, gross, held)
        if ruined:  # from here on nothing moves, and nothing counts as exposed
            i = bar - first
            equity[i:] = equity[i]
            cashes[i:] = cash
            gross[i:] = 0.0
            held[i:] = False
            return closed
        bar = stop
    return closed


def project(
    log: npt.NDArray[np.void],
    bars: npt.NDArray[np.void],
    first: int,
    initial_cash: float,
    test: int | None = None,
    multiplier: float = 1.0,
) -> Account:
    """Project `log` over BAR `bars` (bars, symbols) from bar `first`; `test`: the first held-out bar.

    `multiplier`: what one unit is worth, times its price.
    """
    count = len(bars) - first
    equity, gross, cash = np.empty(count), np.zeros(count), np.empty(count)
    held = np.zeros(count, np.bool_)
    trades = np.empty(len(log) // 2 + 1, TRADE)  # each is closed by a FILL, which has an ORDER
    totals = np.zeros((2, 4))
    trips = np.zeros(bars.shape[1], _OPEN)
    split = len(bars) if test is None else test
    closed = _walk(log, bars, first, split, initial_cash, multiplier, equity, gross, cash, held, trips, trades, totals)
    return Account(equity, gross, cash, held, trades[:closed], totals)
