"""Resuming: a run that was killed in the middle ends with the digest it would have had, and runs nothing twice."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from app.services import executing, exporting, reproducing, resuming, running
from app.services.home import Home
from app.services.reading import read
from db.store import BENCHMARK
from engine.errors import StoreError
from tests.app.own import BREAKOUT, LIB
from tests.app.small import LATE, SMALL, bulkhead, refused, write
from tests.app.test_cli_processes import start

SEARCH = """
[sweep]
method = "tpe"
samples = 90
where = ["ma_cross.fast < ma_cross.slow"]

[ensemble]
method = "tpe"
"""
#: 2,400 containers: with two workers eight batches.
WIDE = SMALL.replace("[5, 10]", "{ from = 2, to = 31, step = 1 }").replace(
    "slow = 40", "slow = { from = 40, to = 59, step = 1 }"
)
#: What is asked next depends on what was found: 90 containers in batches.
SEARCHED = WIDE + SEARCH
OWN = """
[experiment]
name = "own"

[data]
dataset = "us-tech"

[[strategy]]
kind = "my_breakout"
window = { from = 5, to = 52, step = 1 }

[limits]
isolation = "container"
"""


def broken_off(home: Path, text: str, workers: str = "1") -> int:
    """A run whose process is killed, with all its children, when some of it is stored; returns how much."""
    process = start(home, "run", "-", "--workers", workers, "--json", text=text)
    assert process.stderr and process.stderr.readline().startswith("run 1: ")
    with Home(home).store() as store:
        while store.progress(1).done + store.progress(1).failed == 0:
            assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    with Home(home).store() as store:
        run = store.progress(1)
        assert run.status == "interrupted" and run.pid is None and run.digest is None
        assert 0 < run.done + run.failed < run.containers
        assert len(store.committed(1)) == run.done + run.failed + 1, "and its benchmark"
    return run.done + run.failed


def unbroken(home: Path, text: str) -> Any:
    told = bulkhead(home, "run", write(home.parent, text), "--workers", "1", "--json")
    assert told.code == 0, told.err
    return told.json


def rows(home: Path, run_id: int) -> Any:
    with Home(home).store() as store:
        return [
            (one.index, one.status, one.params, one.spec_hash, one.digest, one.metrics, one.test_metrics)
            for one in store.containers(run_id)
        ]


@pytest.mark.parametrize(("text", "workers"), [(WIDE, "2"), (SEARCHED, "1")], ids=["grid", "search"])
def test_a_killed_run_ends_as_if_it_had_not_been(tmp_path, text, workers):
    home = tmp_path / "home"
    kept = broken_off(home, text, workers)
    before = rows(home, 1)
    told = bulkhead(home, "resume", "1", "--workers", "2" if workers == "1" else "1", "--json")
    assert told.code == 0 and list(told.json) == [
        *("run", "containers", "done", "failed", "seconds", "startup_seconds", "digest")
    ], told.err
    total = told.json["containers"]
    assert told.json["done"] == total and told.err.startswith(f"run 1: {total - kept} of {total} containers to go")
    whole = unbroken(home, text)
    assert told.json["digest"] == whole["digest"] is not None
    assert rows(home, 1) == rows(home, whole["run"])
    assert {row[0]: row for row in rows(home, 1)}.items() >= {row[0]: row for row in before}.items()
    with Home(home).store() as store:
        run, other = store.run(1), store.run(whole["run"])
        assert (run.status, run.done, run.decisions_digest) == ("done", total, other.decisions_digest)
        assert run.trials == 2 * total, "each container was counted once"
        assert store.events(1, BENCHMARK).tobytes() == store.events(whole["run"], BENCHMARK).tobytes()


def test_own_stages_are_those_that_the_run_began_with(tmp_path):
    home = tmp_path / "home"
    folder = home / "stages"
    folder.mkdir(parents=True)
    (folder / "my_breakout.py").write_text(BREAKOUT)
    (folder / "my_lib.py").write_text(LIB)
    digest = unbroken(home, OWN)["digest"]
    other = tmp_path / "other"
    (other / "stages").mkdir(parents=True)
    for path in folder.iterdir():
        (other / "stages" / path.name).write_text(path.read_text())
    broken_off(other, OWN, "2")
    (other / "stages" / "my_breakout.py").write_text(BREAKOUT.replace('["low"]', '["high"]'))
    (other / "stages" / "my_lib.py").unlink()
    told = bulkhead(other, "resume", "1", "--json")
    assert told.code == 0 and told.json["digest"] == digest


def test_a_run_that_stopped_or_failed_goes_on(tmp_path):
    home = Home(tmp_path / "home")
    prepared = running.check(home, SMALL.replace("[5, 10]", "{ from = 5, to = 20, step = 1 }"))

    def stopping(error: BaseException) -> Any:
        def progress(done: int, failed: int, total: int) -> None:
            raise error

        return progress

    with home.store() as store:
        ends = {"stopped": KeyboardInterrupt(), "failed": RuntimeError("the disk is full")}
        for number, (status, error) in enumerate(ends.items(), start=1):
            run_id = running.create(store, prepared, 1, "loky")
            with pytest.raises(type(error)):
                executing.execute(store, prepared, run_id, 1, progress=stopping(error))
            assert (run_id, store.progress(run_id).status) == (number, status)
            report = resuming.resume(home, run_id, 1)
            assert (report.status, report.done, report.failed) == ("done", 64, 0)
            assert store.run(run_id).error is None
        queued = running.create(store, prepared, 1, "loky")
        assert resuming.resume(home, queued, 2).digest == store.run(1).digest == store.run(2).digest


def test_what_cannot_be_resumed_is_said_in_one_line(tmp_path, monkeypatch):
    home = tmp_path / "home"
    unbroken(home, SMALL)
    refused(bulkhead(home, "resume", "1"), "run 1 is done, so there is nothing to resume")
    refused(bulkhead(home, "resume", "7"), "there is no run 7")
    refused(bulkhead(home, "resume", "1/3"), "is no run")
    prepared = running.check(Home(home), SMALL)
    with Home(home).store() as store:
        run_id = running.create(store, prepared, 1, "loky")
        with store.claim(run_id):
            refused(bulkhead(home, "resume", str(run_id)), f"run {run_id} is being worked on by process {os.getpid()}")
            with pytest.raises(StoreError, match="is being worked on"):
                resuming.resume(Home(home), run_id, 1)
        monkeypatch.setattr(resuming, "engine_version", lambda: "0.0.9+other")
        refused(bulkhead(home, "resume", str(run_id)), "another version of Bulkhead", "run the experiment again")
        monkeypatch.undo()
        assert bulkhead(home, "resume", str(run_id), "--workers", "1").code == 0
        assert store.run(run_id).digest == store.run(1).digest


def test_what_failed_is_not_run_again(tmp_path):
    home = Home(tmp_path / "home")
    prepared = running.check(home, LATE)
    with home.store() as store:
        run_id = running.create(store, prepared, 1, "loky")
        lease = store.claim(run_id)
        lease.release()
        report = resuming.resume(home, run_id, 1)
        assert (report.done, report.failed) == (0, 8)
        with pytest.raises(StoreError, match="is done"):
            resuming.resume(home, run_id, 1)
    assert bulkhead(home.path, "show", str(run_id), "--json").code == 0


# a searched run, as its readers see it


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A home with a run that searched parameters and weights."""
    home = Home(tmp_path_factory.mktemp("searched"))
    text = SMALL.replace("[5, 10]", "{ from = 2, to = 31, step = 1 }") + SEARCH.replace("90", "30")
    prepared = running.check(home, text)
    with home.store() as store:
        run_id = running.create(store, prepared, 2, "loky")
        assert executing.execute(store, prepared, run_id, 2).done == 30
    return home


def test_a_searched_container_is_read_by_its_stored_parameters(searched):
    for index in (0, 7, 29):
        reading = read(searched, 1, index)
        assert reading.same_spec and reading.spec.params == reading.container.params
        weights = reading.container.params["ensemble.weights"]
        assert reading.spec.ensemble.weights == weights and sum(weights) == pytest.approx(1.0)
        assert reading.account.equity[reading.test - reading.first - 1] == pytest.approx(
            reading.container.metrics["final_equity"]
        )
    assert read(searched, 1, BENCHMARK).same_spec


def test_a_searched_run_and_its_containers_reproduce(searched):
    texts = [exporting.export_container(searched, 1, index) for index in (3, 29)]
    assert 'method = "fixed"' in texts[0] and "[sweep]" not in texts[0] and "samples" not in texts[0]
    for text in [*texts, exporting.export_run(searched, 1)]:
        prepared, expected = reproducing.prepare(searched, text)
        found = reproducing.reproduce(searched, prepared, expected, workers=1)
        assert found.verdict == reproducing.IDENTICAL, found
    with searched.store() as store:
        row = store.container(1, 29)
    prepared, _ = reproducing.prepare(searched, texts[1])
    with searched.store() as store:
        run_id = running.create(store, prepared, 1, "loky")
        executing.execute(store, prepared, run_id, 1)
        alone = store.container(run_id, 0)
    assert (alone.spec_hash, alone.digest) == (row.spec_hash, row.digest)


def test_a_changed_export_of_a_search_names_the_first_difference(searched):
    text = exporting.export_run(searched, 1).replace("commission_bps = 5.0", "commission_bps = 50.0")
    prepared, expected = reproducing.prepare(searched, text)
    found = reproducing.reproduce(searched, prepared, expected, workers=1)
    assert found.verdict == reproducing.DIFFERENT
    assert found.diverged is not None and found.diverged.original != found.diverged.now


def test_weights_are_a_parameter_that_lists_and_sorts(searched):
    told = bulkhead(searched.path, "show", "1", "--sort", "sharpe", "--top", "3", "--json").json
    for row in told["containers"]:
        assert len(row["params"]["ensemble.weights"]) == 2
    with searched.store() as store:
        names = {parameter.name for parameter in store.parameters(1)}
        assert "ensemble.weights" in names and "ma_cross.fast" in names
        values = store.columns(1, ["ensemble.weights"])[1][0]
        assert json.loads(values[0]) == store.container(1, 0).params["ensemble.weights"]
    assert bulkhead(searched.path, "show", "1").code == 0
    assert bulkhead(searched.path, "container", "1/5").code == 0
