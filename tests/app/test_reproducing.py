"""Exported, and run anew elsewhere: identical, the same within 1e-9, or different, and then where."""

from pathlib import Path

import numpy as np
import pytest

from app.services.reproducing import first_difference, metrics_differ
from engine.events import EVENT
from tests.app.small import SMALL, bulkhead, refused, unchanged, write


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reproducing")
    assert bulkhead(folder, "run", write(folder, SMALL), "--workers", "1").code == 0
    return folder


@pytest.fixture(scope="module")
def exported(home) -> dict[str, str]:
    return {name: bulkhead(home, "export", name).out for name in ("1", "1/5")}


@pytest.mark.parametrize("name", ["1", "1/5"])
def test_identical_in_an_empty_home(exported, tmp_path, name):
    empty = tmp_path / "home"
    told = bulkhead(empty, "reproduce", write(tmp_path, exported[name]), "--json")
    assert told.code == 0 and told.json["verdict"] == "identical" and told.json["digest"] == told.json["expected"]
    assert told.json["versions"] == {} and told.json["diverged"] is None
    assert [path.name for path in empty.iterdir()] == ["datasets"]  # the sample it names, and no run


def test_two_workers_make_no_difference(exported, tmp_path):
    told = bulkhead(tmp_path / "home", "reproduce", write(tmp_path, exported["1"]), "--workers", "2")
    assert told.code == 0 and told.out.startswith("identical")


def test_nothing_is_counted_or_left(home, exported, tmp_path):
    with unchanged(home):
        assert bulkhead(home, "reproduce", write(tmp_path, exported["1"])).code == 0
        assert bulkhead(home, "reproduce", write(tmp_path, exported["1/5"])).code == 0


def test_last_digits_are_the_same_within_tolerance(home, exported, tmp_path):
    text = exported["1/5"].replace("slippage_bps = 2.0\n", "slippage_bps = 2.000000001\n")
    text = text.replace('numpy = "', 'numpy = "9.')
    path = write(tmp_path, text)
    told = bulkhead(home, "reproduce", path, "--json")
    assert told.code == 1 and told.json["verdict"] == "same within 1e-9"
    assert list(told.json["versions"]) == ["numpy"] and told.json["metrics"] == {}
    accepted = bulkhead(home, "reproduce", path, "--tolerance")
    assert accepted.code == 0 and accepted.out.startswith("same within 1e-9") and "numpy: 9." in accepted.out


def test_different_names_the_first_event_that_differs(home, exported, tmp_path):
    path = write(tmp_path, exported["1/5"].replace("slow = 40", "slow = 41"))
    told = bulkhead(home, "reproduce", path, "--json", "--tolerance")
    found = told.json["diverged"]
    assert told.code == 1 and told.json["verdict"] == "different" and "1/5" in told.json["note"]
    ours = bulkhead(home, "container", "1/5", "--json").json["events"]
    assert found["original"] == ours[found["seq"]] != found["now"]
    shown = bulkhead(home, "reproduce", path)
    assert f"event {found['seq']}" in shown.out and "original: SIGNAL" in shown.out


def test_of_a_run_the_first_container_that_differs(home, exported, tmp_path):
    path = write(
        tmp_path, exported["1"].replace("stop_loss = [", 'stop_when = "close"\nmax_weight = 0.2\nstop_loss = [')
    )
    found = bulkhead(home, "reproduce", path, "--json").json
    assert found["verdict"] == "different" and found["diverged"]["index"] == 0
    assert found["diverged"]["original"]["kind"] == "TARGET"


def test_without_the_original_its_log_is_missed(exported, tmp_path):
    path = write(tmp_path, exported["1/5"].replace("slow = 40", "slow = 41"))
    found = bulkhead(tmp_path / "home", "reproduce", path, "--json").json
    assert found["verdict"] == "different" and found["diverged"] is None and "not in this home" in found["note"]


def test_a_file_that_was_widened_is_different(home, exported, tmp_path):
    path = write(tmp_path, exported["1/5"].replace("slow = 40", "slow = [40, 50]"))
    found = bulkhead(home, "reproduce", path, "--json").json
    assert found["verdict"] == "different" and "it was changed" in found["note"]


def test_what_cannot_be_reproduced_is_refused(home, exported, tmp_path):
    refused(bulkhead(home, "reproduce", write(tmp_path, SMALL)), "no [expected] section", "bulkhead export")
    refused(bulkhead(home, "reproduce", str(tmp_path / "none.toml")), "none.toml", "No such file")
    unpinned = "\n".join(line for line in exported["1"].splitlines() if not line.startswith("digest"))
    refused(bulkhead(home, "reproduce", write(tmp_path, unpinned)), "[expected] has no digest")
    other = exported["1"].replace('dataset_hash = "', 'dataset_hash = "0')
    refused(bulkhead(home, "reproduce", write(tmp_path, other)), "pins dataset 'us-tech'")
    cut = exported["1"][: len(exported["1"]) // 2]
    refused(bulkhead(home, "reproduce", write(tmp_path, cut.rsplit("[", 1)[0] + "[expect")), "not valid TOML")


def test_metrics_are_compared_by_share():
    assert metrics_differ({"a": 1.0, "b": 0.0, "c": 5e9}, {"a": 1.0 + 9e-10, "b": 1e-14, "c": 5e9 + 4}) == {}
    assert metrics_differ({"a": 1.0, "b": 2.0}, {"a": 1.0 + 2e-9, "c": 3.0}) == {
        "a": (1.0, 1.0 + 2e-9), "b": (2.0, None), "c": (None, 3.0),
    }  # fmt: skip


def test_the_first_difference_of_two_logs():
    log = np.zeros(5, EVENT)
    log["price"] = [1.0, np.nan, 3.0, 4.0, 5.0]
    assert first_difference(log, log.copy()) is None
    assert first_difference(log, log[:3]) == 3
    last_digit, far, decision = log.copy(), log.copy(), log.copy()
    last_digit["price"][2] = np.nextafter(3.0, 4.0)
    assert first_difference(log, last_digit) == 2
    far["price"][[2, 3]] = [np.nextafter(3.0, 4.0), 4.1]
    assert first_difference(log, far) == 3
    decision["symbol"][1] = 1
    assert first_difference(log, decision) == 1
