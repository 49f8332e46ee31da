"""Each strategy's share in an order."""

from typing import Any

import numpy as np
import pytest

from engine.events import NO_CAUSE, Kind, Source, empty_log
from engine.projections.shares import order_shares
from tests.engine.replays import outcome
from tests.engine.small import plan_of, small_market

A, B = int(Source.STRATEGY), int(Source.STRATEGY) + 1


def log_of(*rows: dict[str, Any]) -> np.ndarray:
    log = empty_log(len(rows))
    log["cause"] = NO_CAUSE
    for row, values in zip(log, rows, strict=True):
        for name, value in values.items():
            row[name] = value
    return log


def test_by_hand() -> None:
    log = log_of(
        {"kind": Kind.SIGNAL, "source": A, "value": 1.0},
        {"kind": Kind.SIGNAL, "source": B, "value": 0.5},
        {"kind": Kind.TARGET, "value": 0.4},  # 0.6 × 1 and 0.4 × 0.5: 3 to 1
        {"kind": Kind.ORDER, "cause": 2},
        {"kind": Kind.SIGNAL, "source": A, "value": 0.0},
        {"kind": Kind.TARGET, "value": 0.1},
        {"kind": Kind.ORDER, "cause": 5},  # A alone left
        {"kind": Kind.REGIME, "reason": 0},
        {"kind": Kind.TARGET, "value": 0.2},  # now B weighs 0.8
        {"kind": Kind.ORDER, "cause": 8},
        {"kind": Kind.REBALANCE},
        {"kind": Kind.ORDER, "cause": 10},
        {"kind": Kind.STOP},
        {"kind": Kind.ORDER, "cause": 12},
    )
    found = order_shares(log, np.array([[0.6, 0.4], [0.2, 0.8]]), 1)
    assert found.seqs.tolist() == [3, 6, 9, 11, 13]
    assert found.parts.tolist() == [pytest.approx(row) for row in ([0.3, 0.1], [0, 0.1], [0, 0.2], [0, 0.2], [0, 0.2])]
    assert found.shares[:4].tolist() == [pytest.approx(row) for row in ([0.75, 0.25], [1, 0], [0, 1], [0, 1])]
    assert np.isnan(found.shares[4]).all()


def test_parts_add_up_to_the_target_and_shares_to_one() -> None:
    market = small_market(symbols=3)
    tables = ({"kind": "ma_cross", "fast": 4, "slow": 11, "long_only": False}, {"kind": "rsi_reversion", "window": 5})
    weights = {"calm": [0.7, 0.3], "turbulent": [0.2, 0.8]}
    plan = plan_of(
        *tables,
        market=market,
        classifier={"kind": "volatility", "window": 10},
        ensemble={"method": "fixed", "weights": weights},
        risk={"stop_loss": 0.03},
        portfolio={"rebalance": 17},
    )
    log = outcome(plan).log
    found = order_shares(log, np.array([[0.5, 0.5], [0.7, 0.3], [0.2, 0.8]]), 3)
    orders = log[found.seqs]
    assert len(orders) == (log["kind"] == Kind.ORDER).sum() > 50
    stops = log["kind"][orders["cause"]] == Kind.STOP
    assert np.isnan(found.shares[stops]).all()
    targets = log["kind"][orders["cause"]] == Kind.TARGET
    wanted = log["value"][orders["cause"][targets]]
    np.testing.assert_allclose(found.parts[targets].sum(axis=1), wanted, atol=1e-12)
    np.testing.assert_allclose(found.shares[targets].sum(axis=1), 1.0, rtol=1e-9)
