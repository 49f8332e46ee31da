"""The trading rules once more, slowly: what a container must log, in plain Python.

Nothing here is shared with the engine and nothing is fast. One bar after the other, one symbol after the other, each
step a few lines that can be held against the written rules. `simulate` gives the whole log as dictionaries.
"""

import math
from typing import Any

from tests.oracle.account import Account, Order
from tests.oracle.fills import settle
from tests.oracle.quantities import difference, wanted_quantity
from tests.oracle.rules import CHANGE, Market, Row, Rules
from tests.oracle.stops import Stop, at_close, halt, inside, watch_close
from tests.oracle.targets import asked_for, capped, members, take_sizes, weighted_signals


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


class Close:
    """What is decided at one close."""

    regime_seq: int | None
    last_signal: int | None

    def __init__(self, account: Account, bar: int, label: int | None, signals: list[Row]) -> None:
        """`label`: the new label if it changes at this bar; `signals`: the SIGNALs of this bar."""
        self.account = account
        self.bar = bar
        self.label = label
        self.signals = signals
        self.equity = account.equity(account.last_close)
        self.member = members(account, bar)
        passed = bar - account.rules["first_bar"]
        every = account.rules["rebalance"]
        self.scheduled = bool(every) and passed > 0 and passed % every == 0
        self.fails_now = not account.bankrupt and self.equity <= 0
        self.all_stop: Stop | None = None
        self.changed: list[int] = []
        self.target_seq: dict[int, int] = {}
        self.stop_seq: dict[int, int] = {}
        self.ordered_by_target: list[int] = []

    def decide(self) -> None:
        account, bar = self.account, self.bar
        self.new_session()
        self.targets()
        stops: dict[int, Stop] = {}
        if not account.bankrupt and not self.fails_now:
            watch_close(account, bar)
            self.all_stop = halt(account, self.equity)
            if self.all_stop is None:
                stops = at_close(account, bar, self.changed, self.member)
        self.judge_targets(stops)
        if self.fails_now:
            self.fail()
        if account.bankrupt:
            return
        for s, stop in stops.items():
            self.stop(s, stop)
        if self.all_stop is not None:
            self.stop_all(self.all_stop)
        self.orders()

    def new_session(self) -> None:
        account, sessions = self.account, self.account.market.get("session")
        bar, first = self.bar, self.account.rules["first_bar"]
        if bar > first and (sessions is None or sessions[bar] != sessions[bar - 1]):
            account.before_session = account.last_equity
            account.resting = False

    # -- signals and targets --------------------------------------------------------------------------------------

    def targets(self) -> None:
        """REGIME and SIGNALs, and what they ask for; TARGETs follow when it is known which are refused."""
        account, bar = self.account, self.bar
        if self.label is not None:
            account.label = self.label
        for event in self.signals:
            account.signal[event["strategy"]][event["symbol"]] = event["value"]
        own = [event["symbol"] for event in self.signals]
        account.weighted = weighted_signals(account)
        take_sizes(account, bar, own, self.scheduled)
        asked = asked_for(account, account.weighted)
        targets = capped(account, asked)
        self.changed = [s for s in range(account.symbols) if abs(targets[s] - account.target[s]) > CHANGE]

        self.regime_seq = None
        if self.label is not None:
            self.regime_seq = account.write(bar, "REGIME", "classifier", "classifier", reason=self.label)
        self.own_signal: dict[int, int] = {}
        self.last_signal = None
        for event in self.signals:
            s = event["symbol"]
            source = f"strategy{event['strategy']}"
            seq = account.write(bar, "SIGNAL", "strategy", source, symbol=s, value=event["value"])
            self.own_signal[s] = self.last_signal = account.newest_signal[s] = seq
            if account.rules["long_only"] and asked[s] < 0:
                account.reject(bar, "risk", s, "long_only", seq, limit=0.0, actual=asked[s])
            elif s not in self.changed:
                unsized = account.slots[s] is None and account.weighted[s] != 0
                reason = "no_size" if unsized else "no_change"
                account.write(bar, "REJECTION", "portfolio", "ensemble", symbol=s, reason=reason, cause=seq)

        # A stopped symbol is released by a SIGNAL of its own.
        for s in self.own_signal:
            at_stop = account.stopped_at[s]
            if at_stop is not None:
                now = account.weighted[s]
                if now == 0 or now * at_stop <= 0 or abs(now) > abs(at_stop) + CHANGE:
                    account.stopped_at[s] = None
        for s in self.changed:
            account.target[s] = targets[s]

    def cause_of_target(self, symbol: int) -> int | None:
        if symbol in self.own_signal:
            return self.own_signal[symbol]
        if self.regime_seq is not None:
            return self.regime_seq
        if self.last_signal is not None:
            return self.last_signal
        return self.account.newest_signal[symbol]  # only its size has changed

    def judge_targets(self, stops: dict[int, Stop]) -> None:
        """TARGETs, each with its REJECTION if no ORDER will come of it."""
        account, bar = self.account, self.bar
        for s in self.changed:
            cause, target = self.cause_of_target(s), account.target[s]
            self.target_seq[s] = account.write(
                bar, "TARGET", "portfolio", "ensemble", symbol=s, value=target, cause=cause
            )
            since = None if account.stop_bar[s] is None else bar - account.stop_bar[s]
            stopped = s in stops or account.stopped_at[s] is not None
            if account.bankrupt or self.fails_now:
                self.refuse(s, "bankrupt")
            elif account.ended[s]:
                self.refuse(s, "delisted")
            elif self.all_stop is not None or account.halted or account.resting:
                self.refuse(s, "halted")
            elif stopped:
                self.refuse(s, "stopped")
            elif not self.member[s] and target != 0:
                self.refuse(s, "not_member")
            elif self.cooling(s) and target != 0:
                self.refuse(s, "cool_down", limit=account.rules["cool_down"], actual=since)
            elif target == 0 and account.held(s) == 0 and account.pending[s] is None:
                account.reject(bar, "portfolio", s, "no_change", self.target_seq[s])
            else:
                self.ordered_by_target.append(s)

    def refuse(self, symbol: int, reason: str, **fields: Any) -> None:
        self.account.reject(self.bar, "risk", symbol, reason, self.target_seq[symbol], **fields)

    def cooling(self, symbol: int) -> bool:
        stopped = self.account.stop_bar[symbol]
        most = self.account.rules["cool_down"]
        return stopped is not None and most > 0 and self.bar - stopped <= most

    # -- stops ----------------------------------------------------------------------------------------------------

    def stop(self, symbol: int, stop: Stop) -> None:
        account = self.account
        account.stopped_at[symbol] = account.weighted[symbol]
        close = account.last_close[symbol]
        self.stop_seq[symbol] = account.write_stop(self.bar, symbol, close, stop.reason, stop.limit, stop.actual)

    def stop_all(self, stop: Stop) -> None:
        """Every position gets a STOP, pending orders are refused."""
        for s in range(self.account.symbols):
            if self.account.held(s) != 0:
                self.stop(s, stop)
        self.refuse_pending("halted")

    def fail(self) -> None:
        """Bankrupt: stop everything, refuse what is pending."""
        account = self.account
        stopped = [s for s in range(account.symbols) if account.held(s) != 0]
        if not stopped:
            newest = max(seq for seq in account.newest_fill if seq is not None)
            stopped = [account.newest_fill.index(newest)]
        for s in stopped:
            account.write_stop(self.bar, s, account.last_close[s], "bankrupt", 0.0, self.equity)
        self.refuse_pending("bankrupt")
        account.bankrupt = True

    def refuse_pending(self, reason: str) -> None:
        account = self.account
        for s in range(account.symbols):
            pending, account.pending[s] = account.pending[s], None
            if pending is not None:
                account.reject(self.bar, "risk", s, reason, pending.seq)

    # -- orders ---------------------------------------------------------------------------------------------------

    def orders(self) -> None:
        account, bar = self.account, self.bar
        rebalance = None
        if not (account.halted or account.resting or self.all_stop):
            if self.scheduled:
                rebalance = account.write(bar, "REBALANCE", "portfolio", "portfolio", reason="schedule")
            elif account.rules["drift_band"] is not None:
                band, drift = account.rules["drift_band"], self.drift()
                if drift > band:
                    fields = {"reason": "drift", "limit": band, "actual": drift}
                    rebalance = account.write(bar, "REBALANCE", "portfolio", "portfolio", **fields)
        for s in range(account.symbols):
            if s in self.stop_seq:
                self.order(s, 0.0, self.stop_seq[s])
            elif s in self.ordered_by_target:
                self.order(s, account.target[s], self.target_seq[s])
            elif rebalance is not None and self.rebalances(s):
                self.order(s, account.target[s], rebalance)

    def enters(self, symbol: int) -> bool:
        """Whether an order of a REBALANCE may bring the symbol to its target."""
        outside = not self.member[symbol] or self.cooling(symbol)
        return not (outside and self.account.target[symbol] != 0)

    def rebalances(self, symbol: int) -> bool:
        account = self.account
        if account.stopped_at[symbol] is not None or account.ended[symbol] or not self.enters(symbol):
            return False
        return bool(account.target[symbol] or account.held(symbol))

    def drift(self) -> float:
        """The largest distance of a weight from its target, of the symbols that could be traded."""
        account = self.account
        largest = 0.0
        for s in range(account.symbols):
            decided = s in self.stop_seq or s in self.ordered_by_target
            if account.pending[s] is not None or decided or not self.rebalances(s):
                continue
            weight = account.worth(account.held(s), account.last_close[s]) / self.equity
            largest = max(largest, abs(weight - account.target[s]))
        return largest

    def order(self, symbol: int, target: float, cause: int) -> None:
        account, rules = self.account, self.account.rules
        close = account.last_close[symbol]
        wanted = 0.0 if target == 0 else wanted_quantity(account, target, self.equity, close)
        trade = difference(account, symbol, wanted)
        order = Order(0, target, wanted, self.atr(symbol))
        if rules["entry"] != "market" and trade != 0 and account.held(symbol) * trade >= 0:
            order.style, order.side = rules["entry"], "buy" if trade > 0 else "sell"
            below = (order.side == "buy") == (order.style == "limit")
            price = close * (1 - rules["entry_offset"] if below else 1 + rules["entry_offset"])
            order.price = account.on_tick(price, up=not below)
        order.seq = account.write_order(self.bar, symbol, trade, close, target, order.price, cause)
        replaced = account.pending[symbol]
        if replaced is not None:
            account.reject(self.bar, "portfolio", symbol, "replaced", replaced.seq)
        account.pending[symbol] = order

    def atr(self, symbol: int) -> float | None:
        """The range that stops of a position by this order use, in units of now."""
        found = self.account.range_at("stop_atr", self.bar, symbol)
        return None if found is None else found / self.account.factors[self.bar][symbol]


def after_the_end(account: Account) -> None:
    for s in range(account.symbols):
        pending = account.pending[s]
        if pending is not None:
            account.reject(len(account.market["close"]) - 1, "container", s, "end_of_data", pending.seq)


def simulate(
    market: Market, signals: list[list[list[float | None]]], regimes: list[int] | None, rules: Rules, ranges: Any = None
) -> list[Row]:
    """The event log of one container; a row's number in the list is its `seq`.

    `market`: open, high, low, close and perhaps volume, each [bar][symbol], None where the symbol has no bar; `day` and
    `session`: a number for each bar; `actions`: (bar, symbol, kind, value); `features`: tables by name. `signals`: for
    each strategy its dense values [bar][symbol], None where it has no opinion. `regimes`: a label code per bar, -1
    before the first label; or None. `rules`: see `DEFAULTS`; `weights` is a list or {label code: list}, `regime_scale`
    is {label code: scale}. `ranges`: ATR and volatility as of `ranges.tables`, which makes them otherwise.
    """
    account = Account(market, len(signals), rules, ranges)
    first_bar, fill = account.rules["first_bar"], account.rules["fill"]
    new_labels = regime_events(regimes, first_bar)
    events = signal_events(market, signals, first_bar)
    for bar, closes in enumerate(market["close"]):
        account.before_open(bar)
        if fill == "next_open":
            settle(account, bar, "open")
        inside(account, bar)
        for s, close in enumerate(closes):
            if close is not None:
                account.last_close[s] = close
        if fill == "next_close":
            settle(account, bar, "close")
        if bar >= first_bar:
            Close(account, bar, new_labels.get(bar), [event for event in events if event["bar"] == bar]).decide()
            if fill == "same_close":
                settle(account, bar, "close")
        account.last_equity = account.equity(account.last_close)
    after_the_end(account)
    return account.log
