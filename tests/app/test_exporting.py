"""What is exported gives the same again: the same digests and the same hash, alone and in an empty home."""

import tomllib
from pathlib import Path

import pytest

from app.services.exporting import _table, export_container, export_run
from app.services.home import Home
from engine.errors import StoreError
from engine.fingerprint import engine_version, platform_facts
from tests.app.small import LATE, SMALL, bulkhead, refused, write


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exporting")
    assert bulkhead(folder, "run", write(folder, SMALL), "--workers", "1").code == 0
    return folder


def test_a_run_keeps_its_sweep_and_pins_what_came_out(home):
    text = export_run(Home(home), 1)
    raw = tomllib.loads(text)
    assert text.startswith(SMALL.rstrip())
    expected, run = raw.pop("expected"), bulkhead(home, "runs", "--json").json[0]
    assert raw == tomllib.loads(SMALL)
    assert expected["digest"] == run["digest"] and expected["containers"] == 8
    assert expected["engine"] == engine_version() and expected["platform"] == platform_facts()
    rows = bulkhead(home, "show", "1", "--json").json["containers"]
    mean = sum(row["metrics"]["total_return"] for row in rows) / 8
    assert expected["metrics"]["total_return"] == pytest.approx(mean, rel=1e-12)
    assert set(expected["metrics"]) == {"total_return", "final_equity"}


@pytest.mark.parametrize("index", range(8))
def test_a_container_is_resolved_and_stays_itself(home, tmp_path, index):
    raw = tomllib.loads(export_container(Home(home), 1, index))
    row = bulkhead(home, "container", f"1/{index}", "--json").json
    assert "sweep" not in raw and raw["data"]["symbols"] == ["AAPL", "GOOG", "IBM"]
    assert isinstance(raw["data"]["warmup"], int) and raw["data"]["warmup"] > 0
    assert raw["strategy"][0]["fast"] == row["params"]["ma_cross.fast"]
    assert raw["classifier"]["kind"] == {"quiet": "volatility", "way": "trend"}[row["params"]["classifier"]]
    assert raw["risk"].get("stop_loss", "none") == row["params"]["risk.stop_loss"]
    assert raw["expected"]["digest"] == row["digest"]
    assert raw["expected"]["metrics"] == {name: value for name, value in row["metrics"].items() if value is not None}

    again = tmp_path / "home"
    alone = write(tmp_path, export_container(Home(home), 1, index))
    assert bulkhead(again, "run", alone, "--workers", "1").code == 0
    found = bulkhead(again, "container", "1/0", "--json").json
    for key in ("digest", "spec_hash", "fills_digest", "metrics", "test_metrics", "events"):
        assert found[key] == row[key]
    # and what is exported of that is the same again
    twice = tomllib.loads(export_container(Home(again), 1, 0))
    assert {**twice, "experiment": raw["experiment"]} == raw


def test_an_exported_run_can_be_run_and_exported_again(home, tmp_path):
    text = export_run(Home(home), 1)
    again = tmp_path / "home"
    assert bulkhead(again, "run", write(tmp_path, text), "--workers", "1").code == 0
    assert export_run(Home(again), 1) == text
    data = tomllib.loads(text)["expected"]["dataset_hash"]
    inline = f"expected = {{ dataset_hash = '{data}', engine = '', platform = {{}}, containers = 8 }}\n{SMALL}"
    assert bulkhead(again, "run", write(tmp_path, inline), "--workers", "1").code == 0
    assert tomllib.loads(export_run(Home(again), 2)) == tomllib.loads(text)


def test_export_writes_a_file_or_to_standard_output(home, tmp_path):
    target = tmp_path / "out.toml"
    told = bulkhead(home, "export", "1/3", "-o", str(target))
    assert told.code == 0 and told.out == "" and str(target) in told.err
    assert bulkhead(home, "export", "1/3").out == target.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["out.toml"]


def test_what_cannot_be_exported_is_refused(home, tmp_path):
    target = tmp_path / "x.toml"
    for name, word in (
        ("9", "no run 9"),
        ("1/8", "no container 1/8"),
        ("1/", "RUN/INDEX"),
        ("one", "'one' is no run"),
        ("1/benchmark", "benchmark"),
    ):
        refused(bulkhead(home, "export", name, "-o", str(target)), word)
    refused(bulkhead(home, "export", "1", "-o", str(tmp_path / "no" / "x.toml")), "no folder")
    refused(bulkhead(home, "export", "1", "-o", str(tmp_path)), "cannot be written")
    assert not any(tmp_path.iterdir())


def test_an_unfinished_run_has_nothing_to_pin(home):
    from app.services import running

    with Home(home).store() as store:
        run_id = running.create(store, running.check(Home(home), SMALL), 1, "loky")
    with pytest.raises(StoreError, match="no digest to pin"):
        export_run(Home(home), run_id)


def test_a_container_that_failed_is_pinned_by_how_it_ended(tmp_path):
    home = tmp_path / "home"
    assert bulkhead(home, "run", write(tmp_path, LATE), "--workers", "1").code == 1
    single = bulkhead(home, "export", "1/2")
    assert single.code == 0
    path = write(tmp_path, single.out, "single.toml")
    assert bulkhead(tmp_path / "empty", "reproduce", path, "--json").json["verdict"] == "identical"


def test_nested_parameters_keep_their_place():
    table = {"kind": "mine", "window": 5, "weights": {"calm days": 1.0, "more": {"x": [1, 2]}}}
    text = "[a]\nb = 1\n\n" + "\n".join([_table("[[strategy]]", "strategy", table)] * 2)
    assert tomllib.loads(text) == {"a": {"b": 1}, "strategy": [table, table]}
