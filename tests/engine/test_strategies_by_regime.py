"""A strategy by regime is its base strategy, spliced by label; it is checked and swept as the base is."""

from typing import Any

import numpy as np
import pytest

from engine.digest import digests
from engine.errors import ConfigError, StageError
from engine.events import Kind
from engine.experiment import parse_experiment
from engine.indicators.hub import compute
from engine.market.market import Market
from engine.outcome import run
from engine.own.catalogue import known
from engine.own.load import loaded
from engine.own.source import read_folder
from engine.own.stages import OwnStages
from engine.plan import NO_STAGES, prepare
from engine.registry import BUILT_IN
from engine.shared import Shared
from engine.spec import Spec, resolve
from engine.stage import Regimes
from engine.strategies.changes import signal_rows
from tests.engine.own import STAGES
from tests.engine.signals import closes, signals
from tests.engine.small import experiment, plan_of, small_market

NAMES = ("calm", "wild", "dull")
OWN = known(read_folder(STAGES))
VOLATILITY = {"kind": "volatility", "window": 5, "baseline": 20}
BASES: list[tuple[str, dict[str, Any], dict[str, dict[str, Any]]]] = [
    ("ma_cross", {"slow": 20, "fast": 5}, {"calm": {"fast": 3}, "wild": {"fast": 9, "enter_on": "state"}}),
    ("rsi_reversion", {"window": 6}, {"wild": {"lower": 40.0, "long_only": False}, "dull": {"window": 9}}),
    ("random_entry", {"probability": 0.3}, {"calm": {"hold": 2}, "wild": {"draw": 1}, "dull": {"long_only": False}}),
    ("pairs", {"window": 15}, {"calm": {"hedge": "regression"}, "dull": {"enter": 1.0, "stop": 3.0}}),
    ("buy_and_hold", {}, {"calm": {}}),
    ("momentum", {"lookback": 10, "every": 5}, {"wild": {"every": None}}),
]


def labels(bars: int, seed: int = 1) -> Regimes:
    """Episodes of some bars each; the first have no label."""
    codes = np.random.default_rng(seed).integers(0, len(NAMES), bars // 7 + 1).repeat(7)[:bars]
    codes[:12] = -1
    return Regimes(codes.astype(np.int64), NAMES)


def made(**parameters: Any) -> Any:
    return BUILT_IN.strategies["by_regime"].among(parameters, BUILT_IN.strategies, "here")(**parameters)


def by_regime(**parameters: Any) -> dict[str, Any]:
    return experiment({"kind": "by_regime", **parameters}, classifier=VOLATILITY)


def refused(raw: dict[str, Any], own: OwnStages = NO_STAGES) -> str:
    with pytest.raises(ConfigError) as caught:
        prepare(raw, small_market(), own)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def specs(raw: dict[str, Any], own: OwnStages = NO_STAGES) -> list[Spec]:
    plan = prepare(raw, small_market(), own)[1]
    shared = Shared(plan)
    return [resolve(shared, index) for index in range(plan.containers)]


# --- what it signals -------------------------------------------------------------------------------------------------


def test_by_hand() -> None:
    """Labels: none, none, calm, calm, wild, dull. The base is long at once, in calm it waits, in wild it is short."""
    market = closes([10, 12, 11, 13, 12, 14])
    regimes = Regimes(np.array([-1, -1, 0, 0, 1, 2]), NAMES)
    momentum = {"lookback": 1, "every": 1, "long_only": False}
    alone = [np.nan, 1, -1, 1, -1, 1]
    np.testing.assert_array_equal(signals("momentum", market, **momentum)[:, 0], alone)
    found = signals(
        "by_regime",
        market,
        regimes,
        base="momentum",
        parameters=momentum,
        regimes={"calm": {"lookback": 2}, "wild": {"long_only": True}},
    )
    np.testing.assert_array_equal(found[:, 0], [np.nan, 1, 1, 1, 0, 1])


@pytest.mark.parametrize(("base", "parameters", "regimes"), BASES, ids=[base for base, _, _ in BASES])
def test_it_is_its_base_spliced_by_label(
    base: str, parameters: dict[str, Any], regimes: dict[str, dict[str, Any]]
) -> None:
    market = small_market(symbols=3)
    given = labels(len(market.time))
    expected = signals(base, market, given, **parameters)
    for code, name in enumerate(NAMES):
        own = signals(base, market, given, **{**parameters, **regimes.get(name, {})})
        expected = np.where((given.codes == code)[:, None], own, expected)
    found = signals("by_regime", market, given, base=base, parameters=parameters, regimes=regimes)
    np.testing.assert_array_equal(found, expected)
    assert base == "buy_and_hold" or not np.array_equal(
        found, signals(base, market, given, **parameters), equal_nan=True
    )


def test_asked_directly_it_answers_the_same() -> None:
    """`signal` with the indicators of all variants under their own names."""
    market = small_market()
    given = labels(len(market.time))
    parameters = {"base": "ma_cross", "parameters": {"slow": 20}, "regimes": {"calm": {"fast": 3}}}
    strategy = made(**parameters)
    asked = strategy.indicators()
    assert {name: request.text for name, request in asked.items()} == {
        "parameters.fast": "SMA(close, timeperiod=20)",
        "parameters.slow": "SMA(close, timeperiod=20)",
        "regimes.calm.fast": "SMA(close, timeperiod=3)",
        "regimes.calm.slow": "SMA(close, timeperiod=20)",
    }
    values = {name: compute(request, market) for name, request in asked.items()}
    np.testing.assert_array_equal(
        strategy.signal(market, values, given), signals("by_regime", market, given, **parameters)
    )
    with pytest.raises(StageError, match="needs the labels"):
        strategy.signal(market, values, None)


def test_a_container_logs_the_spliced_signals() -> None:
    """End to end, each regime at the labels of the classifier, from the first trading bar on."""
    variants = {"calm": {"fast": 3}, "turbulent": {"fast": 8, "long_only": False}}
    common = {"slow": 25, "enter_on": "state"}
    plan = plan_of({"kind": "by_regime", "parameters": common, "regimes": variants}, classifier=VOLATILITY)
    shared = Shared(plan)
    log = run(resolve(shared, 0), shared).log
    told = log[log["kind"] == Kind.REGIME]
    codes = np.full(len(plan.market.time), -1)
    for row in told:
        codes[row["bar"] :] = row["reason"]
    assert len(told) > 4
    dense = signals("ma_cross", plan.market, **common)
    for code, own in enumerate(variants.values()):
        dense = np.where((codes == code)[:, None], signals("ma_cross", plan.market, **common, **own), dense)
    found, expected = log[log["kind"] == Kind.SIGNAL], signal_rows(dense, plan.market.valid, plan.first, 5, "x")
    assert len(found) == len(expected) > 20
    for name in ("bar", "symbol", "value"):
        np.testing.assert_array_equal(found[name], expected[name])


def test_the_same_parameters_in_every_regime_are_the_base_alone() -> None:
    own = {"fast": 4, "slow": 25}
    plan = plan_of(
        {"kind": "ma_cross", **own, "book": "a"},
        {"kind": "by_regime", "parameters": own, "book": "b"},
        {"kind": "by_regime", "parameters": own, "regimes": {"turbulent": own, "calm": {"slow": 25}}, "book": "c"},
        classifier=VOLATILITY,
    )
    shared = Shared(plan)
    alone, none, all_named = (digests(run(resolve(shared, index), shared).log) for index in range(3))
    assert alone == none == all_named


# --- how it is written -----------------------------------------------------------------------------------------------


def test_values_inside_are_swept_and_conditions_know_them() -> None:
    raw = by_regime(
        parameters={"slow": [20, 30]},
        regimes={"calm": {"fast": [3, 5]}, "turbulent": {"fast": {"from": 4, "to": 8, "step": 2}}},
    )
    sweep = parse_experiment(raw).sweep
    assert sweep.total == 12
    branch = sweep.branches[0]
    assert branch.params(branch.picks(11)) == {
        "by_regime.parameters.slow": 30,
        "by_regime.regimes.calm.fast": 5,
        "by_regime.regimes.turbulent.fast": 8,
    }
    where = {
        "where": ["by_regime.regimes.calm.fast < by_regime.regimes.turbulent.fast", "by_regime.parameters.fast == 20"]
    }
    kept = parse_experiment({**raw, "sweep": where})
    points = [kept.sweep.locate(rank)[0].params(kept.sweep.locate(rank)[1]) for rank in kept.ranks.tolist()]
    assert len(points) == 10
    assert all(p["by_regime.regimes.calm.fast"] < p["by_regime.regimes.turbulent.fast"] for p in points)


def test_a_sweep_runs_each_point_as_if_it_were_alone() -> None:
    swept = specs(by_regime(parameters={"slow": 20}, regimes={"calm": {"fast": [3, 5]}}))
    alone = [specs(by_regime(parameters={"slow": 20}, regimes={"calm": {"fast": fast}}))[0] for fast in (3, 5)]
    assert [spec.spec_hash for spec in swept] == [spec.spec_hash for spec in alone]
    assert len({spec.spec_hash for spec in swept}) == 2


def test_what_is_left_out_is_what_is_written_out() -> None:
    short, full = specs(by_regime(parameters={"slow": 50})), specs(by_regime(base="ma_cross", parameters={"fast": 20}))
    assert short[0].spec_hash == full[0].spec_hash
    strategy = short[0].strategies[0]
    assert strategy.values() == {
        "base": "ma_cross",
        "parameters": {"fast": 20, "slow": 50, "average": "SMA", "enter_on": "cross", "long_only": True},
        "regimes": {},
    }
    again = made(**made(base="bollinger_reversion", regimes={"calm": {"width": 3}}).values())
    assert again.values()["regimes"] == {"calm": {"width": 3.0}}


def test_a_users_own_strategy_can_be_the_base() -> None:
    """Its lists are lists by nature, its tables tables, and "none" is none."""
    raw = by_regime(
        base="weighted",
        parameters={"weights": [1.0, 0.25], "since": "none"},
        regimes={"calm": {"weights": [[0.5], [0.75, 1.0]], "since": 3, "by_symbol": {"S1": [0.0, 0.5]}}},
    )
    found = specs(raw, OWN)
    assert [spec.params for spec in found[:2]] == [
        {"by_regime.regimes.calm.weights": [0.5], "by_regime.regimes.calm.by_symbol.S1": 0.0},
        {"by_regime.regimes.calm.weights": [0.5], "by_regime.regimes.calm.by_symbol.S1": 0.5},
    ]
    assert len({spec.spec_hash for spec in found}) == 4
    assert found[3].strategies[0].values() == {
        "base": "weighted",
        "parameters": {"weights": [1.0, 0.25], "by_symbol": {}, "since": None},
        "regimes": {"calm": {"weights": [0.75, 1.0], "since": 3, "by_symbol": {"S1": 0.5}}},
    }
    plan = prepare(raw, small_market(), OWN)[1]
    shared = Shared(plan, loaded(plan.own))
    values = run(resolve(shared, 3), shared).log
    assert set(values["value"][values["kind"] == Kind.SIGNAL].tolist()) <= {0.0, 0.375, 0.5, 0.75, 1.0}
    assert "no such kind 'weighted'" in refused(raw)


def test_common_warmup_waits_for_the_slowest_variant() -> None:
    raw = by_regime(parameters={"slow": 30}, regimes={"turbulent": {"slow": 80}})
    plan = prepare({**raw, "data": {"dataset": "small", "warmup": "common"}}, small_market(missing=False))[1]
    assert plan.first == 79


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"base": "ma_cros"}, "[[strategy]] 1: base: no such kind 'ma_cros'; did you mean 'ma_cross'?"),
        ({"base": "by_regime"}, "[[strategy]] 1: base: a strategy by regime cannot be its own base"),
        ({"base": ["macd", "ma_cross"]}, "[[strategy]] 1: base: must be one kind of strategy"),
        ({"regims": {}}, "strategy 'by_regime': unknown key 'regims'; did you mean 'regimes'?"),
        ({"parameters": {"fst": 3}}, "strategy 'by_regime': parameters: unknown key 'fst'; did you mean 'fast'?"),
        ({"parameters": {"fast": [5, 1]}}, "strategy 'by_regime': parameters.fast: input should be"),
        (
            {"regimes": {"calm": {"fst": [3, 4]}}},
            "strategy 'by_regime': regimes.calm: unknown key 'fst'; did you mean 'fast'?",
        ),
        ({"regimes": {"calm": {"fast": [5, 1]}}}, "strategy 'by_regime': regimes.calm.fast: input should be"),
        ({"regimes": {"clam": {}}}, "strategy 'by_regime': regimes: no regime 'clam'; did you mean 'calm'?"),
        ({"regimes": [{"calm": {}}, {"up": {}}]}, "strategy 'by_regime': regimes: no regime 'up'; known: calm"),
        ({"regimes": {"calm": 3}}, "strategy 'by_regime': regimes.calm: input should be"),
        ({"regimes": {"calm": {"fast": []}}}, "by_regime.regimes.calm.fast: an empty list sweeps nothing"),
    ],
)
def test_what_is_refused_and_why(parameters: dict[str, Any], words: str) -> None:
    assert refused(by_regime(**parameters)).startswith(words)


def test_every_branch_needs_a_classifier_with_these_regimes() -> None:
    raw = experiment({"kind": "by_regime", "regimes": {"calm": {"fast": 3}}})
    assert "needs a classifier; add a [classifier], or use 'ma_cross' itself" in refused(raw)
    two = [{"name": "a", **VOLATILITY}, {"name": "b", "kind": "trend"}]
    assert "no regime 'calm'; known: down, flat, up" in refused({**raw, "classifier": two})
    none = [{"name": "a", **VOLATILITY}, {"name": "b", "kind": "none"}]
    assert "needs a classifier" in refused({**raw, "classifier": none})


def test_what_its_base_returns_is_checked_before_it_is_spliced() -> None:
    raw = by_regime(base="poison", regimes={"calm": {"mode": "shape"}})
    plan = prepare(raw, small_market(), OWN)[1]
    shared = Shared(plan, loaded(plan.own))
    with pytest.raises(StageError, match="strategy 'poison': signal\\(\\) must return float64"):
        run(resolve(shared, 0), shared)


def test_it_takes_as_many_symbols_as_its_base() -> None:
    raw = by_regime(base="pairs")
    with pytest.raises(ConfigError, match="takes at least 2"):
        prepare(raw, small_market(symbols=1))
    market: Market = small_market(symbols=2)
    assert prepare(raw, market)[1].containers == 1
