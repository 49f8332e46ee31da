"""Look-ahead that was planted is found, and the bar that was peeked at is the right one."""

import numpy as np
import pytest

from engine.market.market import Market
from engine.soundness.case import Case, output
from engine.soundness.causality import causality
from engine.soundness.fresh import regimes_of
from engine.soundness.markets import gapped
from engine.stage import Stage
from tests.soundness.planted import PLANTED, After

MARKET = gapped(400, missing=False)


def case_of(stage: Stage, market: Market = MARKET) -> Case:
    return Case(stage, market, 1, regimes_of(market))


@pytest.mark.parametrize(("stage", "after", "column"), PLANTED, ids=[stage.kind for stage, _, _ in PLANTED])
def test_planted_look_ahead_is_found_and_named(stage: Stage, after: After | None, column: str | None) -> None:
    finding = causality(case_of(stage))[0]
    assert finding.severity == "look-ahead" and not finding.passed
    assert finding.bar is not None and finding.peeked is not None and finding.peeked > finding.bar
    if after is not None:
        assert finding.peeked == after(finding.bar, MARKET)
    assert finding.column == column
    if column is None:
        assert f"uses bars {finding.bar + 1} to {finding.peeked} together at bar {finding.bar} (" in finding.message
    elif column == "existence":
        assert f"uses at bar {finding.bar}" in finding.message
    else:
        assert f"uses bar {finding.peeked}'s {column}" in finding.message
        assert f"at bar {finding.bar} (" in finding.message


@pytest.mark.parametrize(
    "stage", [stage for stage, after, column in PLANTED if after is None and column == "close"], ids=lambda s: s.kind
)
def test_the_bar_that_is_named_makes_the_decision_another(stage: Stage) -> None:
    finding = causality(case_of(stage))[0]
    assert finding.bar is not None and finding.peeked is not None
    before = output(case_of(stage))[finding.bar]
    factors = (1.5, 0.6, 3.0, 0.2)
    assert any((output(case_of(stage, with_close(finding.peeked, f)))[finding.bar] != before).any() for f in factors)


def test_bars_that_matter_only_together_make_the_decision_another() -> None:
    stage = next(stage for stage, _, _ in PLANTED if stage.kind == "from_the_low_of_all")
    finding = causality(case_of(stage))[0]
    assert finding.bar is not None and finding.peeked is not None
    before = output(case_of(stage))[finding.bar]
    close = MARKET.close.copy()
    close[finding.bar + 1 : finding.peeked + 1] *= 3.0  # no low after this bar
    columns = (MARKET.open, MARKET.high, MARKET.low, close, MARKET.volume)
    assert (
        output(case_of(stage, Market.from_columns(MARKET.symbols, MARKET.time, *columns)))[finding.bar] != before
    ).any()


def with_close(bar: int, factor: float) -> Market:
    """The market with another close at one bar."""
    close = MARKET.close.copy()
    close[bar] *= factor
    columns = (MARKET.open, MARKET.high, MARKET.low, close, MARKET.volume)
    return Market.from_columns(MARKET.symbols, MARKET.time, *columns)


def test_what_came_through_an_indicator_is_said() -> None:
    stage = next(stage for stage, _, _ in PLANTED if stage.kind == "shifted_indicator")
    assert "through its indicator 'mean'" in causality(case_of(stage))[0].message


def test_the_symbol_that_is_peeked_at_is_said() -> None:
    stage = next(stage for stage, _, _ in PLANTED if stage.kind == "on_one_symbol_only")
    finding = causality(case_of(stage))[0]
    assert finding.bar is not None and f"at bar {finding.bar} (C, " in finding.message


def test_another_symbols_later_close_is_named_with_it() -> None:
    from bulkhead import Strategy

    class Follows(Strategy):
        """Buys A when C will rise."""

        kind = "follows"

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            out = np.zeros(market.close.shape)
            out[:-1, 0] = market.close[1:, 2] > market.close[:-1, 2]
            return out

    finding = causality(case_of(Follows()))[0]
    assert finding.bar is not None
    assert f"uses bar {finding.bar + 1}'s close of C at bar {finding.bar} (A, " in finding.message


def test_the_date_of_the_decision_is_named() -> None:
    stage = PLANTED[0][0]
    finding = causality(case_of(stage))[0]
    assert finding.bar is not None
    stamp = np.datetime_as_string(MARKET.time[finding.bar].astype("datetime64[ns]"), unit="D")
    assert str(stamp) in finding.message
