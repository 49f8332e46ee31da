"""Workers that are killed cost time alone; and when their runner is killed too, all of them end by themselves."""

import os
import signal
import time

import psutil

from tests.faults.conftest import Bench, resumed
from tests.faults.runners import Runner
from tests.faults.tier import SEED, count, draw


def kill_one(runner: Runner, number: int) -> int | None:
    """Kill one of its workers; returns which, None when it has ended."""
    workers = runner.until(runner.workers)
    if not workers or runner.ended:
        return None
    victim: psutil.Process = workers[number % len(workers)]
    try:
        os.kill(victim.pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return victim.pid


def test_a_killed_worker_costs_only_time(bench: Bench) -> None:
    random, kills = draw("workers killed at random times"), count(100, 4)
    killed = runs = 0
    while killed < kills:
        home, runs = bench.home(), runs + 1
        runner = bench.zygote.start("run", str(bench.config), "--workers", "2", "--json", home=home)
        label = f"seed {SEED}, run {runs}"
        for _ in range(min(2, kills - killed)):  # more in a row, with nothing done between, is given up on purpose
            runner.until(lambda runner=runner: len(runner.workers()) == 2)
            due = time.monotonic() + random.uniform(0.0, 2.0 * bench.seconds)
            runner.until(lambda due=due: time.monotonic() >= due)
            killed += kill_one(runner, random.randrange(2)) is not None
        told = runner.wait()
        assert told.code == 0 and told.json["digest"] == bench.digest, (label, told)
        account = bench.account(home)
        assert account.clean, (label, account)
    print(f"{killed} workers killed in {runs} runs")


def test_a_worker_and_then_the_runner(bench: Bench) -> None:
    """The worker that took the place of the lost one was not there when the runner began."""
    home = bench.home()
    gate = str(home / "gate")
    before = [["tests.faults.points.wait_for", "after the benchmark", gate]]
    runner = bench.zygote.start("run", str(bench.config), "--workers", "2", "--json", home=home, before=before)
    runner.until((home / "gate.reached").exists)
    first = kill_one(runner, 0)
    assert first is not None
    (home / "gate").touch()
    runner.until(lambda: len({worker.pid for worker in runner.workers()} - {first}) == 2)
    assert not runner.ended
    assert runner.kill().code == -9
    for path in home.glob("gate*"):
        path.unlink()
    assert bench.zygote.survivors() == []
    told = resumed(bench, home)
    assert told.code == 0 and told.json["digest"] == bench.digest
    account = bench.account(home)
    assert account.clean, account
