"""The twin's stops against examples worked out by hand; the arithmetic stands in each test."""

from typing import Any

import pytest

from tests.oracle.by_hand import close_to, dense, flat, make_market, only, story
from tests.oracle.trading import simulate

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
