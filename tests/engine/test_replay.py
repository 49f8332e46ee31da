"""Signals that are replayed trade exactly as they did in the backtest that made them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.digest import digests
from engine.errors import ConfigError
from engine.events import Kind
from engine.market.market import Market
from engine.outcome import Outcome
from engine.registry import BUILT_IN
from engine.strategies.by_regime import ByRegime
from tests.engine.replays import outcome, replay_of, stored
from tests.engine.small import plan_of, small_market

MANY, ONE = small_market(bars=700, symbols=3), small_market(bars=700, symbols=1)
COSTS = {"commission_bps": 10.0, "slippage_bps": 2.0}
STOPS = {"stop_loss": 0.04, "trailing_stop": 0.09, "stop_when": "intrabar"}
STRATEGIES = sorted(kind for kind in BUILT_IN.strategies if kind != ByRegime.kind)
CLASSIFIERS = sorted(BUILT_IN.classifiers)
FIRST = {"kind": "volatility", "window": 10}


def fills(found: Outcome) -> str:
    return digests(found.log).fills


def table(kind: str) -> dict[str, Any]:
    """A strategy with windows short enough for some hundred bars."""
    model = BUILT_IN.strategies[kind]
    windows = {"lookback": 40, "slow": 30, "fast": 7, "window": 20, "skip": 2}
    return {"kind": kind, **{name: value for name, value in windows.items() if name in model.model_fields}}


def check(
    market: Market, weights: list[float] | dict[str, list[float]], *tables: dict[str, Any], **sections: Any
) -> None:
    """A full backtest of the tables and a replay of each one's own log with the same weights have the same fills."""
    ensemble = {"method": "fixed", "weights": weights}
    whole = outcome(plan_of(*tables, market=market, ensemble=ensemble, **sections))
    upstream = {name: section for name, section in sections.items() if name in ("classifier", "data")}
    logs = [
        stored(plan_of(one, market=market, experiment=GENERATION, **upstream), reference=f"{number}/0")
        for number, one in enumerate(tables, start=1)
    ]
    downstream = {name: section for name, section in sections.items() if name in ("risk", "portfolio", "execution")}
    again = outcome(replay_of(*logs, market=market, ensemble=ensemble, **downstream))
    assert fills(again) == fills(whole)
    assert again.metrics is not None and whole.metrics is not None
    assert again.metrics.tobytes() == whole.metrics.tobytes()


GENERATION = {"name": "test", "seed": 7, "pattern": "signal_generation"}


@pytest.mark.parametrize("market", [ONE, MANY], ids=["one", "many"])
@pytest.mark.parametrize("kind", STRATEGIES)
def test_one_log_of_weight_one_gives_the_fills_of_the_backtest(kind: str, market: Market) -> None:
    if BUILT_IN.strategies[kind].least_symbols > len(market.symbols):
        market = MANY
    risk = {**STOPS, "regime_scale": {"calm": 1.0, "turbulent": 0.5}}
    check(market, [1.0], table(kind), classifier=FIRST, risk=risk, execution=COSTS)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_under_every_classifier(kind: str) -> None:
    names = BUILT_IN.classifiers[kind].regimes
    scale = {name: 0.4 + 0.3 * number for number, name in enumerate(names)}
    weights = {name: [0.2 + 0.1 * number, 0.7 - 0.2 * number] for number, name in enumerate(names)}
    tables = (table("ma_cross"), table("momentum"))
    check(MANY, weights, *tables, classifier={"kind": kind}, risk={"stop_loss": 0.06, "regime_scale": scale})


WEIGHT = st.sampled_from([0.0, 0.25, 0.5, 1.0, -0.5])


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(st.sampled_from(STRATEGIES), min_size=1, max_size=4, unique=True),
    draw=st.data(),
    by_regime=st.booleans(),
    risk=st.sampled_from([{}, STOPS, {"max_gross": 0.6, "cool_down": 3, "stop_loss": 0.05}, {"max_drawdown": 0.1}]),
    portfolio=st.sampled_from([{}, {"rebalance": 13}, {"sizing": "inverse_volatility"}, {"slot": 0.9}]),
    execution=st.sampled_from([{}, COSTS, {"fill": "next_close"}, {"lot_size": 10.0, "spread_bps": 5.0}]),
    warmup=st.sampled_from(["own", 50]),
)
def test_many_logs_weighted_are_the_backtest_of_their_strategies(
    kinds: list[str],
    draw: st.DataObject,
    by_regime: bool,
    risk: dict[str, Any],
    portfolio: dict[str, Any],
    execution: dict[str, Any],
    warmup: Any,
) -> None:
    vector = st.lists(WEIGHT, min_size=len(kinds), max_size=len(kinds))
    weights = draw.draw(st.fixed_dictionaries({"calm": vector, "turbulent": vector}) if by_regime else vector)
    sections = {"risk": risk, "portfolio": portfolio, "execution": execution, "classifier": FIRST}
    data = {"dataset": "small", "warmup": warmup}
    check(MANY, weights, *[table(kind) for kind in kinds], data=data, **sections)


def test_a_later_start_begins_with_the_signals_in_force() -> None:
    whole = plan_of(table("ma_cross"), market=MANY)
    late = {"dataset": "small", "start": "1971-01-01"}
    expected = outcome(plan_of(table("ma_cross"), market=MANY, data=late))
    found = outcome(replay_of(stored(whole), market=MANY, data={"start": "1971-01-01"}))
    assert fills(found) == fills(expected)
    assert (expected.log["kind"] == Kind.FILL).sum() > 10


def test_logs_are_not_changed_and_no_event_crosses_between_replays() -> None:
    logs = [
        stored(plan_of(table(kind), market=MANY, classifier=FIRST), reference=f"{number}/0")
        for number, kind in enumerate(["ma_cross", "macd", "momentum"])
    ]
    before = [log.rows.tobytes() for log in logs]
    vectors = [[1, 0, 0], [0, 1, 0], [0.5, 0, 0.5]]
    together = replay_of(*logs, market=MANY, ensemble={"method": "fixed", "weights": vectors})
    found = [outcome(together, index) for index in range(3)]
    for index, weights in enumerate(vectors):
        alone = outcome(replay_of(*logs, market=MANY, ensemble={"method": "fixed", "weights": weights}))
        assert digests(found[index].log) == digests(alone.log)
    assert [log.rows.tobytes() for log in logs] == before
    assert len({fills(one) for one in found}) == 3


def test_signal_generation_logs_what_the_backtest_logs() -> None:
    tables = (table("ma_cross"), table("macd"))
    log = outcome(plan_of(*tables, market=MANY, classifier=FIRST)).log
    made = outcome(plan_of(*tables, market=MANY, classifier=FIRST, experiment=GENERATION))
    kinds = (log["kind"] == Kind.SIGNAL) | (log["kind"] == Kind.REGIME)
    assert digests(made.log).signals == digests(log).signals
    assert len(made.log) == kinds.sum()
    assert made.metrics is None and made.report is not None


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"risk": {"stop_loss": [0.1, 0.2]}}, "risk.stop_loss takes no part in signal_generation"),
        ({"risk": [{"name": "a"}, {"name": "b"}]}, "[[risk]] takes no part in signal_generation"),
        ({"execution": {"commission_bps": [1.0, 2.0]}}, "execution.commission_bps takes no part"),
    ],
)
def test_signal_generation_refuses_sweeps_that_change_no_signal(section: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        plan_of(table("ma_cross"), experiment=GENERATION, **section)
    assert words in str(error.value)


def test_different_regimes_are_refused_until_one_is_named() -> None:
    one = stored(plan_of(table("ma_cross"), market=MANY, classifier=FIRST), reference="1/0")
    other = stored(plan_of(table("macd"), market=MANY, classifier={**FIRST, "window": 30}), reference="2/0")
    with pytest.raises(ConfigError, match='1/0 and 2/0 have different regimes; say whose count with regimes = "1/0"'):
        replay_of(one, other, market=MANY)
    found = outcome(replay_of(one, other, market=MANY, regimes=other))
    regimes = found.log[found.log["kind"] == Kind.REGIME]
    theirs = other.rows[other.rows["kind"] == Kind.REGIME]
    assert np.array_equal(regimes["bar"], theirs["bar"])
    assert np.array_equal(regimes["reason"], theirs["reason"])
