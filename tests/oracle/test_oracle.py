"""The oracle itself against examples worked out by hand; the arithmetic stands in each test."""

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracle.cases import cases
from tests.oracle.figures import METRICS, equity, metrics, trades
from tests.oracle.stages import ma_cross
from tests.oracle.trading import simulate


def make_market(*series: tuple[list[Any], list[Any]]) -> dict[str, Any]:
    """A market from one (opens, closes) per symbol."""
    bars = range(len(series[0][0]))
    opens = [[one[0][t] for one in series] for t in bars]
    closes = [[one[1][t] for one in series] for t in bars]

    def pick(choose: Any) -> list[list[float | None]]:
        return [
            [None if o is None else choose(o, c) for o, c in zip(row_o, row_c, strict=True)]
            for row_o, row_c in zip(opens, closes, strict=True)
        ]

    return {"open": opens, "high": pick(max), "low": pick(min), "close": closes}


def flat(price: float, bars: int) -> tuple[list[Any], list[Any]]:
    return [price] * bars, [price] * bars


def dense(*per_symbol: list[float | None]) -> list[list[float | None]]:
    """One strategy's [bar][symbol] from one list per symbol."""
    return [list(row) for row in zip(*per_symbol, strict=True)]


def story(log: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """(bar, kind, symbol) of each row, with the reason where there is one."""
    return [
        (row["bar"], row["kind"], row["symbol"]) + ((row["reason"],) if row["reason"] is not None else ())
        for row in log
    ]


def only(log: list[dict[str, Any]], kind: str, **where: Any) -> dict[str, Any]:
    found = [row for row in log if row["kind"] == kind and all(row[k] == v for k, v in where.items())]
    assert len(found) == 1, found
    return found[0]


def close_to(value: float) -> Any:
    return pytest.approx(value, rel=1e-12, abs=1e-9)


# -- orders and fills ---------------------------------------------------------------------------------------------


def test_all_in_buy_with_costs() -> None:
    # Decided at 100 with 100,000: about 1000 shares. Filled at an open of 50: price 50 × 1.01 = 50.5, and each share
    # costs 50.5 × 1.01 = 51.005. 2000 shares are wanted; cash pays for 100,000 / 51.005 = 1960.5920988...
    # Of the cash, 100,000 / 1.01 = 99,009.90 is value and 1% of it, 990.099, is commission. Without costs the cash
    # would do (2000 × 50 = 100,000), so no RESIZE.
    market = make_market(([100, 50, 55], [100, 50, 60]))
    log = simulate(
        market, [dense([1.0, None, None])], None, {"slot": 1.0, "slippage_bps": 100.0, "commission_bps": 100.0}
    )
    assert story(log) == [(0, "SIGNAL", 0), (0, "TARGET", 0), (0, "ORDER", 0), (1, "FILL", 0)]
    assert [row["cause"] for row in log] == [None, 0, 1, 2]
    signal, target, order, fill = log
    assert (signal["level"], signal["source"], signal["value"]) == ("strategy", "strategy0", 1.0)
    assert (target["level"], target["source"], target["value"]) == ("portfolio", "ensemble", 1.0)
    assert (order["side"], order["price"], order["quantity"], order["value"]) == ("buy", 100, 1000.0, 1.0)
    assert (fill["level"], fill["source"], fill["side"]) == ("container", "execution", "buy")
    assert fill["price"] == close_to(50.5)
    assert fill["quantity"] == close_to(100_000 / 51.005)
    assert fill["commission"] == close_to(990.0990099009901)
    # Nothing is left but the shares: 1960.592... × 60 at the end.
    assert equity(log, market, {}) == [100_000.0, close_to(50 * 100_000 / 51.005), close_to(60 * 100_000 / 51.005)]


def test_pro_rata_cut_is_logged() -> None:
    # Both symbols ask for all of 1000: 100 × 10 and 50 × 20, together 2000. Half of each is bought.
    log = simulate(
        make_market(flat(10.0, 2), flat(20.0, 2)),
        [dense([1.0, None], [1.0, None])],
        None,
        {"slot": 1.0, "max_gross": 2.0, "initial_cash": 1000.0},
    )
    assert story(log) == [
        (0, "SIGNAL", 0),
        (0, "SIGNAL", 1),
        (0, "TARGET", 0),
        (0, "TARGET", 1),
        (0, "ORDER", 0),
        (0, "ORDER", 1),
        (1, "RESIZE", 0, "cash"),
        (1, "FILL", 0),
        (1, "RESIZE", 1, "cash"),
        (1, "FILL", 1),
    ]
    resize = log[6]
    assert (resize["level"], resize["source"], resize["side"], resize["cause"]) == ("risk", "risk", "buy", 4)
    assert (resize["price"], resize["quantity"], resize["limit"], resize["actual"]) == (10.0, 50.0, 1000.0, 2000.0)
    assert (log[7]["quantity"], log[9]["quantity"]) == (50.0, 25.0)


def test_cut_for_costs_alone_is_not_logged() -> None:
    # Half each: 50 × 10 + 25 × 20 = 1000 is there, 1% commission is not. Both are cut to 1/1.01.
    log = simulate(
        make_market(flat(10.0, 2), flat(20.0, 2)),
        [dense([1.0, None], [1.0, None])],
        None,
        {"initial_cash": 1000.0, "commission_bps": 100.0},
    )
    assert not [row for row in log if row["kind"] == "RESIZE"]
    assert only(log, "FILL", symbol=0)["quantity"] == close_to(50 / 1.01)
    assert only(log, "FILL", symbol=1)["quantity"] == close_to(25 / 1.01)


def test_sells_come_first_and_pay_for_buys() -> None:
    # Symbol 1 is held with everything (100 at 10), then symbol 0 takes its place: the sale's 1000 buys 50 at 20.
    log = simulate(
        make_market(flat(20.0, 3), flat(10.0, 3)),
        [dense([None, 1.0, None], [1.0, 0.0, None])],
        None,
        {"slot": 1.0, "initial_cash": 1000.0},
    )
    fills = [(row["bar"], row["symbol"], row["side"], row["quantity"]) for row in log if row["kind"] == "FILL"]
    assert fills == [(1, 1, "buy", 100.0), (2, 1, "sell", 100.0), (2, 0, "buy", 50.0)]


def test_short_through_zero() -> None:
    # Short 100 at 10 with 25% commission (250): cash 1000 + 1000 − 250 = 1750. At an open of 8 equity is
    # 1750 − 800 = 950; all of it long: 950 / 8 = 118.75, so 218.75 are to be bought. Closing costs 100 × 8 × 1.25 =
    # 1000 and is not cut; 750 remain, 118.75 × 10 = 1187.5 are needed; 75 can be bought. One FILL of 175, no cash left.
    # Buys × open = 218.75 × 8 = 1750 is just what there is: costs made the cut, no RESIZE.
    market = make_market(([10, 10, 8], [10, 10, 8]))
    rules = {"slot": 1.0, "initial_cash": 1000.0, "commission_bps": 2500.0}
    log = simulate(market, [dense([-1.0, 1.0, None])], None, rules)
    assert not [row for row in log if row["kind"] == "RESIZE"]
    sold, bought = [row for row in log if row["kind"] == "FILL"]
    assert (sold["side"], sold["quantity"], sold["commission"]) == ("sell", 100.0, 250.0)
    assert (bought["side"], bought["quantity"], bought["commission"]) == ("buy", close_to(175.0), close_to(350.0))
    assert equity(log, market, rules) == [1000.0, 750.0, close_to(75 * 8)]
    # The fill's commission goes to the trade it ends in the proportion 100 : 75, that is 200 of 350:
    # 1000 − 800 − 250 − 200 = −250. The second trade is still open.
    (trade,) = trades(log)
    assert (trade["entry_bar"], trade["exit_bar"], trade["side"]) == (1, 2, "sell")
    assert trade["commission"] == close_to(450.0)
    assert trade["profit"] == close_to(-250.0)


def test_short_closing_buys_stand_before_other_buys() -> None:
    # Symbol 1 is short 100 at 10 (cash 2000). Then both symbols ask for 1000 long: symbol 1 buys 100 + 100, symbol 0
    # buys 100. Closing takes 1000, 1000 are left for the 2000 beyond zero: half. 150 of symbol 1, first; 50 of 0.
    log = simulate(
        make_market(flat(10.0, 3), flat(10.0, 3)),
        [dense([None, 1.0, None], [-1.0, 1.0, None])],
        None,
        {"slot": 1.0, "max_gross": 2.0, "initial_cash": 1000.0},
    )
    last = [row for row in log if row["bar"] == 2]
    assert story(last) == [
        (2, "RESIZE", 1, "cash"),
        (2, "FILL", 1),
        (2, "RESIZE", 0, "cash"),
        (2, "FILL", 0),
    ]
    assert [row["quantity"] for row in last] == [150.0, 150.0, 50.0, 50.0]
    assert (last[0]["limit"], last[0]["actual"]) == (1000.0, 2000.0)


def test_buy_that_only_closes_a_short_is_never_cut() -> None:
    # Short 100 at 10, cash 2000; closed at 30: costs 3000, cash is −1000 then, and so is equity.
    log = simulate(
        make_market(([10, 10, 30, 30], [10, 10, 30, 30])),
        [dense([-1.0, 0.0, None, None])],
        None,
        {"slot": 1.0, "initial_cash": 1000.0},
    )
    assert only(log, "FILL", bar=2)["quantity"] == 100.0
    stop = only(log, "STOP")
    assert stop["reason"] == "bankrupt"
    # Nothing is held: the STOP names the symbol of the newest FILL.
    assert (stop["symbol"], stop["side"], stop["quantity"], stop["limit"], stop["actual"]) == (0, None, 0, 0, -1000)


def test_lots() -> None:
    # 1000 / 30 = 33.3: three lots of ten, cash 100. Half: equity 1000, 16.67 wanted, 13.33 to sell: one lot. Then out:
    # everything, 20.
    log = simulate(
        make_market(flat(30.0, 4)),
        [dense([1.0, 0.5, 0.0, None])],
        None,
        {"slot": 1.0, "initial_cash": 1000.0, "lot_size": 10.0},
    )
    fills = [(row["side"], row["quantity"]) for row in log if row["kind"] == "FILL"]
    assert fills == [("buy", 30.0), ("sell", 10.0), ("sell", 20.0)]
    assert only(log, "ORDER", bar=0)["quantity"] == close_to(1000 / 30)  # an estimate, not in lots


def test_below_lot() -> None:
    log = simulate(
        make_market(flat(30.0, 2)), [dense([1.0, None])], None, {"slot": 1.0, "initial_cash": 1000.0, "lot_size": 50.0}
    )
    rejection = only(log, "REJECTION")
    assert (rejection["bar"], rejection["reason"], rejection["cause"]) == (1, "below_lot", 2)
    assert (rejection["level"], rejection["source"]) == ("container", "execution")


def test_no_cash() -> None:
    # 100 of each are one lot of 60; cash pays for 50 of each, which is none.
    log = simulate(
        make_market(flat(10.0, 2), flat(10.0, 2)),
        [dense([1.0, None], [1.0, None])],
        None,
        {"slot": 1.0, "max_gross": 2.0, "initial_cash": 1000.0, "lot_size": 60.0},
    )
    assert story(log)[6:] == [
        (1, "RESIZE", 0, "cash"),
        (1, "REJECTION", 0, "no_cash"),
        (1, "RESIZE", 1, "cash"),
        (1, "REJECTION", 1, "no_cash"),
    ]


def test_no_cash_when_everything_is_invested() -> None:
    # 1000 / (3 × 1.001) shares take all the cash but for rounding; the second symbol gets nothing, not 1e-16.
    log = simulate(
        make_market(flat(3.0, 3), flat(7.0, 3)),
        [dense([1.0, None, None], [None, 1.0, None])],
        None,
        {"slot": 1.0, "max_gross": 2.0, "initial_cash": 1000.0, "commission_bps": 10.0},
    )
    assert story(log)[-2:] == [(2, "RESIZE", 1, "cash"), (2, "REJECTION", 1, "no_cash")]


def test_replaced_while_the_symbol_has_no_bar() -> None:
    # Symbol 1 has no bar 1; the new label halves its order, the old one is refused, the new one filled at bar 2.
    # Equity at that open is 1000 (prices stand still): 0.25 × 1000 / 20 = 12.5.
    log = simulate(
        make_market(flat(10.0, 3), ([20, None, 20], [20, None, 20])),
        [dense([0.0, None, None], [1.0, None, None])],
        [0, 1, 1],
        {"initial_cash": 1000.0, "regime_scale": {0: 1.0, 1: 0.5}},
    )
    assert story(log) == [
        (0, "REGIME", None, 0),
        (0, "SIGNAL", 1),
        (0, "TARGET", 1),
        (0, "ORDER", 1),
        (1, "REGIME", None, 1),
        (1, "TARGET", 1),
        (1, "ORDER", 1),
        (1, "REJECTION", 1, "replaced"),
        (2, "FILL", 1),
    ]
    assert [row["cause"] for row in log] == [None, None, 1, 2, None, 4, 5, 3, 6]
    assert (log[7]["level"], log[7]["source"]) == ("portfolio", "portfolio")
    assert log[8]["quantity"] == 12.5


def test_end_of_data() -> None:
    log = simulate(make_market(flat(10.0, 2)), [dense([None, 1.0])], None, {})
    assert story(log) == [
        (1, "SIGNAL", 0),
        (1, "TARGET", 0),
        (1, "ORDER", 0),
        (1, "REJECTION", 0, "end_of_data"),
    ]
    assert (log[3]["cause"], log[3]["level"], log[3]["source"]) == (2, "container", "execution")


def test_size_at_the_fill_or_at_the_decision() -> None:
    # Half of 1000: 50 at the close of 10, 25 at the open of 20.
    market = make_market(([10, 20], [10, 20]))
    for size_price, quantity in (("fill", 25.0), ("decision", 50.0)):
        log = simulate(
            market, [dense([1.0, None])], None, {"slot": 0.5, "initial_cash": 1000.0, "size_price": size_price}
        )
        assert only(log, "ORDER")["quantity"] == 50.0
        fill = only(log, "FILL")
        # 50 × 20 is all the cash: just enough.
        assert fill["quantity"] == quantity


# -- stops --------------------------------------------------------------------------------------------------------

# Bought at 100, stop loss 10%: the stop price is 90, and a close of exactly 90 is at it.
STOP_RULES = {"slot": 1.0, "stop_loss": 0.1}


def stopped(signal: list[float | None]) -> list[dict[str, Any]]:
    """Long with 0.5 from bar 1, stopped at the close of bar 2, out at bar 3; then whatever `signal` says."""
    bars = 3 + len(signal)
    opens = [100.0, 100.0, 100.0] + [80.0] * len(signal)
    closes = [100.0, 100.0, 90.0] + [80.0] * len(signal)
    log = simulate(make_market((opens, closes)), [dense([0.5, None, None, *signal])], None, STOP_RULES)
    assert bars == len(opens)
    assert story(log)[:7] == [
        (0, "SIGNAL", 0),
        (0, "TARGET", 0),
        (0, "ORDER", 0),
        (1, "FILL", 0),
        (2, "STOP", 0, "stop_loss"),
        (2, "ORDER", 0),
        (3, "FILL", 0),
    ]
    return log


def test_stop_loss() -> None:
    log = stopped([None, None])
    stop, order, fill = log[4:]
    assert (stop["level"], stop["source"], stop["cause"]) == ("risk", "risk", 3)
    assert (stop["side"], stop["quantity"], stop["price"]) == ("sell", 500.0, 90.0)
    assert (stop["limit"], stop["actual"]) == (90.0, 90.0)
    assert (order["cause"], order["side"], order["quantity"], order["value"]) == (4, "sell", 500.0, 0.0)
    assert (fill["price"], fill["quantity"]) == (80.0, 500.0)


def test_release_at_zero() -> None:
    # Signal 0 releases; there is nothing to do about the target of 0. The next 0.5 buys again.
    log = stopped([None, 0.0, 0.5, None])
    assert story(log)[7:] == [
        (4, "SIGNAL", 0),
        (4, "TARGET", 0),
        (4, "REJECTION", 0, "no_change"),
        (5, "SIGNAL", 0),
        (5, "TARGET", 0),
        (5, "ORDER", 0),
        (6, "FILL", 0),
    ]
    assert (log[9]["cause"], log[9]["level"], log[9]["source"]) == (8, "portfolio", "portfolio")


def test_release_through_zero() -> None:
    log = stopped([None, -0.5, None])
    assert story(log)[7:] == [(4, "SIGNAL", 0), (4, "TARGET", 0), (4, "ORDER", 0), (5, "FILL", 0)]
    assert log[9]["side"] == "sell"


def test_release_further_out() -> None:
    log = stopped([None, 1.0, None])
    assert story(log)[7:] == [(4, "SIGNAL", 0), (4, "TARGET", 0), (4, "ORDER", 0), (5, "FILL", 0)]


def test_no_release_closer_in_or_back_to_where_it_was() -> None:
    log = stopped([None, 0.25, 0.5, None])
    assert story(log)[7:] == [
        (4, "SIGNAL", 0),
        (4, "TARGET", 0),
        (4, "REJECTION", 0, "stopped"),
        (5, "SIGNAL", 0),
        (5, "TARGET", 0),
        (5, "REJECTION", 0, "stopped"),
    ]
    assert (log[9]["cause"], log[9]["level"], log[9]["source"]) == (8, "risk", "risk")


def test_stop_price_has_slippage_in_it_and_commission_not() -> None:
    # Bought at 100 × 1.01 = 101: the stop price is 90.9.
    rules = {**STOP_RULES, "slippage_bps": 100.0, "commission_bps": 100.0}
    for close, hit in ((90.95, False), (90.85, True)):
        log = simulate(make_market(([100, 100, 100], [100, 100, close])), [dense([0.5, None, None])], None, rules)
        stops = [row for row in log if row["kind"] == "STOP"]
        assert bool(stops) == hit
        if hit:
            assert stops[0]["limit"] == close_to(90.9)


def test_stop_from_the_average_of_entry_and_addition() -> None:
    # 250 at 100 (a quarter of 100,000), then up to a half at 120: equity 105,000, wanted 437.5, 187.5 more.
    # Average (250 × 100 + 187.5 × 120) / 437.5 = 47,500 / 437.5 = 108.571...; less 10%: 97.714...
    log = simulate(
        make_market(([100, 100, 120, 97], [100, 120, 120, 97])), [dense([0.25, 0.5, None, None])], None, STOP_RULES
    )
    assert only(log, "FILL", bar=2)["quantity"] == close_to(187.5)
    assert only(log, "STOP")["limit"] == close_to(0.9 * 47_500 / 437.5)


def test_stop_of_a_short() -> None:
    # Sold at 100, stop price 110.
    log = simulate(make_market(([100] * 4, [100, 109, 111, 111])), [dense([-0.5, None, None, None])], None, STOP_RULES)
    stop = only(log, "STOP")
    assert (stop["bar"], stop["side"], stop["quantity"], stop["limit"]) == (2, "buy", 500.0, close_to(110.0))


def test_stop_on_the_bar_of_the_entry() -> None:
    log = simulate(make_market(([100] * 3, [100, 80, 80])), [dense([0.5, None, None])], None, STOP_RULES)
    assert only(log, "STOP")["bar"] == 1


def test_stop_beats_a_signal_that_stays_on_its_side() -> None:
    # The bar's own signal is what counts as "at the stop": 0.25 then; 0.5 later is further out.
    log = simulate(
        make_market(([100, 100, 100, 80, 80, 80], [100, 100, 80, 80, 80, 80])),
        [dense([0.5, None, 0.25, None, 0.5, None])],
        None,
        STOP_RULES,
    )
    assert story(log)[4:] == [
        (2, "SIGNAL", 0),
        (2, "TARGET", 0),
        (2, "REJECTION", 0, "stopped"),
        (2, "STOP", 0, "stop_loss"),
        (2, "ORDER", 0),
        (3, "FILL", 0),
        (4, "SIGNAL", 0),
        (4, "TARGET", 0),
        (4, "ORDER", 0),
        (5, "FILL", 0),
    ]
    assert log[8]["cause"] == 7


@pytest.mark.parametrize("leave", [0.0, -1.0])
def test_target_that_leaves_anyway_beats_the_stop(leave: float) -> None:
    log = simulate(make_market(([100] * 4, [100, 100, 80, 80])), [dense([0.5, None, leave, None])], None, STOP_RULES)
    assert story(log)[4:] == [(2, "SIGNAL", 0), (2, "TARGET", 0), (2, "ORDER", 0), (3, "FILL", 0)]
    assert log[6]["cause"] == 5


def test_a_new_label_does_not_release() -> None:
    # The label's weights take the weighted signal through zero without any SIGNAL.
    log = simulate(
        make_market(([100] * 5, [100, 100, 80, 80, 80])),
        [dense([1.0, None, None, None, None]), dense([-1.0, None, None, None, None])],
        [0, 0, 0, 1, 1],
        {**STOP_RULES, "weights": {0: [0.75, 0.25], 1: [0.25, 0.75]}},
    )
    assert story(log)[-4:] == [
        (3, "FILL", 0),
        (3, "REGIME", None, 1),
        (3, "TARGET", 0),
        (3, "REJECTION", 0, "stopped"),
    ]
    assert log[-2]["value"] == -0.5


def test_stopped_symbol_keeps_its_share() -> None:
    # Both symbols ask for 1, capped together to 1: a half each. Symbol 0 is stopped; symbol 1's target stays 0.5.
    log = simulate(
        make_market(([100] * 4, [100, 100, 80, 80]), flat(100.0, 4)),
        [dense([1.0, None, None, None], [1.0, None, None, None])],
        None,
        STOP_RULES,
    )
    assert [row["value"] for row in log if row["kind"] == "TARGET"] == [0.5, 0.5]
    assert only(log, "STOP")["symbol"] == 0


# -- bankruptcy ---------------------------------------------------------------------------------------------------


def test_bankrupt() -> None:
    # Short 1000 at 100: cash 200,000. At 250 equity is 200,000 − 250,000 = −50,000. Symbol 1's order of bar 1 is
    # pending for want of a bar and is refused; later targets are refused; equity stands still though prices move. No
    # REBALANCE any more from that bar on.
    market = make_market(
        ([100, 100, 100, 250, 90], [100, 100, 250, 250, 90]), ([10, 10, None, 10, 10], [10, 10, None, 10, 10])
    )
    rules = {"slot": 1.0, "max_gross": 3.0, "rebalance": 1, "stop_loss": 0.5}
    log = simulate(market, [dense([-1.0, None, None, 1.0, None], [None, 1.0, None, None, 1.0])], None, rules)
    at = story(log).index((2, "STOP", 0, "bankrupt"))
    assert story(log)[at:] == [
        (2, "STOP", 0, "bankrupt"),
        (2, "REJECTION", 1, "bankrupt"),
        (3, "SIGNAL", 0),
        (3, "TARGET", 0),
        (3, "REJECTION", 0, "bankrupt"),
    ]
    stop = log[at]
    assert (stop["side"], stop["price"]) == ("buy", 250)
    assert stop["quantity"] == 1000.0
    assert (stop["limit"], stop["actual"]) == (0.0, -50_000.0)
    assert log[stop["cause"]]["kind"] == "FILL"
    assert log[log[at + 1]["cause"]]["kind"] == "ORDER"
    assert (log[at + 1]["level"], log[at + 1]["source"]) == ("risk", "risk")
    assert equity(log, market, rules) == [100_000.0, 100_000.0, -50_000.0, -50_000.0, -50_000.0]
    figures = metrics(log, market, rules, 0, 5)
    assert figures["cagr"] is None
    assert figures["calmar"] is None
    assert figures["total_return"] == -1.5
    assert figures["max_drawdown"] == -1.5
    assert figures["exposure"] == close_to(1 / 5)  # only bar 1 counts
    # Alone after the fact: nothing happens any more.
    after = metrics(log, market, rules, 3, 5, base_equity=-50_000.0)
    assert (after["total_return"], after["volatility"], after["sharpe"]) == (0.0, 0.0, None)


def test_equity_below_zero_at_the_open_sizes_to_zero() -> None:
    # Short 100 at 10 (cash 2000), a change to −0.5 is pending, and the open is 30: equity −1000. Everything is closed:
    # 100 bought at 30, cash −1000; the close finds the account bankrupt.
    log = simulate(
        make_market(([10, 10, 30], [10, 10, 30])),
        [dense([-1.0, -0.5, None])],
        None,
        {"slot": 1.0, "initial_cash": 1000.0},
    )
    assert only(log, "FILL", bar=2)["quantity"] == 100.0
    assert only(log, "STOP")["actual"] == -1000.0


# -- rebalancing --------------------------------------------------------------------------------------------------


def test_rebalance() -> None:
    # 50 at 10 (half of 1000). At bar 2 the price is 20: equity 500 + 1000 = 1500, half of it is 37.5, so 12.5 are
    # sold at the next open. At bar 4 nothing has moved since: an order for nothing, refused at the open.
    log = simulate(
        make_market(([10, 10, 20, 20, 20, 20], [10, 10, 20, 20, 20, 20])),
        [dense([1.0] + [None] * 5)],
        None,
        {"slot": 0.5, "initial_cash": 1000.0, "rebalance": 2},
    )
    assert story(log)[3:] == [
        (1, "FILL", 0),
        (2, "REBALANCE", None, "schedule"),
        (2, "ORDER", 0),
        (3, "FILL", 0),
        (4, "REBALANCE", None, "schedule"),
        (4, "ORDER", 0),
        (5, "REJECTION", 0, "no_change"),
    ]
    assert (log[4]["level"], log[4]["source"], log[4]["cause"]) == ("portfolio", "portfolio", None)
    assert (log[5]["cause"], log[5]["side"], log[5]["quantity"], log[5]["value"]) == (4, "sell", 12.5, 0.5)
    assert (log[6]["side"], log[6]["quantity"]) == ("sell", 12.5)
    assert (log[8]["side"], log[8]["quantity"]) == (None, 0.0)


def test_rebalance_counts_from_the_first_trading_bar_and_skips_the_stopped() -> None:
    # First trading bar 1: rebalances at 3 and 5. Symbol 0 is stopped at bar 3 and stays out; symbol 1, without target
    # or position, is never ordered.
    log = simulate(
        make_market(([100] * 6, [100, 100, 100, 80, 80, 80]), flat(5.0, 6)),
        [dense([None, 0.5, None, None, None, None], [None] * 6)],
        None,
        {**STOP_RULES, "rebalance": 2, "first_bar": 1},
    )
    assert story(log)[4:] == [
        (3, "STOP", 0, "stop_loss"),
        (3, "REBALANCE", None, "schedule"),
        (3, "ORDER", 0),
        (4, "FILL", 0),
        (5, "REBALANCE", None, "schedule"),
    ]
    assert log[6]["cause"] == 4


# -- bars, signals and targets ------------------------------------------------------------------------------------


def test_missing_bars() -> None:
    # Symbol 1 has no bar 1: its order of bar 0 is filled at bar 2, where equity is 1000 + symbol 0's gain. Symbol 0:
    # 50 bought at 10, at 12 by bar 2: equity 500 + 600 = 1100, half: 550 / 20 = 27.5, cut to the 500 in cash: 25.
    # What symbol 1's strategy says on the missing bar does not count.
    market = make_market(([10, 10, 12], [10, 12, 12]), ([20, None, 20], [20, None, 20]))
    log = simulate(market, [dense([1.0, None, None], [1.0, -1.0, None])], None, {"initial_cash": 1000.0})
    assert story(log) == [
        (0, "SIGNAL", 0),
        (0, "SIGNAL", 1),
        (0, "TARGET", 0),
        (0, "TARGET", 1),
        (0, "ORDER", 0),
        (0, "ORDER", 1),
        (1, "FILL", 0),
        (2, "RESIZE", 1, "cash"),
        (2, "FILL", 1),
    ]
    assert (log[7]["limit"], log[7]["actual"]) == (500.0, 550.0)
    assert log[8]["quantity"] == close_to(25.0)


def test_equity_uses_the_last_close_of_a_symbol_without_a_bar() -> None:
    # Symbol 0: 50 at 10, then no bar 2 after a close of 14. Symbol 1, half of 500 + 700 = 1200: 600 / 20 = 30, of
    # which 500 in cash pay 25.
    market = make_market(([10, 10, None], [10, 14, None]), flat(20.0, 3))
    log = simulate(market, [dense([1.0, None, None], [None, 1.0, None])], None, {"initial_cash": 1000.0})
    resize = only(log, "RESIZE")
    assert (resize["limit"], resize["actual"], resize["quantity"]) == (500.0, 600.0, close_to(25.0))


def test_first_trading_bar() -> None:
    # Nothing before bar 1. At it symbol 0 stands at 1 (said at bar 0); symbol 1, without that bar, shows its own at
    # bar 2; symbol 2 went back to 0 and says nothing. The label in force is logged at bar 1.
    log = simulate(
        make_market(flat(10.0, 3), ([10, None, 10], [10, None, 10]), flat(10.0, 3)),
        [dense([1.0, None, None], [-0.5, None, None], [1.0, 0.0, None])],
        [3, 3, 3],
        {"first_bar": 1},
    )
    shown = [(row["bar"], row["symbol"], row["value"], row["reason"]) for row in log if row["kind"] in "REGIME SIGNAL"]
    assert shown == [(1, None, None, 3), (1, 0, 1.0, None), (2, 1, -0.5, None)]


def test_repeated_signals_are_not_news() -> None:
    log = simulate(make_market(flat(10.0, 6)), [dense([0.0, 1.0, None, 1.0, 0.5, 0.5])], None, {})
    assert [(row["bar"], row["value"]) for row in log if row["kind"] == "SIGNAL"] == [(1, 1.0), (4, 0.5)]


def test_signal_without_target() -> None:
    # 0.8 × 1 and 0.8 × 0.75 = 0.6 are both clipped to 0.5: the second signal changes nothing.
    log = simulate(make_market(flat(10.0, 2)), [dense([1.0, 0.75])], None, {"slot": 0.8, "max_weight": 0.5})
    assert story(log)[4:] == [(1, "SIGNAL", 0), (1, "REJECTION", 0, "no_change")]
    assert (log[5]["cause"], log[5]["level"], log[5]["source"]) == (4, "portfolio", "ensemble")
    assert log[1]["value"] == 0.5


def test_two_strategies_that_cancel_out() -> None:
    # Equal weights: 0.5 − 0.5 = 0. Each SIGNAL is refused at once.
    log = simulate(make_market(flat(10.0, 2)), [dense([1.0, None]), dense([-1.0, None])], None, {})
    assert story(log) == [
        (0, "SIGNAL", 0),
        (0, "REJECTION", 0, "no_change"),
        (0, "SIGNAL", 0),
        (0, "REJECTION", 0, "no_change"),
    ]


def test_weights_and_scale_by_regime() -> None:
    # Signals 1 and 0. Before the first label: equal weights, scale 1: 0.5. Label 0: 0.7. Label 1: 0.2 × 0.5 = 0.1.
    log = simulate(
        make_market(flat(10.0, 3)),
        [dense([1.0, None, None]), dense([0.0, None, None])],
        [-1, 0, 1],
        {"weights": {0: [0.7, 0.3], 1: [0.2, 0.8]}, "regime_scale": {0: 1.0, 1: 0.5}},
    )
    targets = [row for row in log if row["kind"] == "TARGET"]
    assert [row["value"] for row in targets] == [close_to(0.5), close_to(0.7), close_to(0.1)]
    assert [log[row["cause"]]["kind"] for row in targets] == ["SIGNAL", "REGIME", "REGIME"]


def test_caps() -> None:
    # Slot 1.5: clipped to 1 and −1, 0.75 stays. Gross 2.75 is scaled to 1: divided by 2.75.
    log = simulate(
        make_market(flat(10.0, 1), flat(10.0, 1), flat(10.0, 1)), [dense([1.0], [-1.0], [0.5])], None, {"slot": 1.5}
    )
    values = [row["value"] for row in log if row["kind"] == "TARGET"]
    assert values == [close_to(1 / 2.75), close_to(-1 / 2.75), close_to(0.75 / 2.75)]


def test_causes_of_targets() -> None:
    # Bar 0: two strategies on symbol 0, the newest SIGNAL counts. Bar 1: symbol 1's SIGNAL squeezes symbol 0 from 1 to
    # a half. Bar 2: a label and symbol 1's SIGNAL: symbol 1 names its SIGNAL, symbol 0 the REGIME.
    log = simulate(
        make_market(flat(10.0, 3), flat(10.0, 3)),
        [dense([1.0, None, None], [None, 1.0, 0.5]), dense([1.0, None, None], [None, 1.0, 0.5])],
        [-1, -1, 0],
        {"slot": 1.0, "regime_scale": {0: 0.5}},
    )
    targets = [(row["bar"], row["symbol"], row["value"], log[row["cause"]]) for row in log if row["kind"] == "TARGET"]
    seen = [(bar, s, value, c["kind"], c["bar"], c["symbol"], c["source"]) for bar, s, value, c in targets]
    assert seen == [
        (0, 0, 1.0, "SIGNAL", 0, 0, "strategy1"),
        (1, 0, 0.5, "SIGNAL", 1, 1, "strategy1"),
        (1, 1, 0.5, "SIGNAL", 1, 1, "strategy1"),
        (2, 1, 0.25, "SIGNAL", 2, 1, "strategy1"),
    ]


def test_cause_is_the_regime_for_a_symbol_without_a_signal() -> None:
    log = simulate(
        make_market(flat(10.0, 2), flat(10.0, 2)),
        [dense([1.0, None], [None, 0.5])],
        [-1, 0],
        {"regime_scale": {0: 0.5}},
    )
    causes = [(row["symbol"], log[row["cause"]]["kind"]) for row in log if row["kind"] == "TARGET" and row["bar"] == 1]
    assert causes == [(0, "REGIME"), (1, "SIGNAL")]


# -- figures ------------------------------------------------------------------------------------------------------


def test_metrics_by_hand() -> None:
    # 10 bought at 10 with 100. Equity 100, 110, 99, 118.8: returns 0, 0.1, −0.1, 0.2.
    market = make_market(([10, 10, 11, 9.9], [10, 11, 9.9, 11.88]))
    rules = {"slot": 1.0, "initial_cash": 100.0}
    log = simulate(market, [dense([1.0, None, None, None])], None, rules)
    result = metrics(log, market, rules, 0, 4)
    root = math.sqrt(252)
    # Deviations from the mean 0.05: −0.05, 0.05, −0.15, 0.15; squares sum to 0.05; variance 0.05 / 3, biased 0.0125.
    deviation = math.sqrt(0.05 / 3)
    expected = {
        "total_return": 0.188,
        "cagr": 1.188**63 - 1,  # 4 of 252 bars are 1/63 of a year
        "volatility": deviation * root,
        "sharpe": 0.05 / deviation * root,
        "sortino": root,  # 0.05 / √(0.01 / 4) = 1
        "max_drawdown": -0.1,
        "calmar": (1.188**63 - 1) / 0.1,
        "orders": 1,
        "trades": 0,
        "win_rate": None,
        "profit_factor": None,
        "average_trade": None,
        "exposure": 0.75,
        "time_in_market": 0.75,
        "turnover": 0.5 * 100 / 106.95 * 63,  # mean equity (100 + 110 + 99 + 118.8) / 4
        "skew": 0.0,
        # (2 × 0.05⁴ + 2 × 0.15⁴) / 4 = 2.5625e-4; / 0.0125² = 1.64; − 3
        "kurtosis": -1.36,
        "var_95": -0.085,  # 0.15 of the way from −0.1 to 0
        "cvar_95": -0.1,
        "max_drawdown_bars": 1,
        "commission_paid": 0.0,
        "slippage_paid": 0.0,
    }
    assert set(expected) == set(METRICS)
    for name, value in expected.items():
        assert result[name] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)), name
    # Two sessions of two bars: 110 / 100 − 1 and 118.8 / 110 − 1.
    by_session = metrics(log, market, rules, 0, 4, sessions=["a", "a", "b", "b"], sessions_per_year=2)
    # ddof 1: |0.1 − 0.08| / √2, annual × √2.
    assert by_session["volatility"] == pytest.approx(0.02)
    assert by_session["total_return"] == pytest.approx(0.188)
    # Risk-free of 0.1 a year is 0.05 a session: (0.05 + 0.03) / 2 = 0.04 over 0.02 / √2, × √2.
    rich = metrics(log, market, rules, 0, 4, sessions=["a", "a", "b", "b"], sessions_per_year=2, risk_free=0.1)
    assert rich["sharpe"] == pytest.approx(0.04 / (0.02 / math.sqrt(2)) * math.sqrt(2))
    # The last two bars, against the equity of 110 before them.
    held_out = metrics(log, market, rules, 2, 4, base_equity=110.0)
    assert held_out["total_return"] == pytest.approx(0.08)
    assert held_out["max_drawdown"] == pytest.approx(-0.1)
    assert (held_out["orders"], held_out["turnover"]) == (0, 0.0)


def test_trade_figures() -> None:
    # Three round trips with 1% commission: 10 at 10 → 12: 120 − 100 − 1 − 1.2 = 17.8. 10 at 10 → 9: −10 − 1.9 = −11.9.
    # A partial sale (5 at 12) does not end a trade: 10 at 10, 5 at 12, 5 at 13: 60 + 65 − 100 − 2.25 = 22.75.
    def fill(bar: int, side: str, quantity: float, price: float) -> dict[str, Any]:
        commission = 0.01 * quantity * price
        row = {"bar": bar, "kind": "FILL", "symbol": 0, "side": side, "quantity": quantity, "price": price}
        return {**row, "commission": commission, "reason": None}

    log = [
        fill(0, "buy", 10, 10),
        fill(1, "sell", 10, 12),
        fill(2, "buy", 10, 10),
        fill(3, "sell", 10, 9),
        fill(4, "buy", 10, 10),
        fill(5, "sell", 5, 12),
        fill(6, "sell", 5, 13),
    ]
    opens = [10, 12, 10, 9, 10, 12.5, 13]  # the sale at 12 slipped by 0.5 a share
    market = make_market((opens, opens))
    assert [(t["entry_bar"], t["exit_bar"], round(t["profit"], 9)) for t in trades(log)] == [
        (0, 1, 17.8),
        (2, 3, -11.9),
        (4, 6, 22.75),
    ]
    result = metrics(log, market, {"initial_cash": 1000.0}, 0, 7)
    assert result["win_rate"] == pytest.approx(2 / 3)
    assert result["profit_factor"] == pytest.approx((17.8 + 22.75) / 11.9)
    assert result["average_trade"] == pytest.approx((17.8 - 11.9 + 22.75) / 3)
    assert result["slippage_paid"] == pytest.approx(2.5)
    assert result["commission_paid"] == pytest.approx(2.2 + 1.9 + 2.25)
    # A trade counts where it is closed.
    assert metrics(log, market, {"initial_cash": 1000.0}, 6, 7, base_equity=1000.0)["trades"] == 1


def test_drawdown_in_bars() -> None:
    # The starting value is a peak: below it at bars 1 to 3, at it again at bar 4.
    market = make_market(([10] * 5, [10, 9, 8, 9, 10]))
    rules = {"slot": 1.0, "initial_cash": 100.0}
    log = simulate(market, [dense([1.0] + [None] * 4)], None, rules)
    result = metrics(log, market, rules, 0, 5)
    assert result["max_drawdown_bars"] == 3
    assert result["max_drawdown"] == pytest.approx(-0.2)
    assert result["cagr"] == 0.0


# -- stages -------------------------------------------------------------------------------------------------------


def test_ma_cross() -> None:
    nan, none = math.nan, None
    fast = [nan, 1.0, 3.0, none, 3.0, 1.0, 2.0, 2.0, 3.0]
    slow = [2.0, 2.0, 2.0, none, 2.0, 2.0, 2.0, 2.0, 2.0]
    valid = [True, True, True, False, True, True, True, True, True]
    # Up at 2; the gap at 3 is nobody's bar; down at 5; at 6 and 7 equal, which is not above; up from equal at 8.
    assert ma_cross(fast, slow, valid) == [none, none, 1.0, none, none, 0.0, none, none, 1.0]
    assert ma_cross(fast, slow, valid, long_only=False) == [none, none, 1.0, none, none, -1.0, none, none, 1.0]
    state = [none, 0.0, 1.0, none, 1.0, 0.0, 0.0, 0.0, 1.0]
    assert ma_cross(fast, slow, valid, enter_on="state") == state
    state[1] = state[5] = -1.0
    assert ma_cross(fast, slow, valid, enter_on="state", long_only=False) == state
    # A crossing over the missing bar is one; the first valid bar never is.
    assert ma_cross([1.0, none, 3.0], [2.0, none, 2.0], [True, False, True]) == [none, none, 1.0]
    assert ma_cross([3.0, 3.0], [2.0, 2.0], [True, True]) == [none, none]


# -- what holds for every log -------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(case=cases(groups=()))
def test_every_log_of_the_basic_rules_keeps_the_laws(case: dict[str, Any]) -> None:
    market, rules = case["market"], case["rules"]
    log = simulate(**case)
    answered = Counter(row["cause"] for row in log if row["kind"] != "RESIZE")
    for seq, row in enumerate(log):
        assert row["bar"] >= rules["first_bar"]
        kind, cause = row["kind"], row["cause"]
        assert (cause is None) == (kind in ("REGIME", "SIGNAL", "REBALANCE"))
        if cause is not None:
            assert cause < seq
            parents = {
                "TARGET": {"SIGNAL", "REGIME"},
                "ORDER": {"TARGET", "STOP", "REBALANCE"},
                "RESIZE": {"ORDER"},
                "REJECTION": {"SIGNAL", "TARGET", "ORDER"},
                "STOP": {"FILL"},
                "FILL": {"ORDER"},
            }
            assert log[cause]["kind"] in parents[kind]
        if kind == "ORDER":
            assert answered[seq] == 1  # one FILL or one REJECTION
        if kind == "TARGET":
            assert answered[seq] == 1  # one ORDER or one REJECTION
        if kind == "SIGNAL":
            targets = [
                r for r in log if r["kind"] == "TARGET" and (r["bar"], r["symbol"]) == (row["bar"], row["symbol"])
            ]
            refused = [r for r in log if r["kind"] == "REJECTION" and r["cause"] == seq]
            assert len(targets) + len(refused) == 1
        if row["side"] is not None:
            assert row["quantity"] > 0 or (kind == "RESIZE" and row["quantity"] == 0)  # a cut that left nothing
    # Buys that open something never overdraw: cash below zero comes from closing shorts alone.
    if not any(row["kind"] == "FILL" and row["side"] == "sell" for row in log):
        spent = sum(r["price"] * r["quantity"] + r["commission"] for r in log if r["kind"] == "FILL")
        assert spent <= rules["initial_cash"] * (1 + 1e-9)
    # Trades' profits are the equity's, once everything is closed and commissions are in.
    values = equity(log, market, rules)
    failed = any(row["reason"] == "bankrupt" and row["kind"] == "STOP" for row in log)
    held: Counter[int] = Counter()
    for row in log:
        if row["kind"] == "FILL":
            held[row["symbol"]] += row["quantity"] if row["side"] == "buy" else -row["quantity"]
    if not failed and not any(held.values()):
        gained = math.fsum(trade["profit"] for trade in trades(log))
        assert values[-1] - rules["initial_cash"] == pytest.approx(gained, rel=1e-6, abs=1e-4)
    # Figures are defined or None, never infinite.
    first = rules["first_bar"]
    base = rules["initial_cash"]
    for name, value in metrics(log, market, rules, first, len(values), base).items():
        assert value is None or math.isfinite(value), name


def test_random_cases_reach_every_rule() -> None:
    seen: Counter[Any] = Counter()

    @settings(
        max_examples=400,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(case=cases())
    def collect(case: dict[str, Any]) -> None:
        seen.update({(row["kind"], row["reason"]) for row in simulate(**case) if row["kind"] != "REGIME"})

    collect()
    reasons = ("no_change", "stopped", "no_cash", "below_lot", "replaced", "bankrupt", "end_of_data")
    wanted = {("REJECTION", reason) for reason in reasons}
    wanted |= {("STOP", "stop_loss"), ("STOP", "bankrupt"), ("RESIZE", "cash"), ("REBALANCE", "schedule")}
    assert wanted <= set(seen), wanted - set(seen)
