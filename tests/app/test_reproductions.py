"""Reproducing in a process of its own: it is begun, watched, and its answer is found again by whoever asks."""

import time
from pathlib import Path

import pytest

from app.services import reproductions
from app.services.exporting import export_run
from app.services.home import Home
from app.services.reproductions import Reproduction
from tests.app.small import SMALL, bulkhead, unchanged, write


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    folder = tmp_path_factory.mktemp("reproductions")
    assert bulkhead(folder, "run", write(folder, SMALL), "--workers", "1").code == 0
    return Home(folder)


def ended(home: Home, name: str) -> Reproduction:
    """The reproduction when it has ended."""
    deadline = time.monotonic() + 120
    while (found := reproductions.look(home, name)) is not None and found.status == "running":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert found is not None
    return found


def test_a_run_is_reproduced_and_nothing_of_it_is_stored(home):
    with home.store() as store:
        before = store.runs(), store.run(1).trials
    name = reproductions.begin(home, export_run(home, 1), 1)
    found = ended(home, name)
    assert found.status == "answered" and found.verdict["verdict"] == "identical" and reproductions.fine(found.verdict)
    assert reproductions.latest(home, 1) == found and reproductions.latest(home, 2) is None
    with home.store() as store:
        assert (store.runs(), store.run(1).trials) == before


def test_a_difference_is_named_by_its_event(home):
    text = export_run(home, 1).replace("commission_bps = 5.0", "commission_bps = 6.0")
    found = ended(home, reproductions.begin(home, text))
    assert found.verdict["verdict"] == "different" and not reproductions.fine(found.verdict)
    assert found.verdict["diverged"]["original"]["kind"] == "FILL"


def test_what_cannot_run_says_why(home):
    found = ended(home, reproductions.begin(home, SMALL))
    assert found.status == "failed" and found.error.startswith("the config has no [expected] section")


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc", "run-1", "run-1-zzzzzzzzzzzz", "file-0123456789ab", "x" * 5_000]
)
def test_what_is_not_there(home, name):
    with unchanged(home.path):
        assert reproductions.look(home, name) is None


def test_the_oldest_are_removed(home, monkeypatch):
    monkeypatch.setattr(reproductions, "_KEPT", 2)
    names = [reproductions.begin(home, SMALL) for _ in range(3)]
    for name in names:
        ended_or_gone(home, name)
    last = reproductions.begin(home, SMALL)
    ended_or_gone(home, last)
    kept = sorted(path.name for path in Path(home.path / "reproductions").iterdir())
    assert len(kept) == 2 and last in kept


def ended_or_gone(home: Home, name: str) -> None:
    if reproductions.look(home, name) is not None:
        ended(home, name)
