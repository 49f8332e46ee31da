"""Two runners and one run: one owns it. One that was stopped, and goes on when another owns it, commits nothing."""

import signal

import pytest

from tests.faults.conftest import Bench, resumed
from tests.faults.oracle import opened
from tests.faults.tier import SEED, count, draw

REACH = "tests.faults.points.reach"
REPLACE = "tests.faults.zygote.replace"


def age(home: object) -> None:
    """Let the holder's last sign of life be long ago."""
    with opened(home) as connection:  # type: ignore[arg-type]
        connection.execute("UPDATE run SET heartbeat = '2026-01-01T00:00:00.000+00:00'")


@pytest.mark.parametrize("point", ["after a commit", "before the end", "after the claim", "before the workers"])
def test_a_stale_runner_commits_nothing(bench: Bench, point: str) -> None:
    home = bench.home()
    before = [[REACH, point, 1, signal.SIGSTOP]]
    stale = bench.zygote.start("run", str(bench.config), "--workers", "1", "--json", home=home, before=before)
    stale.until(lambda: stale.stopped)
    told = resumed(bench, home)
    assert told.code == 2 and f"is being worked on by process {stale.pid}" in told.err, "it may just be slow"
    age(home)
    told = resumed(bench, home)
    assert told.code == 2 and "has given no sign of life" in told.err and "--take-over" in told.err
    told = resumed(bench, home, "--take-over")
    assert told.code == 0 and told.json["digest"] == bench.digest, told.err
    stale.send(signal.SIGCONT)
    told = stale.wait()
    errors = [line for line in told.err.splitlines() if line.startswith(("error", "internal error", "Traceback"))]
    assert told.code == 2 and len(errors) == 1 and "taken over by another process" in errors[0], told
    account = bench.account(home)
    assert account.clean, (point, account)


def test_a_stale_runner_wakes_while_the_other_works(bench: Bench) -> None:
    """Both are on their way at once, the old one with its batch in hand."""
    home = bench.home()
    before = [[REACH, "before a commit", 1, signal.SIGSTOP]]
    stale = bench.zygote.start("run", str(bench.config), "--workers", "1", "--json", home=home, before=before)
    stale.until(lambda: stale.stopped)
    age(home)
    before = [[REACH, "before a commit", 1, signal.SIGSTOP]]
    other = bench.zygote.start("resume", "1", "--take-over", "--workers", "1", "--json", home=home, before=before)
    other.until(lambda: other.stopped)
    stale.send(signal.SIGCONT)
    assert "taken over by another process" in stale.wait().err
    told = resumed(bench, home)
    assert told.code == 2 and f"is being worked on by process {other.pid}" in told.err, "the dead one took no lock away"
    other.send(signal.SIGCONT)
    told = other.wait()
    assert told.code == 0 and told.json["digest"] == bench.digest, told.err
    account = bench.account(home)
    assert account.clean, account


def test_a_slow_runner_is_not_taken_for_a_stopped_one(bench: Bench) -> None:
    home = bench.home()
    quick = [[REPLACE, "app.services.heartbeat", "BEAT", 0.01]]
    before = [*quick, ["tests.faults.points.wait_for", "after a commit", str(home / "gate")]]
    slow = bench.zygote.start("run", str(bench.config), "--workers", "1", "--json", home=home, before=before)
    slow.until((home / "gate.reached").exists)
    age(home)
    slow.until(lambda: beat(home) > "2026-01-02")
    told = resumed(bench, home, "--take-over")
    assert told.code == 2 and f"is being worked on by process {slow.pid}" in told.err
    (home / "gate").touch()
    assert slow.wait().json["digest"] == bench.digest
    (home / "gate").unlink()
    (home / "gate.reached").unlink()
    assert bench.account(home).clean


def beat(home: object) -> str:
    with opened(home) as connection:  # type: ignore[arg-type]
        found: str = connection.execute("SELECT heartbeat FROM run").fetchone()[0]
    return found


def test_two_at_once(bench: Bench) -> None:
    """Both begin from one moment; whoever comes second is told so in one line, and writes nothing."""
    random, tries = draw("two runners at once"), count(50, 3)
    for number in range(tries):
        home = bench.home()
        before = [[REACH, "before the lock", 1]]
        assert bench.zygote.run("run", str(bench.config), "--workers", "1", home=home, before=before).code == -9
        takes = ["--take-over"] if random.random() < 0.5 else []
        both = [
            bench.zygote.start("resume", "1", "--workers", "1", "--json", *takes, home=home, before=[[
                "tests.faults.points.wait_for", "before the lock", str(home / "gate"), str(one)
            ]])
            for one in range(2)
        ]  # fmt: skip
        for one, runner in enumerate(both):
            runner.until((home / f"gate.reached{one}").exists)
        (home / "gate").touch()
        ends = [runner.wait() for runner in both]
        for path in home.glob("gate*"):
            path.unlink()
        label = f"seed {SEED}, pair {number}"
        winners = [told for told in ends if told.code == 0]
        assert len(winners) == 1 and winners[0].json["digest"] == bench.digest, (label, ends)
        (loser,) = (told for told in ends if told.code != 0)
        assert loser.code == 2 and "being worked on by" in loser.err and "Traceback" not in loser.err, (label, loser)
        account = bench.account(home)
        assert account.clean, (label, account)
    print(f"{tries} pairs of runners, one owner each")
