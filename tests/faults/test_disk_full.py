"""A disk that is full, at every stage: one line says so, what is stored is kept, and with room all goes on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services.home import Home
from tests.faults.conftest import Bench, resumed
from tests.faults.oracle import opened
from tests.faults.runners import Told
from tests.faults.tier import SEED, count, draw

FILL = "tests.faults.points.fill"
SIZE = 32 << 20
#: Stage: where the disk is found full, and how the run stands then.
STAGES = {
    "creating the run": ("before the run is created", None),
    "the lock": ("before the lock", "queued"),
    "the claim": ("between lock and claim", "queued"),
    "the reserve": ("between claim and folder", "interrupted"),
    "the plan": ("after the claim", "paused"),
    "the start": ("before the start is stored", "paused"),
    "the benchmark": ("before the benchmark", "paused"),
    "committing": ("before a commit", "paused"),
    "committing, after the rows": ("in a commit, after its rows", "paused"),
    "the end": ("before the end", "paused"),
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    told = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(place)], capture_output=True, text=True
    )
    if told.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {told.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Fill the disk of a folder but for some bytes; returns the file to remove for room."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
        file.truncate(max(os.stat(ballast).st_size - leave, 0))
    return ballast


def said(told: Told) -> str:
    """The one line that says what is wrong."""
    lines = [line for line in told.err.splitlines() if line.startswith(("error: ", "run 1 is paused", "internal"))]
    assert len(lines) == 1 and "internal" not in lines[0] and "Traceback" not in told.err, told
    assert "full" in lines[0] or "No space" in lines[0] or "no room" in lines[0], told
    return lines[0]


@pytest.mark.parametrize("stage", STAGES)
def test_at_a_stage(bench: Bench, disk: Path, stage: str) -> None:
    point, status = STAGES[stage]
    home = disk / "home"
    subprocess.run(["cp", "-r", str(bench.empty), str(home)], check=True)
    before = [["tests.faults.points.fill", point, str(disk)]]
    told = bench.zygote.run("run", str(bench.config), "--workers", "1", "--json", home=home, before=before)
    line = said(told)
    (disk / "ballast").unlink()
    runs = bench.zygote.run("runs", "--json", home=home).json
    assert [run["status"] for run in runs] == ([] if status is None else [status]), (stage, told)
    with Home(home).store() as store:
        errors = [run.error for run in store.runs()]
    assert told.code == (1 if status == "paused" else 2), told
    if status == "paused":
        assert "make room, then 'bulkhead resume 1' goes on" in line and errors == [line]
        assert runs[0]["pid"] is None and told.json["digest"] is None
    goes_on(bench, home, stage)


def goes_on(bench: Bench, home: Path, label: str) -> None:
    told = resumed(bench, home)
    if not (told.code == 2 and "is done" in told.err):
        assert told.code == 0 and told.json["digest"] == bench.digest, (label, told)
    account = bench.account(home)
    assert account.clean, (label, account)


def test_a_checkpoint_that_finds_no_room_is_made_later(bench: Bench, disk: Path) -> None:
    """What is committed stands in the log; the run ends all the same."""
    home = disk / "home"
    subprocess.run(["cp", "-r", str(bench.empty), str(home)], check=True)
    before = [["tests.faults.points.fill", "before a checkpoint", str(disk)]]
    told = bench.zygote.run("run", str(bench.config), "--workers", "1", "--json", home=home, before=before)
    assert told.code == 0 and told.json["digest"] == bench.digest, told
    (disk / "ballast").unlink()
    assert bench.account(home).clean


def test_with_so_much_room_and_no_more(bench: Bench, disk: Path) -> None:
    """From none at all, for which no home can be made, to nearly enough: data, the database, the run."""
    random, tries = draw("a disk with some room"), count(60, 4)
    needed = sum(path.stat().st_size for path in bench.empty.rglob("*") if path.is_file()) + (10 << 20)
    failed = 0
    for number in range(tries):
        leave = 0 if number == 0 else random.randrange(needed) if number > 1 else 100 << 10
        home = disk / f"home-{number}"
        ballast = fill(disk, leave)
        told = bench.zygote.run("run", str(bench.config), "--workers", "1", "--json", home=home)
        ballast.unlink()
        label = f"seed {SEED}, try {number}, {leave} bytes"
        if told.code != 0:
            failed += 1
            said(told)
        if not (home / "bulkhead.sqlite").exists():
            assert bench.zygote.run("data", "check", "us-tech", home=home).code == 0
        else:
            with opened(home) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], label
        goes_on(bench, home, label)
    assert failed >= 2
    print(f"{tries} disks, {failed} of them full")
