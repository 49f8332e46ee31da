"""Configs: what is accepted, and the one line that says what is wrong with the rest."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import config
from engine.errors import ConfigError
from engine.experiment import parse_experiment
from engine.plan import prepare
from engine.where import parse
from tests.engine.small import experiment, small_market

MA = {"kind": "ma_cross", "fast": 5, "slow": 20}


def refused(raw: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        prepare(raw, small_market())
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (experiment({**MA, "fst": 3}), "unknown key 'fst'; did you mean 'fast'?"),
        (experiment({"kind": "ma_cros"}), "did you mean 'ma_cross'?"),
        (experiment(MA, risks={}), "unknown section [risks]; did you mean 'risk'?"),
        (experiment(MA, risk={"stop_los": 0.1}), "did you mean 'stop_loss'?"),
        (experiment({**MA, "fast": 1}), "fast"),
        (experiment({**MA, "fast": [5, 0]}), "fast"),
        (experiment({**MA, "fast": []}), "empty list sweeps nothing"),
        (experiment({**MA, "fast": {"from": 9, "to": 5, "step": 1}}), "needs from ≤ to"),
        (experiment({**MA, "fast": {"from": 5, "to": 9}}), "'step' is missing"),
        (experiment({**MA, "fast": [5, 5]}), "listed twice"),
        (experiment({**MA, "fast": "five"}), "fast"),
        (experiment({**MA, "fast": 5.5}), "fast"),
        (experiment(MA, sweep={"where": ["ma_cross.fast > ma_cross.slow"]}), "the sweep is empty"),
        (experiment(MA, sweep={"where": ["ma_cross.fats > 1"]}), "did you mean 'ma_cross.fast'?"),
        (experiment(MA, sweep={"method": "random"}), "needs samples"),
        (experiment(MA, sweep={"method": "sobol"}), "needs samples"),
        (experiment(MA, sweep={"method": "tpe"}), "needs samples"),
        (experiment(MA, sweep={"samples": 3}), "samples goes with"),
        (experiment(MA, sweep={"method": "random", "samples": 3, "objective": "cagr"}), "objective goes with"),
        (experiment(MA, sweep={"method": "tpe", "samples": 3, "objective": "sharp"}), "did you mean 'sharpe'?"),
        (experiment(MA, replay={}), "[replay] goes with"),
        (experiment(MA, classifier={"kind": "trand"}), "did you mean 'trend'?"),
        (experiment(MA, classifier={"kind": "none", "window": 3}), "has no key 'window'"),
        (experiment(MA, risk={"regime_scale": {"calm": 1.0}}), "no regime 'calm'"),
        (experiment(MA, ensemble={"method": "fixed", "weights": [0.5, 0.5]}), "2 given for 1 strategies"),
        (experiment(MA, ensemble={"method": "fixed"}), "weights go with"),
        (experiment(MA, data={"dataset": "x", "start": "2020-01-02", "end": "2020-01-01"}), "lies after end"),
        (experiment(MA, data={"dataset": "x", "start": "2020-01-01"}), "after the last bar"),
        (experiment(MA, data={"dataset": "x", "warmup": 300}), "first trading bar would be number 300"),
        (experiment(MA, data={"dataset": "x", "test_start": "1970-01-01"}), "must lie after the first trading bar"),
        (experiment(MA, risk=[{"max_weight": 0.5}, {"max_weight": 1.0}]), "give each a name"),
        (experiment({**MA, "name": "risk"}), "the name 'risk' is taken"),
        (experiment({**MA, "name": "a b"}), "letters, digits"),
        (experiment(MA, limits={"wall_seconds": float("inf")}), "wall_seconds"),
        ({"data": {"dataset": "x"}, "strategy": [MA]}, "the section [experiment] is missing"),
        ({"experiment": {"name": "x"}, "data": {"dataset": "x"}}, "no [[strategy]] table"),
        (experiment(MA, experiment={"name": "x", "pattern": "signal_replay"}), "needs [replay]"),
        (experiment({**MA, "fast": {"from": 5, "to": 1e300, "step": 1e-300}}), "values; at most"),
    ],
)
def test_what_is_refused_and_why(raw: dict[str, Any], words: str) -> None:
    assert words in refused(raw)


@pytest.mark.parametrize(
    "text",
    ["a = ", "[a", "a=" + "{b=" * 2000, "a=" + "[" * 100_000, ".".join("a" * 10_000) + "=1", "x" * 300_000, "a=1\0"],
)
def test_broken_and_hostile_toml_is_one_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(text)
    assert len(str(caught.value).splitlines()) == 1


@given(st.text(max_size=200))
def test_no_text_is_ever_more_than_a_config_error(text: str) -> None:
    try:
        parse_experiment(config.load(text))
    except ConfigError as error:
        assert str(error)


def sweep_of(raw: dict[str, Any]) -> list[dict[str, Any]]:
    found = parse_experiment(raw)
    return [found.sweep.locate(rank)[0].params(found.sweep.locate(rank)[1]) for rank in found.ranks.tolist()]


def test_ranges_are_inclusive_and_exact() -> None:
    raw = experiment(
        {**MA, "fast": {"from": 5, "to": 20, "step": 5}}, risk={"stop_loss": {"from": 0.1, "to": 0.3, "step": 0.1}}
    )
    assert sweep_of(raw)[:4] == [
        {"ma_cross.fast": 5, "risk.stop_loss": 0.1},
        {"ma_cross.fast": 5, "risk.stop_loss": 0.2},
        {"ma_cross.fast": 5, "risk.stop_loss": 0.3},
        {"ma_cross.fast": 10, "risk.stop_loss": 0.1},
    ]
    assert len(sweep_of(raw)) == 12


def test_books_classifiers_and_risks_are_branches() -> None:
    """Three books with grids of 10, 20 and 30 under 2 classifiers and 3 risks are 360 containers."""
    windows = {"from": 2, "to": 11, "step": 1}
    raw = experiment(
        {"kind": "rsi_reversion", "book": "a", "window": windows},
        {"kind": "ma_cross", "book": "b", "fast": windows, "slow": [20, 30]},
        {"kind": "donchian_breakout", "book": "c", "entry": windows, "exit": [5, 6, 7]},
        classifier=[{"kind": "none", "name": "without"}, {"kind": "trend", "name": "with"}],
        risk=[{"name": n, "max_weight": w} for n, w in (("low", 0.2), ("mid", 0.5), ("high", 1.0))],
    )
    points = sweep_of(raw)
    assert len(points) == 360
    assert points[0] == {"book": "a", "classifier": "without", "risk": "low", "rsi_reversion.window": 2}
    assert len({str(point) for point in points}) == 360


def test_strategies_of_one_kind_are_numbered_and_nested_values_are_swept() -> None:
    raw = experiment(
        {**MA, "fast": [3, 4]},
        MA,
        classifier={"kind": "trend"},
        risk={"regime_scale": {"up": 1.0, "down": [0.0, 0.5]}, "stop_loss": ["none", 0.1]},
        ensemble={"method": "fixed", "weights": [[0.5, 0.5], [0.9, 0.1]]},
    )
    points = sweep_of(raw)
    assert len(points) == 16
    assert points[-1] == {
        "ma_cross.fast": 4,
        "ensemble.weights": [0.9, 0.1],
        "risk.regime_scale.down": 0.5,
        "risk.stop_loss": 0.1,
    }
    assert "ma_cross_2.fast" in parse_experiment(raw).sweep.branches[0].fixed


def test_where_reads_fixed_parameters_and_skips_branches_without_them() -> None:
    raw = experiment(
        {**MA, "fast": [5, 20, 30], "slow": 20, "book": "a"},
        {"kind": "rsi_reversion", "book": "b", "window": [3, 4]},
        sweep={"where": ["ma_cross.fast < ma_cross.slow"]},
    )
    assert [point.get("ma_cross.fast") for point in sweep_of(raw)] == [5, None, None]


def test_a_random_sweep_is_seeded_distinct_and_within_the_conditions() -> None:
    def drawn(seed: int, samples: int) -> list[int]:
        raw = experiment(
            {**MA, "fast": {"from": 2, "to": 99, "step": 1}, "slow": {"from": 2, "to": 99, "step": 1}},
            sweep={"method": "random", "samples": samples, "where": ["ma_cross.fast < ma_cross.slow"]},
            experiment={"name": "x", "seed": seed},
        )
        found = parse_experiment(raw)
        assert all(found.sweep.holds(rank) for rank in found.ranks.tolist())
        return found.ranks.tolist()

    assert drawn(1, 50) == drawn(1, 50) != drawn(2, 50)
    assert len(set(drawn(1, 50))) == 50
    assert len(drawn(1, 1_000_000)) == 98 * 97 // 2


NAMES = {"a.x": 3, "a.y": 0.5, "b": -2}
_numbers = st.one_of(st.integers(-9, 9), st.sampled_from(sorted(NAMES)))
_sums = st.recursive(
    _numbers.map(str), lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner), max_leaves=6
)
_tests = st.builds("{} {} {}".format, _sums, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _sums)
_conditions = st.recursive(
    _tests,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner), inner.map("not ({})".format)
    ),
    max_leaves=5,
)


@given(_conditions)
def test_where_means_what_python_means(text: str) -> None:
    python = text.replace("a.x", "a_x").replace("a.y", "a_y")
    expected = eval(python, {"__builtins__": {}}, {"a_x": 3, "a_y": 0.5, "b": -2})  # noqa: S307 - the oracle, on our text
    assert parse(text).holds(NAMES) is bool(expected)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.b[0]", "a if b else c", "lambda: 1", "a = 1", "(" * 200 + "1", "a;b", "f'{a}'"]
)
def test_where_parses_nothing_else(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


def test_common_warmup_waits_for_the_slowest_stage() -> None:
    market = small_market(missing=False)
    raw = experiment(
        {"kind": "ma_cross", "fast": [3, 5], "slow": [20, 40]},
        classifier={"kind": "trend", "window": 50},
        data={"dataset": "small", "warmup": "common"},
    )
    plan = prepare(raw, market)[1]
    assert (plan.first, plan.warmup) == (49, 49)
    own = prepare({**raw, "data": {"dataset": "small"}}, market)[1]
    assert own.first == 0
    assert np.array_equal(own.ranks, plan.ranks)
