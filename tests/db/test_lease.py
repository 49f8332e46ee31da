"""Who may write a run: one holder at a time, known to be gone the moment it is, and harmless once it was replaced."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from db.lease import RunLock, holder
from db.store import Store
from engine.errors import StoreError
from tests.db.samples import block, new_run, process, said

HOLD = """
import sys
from pathlib import Path
from db.store import Store
store = Store(Path(sys.argv[1]))
lease = store.claim(int(sys.argv[2]))
if sys.argv[3] == "start":
    store.start(lease)
print("claimed", flush=True)
sys.stdin.read()
"""
CLAIM = """
import sys
from pathlib import Path
from db.store import Store
from engine.errors import StoreError
try:
    Store(Path(sys.argv[1])).claim(int(sys.argv[2]))
except StoreError as error:
    print(error)
else:
    print("claimed")
"""


def ended_unreaped(child: "subprocess.Popen[str]") -> None:
    """Wait until the process has ended, but leave it a zombie."""
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


def test_a_held_run_cannot_be_claimed_by_another_process(store: Store, tmp_path: Path) -> None:
    run_id = store.create_run(new_run())
    with process(HOLD, tmp_path, run_id, "start") as child:
        assert said(child) == "claimed"
        with pytest.raises(StoreError, match=f"run {run_id} is being worked on by process {child.pid}"):
            store.claim(run_id)
        assert store.progress(run_id).pid == child.pid
        child.communicate("")
    with store.claim(run_id) as lease:
        assert lease.epoch == 2


def test_looking_at_the_run_does_not_lose_its_own_lock(store: Store, tmp_path: Path) -> None:
    run_id = store.create_run(new_run())
    with store.claim(run_id):
        assert store.runs()[0].pid == store.run(run_id).pid == os.getpid()
        with pytest.raises(StoreError, match="being worked on"):
            store.claim(run_id)
        with process(CLAIM, tmp_path, run_id) as child:
            assert said(child) == f"run {run_id} is being worked on by process {os.getpid()}"


@pytest.mark.parametrize("begun", ["start", "claim only"])
def test_a_run_whose_runner_was_killed_is_interrupted(store: Store, tmp_path: Path, begun: str) -> None:
    run_id = store.create_run(new_run())
    with process(HOLD, tmp_path, run_id, begun) as child:
        assert said(child) == "claimed"
        assert store.progress(run_id).status == ("running" if begun == "start" else "queued")
        child.send_signal(signal.SIGKILL)
        ended_unreaped(child)  # a zombie counts as gone
        assert [(run.status, run.pid) for run in store.runs()] == [("interrupted", None)]
        assert store.run(run_id).status == store.progress(run_id).status == "interrupted"
    with store.claim(run_id) as lease:
        store.start(lease)
        assert store.progress(run_id).status == "running"


def test_a_run_left_without_an_end_is_interrupted(store: Store) -> None:
    run_id = store.create_run(new_run())
    with pytest.raises(RuntimeError), store.claim(run_id) as lease:
        store.start(lease)
        raise RuntimeError
    assert store.progress(run_id).status == "interrupted"


@pytest.mark.parametrize("status", ["done", "paused", "stopped", "failed"])
def test_an_ended_run_is_not_interrupted(store: Store, status: str) -> None:
    run_id = store.create_run(new_run())
    with store.claim(run_id) as lease:
        store.start(lease)
        store.finish(lease, status)
    assert store.progress(run_id).status == status


def test_a_run_that_ends_while_one_looks_is_not_interrupted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row is read while the run still runs, the lock is asked when it has just been given back."""
    run_id = store.create_run(new_run())
    lease = store.claim(run_id)
    store.start(lease)

    def late(path: Path) -> int | None:
        if lease is not None:
            monkeypatch.undo()
            store.finish(lease, "done")
            lease.release()
        return holder(path)

    monkeypatch.setattr("db.store.holder", late)
    assert store.progress(run_id).status == "done"


def test_a_forked_child_does_not_hold_the_lock(store: Store) -> None:
    run_id = store.create_run(new_run())
    lease = store.claim(run_id)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)  # lives until the parent closes the pipe
        os._exit(0)
    lease.release()
    with store.claim(run_id) as again:
        assert again.epoch == lease.epoch + 1
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)


def test_a_stale_lease_cannot_write(store: Store) -> None:
    run_id = store.create_run(new_run(2))
    stale = store.claim(run_id)
    stale.release()
    with store.claim(run_id) as lease:
        writes: list[Callable[[], object]] = [
            lambda: store.start(stale),
            lambda: store.commit(stale, block([0])),
            lambda: store.commit_benchmark(stale, block([-1])),
            lambda: store.finish(stale, "done"),
        ]
        for write in writes:
            with pytest.raises(StoreError, match="taken over by another process"):
                write()
        assert store.containers(run_id) == [] and store.progress(run_id).done == 0
        store.commit(lease, block([0]))
    assert store.progress(run_id).done == 1


def test_the_lock_file_goes_with_the_lease(store: Store, tmp_path: Path) -> None:
    run_id = store.create_run(new_run())
    with store.claim(run_id) as lease:
        assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [f"{run_id}", f"{run_id}.lock"]
        lease.release()
        lease.release()
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "1.lock"
    real = os.open

    def removed_after_opening(name: Path, *options: int) -> int:
        handle = real(name, *options)
        monkeypatch.undo()
        path.unlink()
        return handle

    monkeypatch.setattr("db.lease.os.open", removed_after_opening)
    lock = RunLock(path)
    assert path.exists() and holder(path) == os.getpid()
    lock.release()
    assert holder(path) is None


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file, not a folder")
    with Store(tmp_path) as store, pytest.raises(StoreError, match="cannot be locked"):
        store.claim(store.create_run(new_run()))
