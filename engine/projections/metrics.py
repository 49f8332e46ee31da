"""The metrics of a container, worked out from its projected account in kernels. Names and units: `catalogue.py`."""

import numpy as np
import numpy.typing as npt

from engine.compiled import kernel
from engine.projections.account import Account
from engine.projections.catalogue import METRICS

Array = npt.NDArray[np.float64]

COUNT = len(METRICS)
_AT = {name: i for i, name in enumerate(METRICS)}
FINAL, TOTAL, CAGR, VOLATILITY = _AT["final_equity"], _AT["total_return"], _AT["cagr"], _AT["volatility"]
SHARPE, SORTINO, DRAWDOWN, CALMAR = _AT["sharpe"], _AT["sortino"], _AT["max_drawdown"], _AT["calmar"]
ORDERS, TRADES, WIN_RATE, FACTOR = _AT["orders"], _AT["trades"], _AT["win_rate"], _AT["profit_factor"]
AVERAGE, EXPOSURE, IN_MARKET, TURNOVER = _AT["average_trade"], _AT["exposure"], _AT["time_in_market"], _AT["turnover"]
SKEW, KURTOSIS, VAR, CVAR = _AT["skew"], _AT["kurtosis"], _AT["var_95"], _AT["cvar_95"]
LONGEST, COMMISSION, SLIPPAGE = _AT["max_drawdown_bars"], _AT["commission_paid"], _AT["slippage_paid"]
TAIL = 0.05
#: So many are sorted rather than halved once more.
FEW = 8


@kernel
def _measure_curve(equity, gross, held, session, base, per_bar, per_session, risk_free, out, returns):  # type: ignore[no-untyped-def]
    """Fill `out` (metrics of the curve) and `returns` (of sessions); gives their number, and their mean less a spread.

    equity, gross, held, session: of the bars measured; base: equity before the first. per_bar, per_session: how many
    of them make a year.
    """
    bars = len(equity)
    peak = base
    deepest = 0.0
    floor = 1.0
    below = 0
    longest = 0
    exposure = 0.0
    inside = 0
    mean_equity = 0.0
    mean = 0.0
    sessions = 0
    opened = base
    for t in range(bars):
        value = equity[t]
        peak = max(peak, value)
        if value < peak:
            below += 1
            longest = max(longest, below)
            if value < floor * peak:  # a division a bar costs more than all the rest of it
                deepest = min(deepest, value / peak - 1.0)
                floor = (1.0 + deepest) * (1.0 + 1e-12)
        else:
            below = 0
        exposure += gross[t]
        inside += held[t]
        mean_equity += value
        if t + 1 == bars or session[t + 1] != session[t]:
            returns[sessions] = value / opened - 1.0 if value != opened else 0.0
            mean += returns[sessions]
            sessions += 1
            opened = value
    years = bars / per_bar
    final = equity[bars - 1]
    out[FINAL] = final
    if base > 0.0:
        out[TOTAL] = final / base - 1.0
        if final > 0.0:
            out[CAGR] = (final / base) ** (1.0 / years) - 1.0
    out[DRAWDOWN] = deepest
    if deepest < 0.0:
        out[CALMAR] = out[CAGR] / -deepest
    out[LONGEST] = longest
    out[EXPOSURE] = exposure / bars
    out[IN_MARKET] = inside / bars
    mean_equity /= bars
    if mean_equity > 0.0:
        out[TURNOVER] = 0.5 * out[TURNOVER] / mean_equity / years
    else:
        out[TURNOVER] = np.nan

    mean /= sessions
    second = 0.0
    third = 0.0
    fourth = 0.0
    downside = 0.0
    free = risk_free / per_session
    for i in range(sessions):
        d = returns[i] - mean
        square = d * d
        second += square
        third += square * d
        fourth += square * square
        loss = min(returns[i] - free, 0.0)
        downside += loss * loss
    # a spread that is rounding of the mean is none
    spread = second / sessions > (1e-14 * mean) ** 2
    if sessions > 1:
        deviation = np.sqrt(second / (sessions - 1))
        out[VOLATILITY] = deviation * np.sqrt(per_session)
        if spread:
            out[SHARPE] = (mean - free) / deviation * np.sqrt(per_session)
    if downside > 0.0:
        out[SORTINO] = (mean - free) / np.sqrt(downside / sessions) * np.sqrt(per_session)
    if spread:
        variance = second / sessions
        out[SKEW] = third / sessions / variance**1.5
        out[KURTOSIS] = fourth / sessions / (variance * variance) - 3.0
    return sessions, mean - np.sqrt(second / sessions)


@kernel
def _measure_trades(trades, start, stop, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the metrics of the trades closed at bars start:stop."""
    count = 0
    wins = 0
    gained = 0.0
    lost = 0.0
    for i in range(len(trades)):
        if start <= trades[i].exit_bar < stop:
            profit = trades[i].profit
            count += 1
            if profit > 0.0:
                wins += 1
                gained += profit
            else:
                lost -= profit
    out[TRADES] = count
    if count > 0:
        out[WIN_RATE] = wins / count
        out[AVERAGE] = (gained - lost) / count
        if lost > 0.0:
            out[FACTOR] = gained / lost


@kernel
def _ranked(values, rank):  # type: ignore[no-untyped-def]
    """The element of `rank` (from 0) in order of size.

    Halves the range it lies in, until few are left to sort: counting takes no branch, which quickselect mispredicts.
    """
    lowest = values.min()
    beyond = np.nextafter(values.max(), np.inf)
    start = 0
    stop = len(values)
    while stop - start > FEW:
        middle = 0.5 * (lowest + beyond)
        if not lowest < middle < beyond:
            break
        below = 0
        for value in values:
            below += value < middle
        if below > rank:
            beyond = middle
            stop = below
        else:
            lowest = middle
            start = below
    left = np.empty(stop - start)
    found = 0
    for value in values:
        if lowest <= value < beyond:
            left[found] = value
            found += 1
    return np.sort(left)[rank - start]


@kernel
def _measure_tail(returns, level, out):  # type: ignore[no-untyped-def]
    """Fill `out` with the 5th percentile (linear interpolation) and the mean at or below it. `level`: see above.

    Only the low tail needs ordering; below a spread from the mean it is whole, where returns are like bell-shaped.
    """
    place = TAIL * (len(returns) - 1)
    low = int(place)
    high = min(low + 1, len(returns) - 1)
    tail = np.empty_like(returns)
    found = 0
    for value in returns:  # written whether it counts or not: a branch would be mispredicted at every third return
        tail[found] = value
        found += value < level
    tail = tail[:found]
    if found <= high:
        tail = returns
    upper = _ranked(tail, high)
    lower = -np.inf
    smaller = 0
    for value in tail:
        smaller += value < upper
        lower = max(lower, value if value < upper else -np.inf)
    if smaller < high or low == high:  # the next one down is as large
        lower = upper
    out[VAR] = lower + (upper - lower) * (place - low)
    total = 0.0
    count = 0
    for value in tail:
        if value <= out[VAR]:
            total += value
            count += 1
    if count > 0:
        out[CVAR] = total / count


@kernel
def _measure(equity, gross, held, session, trades, totals, first, start, stop, base, per_bar, per_session, risk_free):  # type: ignore[no-untyped-def]
    out = np.full(COUNT, np.nan)
    out[TURNOVER] = totals[0]
    out[COMMISSION] = totals[1]
    out[SLIPPAGE] = totals[2]
    out[ORDERS] = totals[3]
    a = start - first
    b = stop - first
    returns = np.empty(stop - start)
    sessions, level = _measure_curve(
        equity[a:b], gross[a:b], held[a:b], session[start:stop], base, per_bar, per_session, risk_free, out, returns
    )
    _measure_trades(trades, start, stop, out)
    _measure_tail(returns[:sessions], level, out)
    return out


def measure(
    account: Account,
    session: npt.NDArray[np.int32],
    first: int,
    start: int,
    stop: int,
    base: float,
    per_bar: float,
    per_session: float,
    risk_free: float,
    part: int,
) -> Array:
    """The metrics over bars start:stop, float64 in the order of METRICS, NaN where undefined.

    `first`: the bar `account` starts at; `base`: equity before `start`, in money; `part`: row of `account.totals`;
    `per_bar`, `per_session`: bars and sessions a year; `risk_free`: a year.
    """
    if stop <= start:
        return np.full(COUNT, np.nan)
    account_of = (account.equity, account.gross, account.held, session, account.trades, account.totals[part])
    found: Array = _measure(*account_of, first, start, stop, base, per_bar, per_session, risk_free)
    return found
