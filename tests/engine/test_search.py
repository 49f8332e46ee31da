"""Searching with TPE: the same points for any workers, none twice, none that held-out bars have a say in."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from engine.errors import ConfigError
from engine.experiment import Experiment, parse_experiment
from engine.market.market import Market
from engine.own.load import loaded
from engine.own.stages import OwnStages
from engine.parallel.block import BENCHMARK, Result
from engine.parallel.pool import Pool
from engine.parallel.searched import searched_blocks
from engine.plan import NO_STAGES, prepare
from engine.projections.catalogue import METRICS
from engine.search import BATCH, Search, Searching
from engine.shared import Shared
from engine.spec import resolve
from engine.sweep import canonical
from tests.engine.own import POISON
from tests.engine.small import experiment, small_market

WINDOWS = {
    "fast": {"from": 2, "to": 40, "step": 1},
    "slow": {"from": 5, "to": 80, "step": 1},
    "average": ["SMA", "EMA"],
}
MA = {"kind": "ma_cross", **WINDOWS}
RSI = {"kind": "rsi_reversion", "window": 5}
FASTER = ["ma_cross.fast < ma_cross.slow"]
TPE = {"method": "tpe", "samples": 50}


def raw_of(*strategies: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return experiment(
        *strategies, **{"sweep": TPE, "data": {"dataset": "small", "test_start": "1970-08-01"}, **sections}
    )


def searched(
    raw: dict[str, Any],
    market: Market | None = None,
    workers: int = 1,
    own: OwnStages = NO_STAGES,
    stored: Mapping[int, float] = MappingProxyType({}),
) -> dict[int, Result]:
    """The results of the containers of a search, by index, without those that are `stored`."""
    found, plan = prepare(raw, market or small_market(), own)
    assert found.search is not None
    with Pool(plan, workers) as pool:
        blocks = searched_blocks(pool, Search(found.sweep, found.search, plan.seed), stored)
        return dict(sorted((result.index, result) for block in blocks for result in block.results))


def told(results: dict[int, Result]) -> list[Any]:
    return [(index, one.status, one.params, one.spec_hash, one.digest) for index, one in results.items()]


def dry(found: Experiment, figure: Any, seed: int = 7) -> list[Any]:
    """The points of a search that is told `figure(params, weights)` of each."""
    assert found.search is not None
    search, points = Search(found.sweep, found.search, seed), []
    while asked := search.ask():
        points += asked
        search.tell([figure(params_of(found, point), point.weights) for point in asked])
    return points


def params_of(found: Experiment, point: Any) -> dict[str, Any]:
    branch, picks = found.sweep.locate(point.rank)
    return branch.params(picks)


def test_workers_and_what_is_known_already_change_nothing() -> None:
    raw = raw_of(MA, RSI, sweep={**TPE, "where": FASTER}, ensemble={"method": "tpe"}, risk={"stop_loss": ["none", 0.1]})
    results = searched(raw)
    assert list(results) == list(range(50)) and {one.status for one in results.values()} == {"done"}
    assert told(searched(raw, workers=2)) == told(results)
    kept = {index: one for index, one in results.items() if index < 23 or index % 3 == 0}
    place = METRICS.index("sharpe")
    stored = {index: float(one.metrics[place]) for index, one in kept.items() if one.metrics is not None}
    rest = searched(raw, stored=stored)
    assert told(rest) == [row for row in told(results) if row[0] not in kept]


def test_held_out_bars_are_never_searched() -> None:
    """Every bar from `test_start` on is another: the same points and weights, byte for byte; one bar earlier, not."""
    raw = raw_of(MA, RSI, sweep={**TPE, "where": FASTER}, ensemble={"method": "tpe"})
    market = small_market()

    def altered(test: int) -> Market:
        columns = [getattr(market, name).copy() for name in ("open", "high", "low", "close", "volume")]
        for column in columns:
            column[test:] *= np.linspace(0.2, 3.0, len(column) - test)[:, None]
        return Market.from_columns(market.symbols, market.time, *columns, valid=market.valid, dataset="small")

    params = [one.params for one in searched(raw, market).values()]
    other = searched(raw, altered(212))
    assert [one.params for one in other.values()] == params
    assert [one.params for one in searched(raw, altered(150)).values()] != params


def test_points_are_distinct_and_meet_the_conditions() -> None:
    found = parse_experiment(raw_of(MA, sweep={**TPE, "samples": 90, "where": FASTER}))
    points = dry(found, lambda params, _: -abs(params["ma_cross.fast"] - 9.0) - abs(params["ma_cross.slow"] - 30.0))
    assert len({point.rank for point in points}) == len(points) == 90
    assert all(found.sweep.holds(point.rank) for point in points)
    assert dry(found, lambda params, _: 1.0, seed=8) != dry(found, lambda params, _: 1.0)


def test_what_is_left_of_a_small_sweep_is_found_too() -> None:
    found = parse_experiment(
        raw_of({**RSI, "window": {"from": 2, "to": 31, "step": 1}}, sweep={"method": "tpe", "samples": 29})
    )
    points = dry(found, lambda params, _: float(params["rsi_reversion.window"]))
    assert len({point.rank for point in points}) == 29
    whole = parse_experiment(raw_of({**RSI, "window": [3, 4]}, sweep={"method": "tpe", "samples": 9}))
    assert whole.search is None and whole.ranks.tolist() == [0, 1], "more samples than points: the grid"


def test_it_finds_what_chance_would_not() -> None:
    """A peak in 38 · 76 · 2 points: the best of the last points is far nearer than the mean of the first."""
    found = parse_experiment(raw_of(MA, sweep={**TPE, "samples": 120}))

    def figure(params: dict[str, Any], _: Any) -> float:
        far = abs(params["ma_cross.fast"] - 12) / 38 + abs(params["ma_cross.slow"] - 50) / 76
        return -far - (params["ma_cross.average"] == "EMA")

    figures = [figure(params_of(found, point), None) for point in dry(found, figure)]
    assert np.mean(figures[-40:]) > np.mean(figures[:BATCH]) + 0.4
    lower = parse_experiment(raw_of(MA, sweep={**TPE, "samples": 120, "objective": "volatility"}))
    figures = [figure(params_of(lower, point), None) for point in dry(lower, lambda *told: -figure(*told))]
    assert np.mean(figures[-40:]) > np.mean(figures[:BATCH]) + 0.4, "of volatility the smaller is the better one"


@pytest.mark.parametrize("signed", [False, True])
def test_weights_are_searched_alone(signed: bool) -> None:
    raw = raw_of(
        {**MA, "fast": 5, "slow": 20, "average": "SMA"}, RSI, {"kind": "buy_and_hold"},
        sweep={}, ensemble={"method": "tpe", "samples": 100, "by_regime": True, "signed": signed, "objective": "cagr"},
        classifier={"kind": "volatility"},
    )  # fmt: skip
    found = parse_experiment(raw)
    assert found.search == Searching(100, "cagr") and found.containers == 100
    best = np.array([0.2, 0.7, -0.1 if signed else 0.1])
    points = dry(found, lambda _, weights: -np.abs(np.array(weights["calm"]) - best).sum())
    calm = np.array([point.weights["calm"] for point in points])
    assert np.abs(calm).sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert (calm < 0.0).any() == signed
    assert all(set(point.weights) == {"calm", "turbulent"} for point in points)
    distance = np.abs(calm - best).sum(axis=1)
    assert distance[-30:].mean() < 0.7 * distance[:BATCH].mean()


def test_branches_and_their_own_values_are_searched() -> None:
    found = parse_experiment(
        raw_of(
            {**MA, "book": "a"},
            {"kind": "rsi_reversion", "window": {"from": 2, "to": 300, "step": 1}, "book": "b"},
            classifier=[
                {"name": "x", "kind": "trend", "window": [20, 30]},
                {"name": "y", "kind": "trend", "window": [20, 40, 60]},
            ],
            sweep={**TPE, "samples": 60},
        )
    )  # fmt: skip
    points = dry(found, lambda params, _: float(params["book"] == "b"))
    books = [params_of(found, point)["book"] for point in points]
    assert len({point.rank for point in points}) == 60 and set(books) == {"a", "b"}
    assert books[BATCH:].count("b") > 30
    for point in points:
        assert found.sweep.rank(params_of(found, point)) == point.rank


def test_failures_are_told_and_named_with_their_point() -> None:
    modes = ["fine", "raise", "segfault"]
    strategy = {"kind": "poison", "mode": modes, "window": {"from": 1, "to": 50, "step": 1}}
    raw = raw_of(strategy, sweep={"method": "tpe", "samples": 25})
    results = searched(raw, own=POISON)
    assert len(results) == 25 and {one.status for one in results.values()} == {"done", "failed", "crashed"}
    assert told(searched(raw, own=POISON, workers=2)) == told(results)
    found, plan = prepare(raw, small_market(), POISON)
    shared = Shared(plan, loaded(plan.own))
    for index, one in results.items():
        params = json.loads(one.params)
        point = found.sweep.rank(params)
        branch, picks = found.sweep.locate(point)
        assert canonical(branch.params(picks)) == one.params
        assert (one.status == "done") == (params["poison.mode"] == "fine"), index
    assert resolve(shared, BENCHMARK).params == {}
    with pytest.raises(ConfigError, match="its point is not known here"):
        resolve(shared, 3)


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"sweep": {}, "ensemble": {"method": "tpe", "samples": 5}}, "searches weights alone"),
        ({"sweep": {"method": "random", "samples": 5}, "ensemble": {"method": "tpe"}}, "searches weights alone"),
        ({"ensemble": {"method": "tpe", "samples": 5}}, "give samples and objective there alone"),
        ({"ensemble": {"method": "tpe", "objective": "sharpe"}}, "give samples and objective there alone"),
        ({"sweep": {"method": "tpe", "samples": 10_001}, "ensemble": {"method": "tpe"}}, "at most 10,000"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(sections: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_experiment(raw_of(MA, RSI, **sections))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_strategy_alone_has_no_weights_to_search() -> None:
    with pytest.raises(ConfigError, match="'ma_cross' is alone"):
        parse_experiment(raw_of(MA, ensemble={"method": "tpe"}))


def test_a_common_warmup_waits_for_every_point_that_may_be_asked() -> None:
    common = {"dataset": "small", "warmup": "common"}
    assert prepare(raw_of(MA, data=common), small_market(missing=False))[1].first == 79
    wide = {
        "kind": "random_entry",
        "probability": {"from": 0.001, "to": 1.0, "step": 0.001},
        "hold": {"from": 1, "to": 1000, "step": 1},
    }
    with pytest.raises(ConfigError, match="give a number of bars"):
        parse_experiment(raw_of(wide, data=common))
    assert prepare(raw_of(wide), small_market())[1].containers == 50
