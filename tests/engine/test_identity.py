"""Identity: what a result depends on, and what it must not depend on."""

from typing import Any

import numpy as np
import pytest

from engine.digest import digests
from engine.events import EVENT, Kind
from engine.market.market import Market
from engine.outcome import Outcome, run
from engine.parallel.block import BENCHMARK
from engine.plan import Plan
from engine.projections.catalogue import METRICS
from engine.shared import Shared
from engine.spec import resolve
from tests.engine.small import plan_of, small_market

MA = {"kind": "ma_cross", "fast": 3, "slow": 20}
RANDOM = {"kind": "random_entry", "probability": 0.1, "long_only": False}


def outcome(plan: Plan, index: int = 0) -> Outcome:
    shared = Shared(plan)
    return run(resolve(shared, index), shared)


def spec_hash(*strategies: dict[str, Any], **sections: Any) -> str:
    return resolve(Shared(plan_of(*strategies, **sections)), 0).spec_hash


def altered(market: Market, bar: int) -> Market:
    """The same market with every price and volume from `bar` on changed."""
    columns = {name: getattr(market, name).copy() for name in ("open", "high", "low", "close", "volume")}
    noise = np.exp(np.random.default_rng(9).normal(0, 0.1, market.close[bar:].shape))
    for values in columns.values():
        values[bar:] *= noise
    return Market.from_columns(market.symbols, market.time, **columns, valid=market.valid, dataset=market.dataset)


@pytest.mark.parametrize("strategy", [MA, RANDOM, {"kind": "rsi_reversion"}, {"kind": "donchian_breakout"}])
@pytest.mark.parametrize("classifier", [{"kind": "none"}, {"kind": "volatility", "window": 5, "baseline": 20}])
def test_held_out_bars_change_no_metric(strategy: dict[str, Any], classifier: dict[str, Any]) -> None:
    market = small_market()
    sections = {"data": {"dataset": "small", "test_start": "1970-07-20"}, "classifier": classifier}
    plan = plan_of(strategy, market=market, risk={"stop_loss": 0.05}, **sections)
    assert plan.test == 200
    changed = plan_of(strategy, market=altered(market, 200), risk={"stop_loss": 0.05}, **sections)
    before, after = outcome(plan), outcome(changed)
    assert before.metrics.tobytes() == after.metrics.tobytes()
    assert before.test_metrics is not None
    assert after.test_metrics is not None
    assert before.test_metrics.tobytes() != after.test_metrics.tobytes()


def test_the_test_part_starts_from_the_equity_before_it() -> None:
    plan = plan_of(MA, data={"dataset": "small", "test_start": "1970-07-20"})
    whole, split = outcome(plan_of(MA)), outcome(plan)
    assert split.test_metrics is not None
    named = dict(zip(METRICS, split.metrics, strict=True)), dict(zip(METRICS, split.test_metrics, strict=True))
    growth = (1 + named[0]["total_return"]) * (1 + named[1]["total_return"]) - 1
    assert growth == pytest.approx(dict(zip(METRICS, whole.metrics, strict=True))["total_return"], rel=1e-12)
    for name in ("orders", "trades", "commission_paid"):
        assert named[0][name] + named[1][name] == whole.metrics[METRICS.index(name)]
    assert digests(whole.log) == digests(split.log)


def test_random_numbers_depend_on_seed_stage_and_symbol_only() -> None:
    alone = digests(outcome(plan_of(RANDOM)).log)
    swept = plan_of({**RANDOM, "probability": [0.3, 0.2, 0.1]}, risk={"stop_loss": ["none", 0.1]})
    same = [
        i
        for i in range(6)
        if resolve(Shared(swept), i).params == {"random_entry.probability": 0.1, "risk.stop_loss": "none"}
    ]
    assert digests(outcome(swept, same[0]).log) == alone
    assert digests(outcome(plan_of(MA, RANDOM)).log) != alone
    assert digests(outcome(plan_of(RANDOM, experiment={"name": "x", "seed": 8})).log) != alone
    # one symbol's draws do not depend on which others are traded
    both = outcome(plan_of(RANDOM, portfolio={"slot": 0.5})).log
    one = outcome(plan_of(RANDOM, portfolio={"slot": 0.5}, data={"dataset": "small", "symbols": ["S0"]})).log
    kind = Kind.SIGNAL
    first = [(r["bar"], r["value"]) for r in both if r["kind"] == kind and r["symbol"] == 0]
    assert first == [(r["bar"], r["value"]) for r in one if r["kind"] == kind]


def test_spec_hash_covers_what_decides_and_nothing_else() -> None:
    base = spec_hash(MA)
    assert spec_hash({**MA, "name": "other"}) == base
    assert spec_hash(MA, limits={"wall_seconds": 5}) == base
    assert spec_hash(MA, experiment={"name": "renamed", "seed": 7, "hypothesis": "h"}) == base
    assert spec_hash(MA, portfolio={"initial_cash": 100_000.0}) == base
    assert spec_hash({**MA, "fast": [3, 4]}) == base
    for other in (
        spec_hash({**MA, "fast": 4}),
        spec_hash(MA, execution={"commission_bps": 1.0}),
        spec_hash(MA, risk={"stop_loss": 0.1}),
        spec_hash(MA, experiment={"name": "test", "seed": 8}),
        spec_hash(MA, data={"dataset": "small", "symbols": ["S0"]}),
        spec_hash(MA, data={"dataset": "small", "warmup": 3}),
        spec_hash(MA, classifier={"kind": "trend"}),
        spec_hash(MA, MA),
    ):
        assert other != base


def test_a_strategys_name_is_not_in_the_digest() -> None:
    assert digests(outcome(plan_of(MA)).log) == digests(outcome(plan_of({**MA, "name": "other"})).log)


def test_digests_do_not_see_signs_of_zero_kinds_of_nan_or_padding() -> None:
    log = np.zeros(3, EVENT)
    other = log.copy()
    other["price"] = -0.0
    log["value"] = np.nan
    other["value"] = np.frombuffer(b"\x01\x00\x00\x00\x00\x00\xf8\xff", "<f8")[0]
    raw = other.view(np.uint8).reshape(3, -1)
    raw[:, 19:24] = 7  # the padding between the columns
    assert digests(log) == digests(other)
    other["quantity"][1] = 1e-300
    assert digests(log).log != digests(other).log
    assert digests(log).decisions == digests(other).decisions


def test_the_benchmark_is_buy_and_hold_with_the_experiments_costs() -> None:
    sections: dict[str, Any] = {"execution": {"commission_bps": 7.0}, "portfolio": {"initial_cash": 5000.0}}
    plan = plan_of(MA, risk={"max_weight": 0.1}, **sections)
    expected = outcome(plan_of({"kind": "buy_and_hold"}, **sections))
    assert digests(outcome(plan, BENCHMARK).log) == digests(expected.log)


def test_the_hub_computes_each_request_once() -> None:
    plan = plan_of({**MA, "fast": [3, 4], "slow": [20, 30]}, risk={"stop_loss": ["none", 0.1]})
    shared = Shared(plan)
    assert len(plan.indicators[None]) == 4
    for index in range(plan.containers):
        run(resolve(shared, index), shared)
    assert (shared.hub.computed, shared.hub.served) == (0, 8)  # two averages for each of four distinct strategies
