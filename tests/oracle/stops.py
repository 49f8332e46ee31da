"""What closes positions in the twin: stops and profits, inside the bar or at its close, and halts of the account."""

from dataclasses import dataclass
from typing import Any

from tests.oracle.account import Account
from tests.oracle.rules import AT


@dataclass
class Stop:
    """A reason to close a position: what stands in the STOP."""

    reason: str
    limit: Any
    actual: Any


def nearest_level(account: Account, symbol: int) -> tuple[float, str] | None:
    """The stop price of a position that is nearest to the market, and its reason; None without any."""
    rules, position = account.rules, account.positions[symbol]
    sign = 1.0 if position.quantity > 0 else -1.0
    levels: list[tuple[float, str]] = []
    if rules["stop_loss"] is not None:
        levels.append((position.average * (1 - sign * rules["stop_loss"]), "stop_loss"))
    if rules["stop_atr"] is not None and position.atr is not None:
        levels.append((position.average - sign * rules["stop_atr"] * position.atr, "stop_atr"))
    if rules["trailing_stop"] is not None:
        levels.append((position.best * (1 - sign * rules["trailing_stop"]), "trailing_stop"))
    if rules["trailing_atr"] is not None and position.atr is not None:
        levels.append((position.best - sign * rules["trailing_atr"] * position.atr, "trailing_stop"))
    best = None
    for level, reason in levels:
        if best is None or sign * level > sign * best[0]:
            best = level, reason
    return best


def profit_level(account: Account, symbol: int) -> float | None:
    position, share = account.positions[symbol], account.rules["take_profit"]
    if share is None:
        return None
    return float(position.average * (1 + share if position.quantity > 0 else 1 - share))


def fallen_to(price: float, level: float, is_long: bool) -> bool:
    """Whether `price` is at a stop's level or beyond it."""
    return price <= level * (1 + AT) if is_long else price >= level * (1 - AT)


def risen_to(price: float, level: float, is_long: bool) -> bool:
    """Whether `price` is at a profit's level or beyond it."""
    return fallen_to(price, level, not is_long)


# -- inside the bar -----------------------------------------------------------------------------------------------


def inside(account: Account, bar: int) -> None:
    """Close what the prices inside the bar stop, symbol by symbol; then remember the best of them."""
    if account.rules["stop_when"] != "intrabar" or account.bankrupt:
        return
    market = account.market
    for s in range(account.symbols):
        if market["open"][bar][s] is None or account.held(s) == 0:
            continue
        found = reached_inside(account, bar, s)
        if found is not None:
            price, level, reason = found
            pending, account.pending[s] = account.pending[s], None
            if pending is not None:
                account.reject(bar, "risk", s, "stopped", pending.seq)
            stop = account.write_stop(bar, s, price, reason, level, price)
            account.close_out(bar, s, price, stop, "inside", slips=reason != "take_profit")
            account.stopped_at[s] = account.weighted[s]  # this bar's SIGNALs come later, and can release it
        else:
            position = account.positions[s]
            if position.quantity > 0:
                position.best = max(position.best, market["high"][bar][s])
            else:
                position.best = min(position.best, market["low"][bar][s])


def reached_inside(account: Account, bar: int, symbol: int) -> tuple[float, float, str] | None:
    """(reference price of the fill, level, reason) where the bar's prices close a position."""
    market, position = account.market, account.positions[symbol]
    opened, high, low = (market[name][bar][symbol] for name in ("open", "high", "low"))
    is_long = position.quantity > 0
    worst, best = (low, high) if is_long else (high, low)
    level, profit = nearest_level(account, symbol), profit_level(account, symbol)
    optimistic = account.rules["intrabar"] == "optimistic"
    begun_inside = position.entered == (bar, "inside")
    if not begun_inside:
        if level is not None and fallen_to(opened, level[0], is_long):
            return opened, *level
        if profit is not None and risen_to(opened, profit, is_long):
            return opened, profit, "take_profit"
    stops = level is not None and fallen_to(worst, level[0], is_long)
    gains = profit is not None and risen_to(best, profit, is_long) and (optimistic or not begun_inside)
    if gains and profit is not None and (optimistic or not stops):
        return profit, profit, "take_profit"
    if stops and level is not None:
        return level[0], *level
    return None


# -- at the close -------------------------------------------------------------------------------------------------


def watch_close(account: Account, bar: int) -> None:
    """Positions see the close of their symbol's own bar, but for those that were entered at it."""
    for s, close in enumerate(account.market["close"][bar]):
        position = account.positions[s]
        if close is None or position.quantity == 0 or position.entered == (bar, "close"):
            continue
        position.closes += 1
        if account.rules["stop_when"] == "close":
            position.best = max(position.best, close) if position.quantity > 0 else min(position.best, close)


def at_close(account: Account, bar: int, changed: list[int], member: list[bool]) -> dict[int, Stop]:
    """The symbols whose positions a rule closes at this bar."""
    found: dict[int, Stop] = {}
    for s, close in enumerate(account.market["close"][bar]):
        if close is None or account.held(s) == 0 or account.stopped_at[s] is not None:
            continue
        if s in changed and account.target[s] * account.held(s) <= 0:
            continue  # it is left anyway
        stop = judged(account, s, close, member[s])
        if stop is not None:
            found[s] = stop
    return found


def judged(account: Account, symbol: int, close: float, member: bool) -> Stop | None:
    rules, position = account.rules, account.positions[symbol]
    is_long = position.quantity > 0
    if rules["stop_when"] == "close":
        level, profit = nearest_level(account, symbol), profit_level(account, symbol)
        if level is not None and fallen_to(close, level[0], is_long):
            return Stop(level[1], level[0], close)
        if profit is not None and risen_to(close, profit, is_long):
            return Stop("take_profit", profit, close)
    if rules["time_stop"] is not None and position.closes >= rules["time_stop"]:
        return Stop("time_stop", rules["time_stop"], position.closes)
    if not member:
        return Stop("left_universe", None, close)
    return None


def halt(account: Account, equity: float) -> Stop | None:
    """Whether the account as a whole stops at this close: drawdown, the session's loss, margin."""
    rules = account.rules
    account.peak = max(account.peak, equity)
    if account.halted:
        return None
    if rules["max_drawdown"] is not None:
        floor = account.peak * (1 - rules["max_drawdown"])
        if equity <= floor * (1 + AT):
            account.halted = True
            return Stop("max_drawdown", floor, equity)
    if rules["daily_loss"] is not None and not account.resting:
        floor = account.before_session * (1 - rules["daily_loss"])
        if equity <= floor * (1 + AT):
            account.resting = True
            return Stop("daily_loss", floor, equity)
    if rules["maintenance"] is not None and open_positions(account):
        needed = rules["maintenance"] * account.gross()
        if equity < needed:
            return Stop("margin_call", needed, equity)
    return None


def open_positions(account: Account) -> bool:
    """Whether anything is held that no STOP closes yet."""
    return any(account.held(s) != 0 and account.stopped_at[s] is None for s in range(account.symbols))
