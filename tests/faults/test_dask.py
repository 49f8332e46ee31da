"""A cluster whose workers are killed, and that is lost as a whole and comes back: the same results, and no hanging."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db.store import BENCHMARK, Store
from engine.parallel.cluster import patience
from engine.parallel.pool import Pool
from engine.plan import Plan
from tests.db.samples import new_run
from tests.engine.small import plan_of
from tests.faults.conftest import Bench
from tests.faults.oracle import Results, examine, results_of
from tests.faults.tier import SEED, count, draw

ROOT = Path(__file__).parents[2]


class Cluster:
    """A scheduler on a port of its own and two workers that are started anew when they end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = self._scheduler()
        self.workers = [self._worker(number) for number in range(2)]

    def _start(self, *words: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s"}
        environment["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "30"
        with (self.folder / "dask.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words], cwd=self.folder, env=environment, stdout=log, stderr=log
            )

    def _scheduler(self) -> "subprocess.Popen[bytes]":
        return self._start("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")

    def _worker(self, number: int) -> "subprocess.Popen[bytes]":
        words = ("worker", self.address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1", "--no-nanny")
        return self._start(*words, "--local-directory", str(self.folder / f"worker-{number}"), "--death-timeout", "120")

    def kill_worker(self, number: int) -> None:
        self.workers[number].kill()
        self.workers[number].wait()
        self.workers[number] = self._worker(number)

    def lose(self) -> None:
        """Kill the scheduler and start another in its place, with workers of its own."""
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()
        self.scheduler = self._scheduler()
        self.workers = [self._worker(number) for number in range(2)]

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.send_signal(signal.SIGTERM)
        for process in (*self.workers, self.scheduler):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.close()


def sweep(containers: int) -> Plan:
    slow = {"from": 101, "to": 100 + containers // 20, "step": 1}
    return plan_of({"kind": "ma_cross", "fast": {"from": 2, "to": 21, "step": 1}, "slow": slow})


def run(home: Path, plan: Plan, pool: Pool, after: Any = None) -> Results:
    """Run a plan on a pool and store it; `after` is called with the number of containers stored."""
    with Store(home) as store, store.claim(store.create_run(new_run(plan.containers))) as lease, pool:
        store.start(lease)
        for block in pool.blocks([BENCHMARK]):
            store.commit_benchmark(lease, block)
        stored = 0
        for block in pool.blocks(range(plan.containers)):
            store.commit(lease, block)
            stored += len(block.results)
            if after:
                after(stored)
        store.finish(lease, "done")
    return results_of(home)


def test_workers_are_killed(cluster: Cluster, tmp_path: Path) -> None:
    random, containers, kills = draw("workers of a cluster"), count(2000, 200), count(20, 1)
    plan = sweep(containers)
    expected = run(tmp_path / "fine", plan, Pool(plan, 1, "sequential"))
    due = sorted(random.sample(range(1, containers - containers // 10), kills))
    killed = 0

    def after(stored: int) -> None:
        nonlocal killed
        while killed < len(due) and due[killed] <= stored:
            cluster.kill_worker(random.randrange(2))
            killed += 1

    began = time.monotonic()
    home = tmp_path / "killed"
    run(home, plan, Pool(plan, 2, "dask", scheduler=cluster.address), after)
    assert time.monotonic() - began < (kills + 1) * patience(plan.limits.wall_seconds)
    account = examine(home, expected)
    assert account.clean and killed == kills, (SEED, killed, account)
    print(f"seed {SEED}: {killed} workers killed in a run of {containers}")


def test_the_cluster_is_lost_and_comes_back(cluster: Cluster, tmp_path: Path) -> None:
    plan = sweep(count(2000, 200))
    expected = run(tmp_path / "fine", plan, Pool(plan, 1, "sequential"))
    lost = threading.Event()

    def after(stored: int) -> None:
        if not lost.is_set():
            lost.set()
            cluster.lose()

    home = tmp_path / "lost"
    began = time.monotonic()
    run(home, plan, Pool(plan, 2, "dask", scheduler=cluster.address), after)
    assert lost.is_set() and time.monotonic() - began < 2 * patience(plan.limits.wall_seconds)
    account = examine(home, expected)
    assert account.clean, account
    assert json.dumps(sorted(expected)) == json.dumps(sorted(results_of(home)))


def test_the_runner_is_lost_and_its_run_goes_on(cluster: Cluster, bench: Bench) -> None:
    """The cluster's client is killed with batches under way; another takes the run up, on the same workers."""
    there = ("--backend", "dask", "--scheduler", cluster.address, "--json")
    for time_of_death in range(1, count(4, 2)):
        home = bench.home()
        before = [["tests.faults.points.reach", "after a commit", time_of_death]]
        assert bench.zygote.run("run", str(bench.config), *there, home=home, before=before).code == -9
        told = bench.zygote.run("resume", "1", *there, home=home)
        assert told.code == 0 and told.json["digest"] == bench.digest, told.err
        account = bench.account(home)
        assert account.clean, (time_of_death, account)
