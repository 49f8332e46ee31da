"""Cells: what misbehaves is named, and every other container comes back as if it had run alone."""

from typing import Any

import pytest

from engine.digest import digests
from engine.outcome import run
from engine.own.load import loaded
from engine.parallel.block import Result, decode_log
from engine.parallel.pool import Pool
from engine.plan import Plan
from engine.shared import Shared
from engine.spec import resolve
from tests.engine.own import POISON
from tests.engine.small import plan_of

VERDICTS = {
    "raise": ("failed", "ValueError: poison: on purpose"),
    "segfault": ("crashed", "SIGSEGV"),
    "abort": ("crashed", "SIGABRT"),
    "exit": ("crashed", "exited with code 3"),
    "sys_exit": ("failed", "sys.exit(4)"),
    "hog": ("out_of_memory", "memory_mb = 200"),
    "loop": ("timed_out", "cpu_seconds"),
    "shape": ("failed", "must return float64 (300, 2)"),
    "range": ("failed", "outside [-1, 1]"),
    "print": ("crashed", "words of the poison"),
}


def poisoned(modes: list[str], isolation: str) -> Plan:
    return plan_of(
        {"kind": "poison", "mode": modes, "window": [1, 50]},
        own=POISON,
        limits={"wall_seconds": 60, "cpu_seconds": 1, "memory_mb": 200, "isolation": isolation},
    )


def results_of(plan: Plan, workers: int = 1, order: list[int] | None = None) -> dict[int, Result]:
    with Pool(plan, workers) as pool:
        found = [result for block in pool.blocks(order or range(plan.containers)) for result in block.results]
    assert len(found) == plan.containers
    return {result.index: result for result in found}


def alone(plan: Plan) -> dict[int, str]:
    """Digests of the containers that behave, each run by itself in this process."""
    registry = loaded(plan.own)
    shared = Shared(plan)
    found = {}
    for index in range(plan.containers):
        if resolve(shared, index).params["poison.mode"] == "fine":
            fresh = Shared(plan, registry)
            found[index] = digests(run(resolve(fresh, index), fresh).log).log
    return found


@pytest.mark.parametrize("isolation", ["auto", "batch"])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_culprit_is_named_and_the_others_are_exact(isolation: str, workers: int) -> None:
    plan = poisoned(["fine", *VERDICTS], isolation)
    results = results_of(plan, workers)
    innocent = alone(plan)
    assert len(innocent) == 2
    for index, result in results.items():
        if index in innocent:
            assert (result.status, result.digest) == ("done", innocent[index])
        else:
            mode = params_of(plan, index)["poison.mode"]
            status, words = VERDICTS[mode]
            assert result.status == status, (mode, result.error)
            assert words in (result.error or ""), mode
            assert result.digest is None
            assert mode in result.params


def test_a_container_that_hangs_is_timed_out_alone() -> None:
    plan = plan_of(
        {"kind": "poison", "mode": ["fine", "sleep"], "window": [1, 50]},
        own=POISON,
        limits={"wall_seconds": 1, "isolation": "batch"},
    )
    statuses = {params_of(plan, i)["poison.mode"]: result.status for i, result in results_of(plan).items()}
    assert statuses == {"fine": "done", "sleep": "timed_out"}


def params_of(plan: Plan, index: int) -> dict[str, Any]:
    return resolve(Shared(plan), index).params


def test_usage_is_recorded() -> None:
    plan = plan_of({"kind": "ma_cross", "fast": [3, 5], "slow": [20, 30]})
    for result in results_of(plan).values():
        assert result.usage.wall > 0
        assert result.usage.cpu >= 0
        assert result.usage.memory >= 0


def test_blocks_hold_the_logs_of_their_containers() -> None:
    plan = plan_of({"kind": "ma_cross", "fast": [3, 5], "slow": {"from": 20, "to": 100, "step": 1}})
    shared = Shared(plan)
    with Pool(plan, 1) as pool:
        blocks = list(pool.blocks(range(plan.containers)))
    assert sum(len(block.results) for block in blocks) == plan.containers
    for block in blocks:
        log = decode_log(block.log)
        for result in block.results[::20]:
            rows = log[result.row_start : result.row_start + result.row_count]
            assert repr(rows.tolist()) == repr(run(resolve(shared, result.index), shared).log.tolist())


def test_one_digest_however_it_is_run() -> None:
    plan = plan_of(
        {"kind": "random_entry", "draw": {"from": 0, "to": 29, "step": 1}, "long_only": False},
        {"kind": "ma_cross", "fast": 3, "slow": 20},
        classifier={"kind": "trend", "window": 10},
        risk={"stop_loss": ["none", 0.05]},
    )
    expected = {index: result.digest for index, result in results_of(plan).items()}
    assert len(set(expected.values())) > 30
    for workers, order in ((2, None), (3, None), (2, list(range(plan.containers))[::-1])):
        assert {index: result.digest for index, result in results_of(plan, workers, order).items()} == expected
    for index in (0, 17, 59):
        assert digests(run(resolve(Shared(plan), index), Shared(plan)).log).log == expected[index]
