"""The twin's orders and fills against examples worked out by hand; the arithmetic stands in each test."""

from tests.oracle.by_hand import close_to, dense, flat, make_market, only, story
from tests.oracle.figures import equity, trades
from tests.oracle.trading import simulate


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
