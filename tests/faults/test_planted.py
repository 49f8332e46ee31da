"""The harness sees what it is for: twelve bugs, planted one by one, are all found by it."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import results
from engine.parallel import tasks
from tests.faults import planted
from tests.faults.conftest import Bench
from tests.faults.oracle import Account, examine, results_of
from tests.faults.runners import Told, Zygote
from tests.faults.stages.rare import poisoned
from tests.faults.test_flipped import flip, judged, moved, pages_of, read
from tests.faults.test_poison import VERDICTS, run
from tests.faults.test_stopped_runner import age
from tests.faults.tier import FULL, SEED, draw

REACH, PLANT, SHUFFLE = "tests.faults.points.reach", "tests.faults.planted.plant", "tests.faults.planted.shuffle"
#: Bugs that change results, so that what a run comes to depends on how it went.
CHANGING = (
    "a module-global generator",
    "iteration over a set",
    "randomness seeded by worker",
    "a clock in a result",
    "a shared mutable indicator",
)
SHORT = ("commit before write", "double commit", "a dropped last block")
#: Those that a runner is forked with.
RUN = [*CHANGING, *SHORT, "a resumed run that does again what is done"]


@pytest.fixture(scope="module")
def other(bench: Bench) -> Iterator[Zygote]:
    """Runners of a process with other hashes of texts."""
    with Zygote(bench.folder / "other", hash_seed=4) as zygote:
        yield zygote


def go(zygote: Zygote, bench: Bench, home: Path, *words: str, before: list[list[object]]) -> Told:
    return zygote.run(*words, "--workers", "1", "--json", home=home, before=before)


def broken_off(bench: Bench, zygote: Zygote, bug: list[list[object]], point: str) -> Path:
    """A home with a run that was killed at its second commit and resumed."""
    home = bench.home()
    told = go(bench.zygote, bench, home, "run", str(bench.config), before=[*bug, [REACH, point, 2]])
    assert told.code == -9, told
    go(zygote, bench, home, "resume", "1", before=[*bug, [SHUFFLE]])
    return home


@pytest.mark.parametrize("name", [name for name in RUN if FULL or name in SHORT])
def test_a_planted_bug_is_seen(bench: Bench, name: str, request: pytest.FixtureRequest) -> None:
    bug: list[list[object]] = [[PLANT, name]]
    zygote = request.getfixturevalue("other") if name == "iteration over a set" else bench.zygote
    expected = bench.expected
    if name in CHANGING:  # what an unbroken run comes to is known of the same program only
        home = bench.home()
        told = go(bench.zygote, bench, home, "run", str(bench.config), before=bug)
        assert told.code == 0, told
        expected = results_of(home)
    if name in ("double commit", "a dropped last block"):
        home = bench.home()
        go(bench.zygote, bench, home, "run", str(bench.config), before=bug)
    else:
        point = "in a commit, before its rows" if name == "commit before write" else "in a commit, after its rows"
        home = broken_off(bench, zygote, bug, point)
    account = examine(home, expected)
    print(name, account.lost[:3], account.doubled, len(account.different), account.unsound)
    assert not account.clean, name
    seen = {"lost": account.lost, "doubled": account.doubled, "different": account.different}
    wanted = "different" if name in CHANGING else "lost" if "dropped" in name else "doubled"
    assert seen[wanted], (name, account)


@pytest.mark.skipif(not FULL, reason="the full tier")
def test_without_a_bug_the_same_ways_are_clean(bench: Bench, other: Zygote) -> None:
    for point in ("in a commit, before its rows", "in a commit, after its rows"):
        assert examine(broken_off(bench, other, [], point), bench.expected) == Account()


@pytest.mark.skipif(not FULL, reason="the full tier")
def test_a_stale_lease_that_commits_is_seen(bench: Bench) -> None:
    home = bench.home()
    before = [[PLANT, "a stale lease that commits"], [REACH, "before a commit", 1, signal.SIGSTOP]]
    stale = bench.zygote.start("run", str(bench.config), "--workers", "1", "--json", home=home, before=before)
    stale.until(lambda: stale.stopped)
    age(home)
    assert bench.zygote.run("resume", "1", "--take-over", "--workers", "1", home=home).code == 0
    stale.send(signal.SIGCONT)
    stale.wait()
    assert examine(home, bench.expected).doubled


@pytest.mark.skipif(not FULL, reason="the full tier")
def test_a_missing_checksum_check_is_seen(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random, home = draw("a missing checksum check"), bench.home()
    assert bench.zygote.run("run", str(bench.config), "--workers", "1", home=home).code == 0
    moved(home)
    pages, whole, ends = pages_of(home)["leaf of container"], read(home), []
    for name in ("block_checksum", "checksum"):
        monkeypatch.setattr(results, name, getattr(results, name))
    planted.checksum_ignored()
    for _ in range(20):
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(home, copy)
        flip(copy, random.choice(pages), random.randrange(8192, 16384), 1)
        try:
            ends.append(judged(copy, whole, bench.expected))
        except ValueError:  # what is read makes no sense, and nobody has seen why
            ends.append("as a defect")
    assert "not at all" in ends, ends


@pytest.mark.skipif(not FULL, reason="the full tier")
def test_the_wrong_one_blamed_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(tmp_path / "fine", 200, 50, armed=False)
    expected |= {number: (VERDICTS[kind][0], None) for number, kind in poisoned(200, 50, SEED).items()}
    monkeypatch.setattr(tasks, "run_cell", tasks.run_cell)
    planted.wrong_one_blamed()
    run(tmp_path / "poisoned", 200, 50, armed=True, workers=1)
    assert examine(tmp_path / "poisoned", expected).different
