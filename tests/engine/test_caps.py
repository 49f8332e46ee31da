"""An own risk rule: its caps bound targets, and a cap that changes is a decision of its own."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engine.container import Container
from engine.errors import StageError
from engine.events import NO_CAUSE, Kind
from engine.market.market import Market
from engine.risk.caps import RiskCaps
from engine.shared import Shared
from engine.spec import Spec, resolve
from engine.stage import Regimes
from tests.engine.small import plan_of, small_market

Array = np.ndarray


class Steps(RiskCaps):
    """Half from bar 20 on, nothing from bar 40 on, no cap from bar 60 on."""

    kind = "steps"

    def caps(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        caps = np.full(market.valid.shape, np.nan)
        caps[20:40] = 0.5
        caps[40:60] = 0.0
        return caps


class Wrong(RiskCaps):
    """Caps below 0."""

    kind = "wrong"

    def caps(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        return np.full(market.valid.shape, -0.1)


def log_of(rule: RiskCaps, market: Market, **sections: Any) -> np.ndarray:
    shared = Shared(plan_of({"kind": "buy_and_hold"}, market=market, **sections))
    spec = resolve(shared, 0)
    values = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    fragments = dict(spec.fragments) | {id(rule): rule.kind}
    return Container(Spec(**values | {"risk": rule, "fragments": fragments}), shared).run()


def test_a_cap_that_changes_changes_the_target() -> None:
    log = log_of(Steps(), small_market(bars=100, symbols=1))
    targets = log[log["kind"] == Kind.TARGET]
    assert list(zip(targets["bar"].tolist(), targets["value"].tolist(), strict=True)) == [
        (0, 1.0),
        (20, 0.5),
        (40, 0.0),
        (60, 1.0),
    ]
    assert (targets["cause"] != NO_CAUSE).all(), "each has the newest signal behind it"
    assert (log["kind"][targets["cause"]] == Kind.SIGNAL).all()
    assert log["bar"][log["kind"] == Kind.FILL].tolist() == [1, 21, 41, 61]


def test_the_standard_rules_hold_beside_the_caps() -> None:
    market = small_market(bars=300, symbols=1)
    log = log_of(Steps(stop_loss=0.02), market)
    assert (log["kind"] == Kind.STOP).any()


def test_a_cap_below_zero_is_refused() -> None:
    with pytest.raises(StageError, match="below 0"):
        log_of(Wrong(), small_market(bars=30, symbols=1))
