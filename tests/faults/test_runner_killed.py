"""A runner that is killed, anywhere: the run goes on to the same digest, and nothing of the dead one is left."""

import time
from typing import Any

import pytest

from tests.faults.conftest import Bench, resumed
from tests.faults.points import DATA_POINTS, POINTS
from tests.faults.tier import SEED, count, draw

REACH = "tests.faults.points.reach"


def whole(bench: Bench, home: Any, label: str) -> None:
    told = resumed(bench, home)
    if told.code == 2 and "is done" in told.err:
        told = bench.zygote.run("run", str(bench.config), "--workers", "1", "--json", home=home)  # clears up
    assert told.code == 0, (label, told.err)
    assert told.json["digest"] == bench.digest, label
    account = bench.account(home)
    assert account.clean, (label, account)


@pytest.mark.parametrize("point", POINTS)
def test_at_a_named_point(bench: Bench, point: str) -> None:
    times = [1, 2] if point in ("in a commit, after its rows", "after a commit") else [1]
    for number in times:
        home = bench.home()
        before = [[REACH, point, number]]
        told = bench.zygote.run("run", str(bench.config), "--workers", "1", "--json", home=home, before=before)
        assert told.code == -9, (point, told)
        whole(bench, home, f"{point}, time {number}")


@pytest.mark.parametrize("point", DATA_POINTS)
def test_while_data_are_installed(bench: Bench, point: str) -> None:
    for number in (1, 2):
        home = bench.home()
        for path in home.iterdir():
            if path.name == "datasets":
                for file in path.iterdir():
                    file.unlink()
        before = [[REACH, point, number]]
        assert bench.zygote.run("data", "check", "us-tech", home=home, before=before).code == -9
        whole(bench, home, f"{point}, time {number}")


def test_at_random_times(bench: Bench) -> None:
    random, tries = draw("a runner killed at random times"), count(200, 6)
    unfinished = 0
    for number in range(tries):
        after = random.uniform(0.0, bench.seconds * 1.5)
        workers = "2" if number % 10 == 9 else "1"
        home = bench.home()
        runner = bench.zygote.start("run", str(bench.config), "--workers", workers, "--json", home=home)
        deadline = time.monotonic() + after * (4 if workers == "2" else 1)
        runner.until(lambda deadline=deadline: time.monotonic() >= deadline)
        unfinished += not runner.ended
        runner.kill()
        whole(bench, home, f"seed {SEED}, kill {number} after {after:.3f} s")
    print(f"{tries} runners killed, {unfinished} of them before their end; {tries} resumed to digest {bench.digest}")


def test_a_killed_runner_that_nobody_resumes_leaves_nothing_once_another_runs(bench: Bench) -> None:
    home = bench.home()
    before = [[REACH, "in a commit, after its rows", 1]]
    assert bench.zygote.run("run", str(bench.config), "--workers", "1", home=home, before=before).code == -9
    assert {path.name for path in (home / "runs").iterdir()} == {"1", "1.lock"}
    told = bench.zygote.run("run", str(bench.config), "--workers", "1", "--json", home=home)
    assert told.json["run"] == 2 and told.json["digest"] == bench.digest
    assert list((home / "runs").iterdir()) == []
    whole(bench, home, "run 1")


def test_a_zombie_is_gone(bench: Bench) -> None:
    home = bench.home()
    before = [[REACH, "in a commit, after its rows", 1]]
    runner = bench.zygote.start("run", str(bench.config), "--workers", "1", home=home, before=before)
    runner.until(lambda: False)
    assert runner.ended  # killed, and nobody has asked for its exit code
    assert resumed(bench, home).json["digest"] == bench.digest
    assert runner.wait().code == -9
    assert bench.account(home).clean
