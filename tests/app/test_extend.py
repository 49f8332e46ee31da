"""Extending: what a run has done is taken over by spec hash, and the whole is what a fresh run of it would be."""

from pathlib import Path

import pytest

from app.services.home import Home
from tests.app.small import SMALL, bulkhead, refused, write

WIDER = SMALL.replace("[5, 10]", "[3, 5, 10, 12]").replace('name = "small"', 'name = "wider"')


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    assert bulkhead(home, "run", write(tmp_path, SMALL), "--workers", "1", "--json").code == 0
    return home


def test_only_what_is_new_is_run(home: Path, tmp_path: Path) -> None:
    config = write(tmp_path, WIDER, "wider.toml")
    extended = bulkhead(home, "extend", "1", config, "--workers", "1", "--json")
    assert extended.code == 0, extended.err
    fresh = bulkhead(home, "run", config, "--workers", "1", "--json").json
    assert extended.json["digest"] == fresh["digest"]
    taken = bulkhead(home, "show", "1", "--json").json["containers"]
    assert f"run 2: {fresh['containers']} containers, {len(taken)} of them from run 1" in extended.err
    one, other = (bulkhead(home, "show", run, "--json").json["containers"] for run in ("2", "3"))
    assert one == other
    first, second = (bulkhead(home, "container", f"{run}/2", "--json").json for run in (2, 3))
    assert first == second
    with Home(home).store() as store:
        assert store.run(1).trials == len(taken) + (len(one) - len(taken)) + len(other)
        assert [store.sketches(run)[1].tobytes() for run in (2, 3)].count(store.sketches(2)[1].tobytes()) == 2


def test_what_cannot_be_extended(home: Path, tmp_path: Path) -> None:
    other = write(
        tmp_path,
        SMALL.replace('dataset = "us-tech"', 'dataset = "sp500"').replace('symbols = ["AAPL", "GOOG", "IBM"]\n', ""),
        "other.toml",
    )
    refused(bulkhead(home, "extend", "1", other), "other bars")
    searched = write(tmp_path, WIDER + '\n[sweep]\nmethod = "tpe"\nsamples = 3\n', "tpe.toml")
    refused(bulkhead(home, "extend", "1", searched), "a search asks for its points")
    refused(bulkhead(home, "extend", "7", write(tmp_path, WIDER, "w.toml")), "no run 7")
    with Home(home).store() as store:
        assert len(store.runs()) == 1
