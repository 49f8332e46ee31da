"""Workflows in the store: what each phase came to, who works on one, and damage that is found when it is read."""

from pathlib import Path

import pytest

from db.store import Store
from engine.errors import StoreError
from tests.db.samples import block, new_run, process, result, said
from tests.db.test_damage import change, flip

PHASES = ["find", "choose", "try"]


@pytest.fixture
def workflow(store: Store) -> int:
    return store.workflows.create("sample", "a = 1\n", PHASES)


def statuses(store: Store, workflow: int) -> list[str]:
    return [phase.status for phase in store.workflows.get(workflow).phases]


def test_a_workflow_from_start_to_end(store: Store, workflow: int) -> None:
    found = store.workflows.get(workflow)
    assert (found.name, found.config, found.finished, found.pid) == ("sample", "a = 1\n", None, None)
    assert [phase.name for phase in found.phases] == PHASES and statuses(store, workflow) == ["waiting"] * 3
    with store.workflows.owned(workflow):
        store.workflows.mark(workflow, "running")
        store.workflows.mark_phase(workflow, "find", "running")
        assert store.workflows.get(workflow).status == "running"
        told = {"best": [0.1, None, "ß"], "of": {"calm": 1}}
        store.workflows.mark_phase(workflow, "find", "done", told)
        store.workflows.mark_phase(workflow, "choose", "failed", error="no bar")
        store.workflows.mark(workflow, "failed")
    find, choose, _ = store.workflows.get(workflow).phases
    assert (find.status, find.result, find.error) == ("done", told, None) and find.finished
    assert (choose.status, choose.result, choose.error, choose.finished) == ("failed", None, "no bar", None)
    assert [(found.id, found.status) for found in store.workflows.states()] == [(workflow, "failed")]


def test_a_phase_that_is_forgotten_takes_no_earlier_run_and_those_made_from_it_are_stale(
    store: Store, workflow: int
) -> None:
    first = [store.create_run(new_run(workflow=workflow, phase=name)) for name in PHASES]
    store.create_run(new_run())
    for name in PHASES[:2]:
        store.workflows.mark_phase(workflow, name, "done", {"of": name})
    assert store.workflows.runs(workflow) == first and store.workflows.runs(workflow, "choose") == [first[1]]
    store.workflows.forget(workflow, "find", ["choose", "try"])
    found = store.workflows.get(workflow).phases
    assert [(phase.status, phase.result) for phase in found] == [
        ("waiting", None),
        ("stale", {"of": "choose"}),
        ("waiting", None),
    ]
    again = store.create_run(new_run(workflow=workflow, phase="find"))
    for phase, runs in zip(found, [[again], [], []], strict=True):
        assert store.workflows.runs(workflow, phase.name, phase.after) == runs


def test_a_validation_is_counted_with_its_run_for_its_hypothesis_alone(store: Store) -> None:
    plain, other = store.create_run(new_run()), store.create_run(new_run(hypothesis="no"))
    runs = [store.create_run(new_run(validates=True)) for _ in range(2)]
    assert [store.run(run).validations for run in (plain, *runs, other)] == [2, 2, 2, 0]


def test_one_process_works_on_a_workflow(store: Store, workflow: int, tmp_path: Path) -> None:
    child = process(
        "import sys; from pathlib import Path; from db.store import Store\n"
        "with Store(Path(sys.argv[1])) as store, store.workflows.owned(int(sys.argv[2])):\n"
        "    store.workflows.mark(1, 'running'); print('mine', flush=True); sys.stdin.readline()",
        tmp_path, workflow,
    )  # fmt: skip
    assert said(child) == "mine"
    assert (store.workflows.get(workflow).status, store.workflows.get(workflow).pid) == ("running", child.pid)
    with pytest.raises(StoreError, match=f"workflow {workflow} is being worked on by process {child.pid}"):
        store.workflows.owned(workflow).__enter__()
    child.kill()
    child.communicate()
    assert store.workflows.get(workflow).status == "interrupted"
    with store.workflows.owned(workflow), pytest.raises(StoreError, match="is being worked on"):
        store.workflows.owned(workflow).__enter__()
    with pytest.raises(StoreError, match="there is no workflow 9"), store.workflows.owned(9):
        pass


def test_a_changed_result_is_found(store: Store, workflow: int, tmp_path: Path) -> None:
    store.workflows.mark_phase(workflow, "find", "done", {"best": 1})
    change(tmp_path, "UPDATE phase SET data = replace(data, '1', '2') WHERE name = 'find'")
    with pytest.raises(StoreError, match="phase 'find' of workflow 1 is damaged.*restore"):
        store.workflows.get(workflow)


def test_all_logs_of_a_run_are_those_of_its_containers(store: Store, tmp_path: Path) -> None:
    with store.claim(store.create_run(new_run(7))) as lease:
        store.commit_benchmark(lease, block([-1]))
        store.commit(lease, block([4, result(2, "failed"), 3]))
        store.commit(lease, block([0, 1, 6]))
    found = list(store.logs(lease.run_id))
    assert sorted(index for index, _ in found) == [0, 1, 3, 4, 6]
    for index, log in found:
        assert log.tobytes() == store.events(lease.run_id, index).tobytes()
    flip(tmp_path, "block_log")
    change(tmp_path, "UPDATE block_log SET data = x'00' WHERE block_id = 2")
    with pytest.raises(StoreError, match="event log of container 1/. is damaged"):
        list(store.logs(lease.run_id))
