"""A run from creation to its end: what is counted, what is shown, what its digest covers."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from db.digest import run_digest
from db.store import BENCHMARK, RunState, Store
from engine.errors import StoreError
from tests.db.samples import block, new_run, result


def test_ids_grow_and_a_new_run_is_queued(store: Store) -> None:
    assert [store.create_run(new_run()) for _ in range(3)] == [1, 2, 3]
    first = store.runs()[0]
    assert (first.status, first.containers, first.done, first.failed) == ("queued", 4, 0, 0)
    assert (first.pid, first.started, first.finished, first.digest) == (None, None, None, None)
    assert datetime.fromisoformat(first.created).tzinfo == UTC


def test_a_run_gives_back_all_that_was_put_in(store: Store) -> None:
    new = new_run(workers=2, backend="loky", pattern="full_backtest", name="Ärger\n'; DROP TABLE run; --")
    run = store.run(store.create_run(new))
    for name in new.__dataclass_fields__.keys() - {"sources", "extends", "workflow", "validates"}:
        assert getattr(run, name) == getattr(new, name), name


def test_a_run_from_start_to_end(store: Store) -> None:
    run_id = store.create_run(new_run(4))
    with store.claim(run_id) as lease:
        assert store.progress(run_id).status == "queued"
        store.start(lease, startup_seconds=0.5)
        store.commit(lease, block([2, result(0, "failed")]))
        half = store.progress(run_id)
        assert (half.status, half.done, half.failed) == ("running", 1, 1)
        assert half.pid is not None and half.heartbeat is not None
        store.commit(lease, block([1, 3]))
        digest = store.finish(lease, "done", seconds=1.5)
    run = store.run(run_id)
    assert (run.status, run.done, run.failed, run.pid) == ("done", 3, 1, None)
    assert (run.seconds, run.startup_seconds, run.digest) == (1.5, 0.5, digest)
    assert run.started is not None and run.finished is not None and run.started <= run.finished
    own = [result(index).digest for index in range(4)]
    assert digest == run_digest([(0, "failed", None), (1, "done", own[1]), (2, "done", own[2]), (3, "done", own[3])])


def test_states_are_those_of_the_runs(store: Store) -> None:
    def both() -> list[tuple[object, ...]]:
        names = RunState.__slots__
        found = [tuple(getattr(store.run(run.id), name) for name in names) for run in store.runs()]
        assert [tuple(getattr(state, name) for name in names) for state in store.states()] == found
        return [(run.id, run.status, run.done, run.failed) for run in store.states()]

    assert both() == []
    for _ in range(2):
        store.create_run(new_run(2))
    lease = store.claim(1)
    store.start(lease)
    store.commit(lease, block([0, result(1, "failed")]))
    assert both() == [(1, "running", 1, 1), (2, "queued", 0, 0)]
    lease.release()
    assert both()[0] == (1, "interrupted", 1, 1), "its runner is gone"


def test_the_run_digest_is_defined_by_its_lines() -> None:
    lines = "0 aa\n1 crashed\n2 bb\n"
    assert run_digest([(0, "done", "aa"), (1, "crashed", "ignored"), (2, "done", "bb")]) == (
        sha256(lines.encode()).hexdigest()
    )


def test_the_digest_does_not_depend_on_the_order_of_commits(store: Store) -> None:
    digests = set()
    for order in ([[0, 1], [2, 3]], [[3, 0], [2], [1]]):
        with store.claim(store.create_run(new_run(4))) as lease:
            for indices in order:
                store.commit(lease, block(indices))
            digests.add((store.finish(lease, "done"), store.run(lease.run_id).decisions_digest))
    assert len(digests) == 1 and None not in digests.pop()


@pytest.mark.parametrize("status", ["stopped", "paused", "failed"])
def test_an_incomplete_run_has_no_digest(store: Store, status: str) -> None:
    with store.claim(store.create_run(new_run(4))) as lease:
        store.start(lease)
        store.commit(lease, block([0]))
        assert store.finish(lease, status, error="what\udcff went wrong") is None
    run = store.run(lease.run_id)
    assert (run.status, run.digest, run.decisions_digest, run.pid) == (status, None, None, None)
    assert run.error == "what\\udcff went wrong"


def test_a_run_cannot_end_as_running(store: Store) -> None:
    with store.claim(store.create_run(new_run())) as lease, pytest.raises(ValueError, match="running"):
        store.finish(lease, "running")


def test_starting_again_keeps_the_first_start(store: Store) -> None:
    run_id = store.create_run(new_run(2))
    with store.claim(run_id) as lease:
        store.start(lease)
        store.finish(lease, "stopped", seconds=1.0)
    before = store.run(run_id)
    with store.claim(run_id) as lease:
        store.start(lease, startup_seconds=2.0)
        again = store.run(run_id)
    assert (again.started, again.finished, again.status) == (before.started, None, "running")
    assert again.epoch == before.epoch + 1


def test_the_benchmark_is_counted_nowhere(store: Store) -> None:
    digests = set()
    for with_benchmark in (False, True):
        with store.claim(store.create_run(new_run(2))) as lease:
            if with_benchmark:
                store.commit_benchmark(lease, block([BENCHMARK]))
            store.commit(lease, block([0, 1]))
            digests.add(store.finish(lease, "done"))
    assert len(digests) == 1
    run = store.run(lease.run_id)
    assert (run.done, run.failed, run.trials) == (2, 0, 4)
    assert [one.index for one in store.containers(run.id)] == [0, 1]
    assert store.container(run.id, BENCHMARK).index == BENCHMARK and len(store.events(run.id, BENCHMARK)) == 4
    assert store.sketches(run.id)[0].tolist() == [0, 1]
    assert store.sketches(run.id, [BENCHMARK, 1])[0].tolist() == [BENCHMARK, 1]


def test_a_benchmark_and_containers_are_not_mixed_up(store: Store) -> None:
    with store.claim(store.create_run(new_run())) as lease:
        with pytest.raises(ValueError, match="benchmark"):
            store.commit(lease, block([BENCHMARK]))
        with pytest.raises(ValueError, match="benchmark"):
            store.commit_benchmark(lease, block([0]))
    assert store.progress(lease.run_id).done == 0


def test_trials_are_counted_per_hypothesis_and_dataset(store: Store) -> None:
    same, other = new_run(3), new_run(3, hypothesis="something else")
    elsewhere, unnamed = new_run(3, dataset_hash="e" * 64), new_run(3, hypothesis="")
    for new in (same, same, other, elsewhere, unnamed):
        with store.claim(store.create_run(new)) as lease:
            store.commit(lease, block([0, result(1, "crashed"), 2]))
    assert [store.run(run.id).trials for run in store.runs()] == [6, 6, 3, 3, 3]


def test_a_run_that_is_not_there(store: Store) -> None:
    for ask in (store.run, store.progress, store.claim):
        with pytest.raises(StoreError, match="there is no run 9"):
            ask(9)
    assert store.runs() == []
    assert list((store.home / "runs").iterdir()) == []


def test_ids_are_not_used_twice(store: Store, tmp_path: Path) -> None:
    store.create_run(new_run())
    connection = sqlite3.connect(tmp_path / "bulkhead.sqlite")
    with connection:
        connection.execute("DELETE FROM run")
    connection.close()
    assert store.create_run(new_run()) == 2


def test_plain_rows_are_json_ready(store: Store) -> None:
    with store.claim(store.create_run(new_run(1))) as lease:
        store.commit(lease, block([0]))
    row = store.container(lease.run_id, 0)
    assert json.loads(json.dumps({"params": row.params, "metrics": row.metrics}))["params"] == {"ma_cross.fast": 0}
    assert replace(row, index=5).index == 5
