"""A stored run: what misbehaves is named in the database, and all else is stored as if it had run alone."""

import os
import shutil
from pathlib import Path

import pytest

from app.services import executing, running
from app.services.home import Home
from engine.digest import digests
from engine.errors import ConfigError
from engine.outcome import run
from engine.own.load import loaded
from engine.shared import Shared
from engine.spec import resolve
from tests.app.small import SMALL
from tests.engine.own import STAGES

TEXT = """
[experiment]
name = "poisoned"
[data]
dataset = "sp500"
[[strategy]]
kind = "poison"
mode = ["fine", "raise", "segfault", "exit", "hog", "loop"]
window = [10, 200]
[limits]
cpu_seconds = 1
memory_mb = 200
"""
STATUS = {
    "fine": "done",
    "raise": "failed",
    "segfault": "crashed",
    "exit": "crashed",
    "hog": "out_of_memory",
    "loop": "timed_out",
}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_poisoned_run_is_stored_to_the_last_container(tmp_path: Path, workers: int) -> None:
    home = Home(tmp_path)
    shutil.copytree(STAGES, tmp_path / "stages")
    prepared = running.check(home, TEXT)
    seen: list[tuple[int, int, int]] = []
    with home.store() as store:
        run_id = running.create(store, prepared, workers, "loky")
        report = executing.execute(
            store, prepared, run_id, workers, progress=lambda done, failed, total: seen.append((done, failed, total))
        )
        assert (report.containers, report.done, report.failed) == (12, 2, 10)
        assert seen[-1] == (2, 10, 12)
        stored = store.containers(run_id)
        registry = loaded(prepared.own)
        for container in stored:
            mode = container.params["poison.mode"]
            shared = Shared(prepared.plan, registry)
            spec = resolve(shared, container.index)
            assert container.status == STATUS[mode]
            assert container.spec_hash == spec.spec_hash
            if mode == "fine":
                alone = run(spec, shared)
                assert container.digest == digests(alone.log).log
                assert repr(store.events(run_id, container.index).tolist()) == repr(alone.log.tolist())
        assert sum(failure.count for failure in store.failures(run_id)) == 10
        assert store.run(run_id).digest == report.digest


def test_what_cannot_run_leaves_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(ConfigError, match="no such kind 'poison'"):
        running.check(home, TEXT)
    with home.store() as store:
        assert store.runs() == []


def test_a_process_that_has_run_experiments_holds_no_file_of_theirs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.store() as store:
        prepared = running.check(home, SMALL)
        for _ in range(3):
            run_id = running.create(store, prepared, 1, "sequential")
            executing.execute(store, prepared, run_id, 1, "sequential")
            held = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
            assert [path for path in held if str(tmp_path / "runs") in path] == []
