"""The trading rules once more, slowly: what a container must log, in plain Python.

Nothing here is shared with the engine and nothing is fast. One bar after the other, one symbol after the other, each
step a few lines that can be held against the written rules. `simulate` gives the whole log as dictionaries.
"""

import math
from typing import Any

Row = dict[str, Any]
Rules = dict[str, Any]
Market = dict[str, list[list[Any]]]  # [bar][symbol], None where the symbol has no bar

KEYS = (
    "bar",
    "kind",
    "level",
    "source",
    "symbol",
    "side",
    "price",
    "quantity",
    "commission",
    "value",
    "limit",
    "actual",
    "reason",
    "cause",
)

DEFAULTS: Rules = {
    "first_bar": 0,
    "initial_cash": 100_000.0,
    "slot": None,
    "weights": None,
    "regime_scale": None,
    "max_weight": 1.0,
    "max_gross": 1.0,
    "stop_loss": None,
    "rebalance": None,
    "size_price": "fill",
    "slippage_bps": 0.0,
    "commission_bps": 0.0,
    "lot_size": 0.0,
}

#: A TARGET is news, and a weighted signal is "further out", from this much on.
CHANGE = 1e-12
#: A RESIZE is logged when the buys exceed the money by more than this share of it.
SLACK = 1e-9
#: A close this close to the stop price is at it.
AT = 1e-12
#: A wanted quantity this close to what is held (as a share of it) is no difference, and a cut that leaves no more than
#: this share leaves nothing. The written rules say "zero" and "nothing"; without a tolerance the last bit of the cash
#: would decide whether an account that is fully invested trades 1e-14 units. Set to 0.0 for the letter of the rules.
NOTHING = 1e-9


def with_defaults(rules: Rules) -> Rules:
    unknown = set(rules) - set(DEFAULTS)
    if unknown:
        raise KeyError(f"unknown rules: {sorted(unknown)}")
    return {**DEFAULTS, **rules}


def signal_events(market: Market, signals: list[list[list[float | None]]], first_bar: int) -> list[Row]:
    """The SIGNALs, as {bar, strategy, symbol, value}, in the order they are logged.

    A symbol's first own bar from `first_bar` on shows where the strategy stands (nothing, if that is 0); later bars
    show changes. Both are one rule: log the last finite value where it is not the one logged last (at first: 0).
    """
    events = []
    for strategy, dense in enumerate(signals):
        for symbol in range(len(market["close"][0])):
            last: float = 0.0
            logged: float = 0.0
            for bar, closes in enumerate(market["close"]):
                if closes[symbol] is None:
                    continue  # a value on a bar that the symbol lacks counts as no opinion
                value = dense[bar][symbol]
                if value is not None and math.isfinite(value):
                    last = value
                if bar >= first_bar and last != logged:
                    logged = last
                    events.append({"bar": bar, "strategy": strategy, "symbol": symbol, "value": last})
    return sorted(events, key=lambda event: (event["bar"], event["strategy"], event["symbol"]))


def regime_events(regimes: list[int] | None, first_bar: int) -> dict[int, int]:
    """The REGIMEs: bar -> label code. A code of -1 is "no label" and never news."""
    events: dict[int, int] = {}
    last = logged = -1
    for bar, code in enumerate(regimes or []):
        if code >= 0:
            last = code
        if bar >= first_bar and last != logged:
            logged = last
            events[bar] = last
    return events


class Account:
    """One container's state, and the log it writes."""

    def __init__(self, market: Market, strategies: int, rules: Rules) -> None:
        self.market = market
        self.rules = with_defaults(rules)
        self.symbols = len(market["close"][0])
        self.strategies = strategies
        self.log: list[Row] = []

        self.cash: float = self.rules["initial_cash"]
        self.held = [0.0] * self.symbols
        self.average: list[float] = [0.0] * self.symbols  # entry price, where something is held
        self.last_close: list[Any] = [None] * self.symbols
        self.newest_fill: list[int | None] = [None] * self.symbols

        self.label: int | None = None
        self.signal = [[0.0] * self.symbols for _ in range(strategies)]
        self.target = [0.0] * self.symbols  # as logged
        self.pending: list[Row | None] = [None] * self.symbols  # {"order": seq, "target", "wanted"}
        self.stopped_at: list[float | None] = [None] * self.symbols  # weighted signal at the stop, while stopped
        self.bankrupt = False

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, bar: int, kind: str, level: str, source: str, **fields: Any) -> int:
        row: Row = dict.fromkeys(KEYS)
        row.update(bar=bar, kind=kind, level=level, source=source)
        for key, value in fields.items():
            assert key in row
            row[key] = value
        self.log.append(row)
        return len(self.log) - 1

    def reject(self, bar: int, level: str, source: str, symbol: int, reason: str, cause: int) -> None:
        self.write(bar, "REJECTION", level, source, symbol=symbol, reason=reason, cause=cause)

    # -- at the open --------------------------------------------------------------------------------------------

    def at_open(self, bar: int) -> None:
        opens = self.market["open"][bar]
        due = [s for s in range(self.symbols) if self.pending[s] is not None and opens[s] is not None]
        if not due:
            return
        orders: dict[int, Row] = {}
        for s in due:
            orders[s], self.pending[s] = self.pending[s] or {}, None

        # Equity is taken once, before the fills: open where there is one, else the last close. Never below 0: then
        # what is sized by it is sized to 0. Quantities fixed at the decision stay as they are.
        equity = self.cash
        for s in range(self.symbols):
            if self.held[s] != 0:
                equity += self.held[s] * (self.last_close[s] if opens[s] is None else opens[s])
        equity = max(equity, 0.0)

        wanted: dict[int, float] = {}
        difference: dict[int, float] = {}
        for s in due:
            if self.rules["size_price"] == "decision":
                wanted[s] = orders[s]["wanted"]
            else:
                wanted[s] = orders[s]["target"] * equity / opens[s]
            difference[s] = self.difference(s, wanted[s])

        # What cash must pay for, in quantities before lots.
        cash_before = self.cash
        buys = [s for s in due if difference[s] > 0]
        value_of_buys = sum(difference[s] * opens[s] for s in buys)
        value_of_sells = sum(-difference[s] * opens[s] for s in due if difference[s] < 0)
        money = cash_before + value_of_sells
        short_of_money = value_of_buys > money + SLACK * abs(money)

        # Sells first; an order without a difference stands among them.
        for s in due:
            if difference[s] == 0:
                self.reject(bar, "container", "execution", s, "no_change", orders[s]["order"])
            elif difference[s] < 0:
                quantity = self.in_lots(-difference[s], is_exit=wanted[s] == 0)
                if quantity > 0:
                    self.fill(bar, s, "sell", quantity, opens[s], orders[s]["order"])
                else:
                    self.reject(bar, "container", "execution", s, "below_lot", orders[s]["order"])

        # The part of a buy that closes a short is never cut; what goes beyond zero, and every other buy, is. The cash
        # is what the sells really left there (after lots); what the buys ask of it is counted before lots.
        closing = {s: min(difference[s], max(-self.held[s], 0.0)) for s in buys}
        opening = {s: difference[s] - closing[s] for s in buys}
        available = self.cash - sum(self.cost(closing[s], opens[s]) for s in buys)
        needed = sum(self.cost(opening[s], opens[s]) for s in buys)
        share = 1.0
        if needed > 0:
            share = min(max(available / needed, 0.0), 1.0)
            if share <= NOTHING:
                share = 0.0

        short_closers = [s for s in buys if self.held[s] < 0]
        others = [s for s in buys if self.held[s] >= 0]
        for s in short_closers + others:
            order = orders[s]["order"]
            uncut = difference[s]
            was_cut = opening[s] > 0 and share < 1
            left = closing[s] + share * opening[s] if was_cut else uncut
            if was_cut and short_of_money:
                self.write(
                    bar,
                    "RESIZE",
                    "risk",
                    "risk",
                    symbol=s,
                    side="buy",
                    price=opens[s],
                    quantity=left,
                    limit=available,
                    actual=needed,
                    reason="cash",
                    cause=order,
                )
            quantity = self.in_lots(left, is_exit=wanted[s] == 0)
            if quantity > 0:
                self.fill(bar, s, "buy", quantity, opens[s], order)
            elif self.in_lots(uncut, is_exit=wanted[s] == 0) > 0:
                self.reject(bar, "container", "execution", s, "no_cash", order)
            else:
                self.reject(bar, "container", "execution", s, "below_lot", order)

    def difference(self, symbol: int, wanted: float) -> float:
        """What is to be traded to hold `wanted`: positive buys, negative sells, 0.0 nothing."""
        held = self.held[symbol]
        if wanted == 0:
            return -held  # an exit trades exactly what is held
        difference = wanted - held
        if abs(difference) <= NOTHING * max(abs(wanted), abs(held)):
            return 0.0
        return difference

    def in_lots(self, quantity: float, is_exit: bool) -> float:
        lot: float = self.rules["lot_size"]
        if lot == 0 or is_exit:
            return quantity
        return math.floor(quantity / lot + 1e-9) * lot

    def fill_price(self, side: str, open_price: float) -> float:
        slippage: float = self.rules["slippage_bps"] / 1e4
        return open_price * (1 + slippage) if side == "buy" else open_price * (1 - slippage)

    def cost(self, quantity: float, open_price: float) -> float:
        """What buying `quantity` takes out of the cash."""
        commission: float = self.rules["commission_bps"] / 1e4
        return quantity * self.fill_price("buy", open_price) * (1 + commission)

    def fill(self, bar: int, symbol: int, side: str, quantity: float, open_price: float, order: int) -> None:
        price = self.fill_price(side, open_price)
        value = quantity * price
        commission = self.rules["commission_bps"] / 1e4 * value
        before = self.held[symbol]
        if side == "buy":
            self.cash -= value + commission
            after = before + quantity
        else:
            self.cash += value - commission
            after = before - quantity
        if before == 0 or before * after < 0:
            self.average[symbol] = price  # a new entry, from flat or through zero
        elif abs(after) > abs(before):
            # An addition, weighted against what is held now: after a reduction less of the entry is left to weigh.
            self.average[symbol] = (self.average[symbol] * abs(before) + price * quantity) / (abs(before) + quantity)
        self.held[symbol] = after
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
            cause=order,
        )

    # -- at the close -------------------------------------------------------------------------------------------

    def equity_at_close(self) -> float:
        equity = self.cash
        for s in range(self.symbols):
            if self.held[s] != 0:
                equity += self.held[s] * self.last_close[s]
        return equity

    def weighted_signals(self) -> list[float]:
        weights = self.rules["weights"]
        if isinstance(weights, dict):
            weights = None if self.label is None else weights.get(self.label)
        if weights is None:
            weights = [1 / self.strategies] * self.strategies
        weighted = []
        for s in range(self.symbols):
            total = 0.0
            for i in range(self.strategies):
                total += weights[i] * self.signal[i][s]
            weighted.append(total)
        return weighted

    def targets(self, weighted: list[float]) -> list[float]:
        slot = self.rules["slot"] if self.rules["slot"] is not None else 1 / self.symbols
        scale = 1.0
        if self.label is not None and self.rules["regime_scale"] is not None:
            scale = self.rules["regime_scale"].get(self.label, 1.0)
        most = self.rules["max_weight"]
        targets = [min(max(scale * slot * w, -most), most) for w in weighted]
        gross = 0.0
        for target in targets:
            gross += abs(target)
        if gross > self.rules["max_gross"]:
            targets = [target / (gross / self.rules["max_gross"]) for target in targets]
        return targets

    def at_close(self, bar: int, label: int | None, signals: list[Row]) -> None:
        """`label`: the new label if it changes at this bar; `signals`: the SIGNALs of this bar."""
        equity = self.equity_at_close()
        fails_now = not self.bankrupt and equity <= 0

        # Everything that depends on signals and labels alone.
        if label is not None:
            self.label = label
        for event in signals:
            self.signal[event["strategy"]][event["symbol"]] = event["value"]
        weighted = self.weighted_signals()
        targets = self.targets(weighted)
        changed = [s for s in range(self.symbols) if abs(targets[s] - self.target[s]) > CHANGE]

        regime_seq = None
        if label is not None:
            regime_seq = self.write(bar, "REGIME", "classifier", "classifier", reason=label)
        own_signal: dict[int, int] = {}
        newest_signal = None
        for event in signals:
            s = event["symbol"]
            source = f"strategy{event['strategy']}"
            newest_signal = self.write(bar, "SIGNAL", "strategy", source, symbol=s, value=event["value"])
            own_signal[s] = newest_signal
            if s not in changed:
                self.reject(bar, "portfolio", "ensemble", s, "no_change", newest_signal)

        # A stopped symbol is released by a SIGNAL of its own.
        for s in own_signal:
            at_stop = self.stopped_at[s]
            if at_stop is not None:
                now = weighted[s]
                if now == 0 or now * at_stop <= 0 or abs(now) > abs(at_stop) + CHANGE:
                    self.stopped_at[s] = None

        for s in changed:
            self.target[s] = targets[s]
        stops: dict[int, float] = {}
        if not self.bankrupt and not fails_now:
            stops = self.stops(bar, changed)

        # TARGETs, each with its REJECTION if no ORDER will come of it.
        target_seq: dict[int, int] = {}
        ordered_by_target: list[int] = []
        for s in changed:
            cause = own_signal.get(s)
            if cause is None:
                cause = regime_seq
            if cause is None:
                cause = newest_signal
            target_seq[s] = self.write(
                bar, "TARGET", "portfolio", "ensemble", symbol=s, value=self.target[s], cause=cause
            )
            if self.bankrupt or fails_now:
                self.reject(bar, "risk", "risk", s, "bankrupt", target_seq[s])
            elif s in stops or self.stopped_at[s] is not None:
                self.reject(bar, "risk", "risk", s, "stopped", target_seq[s])
            elif self.target[s] == 0 and self.held[s] == 0 and self.pending[s] is None:
                self.reject(bar, "portfolio", "portfolio", s, "no_change", target_seq[s])
            else:
                ordered_by_target.append(s)

        if fails_now:
            self.fail(bar, equity)
        if self.bankrupt:
            return

        stop_seq: dict[int, int] = {}
        for s, stop_price in stops.items():
            self.stopped_at[s] = weighted[s]
            stop_seq[s] = self.write_stop(bar, s, limit=stop_price, actual=self.last_close[s], reason="stop_loss")

        rebalance_seq = None
        passed = bar - self.rules["first_bar"]
        if self.rules["rebalance"] and passed > 0 and passed % self.rules["rebalance"] == 0:
            rebalance_seq = self.write(bar, "REBALANCE", "portfolio", "portfolio", reason="schedule")

        for s in range(self.symbols):
            if s in stop_seq:
                self.order(bar, s, 0.0, equity, stop_seq[s])
            elif s in ordered_by_target:
                self.order(bar, s, self.target[s], equity, target_seq[s])
            elif rebalance_seq is not None and self.stopped_at[s] is None and (self.target[s] or self.held[s]):
                self.order(bar, s, self.target[s], equity, rebalance_seq)

    def stops(self, bar: int, changed: list[int]) -> dict[int, float]:
        """The symbols that a stop loss closes at this bar, with their stop prices."""
        stops: dict[int, float] = {}
        if self.rules["stop_loss"] is None:
            return stops
        for s in range(self.symbols):
            close = self.market["close"][bar][s]
            if close is None or self.held[s] == 0 or self.stopped_at[s] is not None:
                continue
            if self.held[s] > 0:
                stop_price = self.average[s] * (1 - self.rules["stop_loss"])
                hit = close <= stop_price * (1 + AT)
            else:
                stop_price = self.average[s] * (1 + self.rules["stop_loss"])
                hit = close >= stop_price * (1 - AT)
            leaves_anyway = s in changed and self.target[s] * self.held[s] <= 0
            if hit and not leaves_anyway:
                stops[s] = stop_price
        return stops

    def write_stop(self, bar: int, symbol: int, limit: float, actual: float | None, reason: str) -> int:
        held = self.held[symbol]
        return self.write(
            bar,
            "STOP",
            "risk",
            "risk",
            symbol=symbol,
            side=None if held == 0 else "sell" if held > 0 else "buy",
            price=self.last_close[symbol],
            quantity=abs(held),
            limit=limit,
            actual=actual,
            reason=reason,
            cause=self.newest_fill[symbol],
        )

    def fail(self, bar: int, equity: float) -> None:
        """Bankrupt: stop everything, refuse what is pending."""
        stopped = [s for s in range(self.symbols) if self.held[s] != 0]
        if not stopped:
            newest = max(seq for seq in self.newest_fill if seq is not None)
            stopped = [self.newest_fill.index(newest)]
        for s in stopped:
            self.write_stop(bar, s, limit=0.0, actual=equity, reason="bankrupt")
        for s in range(self.symbols):
            pending = self.pending[s]
            if pending is not None:
                self.reject(bar, "risk", "risk", s, "bankrupt", pending["order"])
                self.pending[s] = None
        self.bankrupt = True

    def order(self, bar: int, symbol: int, target: float, equity: float, cause: int) -> None:
        close = self.last_close[symbol]
        wanted = target * equity / close
        difference = self.difference(symbol, wanted)
        seq = self.write(
            bar,
            "ORDER",
            "portfolio",
            "portfolio",
            symbol=symbol,
            side=None if difference == 0 else "buy" if difference > 0 else "sell",
            price=close,
            quantity=abs(difference),
            value=target,
            cause=cause,
        )
        replaced = self.pending[symbol]
        if replaced is not None:
            self.reject(bar, "portfolio", "portfolio", symbol, "replaced", replaced["order"])
        self.pending[symbol] = {"order": seq, "target": target, "wanted": wanted}

    def after_the_end(self) -> None:
        last = len(self.market["close"]) - 1
        for s in range(self.symbols):
            pending = self.pending[s]
            if pending is not None:
                self.reject(last, "container", "execution", s, "end_of_data", pending["order"])
                self.pending[s] = None


def simulate(
    market: Market, signals: list[list[list[float | None]]], regimes: list[int] | None, rules: Rules
) -> list[Row]:
    """The event log of one container; a row's number in the list is its `seq`.

    `market`: open, high, low and close, each [bar][symbol], None where the symbol has no bar. `signals`: for each
    strategy its dense values [bar][symbol], None where it has no opinion. `regimes`: a label code per bar, -1 before
    the first label; or None. `rules`: see `DEFAULTS`; `weights` is a list or {label code: list}, `regime_scale` is
    {label code: scale}.
    """
    account = Account(market, len(signals), rules)
    first_bar = account.rules["first_bar"]
    new_labels = regime_events(regimes, first_bar)
    events = signal_events(market, signals, first_bar)
    for bar, closes in enumerate(market["close"]):
        account.at_open(bar)
        for s, close in enumerate(closes):
            if close is not None:
                account.last_close[s] = close
        if bar >= first_bar:
            account.at_close(bar, new_labels.get(bar), [event for event in events if event["bar"] == bar])
    account.after_the_end()
    return account.log
