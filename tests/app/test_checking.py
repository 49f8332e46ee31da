"""`bulkhead new` and `bulkhead check`, and what a run asks before it uses a stage of one's own."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.services import checking
from app.services.home import Home
from engine.errors import ConfigError
from engine.own.source import read_folder, source_hash
from tests.app.small import bulkhead, refused
from tests.soundness.broken import BROKEN, strategy, text_of

PEEKS = strategy(
    "out = np.zeros(market.close.shape)\nout[:-1] = market.close[1:] > market.close[:-1]\nreturn out"
).replace("NAME", "peeks")
SOUND = strategy("return np.where(market.close > 50.0, 1.0, 0.0)").replace("NAME", "fine")
FAMILIES = ("strategy", "classifier", "indicator", "risk")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with every broken stage in its folder, one that peeks and one that is sound."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "stages").mkdir()
    for name in BROKEN:
        (folder / "stages" / f"{name}.py").write_text(text_of(name))
    (folder / "stages" / "peeks.py").write_text(PEEKS)
    (folder / "stages" / "fine.py").write_text(SOUND)
    return folder


# check


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_stage_gets_its_message(home, name):
    _, check, words = BROKEN[name]
    told = bulkhead(home, "check", name, "--json")
    assert told.code == 1, told.err
    wrong = [finding for finding in told.json["findings"] if finding["severity"] == "failure"]
    assert wrong[0]["check"] == check
    assert words in wrong[0]["message"]
    assert not told.json["sound"] and told.json["verdict"] == "failure"


def test_a_peek_is_named_with_its_bar(home):
    told = bulkhead(home, "check", "peeks")
    assert told.code == 1
    assert "peeks looks ahead: no run may use it" in told.out
    found = bulkhead(home, "check", "peeks", "--json").json
    finding = next(finding for finding in found["findings"] if finding["severity"] == "look-ahead")
    assert found["verdict"] == "look-ahead"
    assert finding["peeked"] == finding["bar"] + 1 and finding["column"] == "close"
    # how many cuts are tried, and so which is told, depends on the time that they take
    peeked, bar = re.findall(r"uses bar (\d+)'s close at bar (\d+) \(", told.out)[0]
    assert int(peeked) == int(bar) + 1


def test_a_sound_stage_is_exit_code_0_one_line_a_check(home):
    told = bulkhead(home, "check", "fine")
    assert told.code == 0
    lines = [line.split("  ")[0].strip() for line in told.out.splitlines()]
    for check in ("contract", "mutation", "kept state", "causality", "determinism", "speed"):
        assert check in lines
    assert "fine is sound: causal, checked on us-tech" in told.out


def test_a_built_in_stage_is_checked_on_other_data(home):
    told = bulkhead(home, "check", "ma_cross", "--data", "sp500", "--json")
    assert told.code == 0 and told.json["dataset"] == "sp500" and told.json["source_hash"] == ""
    assert told.json["family"] == "strategy"


def test_what_cannot_be_checked_is_exit_code_2(home):
    refused(bulkhead(home, "check", "fime"), "no such kind 'fime'; did you mean 'fine'?")
    refused(bulkhead(home, "check", "ma_cros"), "no such kind 'ma_cros'; did you mean 'ma_cross'?")
    refused(bulkhead(home, "check", "fine", "--data", "us-teck"), "no dataset 'us-teck'; did you mean 'us-tech'?")


def test_a_kind_that_stands_in_two_files_is_refused(tmp_path):
    (tmp_path / "stages").mkdir()
    for name in ("one", "two"):
        (tmp_path / "stages" / f"{name}.py").write_text(SOUND)
    refused(bulkhead(tmp_path, "check", "fine"), "the kind 'fine' stands in stages/one.py and stages/two.py")


def test_a_stage_that_hangs_or_hogs_is_ended(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "hangs.py").write_text(strategy("while True:\n    pass").replace("NAME", "hangs"))
    told = bulkhead(tmp_path, "check", "hangs", "--seconds", "2", "--json")
    assert told.code == 1 and "during the check of shape and range: no answer within 2 s" in told.out
    hog = strategy("held = [np.ones(1 << 22) for _ in range(1 << 20)]\nreturn held[0]").replace("NAME", "hogs")
    (tmp_path / "stages" / "hogs.py").write_text(hog)
    report = checking.check(Home(tmp_path), "hogs", memory_mb=256.0)
    assert not report.sound and "MemoryError" in report.text


def test_a_thread_of_a_server_can_check_too(home):
    with ThreadPoolExecutor(1) as pool:
        report = pool.submit(checking.check, Home(home), "peeks").result()
    assert report.refused and "'s close at bar" in report.text


def test_nothing_of_the_user_is_imported_here(home):
    bulkhead(home, "check", "fine")
    assert "fine" not in sys.modules


# verdicts and the gate


def test_a_verdict_is_kept_until_the_source_changes(tmp_path):
    (tmp_path / "stages").mkdir()
    path = tmp_path / "stages" / "fine.py"
    path.write_text(SOUND)
    home = Home(tmp_path)
    report = checking.check(home, "fine")
    assert checking.verdict(home, "fine", report.source_hash) == report and report.sound
    path.write_text(SOUND + "# edited\n")
    now = source_hash(read_folder(tmp_path / "stages"), "fine")
    assert now != report.source_hash and checking.verdict(home, "fine", now) is None
    assert checking.verdict(home, "other", report.source_hash) is None


def test_a_damaged_verdict_is_none(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "fine.py").write_text(SOUND)
    home = Home(tmp_path)
    report = checking.check(home, "fine")
    (kept,) = (tmp_path / "cache" / "checks").iterdir()
    for text in ("", "{}", "[1]", kept.read_text().replace('"fine"', '"file"')):
        kept.write_text(text)
        assert checking.verdict(home, "fine", report.source_hash) is None


def test_the_gate_refuses_look_ahead_and_names_the_bar(home):
    with pytest.raises(ConfigError, match=r"strategy 'peeks' \(stages/peeks.py\) looks ahead: uses bar \d+'s close at"):
        checking.gate(Home(home), ["ma_cross", "peeks"], read_folder(home / "stages"))


def test_the_gate_isolates_what_is_not_sound_and_passes_what_is(home):
    sources = read_folder(home / "stages")
    found = checking.gate(Home(home), ["fine", "keeps_a_global", "trend", "none", "fine"], sources)
    assert found.isolated == ("keeps_a_global",)
    (warning,) = found.warnings
    assert "'keeps_a_global' is not sound" in warning and "keeps_a_global.CALLS changed" in warning
    assert checking.verdict(Home(home), "fine", source_hash(sources, "fine")) is not None


def test_the_gate_checks_again_only_what_changed(tmp_path, monkeypatch):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "fine.py").write_text(SOUND)
    home = Home(tmp_path)
    checked = []
    real = checking.check
    monkeypatch.setattr(checking, "check", lambda home, kind, **more: checked.append(kind) or real(home, kind, **more))
    sources = read_folder(tmp_path / "stages")
    checking.gate(home, ["fine"], sources)
    checking.gate(home, ["fine"], sources)
    assert checked == ["fine"]
    (tmp_path / "stages" / "fine.py").write_text(PEEKS.replace("peeks", "fine"))
    with pytest.raises(ConfigError, match="looks ahead"):
        checking.gate(home, ["fine"], read_folder(tmp_path / "stages"))
    assert checked == ["fine", "fine"]


# new


@pytest.mark.parametrize("family", FAMILIES)
def test_what_new_writes_passes_its_check_and_its_test(tmp_path, family):
    told = bulkhead(tmp_path, "new", family, "my_own")
    assert told.code == 0 and "bulkhead check my_own" in told.out
    checked = bulkhead(tmp_path, "check", "my_own", "--json")
    assert checked.code == 0, checked.out
    assert checked.json["family"] == family and checked.json["verdict"] == "causal"
    assert [finding["message"] for finding in checked.json["findings"] if finding["severity"] != "ok"] == []
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "stages" / "tests")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout
    assert "2 passed" in ended.stdout


@pytest.mark.parametrize("family", ["strategy", "classifier", "risk"])
def test_new_writes_an_experiment_that_names_it(tmp_path, family):
    from engine import config

    told = bulkhead(tmp_path, "new", family, "my_own", "--json").json
    raw = config.load(Path(told["experiment"]).read_text())
    table = raw[family][0] if family == "strategy" else raw[family]
    assert table["kind"] == "my_own" and raw["data"]["dataset"] == "us-tech"
    assert Path(told["stage"]) == tmp_path / "stages" / "my_own.py" and Path(told["test"]).exists()


BAD_NAMES = {
    "my-own": "'my-own' is no name for a stage",
    "2nd": "'2nd' is no name for a stage",
    "class": "'class' is no name for a stage",
    "../own": "'../own' is no name for a stage",
    "ma_cross": "'ma_cross' is built in; choose another name, e.g. my_ma_cross",
    "volatility": "'volatility' is built in",
    "none": "'none' is built in",
    "numpy": "there is a Python module called 'numpy'",
    "json": "there is a Python module called 'json'",
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_cannot_be_are_refused_and_nothing_is_written(tmp_path, name):
    refused(bulkhead(tmp_path, "new", "strategy", name), BAD_NAMES[name])
    assert not list(tmp_path.rglob("*.py"))


def test_new_never_overwrites(tmp_path):
    assert bulkhead(tmp_path, "new", "strategy", "my_own").code == 0
    before = {path: path.read_text() for path in tmp_path.rglob("*.*") if path.is_file()}
    refused(bulkhead(tmp_path, "new", "classifier", "my_own"), "my_own.py is there already")
    (tmp_path / "stages" / "my_own.py").unlink()
    refused(bulkhead(tmp_path, "new", "strategy", "my_own"), "test_my_own.py is there already")
    assert not (tmp_path / "stages" / "my_own.py").exists()
    assert all(path.read_text() == text for path, text in before.items() if path.exists())


def test_new_refuses_a_kind_of_another_file_and_an_unknown_family(tmp_path):
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "others.py").write_text(SOUND)
    refused(bulkhead(tmp_path, "new", "strategy", "fine"), "the kind 'fine' stands in stages/others.py")
    refused(bulkhead(tmp_path, "new", "stratgy", "my_own"), "there is no family 'stratgy'; did you mean 'strategy'?")


def test_reports_travel_as_json(home):
    from engine.soundness.finding import Report

    report = checking.check(Home(home), "wrong_shape")
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report
