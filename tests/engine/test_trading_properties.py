"""What holds for every log, whatever the rules: money is conserved, limits and prices are kept, causes exist."""

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.events import empty_log
from engine.execution.advance import advance, finish
from engine.projections.account import project
from tests.engine.trading import batch_of, plain, rules_of, run_case
from tests.oracle.cases import cases

some = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
Row = dict[str, Any]


class Holdings:
    """Cash and positions, from FILL, CASH and SPLIT rows."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.cash = case["rules"]["initial_cash"]
        self.multiplier = case["rules"].get("multiplier", 1.0)
        self.held = [0.0] * len(case["market"]["close"][0])

    def take(self, row: Row) -> None:
        s = row["symbol"]
        if row["kind"] == "FILL":
            side = 1 if row["side"] == "buy" else -1
            self.cash -= side * row["quantity"] * row["price"] * self.multiplier + row["commission"]
            self.held[s] += side * row["quantity"]
        elif row["kind"] == "CASH":
            self.cash += row["value"]
        elif row["kind"] == "SPLIT":
            self.held[s] *= row["value"]
            assert abs(self.held[s]) == pytest.approx(row["quantity"], rel=1e-12)

    def values(self, prices: list[float]) -> list[float]:
        """Money in each symbol, negative for a short."""
        return [
            quantity * price * self.multiplier if quantity else 0.0
            for quantity, price in zip(self.held, prices, strict=True)
        ]


def marks(market: dict[str, Any]) -> list[list[float]]:
    """The last close of each symbol at each bar; NaN before its first."""
    found, last = [], [math.nan] * len(market["close"][0])
    for closes in market["close"]:
        last = [kept if close is None else close for kept, close in zip(last, closes, strict=True)]
        found.append(last)
    return found


@some
@given(case=cases())
def test_no_money_appears_or_is_lost(case: dict[str, Any]) -> None:
    market, log = run_case(case)
    rows, rules, first = plain(log), case["rules"], case["rules"]["first_bar"]
    holdings = Holdings(case)
    account = project(log, market.bars, first, rules["initial_cash"], None, holdings.multiplier)
    failed = next((row["bar"] for row in rows if row["reason"] == "bankrupt" and row["kind"] == "STOP"), None)
    biggest = rules["initial_cash"]
    place = 0
    for bar, prices in enumerate(marks(case["market"])):
        while place < len(rows) and rows[place]["bar"] == bar:
            holdings.take(rows[place])
            place += 1
        if bar < first or (failed is not None and bar > failed):
            continue
        values = holdings.values(prices)
        biggest = max(biggest, abs(holdings.cash), *map(abs, values))
        assert account.equity[bar - first] == pytest.approx(holdings.cash + sum(values), abs=1e-11 * biggest)
    assert place == len(rows)


@some
@given(case=cases())
def test_no_fill_is_outside_its_bar_but_for_slippage_and_ticks(case: dict[str, Any]) -> None:
    rows, rules, market = plain(run_case(case)[1]), case["rules"], case["market"]
    last = marks(market)
    for row in rows:
        if row["kind"] != "FILL":
            continue
        bar, s = row["bar"], row["symbol"]
        if market["close"][bar][s] is None:
            assert row["limit"] == last[bar][s]  # a symbol that has ended, at its last price
            reference, volume = row["limit"], math.nan
        else:
            reference = market["open"][bar][s] if row["limit"] is None else row["limit"]
            assert market["low"][bar][s] * (1 - 1e-12) <= reference <= market["high"][bar][s] * (1 + 1e-12)
            volume = market["volume"][bar][s] if "volume" in market else 0.0
        share = (rules["slippage_bps"] + rules.get("spread_bps", 0.0) / 2) / 1e4
        if rules.get("impact") and volume > 0:
            share = min(share + rules["impact"] * math.sqrt(row["quantity"] / volume), 0.99)
        worse = row["price"] - reference if row["side"] == "buy" else reference - row["price"]
        tick = rules.get("tick_size", 0.0)
        if row["side"] == "sell" and reference * (1 - share) < tick:
            assert row["price"] == tick  # nothing is sold below one tick
            continue
        assert -1e-9 * (reference + tick) <= worse <= reference * share * (1 + 1e-9) + tick * (1 + 1e-9)
        if tick:
            assert row["price"] / tick == pytest.approx(round(row["price"] / tick), abs=1e-6)


@some
@given(case=cases())
def test_every_event_has_its_cause_and_its_consequence(case: dict[str, Any]) -> None:
    rows = plain(run_case(case)[1])
    answered: dict[int, set[str]] = {}
    allowed = {
        "TARGET": {"SIGNAL", "REGIME"},
        "ORDER": {"TARGET", "STOP", "REBALANCE"},
        "FILL": {"ORDER"},
        "STOP": {"FILL"},
        "RESIZE": {"ORDER"},
        "SPLIT": {"FILL"},
        "REJECTION": {"SIGNAL", "TARGET", "ORDER"},
    }
    for seq, row in enumerate(rows):
        if row["kind"] in ("REGIME", "SIGNAL", "REBALANCE") or row["reason"] == "financing":
            assert row["cause"] is None
            continue
        assert row["cause"] < seq
        cause = rows[row["cause"]]
        assert cause["kind"] in allowed.get(row["kind"], {"FILL"})
        if row["kind"] in ("ORDER", "FILL", "STOP", "RESIZE"):
            assert cause["symbol"] in (row["symbol"], None)
        answered.setdefault(row["cause"], set()).add(row["kind"])
    targeted = {(row["bar"], row["symbol"]) for row in rows if row["kind"] == "TARGET"}
    for seq, row in enumerate(rows):
        found = answered.get(seq, set())
        if row["kind"] == "SIGNAL":
            assert (row["bar"], row["symbol"]) in targeted or "REJECTION" in found
        elif row["kind"] == "TARGET":
            assert len(found & {"ORDER", "REJECTION"}) == 1
        elif row["kind"] == "ORDER":
            assert found & {"FILL", "REJECTION"}
    assert all(a["bar"] <= b["bar"] for a, b in pairwise(rows))


@some
@given(case=cases())
def test_bar_by_bar_equals_all_at_once(case: dict[str, Any]) -> None:
    market, whole = run_case(case)
    first = case["rules"]["first_bar"]
    batch, obeyed = batch_of(case, market), rules_of(case, market)
    accounts, book = obeyed.blank.open()
    log = empty_log(len(whole) + 100 * len(market.symbols))
    for bar in range(first, len(market.time)):
        world = (market.bars, market.actions, market.calendar, obeyed.members, obeyed.atr, batch.rows, batch.moves)
        assert advance(accounts, *world, book, obeyed.rules, bar, bar + 1, log) == bar + 1
    finish(len(market.time) - 1, accounts, book, log)
    assert repr(log[: accounts["rows"][0]].tolist()) == repr(whole.tolist())


def settlements(case: dict[str, Any]) -> list[tuple[int, Holdings, Holdings]]:
    """The bars with fills at their open or close, and the holdings before and after them all."""
    rows = plain(run_case(case)[1])
    found = []
    holdings = Holdings(case)
    for bar in range(len(case["market"]["close"])):
        before = Holdings(case)
        before.cash, before.held = holdings.cash, list(holdings.held)
        for row in rows:
            if row["bar"] == bar:
                holdings.take(row)
        after = Holdings(case)
        after.cash, after.held = holdings.cash, list(holdings.held)
        if any(row["bar"] == bar and row["kind"] == "FILL" for row in rows):
            found.append((bar, before, after))
    return found


@some
@given(case=cases(groups=("net", "leverage", "margin", "fill")), at_open=st.booleans())
def test_what_opens_or_adds_keeps_net_and_gross(case: dict[str, Any], at_open: bool) -> None:
    rules, market = case["rules"], case["market"]
    rules["lot_size"] = 0.0  # a sale of less than a lot is not made, and frees nothing
    rules["stop_when"] = "close"  # what is stopped inside the bar fills at a settlement and prices of its own
    if at_open:
        rules["fill"] = "next_open"
    gross_limit = rules["max_leverage"] or math.inf
    if rules["margin"]:
        gross_limit = min(gross_limit, 1 / rules["margin"])
    last = marks(market)
    for bar, before, after in settlements(case):
        prices = list(last[bar])
        if at_open:
            prices = [
                (last[bar - 1][s] if bar else math.nan) if opened is None else opened
                for s, opened in enumerate(market["open"][bar])
            ]
        grown = [b for a, b in zip(before.held, after.held, strict=True) if a * b <= 0 or abs(b) > abs(a)]
        values = after.values(prices)
        equity = max(after.cash + sum(values), 0.0)
        slack = 1e-9 * (equity + max(map(abs, values)) + abs(after.cash))
        if any(grown):
            assert sum(map(abs, values)) <= gross_limit * equity + slack
        if rules["max_net"] is not None:
            if any(quantity > 0 for quantity in grown):
                assert sum(values) <= rules["max_net"] * equity + slack
            # without margin a buy that the cash does not pay for is cut after the sells, which then stand alone
            if rules["margin"] and any(quantity < 0 for quantity in grown):
                assert -sum(values) <= rules["max_net"] * equity + slack


@some
@given(case=cases(), share=st.sampled_from([0.0317, 0.271]))
def test_no_order_takes_more_of_a_bar_than_its_part(case: dict[str, Any], share: float) -> None:
    case["rules"]["participation"] = share
    case["market"].setdefault(
        "volume", [[None if c is None else 1_013.0 for c in row] for row in case["market"]["close"]]
    )
    rows = plain(run_case(case)[1])
    for row in rows:
        if row["kind"] == "FILL":
            order = rows[row["cause"]]
            stop = rows[order["cause"]]
            if stop["kind"] == "STOP" and stop["bar"] == row["bar"] and case["rules"].get("fill") != "same_close":
                continue  # inside the bar, or the end of a symbol: whole
            if stop["kind"] == "STOP" and stop["reason"] == "delisted":
                continue
            if stop["kind"] == "STOP" and stop["bar"] == row["bar"] and case["rules"].get("stop_when") == "intrabar":
                continue
            assert row["quantity"] <= share * case["market"]["volume"][row["bar"]][row["symbol"]] * (1 + 1e-12)


@some
@given(
    case=cases(groups=("fill",)), sizing=st.sampled_from(["cash", "quantity"]), most=st.sampled_from([0.0613, 0.271])
)
def test_a_fixed_size_keeps_its_weight(case: dict[str, Any], sizing: str, most: float) -> None:
    rules, market = case["rules"], case["market"]
    rules |= {"sizing": sizing, f"{sizing}_per_trade": 2_713.0, "slot": None, "max_weight": most, "size_price": "fill"}
    rules["stop_when"] = "close"  # what is stopped inside the bar fills at a settlement and prices of its own
    last = marks(market)
    for bar, before, after in settlements(case):
        prices = last[bar]
        equity = max(before.cash + sum(before.values(prices)), 0.0)
        values = after.values(prices)
        for s, value in enumerate(values):
            if before.held[s] * after.held[s] <= 0 or abs(after.held[s]) > abs(before.held[s]):
                assert abs(value) <= most * equity * (1 + 1e-9)
