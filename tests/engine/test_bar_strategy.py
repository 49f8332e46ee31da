"""Strategies written bar by bar: the same bytes as the same rule over arrays, and what only they can do."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engine.container import Container
from engine.digest import digests
from engine.errors import StageError
from engine.events import Kind
from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.shared import Shared
from engine.spec import Spec, resolve
from engine.strategies.bar import Bar, BarStrategy, Signal
from tests.engine.small import plan_of, small_market


class CrossByBar(BarStrategy):
    """ma_cross with enter_on = "state", told bar by bar."""

    kind = "cross_by_bar"
    fast: int = 5
    slow: int = 20
    one_number: bool = False

    def indicators(self) -> dict[str, Request]:
        return {
            "fast": indicator("SMA", "close", timeperiod=self.fast),
            "slow": indicator("SMA", "close", timeperiod=self.slow),
        }

    def on_bar(self, bar: Bar) -> Signal:
        fast, slow = bar["fast"], bar["slow"]
        if self.one_number:
            return (1.0 if fast[0] > slow[0] else 0.0) if fast[0] == fast[0] and slow[0] == slow[0] else None
        return np.where(np.isfinite(fast) & np.isfinite(slow), np.where(fast > slow, 1.0, 0.0), np.nan)


class Ladder(BarStrategy):
    """Buys a third more each time the close is 2 % below its average entry; leaves 3 % above it."""

    kind = "ladder"

    def on_bar(self, bar: Bar) -> Signal:
        steps = bar.memory.setdefault("steps", 0)
        if bar.position[0] == 0.0:
            bar.memory["steps"] = 1
            return 1 / 3
        if bar.close[0] >= 1.03 * bar.entry[0]:
            bar.memory["steps"] = 0
            return 0.0
        if bar.close[0] <= 0.98 * bar.entry[0] and steps < 3:
            bar.memory["steps"] = steps + 1
            return min((steps + 1) / 3, 1.0)
        return None


def with_strategy(spec: Spec, strategy: BarStrategy) -> Spec:
    """`spec` with its first strategy replaced."""
    fragments = dict(spec.fragments) | {id(strategy): strategy.kind}
    values = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    return Spec(**values | {"strategies": (strategy, *spec.strategies[1:]), "fragments": fragments})


def log_of(strategy: BarStrategy | None, market: Market, **sections: Any) -> np.ndarray:
    first = {"kind": "ma_cross", "fast": 5, "slow": 20, "enter_on": "state"}
    others = sections.pop("others", [])
    shared = Shared(plan_of(first, *others, market=market, **sections))
    spec = resolve(shared, 0)
    return Container(spec if strategy is None else with_strategy(spec, strategy), shared).run()


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"classifier": {"kind": "trend", "window": 20}, "risk": {"regime_scale": {"up": 0.5}}},
        {"others": [{"kind": "rsi_reversion"}, {"kind": "donchian_breakout", "entry": 10, "exit": 5}]},
        {"risk": {"stop_loss": 0.03, "trailing_stop": 0.05, "stop_when": "intrabar", "take_profit": 0.1}},
        {"portfolio": {"sizing": "inverse_volatility", "rebalance": 21}},
        {"portfolio": {"drift_band": 0.05}, "execution": {"fill": "same_close", "commission_bps": 5.0}},
        {"execution": {"participation": 0.05, "impact": 0.1, "lot_size": 1.0}},
    ],
    ids=["plain", "regimes", "beside others", "stops", "sizing", "drift", "volume"],
)
@pytest.mark.parametrize("symbols", [1, 3])
def test_the_same_rule_bar_by_bar_leaves_the_same_bytes(sections: dict[str, Any], symbols: int) -> None:
    market = small_market(bars=300, symbols=symbols)
    whole = log_of(None, market, **dict(sections))
    assert (whole["kind"] == Kind.FILL).sum() > 5
    assert digests(log_of(CrossByBar(), market, **dict(sections))) == digests(whole)


def test_one_number_is_meant_for_every_symbol() -> None:
    market = small_market(bars=300, symbols=1)
    assert digests(log_of(CrossByBar(one_number=True), market)) == digests(log_of(None, market))


def test_it_knows_its_position_and_acts_on_it() -> None:
    market = small_market(bars=300, symbols=1)
    log = log_of(Ladder(), market)
    signals = log[log["kind"] == Kind.SIGNAL]["value"]
    assert {round(value, 6) for value in signals} == {0.0, 0.333333, 0.666667, 1.0}
    fills = log[log["kind"] == Kind.FILL]
    held = np.cumsum(fills["side"] * fills["quantity"])
    assert (held >= -1e-9).all()
    assert len(fills) > 6


def test_what_it_sees_is_the_account_after_the_bars_fills() -> None:
    bars: list[tuple[float, float, float]] = []

    class Watcher(BarStrategy):
        """Notes what it sees, and holds."""

        kind = "watcher"

        def on_bar(self, bar: Bar) -> Signal:
            bars.append((bar.cash, bar.equity, float(bar.position[0])))
            return 1.0

    market = small_market(bars=60, symbols=1)
    log_of(Watcher(), market, execution={"commission_bps": 10.0})
    assert bars[0] == (100_000.0, 100_000.0, 0.0)
    price = market.open[1, 0]
    quantity = 100_000.0 / (price * 1.001)
    assert bars[1] == pytest.approx((0.0, quantity * market.close[1, 0], quantity), rel=1e-12, abs=1e-7)
    assert bars[-1][1] == pytest.approx(quantity * market.close[-1, 0], rel=1e-12)


@pytest.mark.parametrize("value", [1.5, [0.0, 2.0], [0.0]])
def test_a_signal_out_of_range_or_shape_is_named(value: Any) -> None:
    class Wild(BarStrategy):
        """Says what it should not."""

        kind = "wild"

        def on_bar(self, bar: Bar) -> Signal:
            return value if bar.number > 3 else None

    with pytest.raises(StageError, match=r"outside \[-1, 1\]|not shape"):
        log_of(Wild(), small_market(bars=30, symbols=2, missing=False))


def test_it_cannot_write_what_it_sees() -> None:
    class Vandal(BarStrategy):
        """Writes into the book."""

        kind = "vandal"

        def on_bar(self, bar: Bar) -> Signal:
            bar.position[0] = 7.0
            return None

    with pytest.raises(ValueError, match="read-only"):
        log_of(Vandal(), small_market(bars=30, symbols=1))


def test_it_has_no_signals_without_its_fills() -> None:
    market = small_market(bars=30, symbols=1)
    with pytest.raises(TypeError, match="bar by bar"):
        CrossByBar().signal(market, _nothing(), None)


def _nothing() -> Mapping[str, np.ndarray]:
    return {}
