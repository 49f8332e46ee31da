"""One account of the twin: what it holds, what is pending, and the log it writes."""

import math
from dataclasses import dataclass
from typing import Any

from tests.oracle.ranges import split_factors, tables
from tests.oracle.rules import KEYS, SLACK, Market, Row, Rules, with_defaults

SPLIT, DIVIDEND, END = 0, 1, 2


@dataclass
class Position:
    """What is held of one symbol (long above 0), and what its stops remember."""

    quantity: float = 0.0
    average: float = 0.0  # entry price
    best: float = 0.0  # best price since the entry
    atr: float | None = None  # at the ORDER that opened
    closes: int = 0  # own closes it has seen
    entered: tuple[int, str] = (-1, "")  # bar, and when in it: "open", "inside" or "close"


@dataclass
class Order:
    """An ORDER that has not filled, or not all of it."""

    seq: int
    target: float
    wanted: float  # by the prices of the decision
    atr: float | None
    style: str = "market"
    side: str | None = None
    price: float | None = None  # of a limit or stop order
    stood: int = 0  # own bars in the market
    value: float = 0.0  # what has filled so far
    quantity: float = 0.0
    paid: float = 0.0


class Account:
    """One container's state. The steps of a bar are functions on it, in the other modules."""

    def __init__(self, market: Market, strategies: int, rules: Rules, ranges: Any = None) -> None:
        self.market = market
        self.rules = with_defaults(rules)
        self.symbols = len(market["close"][0])
        self.strategies = strategies
        self.log: list[Row] = []

        self.cash: float = self.rules["initial_cash"]
        self.positions = [Position() for _ in range(self.symbols)]
        self.last_close: list[Any] = [None] * self.symbols
        self.newest_fill: list[int | None] = [None] * self.symbols
        self.pending: list[Order | None] = [None] * self.symbols

        self.label: int | None = None
        self.signal = [[0.0] * self.symbols for _ in range(strategies)]
        self.newest_signal: list[int | None] = [None] * self.symbols
        self.slots: list[float | None] = [0.0] * self.symbols
        self.target = [0.0] * self.symbols  # as logged

        self.stopped_at: list[float | None] = [None] * self.symbols  # weighted signal at the stop, while stopped
        self.weighted = [0.0] * self.symbols  # signals, after the last bar's
        self.stop_bar: list[int | None] = [None] * self.symbols
        self.ended = [False] * self.symbols
        self.peak = self.cash  # of equity at closes
        self.last_equity = self.cash  # at the close before
        self.before_session = self.cash
        self.resting = False  # until the next session
        self.halted = False  # for good
        self.bankrupt = False

        self.factors = split_factors(market)
        self.ranges = tables(market, self.rules) if ranges is None else ranges

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, bar: int, kind: str, level: str, source: str, **fields: Any) -> int:
        row: Row = dict.fromkeys(KEYS)
        row.update(bar=bar, kind=kind, level=level, source=source)
        for key, value in fields.items():
            assert key in row
            row[key] = value
        self.log.append(row)
        return len(self.log) - 1

    def reject(self, bar: int, level: str, symbol: int, reason: str, cause: int, **fields: Any) -> None:
        source = {"risk": "risk", "portfolio": "portfolio", "container": "execution"}[level]
        self.write(bar, "REJECTION", level, source, symbol=symbol, reason=reason, cause=cause, **fields)

    def write_stop(self, bar: int, symbol: int, price: float, reason: str, limit: Any, actual: Any) -> int:
        held = self.positions[symbol].quantity
        self.stop_bar[symbol] = bar
        return self.write(
            bar,
            "STOP",
            "risk",
            "risk",
            symbol=symbol,
            side=None if held == 0 else "sell" if held > 0 else "buy",
            price=price,
            quantity=abs(held),
            limit=limit,
            actual=actual,
            reason=reason,
            cause=self.newest_fill[symbol],
        )

    def write_order(
        self, bar: int, symbol: int, difference: float, price: float, target: float, limit: Any, cause: int
    ) -> int:
        return self.write(
            bar,
            "ORDER",
            "portfolio",
            "portfolio",
            symbol=symbol,
            side=None if difference == 0 else "buy" if difference > 0 else "sell",
            price=price,
            quantity=abs(difference),
            value=target,
            limit=limit,
            cause=cause,
        )

    # -- worth --------------------------------------------------------------------------------------------------

    def held(self, symbol: int) -> float:
        return self.positions[symbol].quantity

    def worth(self, quantity: float, price: float) -> float:
        return quantity * price * float(self.rules["multiplier"])

    def equity(self, prices: list[Any]) -> float:
        """Cash and all positions, at `prices`, or the last close where there is none."""
        equity = self.cash
        for s in range(self.symbols):
            if self.held(s) != 0:
                equity += self.worth(self.held(s), self.last_close[s] if prices[s] is None else prices[s])
        return equity

    def gross(self) -> float:
        """Longs and shorts at the last closes."""
        return sum(abs(self.worth(self.held(s), self.last_close[s])) for s in range(self.symbols) if self.held(s))

    def range_at(self, table: str, bar: int, symbol: int) -> float | None:
        """The last known value of one of the tables of `ranges`, in units of the first day."""
        known = [row[symbol] for row in self.ranges.get(table, [])[: bar + 1] if row[symbol] is not None]
        return known[-1] if known else None

    # -- fills --------------------------------------------------------------------------------------------------

    def volume(self, bar: int, symbol: int) -> float:
        volumes = self.market.get("volume")
        return 0.0 if volumes is None or volumes[bar][symbol] is None else float(volumes[bar][symbol])

    def fill_price(self, bar: int, symbol: int, side: str, quantity: float, reference: float, slips: bool) -> float:
        """The price `quantity` fills at: slippage and half the spread, impact, and a whole tick against the trader."""
        rules = self.rules
        share = 0.0
        if slips:
            share = (rules["slippage_bps"] + rules["spread_bps"] / 2) / 1e4
            if rules["impact"] > 0:
                volume = self.volume(bar, symbol)
                share += rules["impact"] * math.sqrt(quantity / volume) if volume > 0 else 0.0
            share = min(share, 0.99)
        price = reference * (1 + share if side == "buy" else 1 - share)
        return self.on_tick(price, up=side == "buy")

    def on_tick(self, price: float, up: bool) -> float:
        tick: float = self.rules["tick_size"]
        if tick == 0:
            return price
        return max(math.ceil(price / tick - 1e-9) if up else math.floor(price / tick + 1e-9), 1) * tick

    def commission(self, order: Order, price: float, quantity: float) -> float:
        """What a further fill of `order` costs: the commission on all of it, less what was paid."""
        rules = self.rules
        value, filled = order.value + self.worth(quantity, price), order.quantity + quantity
        whole = rules["commission_bps"] / 1e4 * value + rules["commission_per_unit"] * filled
        return float(max(rules["commission_min"], whole + rules["commission_per_order"])) - order.paid

    def fill(
        self, bar: int, symbol: int, side: str, quantity: float, reference: float, order: Order, when: str, slips: bool
    ) -> None:
        """Book a fill and write it. `when`: "open", "inside" or "close", for what the position remembers."""
        price = self.fill_price(bar, symbol, side, quantity, reference, slips)
        commission = self.commission(order, price, quantity)
        order.value += self.worth(quantity, price)
        order.quantity += quantity
        order.paid += commission

        position = self.positions[symbol]
        before = position.quantity
        sign = 1.0 if side == "buy" else -1.0
        after = before + sign * quantity
        self.cash -= sign * self.worth(quantity, price) + commission
        if before == 0 or before * after < 0:  # a new entry, from flat or through zero
            self.positions[symbol] = Position(after, price, price, order.atr, 0, (bar, when))
        else:
            if abs(after) > abs(before):
                # An addition, weighted against what is held now: after a reduction less of the entry is left to weigh.
                position.average = (position.average * abs(before) + price * quantity) / (abs(before) + quantity)
            position.quantity = after
        self.newest_fill[symbol] = self.write(
            bar,
            "FILL",
            "container",
            "execution",
            symbol=symbol,
            side=side,
            price=price,
            quantity=quantity,
            commission=commission,
            limit=None if reference == self.market["open"][bar][symbol] else reference,
            cause=order.seq,
        )

    # -- before the open ----------------------------------------------------------------------------------------

    def before_open(self, bar: int) -> None:
        """Financing and borrowing of the days since the bar before, then the bar's corporate actions by symbol."""
        if self.bankrupt:
            for s in (action[1] for action in self.market.get("actions", []) if (action[0], action[2]) == (bar, END)):
                self.ended[s] = True  # sizes know it, whatever became of the account
            return
        days = (
            self.market["day"][bar] - self.market["day"][bar - 1] if "day" in self.market and bar > 0 else min(bar, 1)
        )
        financing, borrowing = self.rules["financing_rate"], self.rules["borrow_rate"]
        if financing > 0 and days > 0 and self.cash < -SLACK * self.rules["initial_cash"]:
            self.pay(bar, None, "financing", self.cash * financing * days / 360, days, self.cash, None)
        for s in range(self.symbols):
            if borrowing > 0 and days > 0 and self.held(s) < 0:
                short = self.worth(self.held(s), self.last_close[s])
                self.pay(bar, s, "borrow", short * borrowing * days / 360, days, short, self.newest_fill[s])
        for action_bar, s, kind, value in sorted(self.market.get("actions", [])):
            if action_bar != bar:
                continue
            if kind == SPLIT:
                self.split(bar, s, value)
            elif kind == DIVIDEND and self.held(s) != 0:
                credit = self.worth(self.held(s), value)
                self.pay(bar, s, "dividend", credit, abs(self.held(s)), value, self.newest_fill[s])
            elif kind == END:
                self.end(bar, s)

    def pay(
        self, bar: int, symbol: int | None, reason: str, value: float, quantity: float, limit: float, cause: Any
    ) -> None:
        self.cash += value
        fields = {"value": value, "quantity": quantity, "limit": limit, "reason": reason, "cause": cause}
        if reason == "dividend":
            fields["side"] = "buy" if self.held(symbol) > 0 else "sell"
        self.write(bar, "CASH", "container", "execution", symbol=symbol, **fields)

    def split(self, bar: int, symbol: int, ratio: float) -> None:
        position, order = self.positions[symbol], self.pending[symbol]
        if self.last_close[symbol] is not None:
            self.last_close[symbol] /= ratio
        if order is not None:
            order.wanted *= ratio
            order.price = None if order.price is None else order.price / ratio
            order.atr = None if order.atr is None else order.atr / ratio
        if position.quantity == 0:
            return
        position.quantity *= ratio
        position.average /= ratio
        position.best /= ratio
        position.atr = None if position.atr is None else position.atr / ratio
        side = "buy" if position.quantity > 0 else "sell"
        fields = {"value": ratio, "side": side, "quantity": abs(position.quantity), "cause": self.newest_fill[symbol]}
        self.write(bar, "SPLIT", "container", "execution", symbol=symbol, **fields)

    def end(self, bar: int, symbol: int) -> None:
        """The symbol has no further bar: refuse what is pending, and close at its last price."""
        self.ended[symbol] = True
        pending, self.pending[symbol] = self.pending[symbol], None
        if pending is not None:
            self.reject(bar, "risk", symbol, "delisted", pending.seq)
        if self.held(symbol) != 0:
            last = self.last_close[symbol]
            stop = self.write_stop(bar, symbol, last, "delisted", None, None)
            self.close_out(bar, symbol, last, stop, "open", slips=False)

    def close_out(self, bar: int, symbol: int, reference: float, stop: int, when: str, slips: bool) -> None:
        """ORDER and FILL of a STOP that does not wait."""
        held = self.held(symbol)
        order = Order(self.write_order(bar, symbol, -held, reference, 0.0, None, stop), 0.0, 0.0, None)
        self.fill(bar, symbol, "sell" if held > 0 else "buy", abs(held), reference, order, when, slips)
