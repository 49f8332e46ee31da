"""The twin's bars, signals, targets, rebalances and ruin against examples worked out by hand."""

from tests.oracle.by_hand import close_to, dense, flat, make_market, only, story
from tests.oracle.figures import equity, metrics
from tests.oracle.trading import simulate


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
        {"slot": 1.0, "stop_loss": 0.1, "rebalance": 2, "first_bar": 1},
    )
    assert story(log)[4:] == [
        (3, "STOP", 0, "stop_loss"),
        (3, "REBALANCE", None, "schedule"),
        (3, "ORDER", 0),
        (4, "FILL", 0),
        (5, "REBALANCE", None, "schedule"),
    ]
    assert log[6]["cause"] == 4


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
