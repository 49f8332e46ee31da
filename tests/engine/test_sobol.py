"""Sweeps by a Sobol' sequence: seeded, distinct, within the conditions, and spread more evenly than chance."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from engine.errors import ConfigError
from engine.experiment import Experiment, parse_experiment
from tests.engine.small import experiment

RANGE = {"from": 2, "to": 99, "step": 1}


def swept(*strategies: dict[str, Any], seed: int = 7, **sweep: Any) -> Experiment:
    return parse_experiment(
        experiment(*strategies, sweep={"method": "sobol", **sweep}, experiment={"name": "x", "seed": seed})
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**63 - 1))
def test_points_are_seeded_distinct_and_within_the_conditions(samples: int, seed: int) -> None:
    stage = {"kind": "ma_cross", "fast": {"from": 2, "to": 11, "step": 1}, "slow": {"from": 2, "to": 11, "step": 1}}
    found = swept(stage, seed=seed, samples=samples, where=["ma_cross.fast < ma_cross.slow"])
    ranks = found.ranks.tolist()
    assert len(set(ranks)) == len(ranks) == min(samples, 45)
    assert all(found.sweep.holds(rank) for rank in ranks)
    again = swept(stage, seed=seed, samples=samples, where=["ma_cross.fast < ma_cross.slow"])
    assert again.ranks.tolist() == ranks
    if samples >= 45:
        assert ranks == sorted(ranks)


def test_points_are_those_of_the_sequence() -> None:
    found = swept({"kind": "ma_cross", "fast": RANGE, "slow": RANGE}, samples=50)
    cube = qmc.Sobol(2, scramble=True, rng=np.random.Generator(np.random.PCG64(7))).random(64)
    expected = dict.fromkeys((int(a * 98), int(b * 98)) for a, b in cube)
    assert [found.sweep.locate(rank)[1] for rank in found.ranks.tolist()] == list(expected)[:50]
    assert swept({"kind": "ma_cross", "fast": RANGE, "slow": RANGE}, samples=50, seed=8).ranks.tolist() != (
        found.ranks.tolist()
    )


def test_each_quarter_of_the_grid_gets_its_share() -> None:
    found = swept({"kind": "ma_cross", "fast": {**RANGE, "to": 65}, "slow": {**RANGE, "to": 65}}, samples=256)
    picks = np.array([found.sweep.locate(rank)[1] for rank in found.ranks.tolist()])
    counts = np.histogram2d(picks[:, 0], picks[:, 1], bins=[[0, 16, 32, 48, 64]] * 2)[0]
    assert counts.min() >= 15 and counts.max() <= 17  # by chance they lie between 6 and 28


def test_branches_are_drawn_in_proportion_to_their_sizes() -> None:
    found = swept(
        {
            "kind": "ma_cross",
            "fast": {"from": 2, "to": 31, "step": 1},
            "slow": {"from": 40, "to": 69, "step": 1},
            "book": "a",
        },
        {"kind": "rsi_reversion", "window": {"from": 2, "to": 301, "step": 1}, "book": "b"},
        samples=120,
    )
    books = [found.sweep.locate(rank)[0].labels["book"] for rank in found.ranks.tolist()]
    assert abs(books.count("a") - 90) <= 12, "900 points of 1,200"


def test_nearly_all_points_of_a_grid_are_found() -> None:
    found = swept({"kind": "rsi_reversion", "window": RANGE}, samples=97)
    assert len(set(found.ranks.tolist())) == 97


def test_a_sweep_without_an_end_is_drawn_from() -> None:
    wide = {"from": 0.0001, "to": 1.0, "step": 0.0001}
    stage = {"kind": "random_entry", "probability": wide, "hold": {"from": 1, "to": 1000, "step": 1}}
    found = swept(stage, samples=40, where=["random_entry.hold > 500"])
    assert found.sweep.total > 5_000_000 and len(found.ranks) == 40
    assert all(found.sweep.holds(rank) for rank in found.ranks.tolist())
    with pytest.raises(ConfigError, match="no drawn point meets"):
        swept(stage, samples=4, where=["random_entry.hold > 1000"])
