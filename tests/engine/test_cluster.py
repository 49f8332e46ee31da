"""The same containers on a real Dask cluster on this machine: same results, also when a worker is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import distributed
import pytest

from engine.errors import InputError
from engine.fingerprint import platform_facts
from engine.parallel.cluster import check_address
from engine.parallel.pool import Pool
from engine.plan import Plan
from tests.engine.small import plan_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers of one thread each."""
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s"}
    common = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    processes = [subprocess.Popen([*command, "--scheduler-file", str(file)], **common)]
    worker = [
        sys.executable,
        "-m",
        "dask",
        "worker",
        "--scheduler-file",
        str(file),
        "--nthreads",
        "1",
        "--no-dashboard",
    ]
    try:
        while not file.exists():
            assert processes[0].poll() is None
            time.sleep(0.05)
        processes += [subprocess.Popen([*worker, "--host", "127.0.0.1"], **common) for _ in range(2)]
        address = json.loads(file.read_text())["address"]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address
    finally:
        for process in processes[::-1]:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:  # Dask's nanny may wait for ever for a worker that is just starting
                process.kill()
                process.wait()


def sweep() -> Plan:
    return plan_of({"kind": "ma_cross", "fast": {"from": 2, "to": 21, "step": 1}, "slow": [30, 40, 50]})


def digests_of(pool: Pool) -> dict[int, tuple[str, str | None]]:
    found = {}
    for block in pool.blocks(range(pool.plan.containers)):
        for result in block.results:
            assert result.index not in found
            found[result.index] = (result.status, result.digest)
    return found


@pytest.fixture(scope="module")
def expected() -> dict[int, tuple[str, str | None]]:
    with Pool(sweep(), 1) as pool:
        return digests_of(pool)


def test_a_cluster_gives_the_same_results(scheduler: str, expected: dict[int, tuple[str, str | None]]) -> None:
    with Pool(sweep(), 2, "dask", scheduler=scheduler) as pool:
        assert pool.workers == 2
        assert digests_of(pool) == expected
        assert digests_of(pool) == expected


def test_a_worker_that_is_killed_costs_only_time(scheduler: str, expected: dict[int, tuple[str, str | None]]) -> None:
    with Pool(sweep(), 2, "dask", scheduler=scheduler) as pool:
        found = {}
        for number, block in enumerate(pool.blocks(range(pool.plan.containers))):
            if number == 0:
                pid = next(iter(pool._team._client.run(os.getpid).values()))  # type: ignore[union-attr]
                os.kill(pid, signal.SIGKILL)
            for result in block.results:
                assert result.index not in found
                found[result.index] = (result.status, result.digest)
        assert found == expected


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://10.0.0.1:8786", "without TLS only a scheduler on this machine"),
        ("example.org:8786", "without TLS"),
        ("http://127.0.0.1:1", "is no address"),
        ("127.0.0.1", "is no address"),
        ("", "is no address"),
        ("tcp://[::1", "is no address"),
    ],
)
def test_addresses_that_are_refused(address: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        check_address(address)
    assert "\n" not in str(error.value)


def test_addresses_that_are_taken() -> None:
    assert check_address("127.0.0.1:8786") == "tcp://127.0.0.1:8786"
    assert check_address("tls://10.0.0.1:8786") == "tls://10.0.0.1:8786"
    assert check_address("tcp://[::1]:8786") == "tcp://[::1]:8786"


def test_a_scheduler_that_is_not_there() -> None:
    with pytest.raises(InputError, match="cannot be used") as error, Pool(sweep(), 2, "dask", scheduler="127.0.0.1:9"):
        pass
    assert "\n" not in str(error.value)


def test_a_worker_of_another_engine_is_refused(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.parallel.cluster.engine_version", lambda: "9.9+other")
    monkeypatch.setattr("engine.parallel.cluster.platform_facts", lambda: {**platform_facts(), "cpu": "abacus"})
    told = r"has Bulkhead .* instead of 9.9\+other, cpu .* instead of abacus: start it with what the runner has$"
    with Pool(sweep(), 2, "dask", scheduler=scheduler) as pool, pytest.raises(InputError, match=told) as error:
        digests_of(pool)
    assert "\n" not in str(error.value)


def one_worker(threads: int) -> distributed.LocalCluster:
    return distributed.LocalCluster(
        n_workers=1, threads_per_worker=threads, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    )


def test_a_cluster_of_one_worker_is_used(expected: dict[int, tuple[str, str | None]]) -> None:
    """joblib takes it that one has nothing to hand out, and would run everything in this process."""
    with one_worker(threads=1) as cluster, Pool(sweep(), 2, "dask", scheduler=cluster.scheduler_address) as pool:
        assert pool.workers == 1
        assert digests_of(pool) == expected


def test_a_worker_of_several_threads_is_refused() -> None:
    with (
        one_worker(threads=2) as cluster,
        Pool(sweep(), 2, "dask", scheduler=cluster.scheduler_address) as pool,
        pytest.raises(InputError, match="has 2 threads; start it with --nthreads 1 --nworkers 2"),
    ):
        digests_of(pool)
