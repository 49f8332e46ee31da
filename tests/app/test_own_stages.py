"""A researcher's own stages from file to run to reproduction: nothing of them runs but in a child."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from app.services import checking, comparing, drafting
from app.services.again import reproduce_apart
from app.services.drafting_check import outlook
from app.services.exporting import Exported, export_container, export_run, joined
from app.services.home import Home
from app.services.reading import read
from app.services.running import check
from engine.errors import StoreError
from engine.events import Kind
from engine.own.source import Source
from tests.app.own import BREAKOUT, FILES, LIB, OWN, stage_files
from tests.app.small import bulkhead, refused, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with a run of own stages; read it only."""
    folder = tmp_path_factory.mktemp("own")
    stage_files(folder, **FILES)
    told = bulkhead(folder, "run", write(folder, OWN, "own.toml"), "--workers", "2", "--json")
    assert told.code == 0, told
    return folder


@pytest.fixture(autouse=True)
def checked(home: Path, tmp_path: Path) -> None:
    """The verdicts on `FILES` as they are lie in each test's home: to come to them takes a second."""
    shutil.copytree(home / "cache" / "checks", tmp_path / "cache" / "checks")


def ran(home: Path, text: str = OWN) -> dict[str, object]:
    told = bulkhead(home, "run", write(home, text, "config.toml"), "--workers", "1", "--json")
    assert told.code == 0, told
    found: dict[str, object] = told.json
    return found


def digests(home: Path, run: int) -> list[str]:
    return [row["digest"] for row in bulkhead(home, "show", str(run), "--json").json["containers"]]


def reproduced(home: Path, run: int, *options: str) -> str:
    path = home / "exported.toml"
    path.write_text(export_run(Home(home), run))
    told = bulkhead(home, "reproduce", str(path), "--json", "--workers", "1", *options)
    return told.json["verdict"] if told.code < 2 else told.err


def test_an_own_stage_trades_like_the_built_in_one_it_copies(home, tmp_path):
    own = OWN.replace('[classifier]\nkind = "my_mood"\n', "").replace("[risk]\nregime_scale = { bad = 0.5 }\n", "")
    own = own.replace('warmup = "common"\n', "")
    built_in = own.replace("my_breakout", "donchian_breakout").replace("window =", "entry =")
    stage_files(tmp_path, **FILES)
    channel = built_in.replace("[20, 40, 60, 80]", "20\nexit = 20")
    ran(tmp_path, own.replace("[20, 40, 60, 80]", "20"))
    ran(tmp_path, channel)
    mine, theirs = digests(tmp_path, 1), digests(tmp_path, 2)
    assert mine == theirs, "a digest covers what was decided and done, not who decided it"


def test_a_run_stores_its_sources_and_what_its_stages_are(home):
    with Home(home).store() as store:
        assert store.sources(1) == [Source(name, FILES[name]) for name in sorted(FILES)]
        plan = store.run(1).plan
        hashes = {row.spec_hash for row in store.containers(1)}
    assert [stage["kind"] for stage in plan["own"]] == ["my_breakout", "my_mood"]
    assert len(hashes) == 4


def test_a_reader_resolves_what_ran_and_shows_what_its_stages_saw(home):
    with Home(home).store() as store:
        signals = store.events(1, 0)
    reading = read(Home(home), 1, 0)
    assert reading.same_spec
    assert reading.regime_names == ("good", "bad")
    seq = int(next(i for i, row in enumerate(signals) if row["kind"] == Kind.SIGNAL))
    inputs = {item.name: item for item in reading.inputs(seq)}
    assert list(inputs) == ["high", "low", "range", "smooth"]
    event = signals[seq]
    bar, symbol = int(event["bar"]), int(event["symbol"])
    market = reading.market
    spread = (market.high - market.low)[bar - 20 : bar, symbol].mean()
    assert inputs["range"].value == pytest.approx(spread)
    assert inputs["range"].indicator == "my_range(window=20, lag=1)"
    assert inputs["high"].value == market.high[bar - 20 : bar, symbol].max()
    regime = int(next(i for i, row in enumerate(signals) if row["kind"] == Kind.REGIME))
    assert [item.name for item in reading.inputs(regime)] == ["average"]


def test_nothing_of_the_user_is_imported_by_the_runner_or_a_reader(home, tmp_path):
    code = """
import sys
from pathlib import Path
from app.services import executing, running
from app.services.home import Home
from app.services.reading import read
from app.services.again import reproduce_apart
from app.services.drafting_check import outlook
from app.services.exporting import export_container
home = Home(Path(sys.argv[1]))
text = (home.path / "own.toml").read_text()
prepared = running.check(home, text)
with home.store() as store:
    run = running.create(store, prepared, 1, "sequential")
    report = executing.execute(store, prepared, run, 1, "sequential")
reading = read(home, run, 0)
reading.causes(0)
export_container(home, run, 0)
print(report.done, [name for name in ("my_breakout", "my_lib", "my_mood", "bulkhead") if name in sys.modules])
"""
    stage_files(tmp_path, **FILES)
    write(tmp_path, OWN, "own.toml")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert told.stdout.strip() == "4 []", told.stderr


def test_ten_edits_later_the_first_run_is_reproduced(tmp_path):
    stage_files(tmp_path, **FILES)
    text = OWN.replace("[20, 40, 60, 80]", "[20, 40]")
    ran(tmp_path, text)
    original = export_container(Home(tmp_path), 1, 1)
    for edit in range(10):
        stage_files(tmp_path, my_breakout=BREAKOUT.replace("self.window, lag=1", f"self.window + {edit + 1}, lag=1"))
    ran(tmp_path, text)
    assert digests(tmp_path, 1) != digests(tmp_path, 2)
    stage_files(tmp_path, my_lib=LIB.replace("= 1.0", "= 0.5"), my_breakout=BREAKOUT)
    ran(tmp_path, text)
    with Home(tmp_path).store() as store:
        specs = [[row.spec_hash for row in store.containers(run)] for run in (1, 2, 3)]
        assert len({spec for run in specs for spec in run}) == 6, "a local import belongs to the spec"
    assert len({*map(tuple, (digests(tmp_path, run) for run in (1, 2, 3)))}) == 3
    (tmp_path / "stages" / "my_breakout.py").write_text("syntax error here")
    assert reproduced(tmp_path, 1) == reproduced(tmp_path, 2) == reproduced(tmp_path, 3) == "identical"
    assert export_container(Home(tmp_path), 1, 1) == original
    assert read(Home(tmp_path), 1, 1).same_spec


def test_an_export_is_reproduced_in_an_empty_home_when_it_is_trusted(home, tmp_path):
    for name in ("1", "1/2"):
        path = tmp_path / "exported.toml"
        assert bulkhead(home, "export", name, "-o", str(path)).code == 0
        empty = tmp_path / f"empty-{len(name)}"
        told = bulkhead(empty, "reproduce", str(path))
        refused(told, "[source] brings code that this home has not had", "my_breakout", "--trust")
        refused(bulkhead(empty, "run", str(path)), "--trust")
        told = bulkhead(empty, "reproduce", str(path), "--trust", "--json", "--workers", "1")
        assert (told.code, told.json["verdict"]) == (0, "identical")
        stage_files(empty, **FILES)
        assert bulkhead(empty, "reproduce", str(path), "--json").json["verdict"] == "identical"
    raw = tomllib.loads(path.read_text())
    assert {name: one["text"] for name, one in raw["source"].items()} == FILES
    again = bulkhead(tmp_path / "again", "run", str(path), "--trust", "--json")
    assert again.code == 0
    twice = tomllib.loads(export_container(Home(tmp_path / "again"), 1, 0))
    assert {**twice, "experiment": raw["experiment"]} == raw


@pytest.mark.parametrize(
    "text", ["x = '''it'''\n", "x = 'it'", "\tx = 1\n", 'x = "\\\\"\n', "\nx\n", "x = '\x01'\n", ""]
)
def test_any_source_comes_back_from_an_export_as_it_was(text):
    source = Source("mine", text)
    found = tomllib.loads(joined(Exported("[a]\n", (source,), {}, "run 1")))
    assert found["source"]["mine"] == {"text": text, "hash": source.hash}


def test_an_export_that_would_be_too_long_is_refused():
    with pytest.raises(StoreError, match="a config holds 262,144"):
        joined(Exported("", tuple(Source(f"mine{i}", "#" * 90_000) for i in range(3)), {}, "run 1"))


def test_a_changed_source_is_refused(home, tmp_path):
    text = export_run(Home(home), 1)
    path = write(tmp_path, text.replace("found[market.close < low] = 0.0", "found[market.close < low] = -1.0"))
    refused(bulkhead(home, "reproduce", path, "--trust"), "[source.my_lib] was changed")


BROKEN = {
    "1 +": "my_stage.py:1: SyntaxError",
    "import nothing_there": "No module named 'nothing_there'",
    "import os; os._exit(7)": "exited with code 7",
    "raise KeyError('no')": "my_stage.py:1: KeyError: 'no'",
}


@pytest.mark.parametrize(("text", "words"), BROKEN.items())
def test_a_broken_file_refuses_the_runs_that_name_it_and_no_others(text, words, tmp_path):
    stage_files(tmp_path, my_stage=f"{text}\nkind = 'my_stage'\n", **FILES)
    with Home(tmp_path).store():
        pass
    wrong = write(
        tmp_path, OWN.replace("my_breakout", "my_stage").replace("window = [20, 40, 60, 80]", ""), "wrong.toml"
    )
    refused(bulkhead(tmp_path, "run", wrong), "no such kind 'my_stage'", words)
    ran(tmp_path, OWN.replace("[20, 40, 60, 80]", "20"))


def test_two_files_with_one_kind_are_told_of(tmp_path):
    stage_files(tmp_path, my_twin=BREAKOUT, **FILES)
    path = write(tmp_path, OWN)
    refused(bulkhead(tmp_path, "run", path), "'my_breakout' stands twice", "my_twin.py")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("def indicators(self):", "def indicators(self):\n        1 / 0"),
            "stages/my_breakout.py:15: ZeroDivisionError",
        ),
        (("def indicators(self):", "def indicators(self):\n        return 3"), "must return a dict"),
        (
            ("def indicators(self):", "def indicators(self):\n        import os; os._exit(9)"),
            "my_mood.py: indicators() gave no answer: its process exited with code 9",
        ),
        (('"MAX", "high"', '"MAXI", "high"'), "TA-Lib has no function 'MAXI'"),
        (("from bulkhead import", "from pydantic import field_validator\nfrom bulkhead import"), None),
    ],
)
def test_what_fails_at_planning_is_one_line(change, words, tmp_path):
    stage_files(tmp_path, **{**FILES, "my_breakout": BREAKOUT.replace(*change)})
    path = write(tmp_path, OWN)
    if words is None:
        assert check(Home(tmp_path), OWN).plan.containers == 4
        return
    refused(bulkhead(tmp_path, "run", path), words)
    assert bulkhead(tmp_path, "runs", "--json").json == []


def validated(body: str) -> str:
    text = BREAKOUT.replace("from bulkhead import", "from pydantic import field_validator\nfrom bulkhead import")
    return text.replace(
        "    def indicators",
        f'    @field_validator("window")\n    def checked(cls, value):\n        {body}\n\n    def indicators',
    )


def test_a_validator_of_the_user_refuses_in_its_own_words(tmp_path):
    body = "if value == 60: raise ValueError('not sixty')\n        return value"
    stage_files(tmp_path, **{**FILES, "my_breakout": validated(body)})
    refused(bulkhead(tmp_path, "run", write(tmp_path, OWN)), "my_breakout (stages/my_breakout.py): window: not sixty")
    stage_files(tmp_path, my_breakout=validated("return value + 1"))
    refused(bulkhead(tmp_path, "run", write(tmp_path, OWN)), "window = 20 becomes 21")


def test_a_stage_that_fails_in_its_container_fails_there_alone(tmp_path):
    text = BREAKOUT.replace(
        "        return entered", "        if self.window == 40: raise ValueError('not forty')\n        return entered"
    )
    stage_files(tmp_path, **{**FILES, "my_breakout": text})
    told = bulkhead(tmp_path, "run", write(tmp_path, OWN), "--workers", "1", "--json")
    assert (told.code, told.json["done"], told.json["failed"]) == (1, 3, 1)
    with Home(tmp_path).store() as store:
        failure = store.failures(1)[0]
    assert failure.line == "ValueError: not forty"
    line = text[: text.index("raise ")].count("\n") + 1
    assert f'File "stages/my_breakout.py", line {line}, in signal' in failure.error
    assert "raise ValueError('not forty')" in failure.error


def test_a_stage_that_looks_ahead_is_refused_before_anything_is_stored(tmp_path):
    peeking = LIB.replace("found[market.close > high]", "found[np.roll(market.close, -1, axis=0) > high]")
    assert peeking != LIB
    stage_files(tmp_path, **FILES | {"my_lib": peeking})
    refused(bulkhead(tmp_path, "run", write(tmp_path, OWN)), "looks ahead", "'s close at bar ")
    assert bulkhead(tmp_path, "runs", "--json").out.strip() == "[]"


def test_one_that_is_not_sound_is_warned_of_and_runs_alone(tmp_path):
    keeping = FILES["my_breakout"].replace("    def signal(", "    calls: ClassVar[list[int]] = []\n\n    def signal(")
    keeping = keeping.replace("        return entered", "        self.calls.append(1)\n        return entered")
    keeping = "from typing import ClassVar\n" + keeping
    stage_files(tmp_path, **FILES | {"my_breakout": keeping})
    told = bulkhead(tmp_path, "run", write(tmp_path, OWN))
    assert told.code == 0
    assert "warning: 'my_breakout' is not sound, so each container gets a process of its own" in told.err
    assert not check(Home(tmp_path), OWN).plan.trusted


def test_stages_that_passed_their_check_share_a_child(tmp_path, monkeypatch):
    stage_files(tmp_path, **FILES)
    assert check(Home(tmp_path), OWN).plan.trusted
    assert check(
        Home(tmp_path), OWN.replace("my_breakout", "ma_cross").replace("window = [20, 40, 60, 80]", "")
    ).plan.trusted
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    for folder in (alone, shared):
        stage_files(folder, **FILES)
    ran(shared)
    monkeypatch.setattr(checking, "gate", lambda home, kinds, sources: checking.Gate((), tuple(kinds)))
    ran(alone)
    assert digests(alone, 1) == digests(shared, 1)


def test_code_that_differs_is_shown_as_a_difference(tmp_path):
    stage_files(tmp_path, **FILES)
    text = OWN.replace("[20, 40, 60, 80]", "[20, 40]")
    ran(tmp_path, text)
    stage_files(tmp_path, my_lib=LIB.replace("= 1.0", "= 0.5  # <b>"))
    ran(tmp_path, text)
    readings = [read(Home(tmp_path), run, 0) for run in (1, 2)]
    (found,) = comparing.code(readings)
    assert (found.file, found.base, found.other) == ("my_lib", "1/0", "2/0")
    assert "-    found[market.close > high] = 1.0" in found.lines
    assert "+    found[market.close > high] = 0.5  # <b>" in found.lines
    assert [row.name for row in comparing.parameters(readings)] == ["my_breakout.source"]
    assert comparing.code([read(Home(tmp_path), 1, 0), read(Home(tmp_path), 1, 1)]) == []


def test_the_pages_way_to_reproduce_needs_no_trust_in_what_ran_here(home):
    assert reproduce_apart(Home(home), 1, 3).verdict == "identical"


def test_the_command_line_shows_a_container_of_own_stages(home):
    told = bulkhead(home, "container", "1/0")
    assert told.code == 0 and "my_breakout" in told.out


def test_a_draft_from_an_exported_run_keeps_its_code(home, tmp_path):
    path = tmp_path / "exported.toml"
    assert bulkhead(home, "export", "1", "-o", str(path)).code == 0
    other = tmp_path / "other"
    assert bulkhead(other, "run", str(path), "--trust").code == 0
    draft = drafting.put(drafting.parsed(drafting.run_text(Home(other), 1)), ("strategy", 0, "window"), [30, 50])
    found = outlook(Home(other), draft)
    assert (found.containers, found.problem) == (2, None)
    assert check(Home(other), drafting.dumped(draft)).plan.containers == 2
    strange = outlook(Home(tmp_path / "third"), draft)
    assert strange.problem is not None and "--trust" in strange.problem.text


def test_a_damaged_source_is_refused(tmp_path):
    import sqlite3

    stage_files(tmp_path, **FILES)
    ran(tmp_path, OWN.replace("[20, 40, 60, 80]", "20"))
    with sqlite3.connect(tmp_path / "bulkhead.sqlite") as connection:
        connection.execute("DELETE FROM run_source WHERE name = 'my_lib'")
    with pytest.raises(StoreError, match="stored source of 'my_breakout' is damaged"):
        read(Home(tmp_path), 1, 0)


def test_values_of_own_indicators_are_kept_between_runs(tmp_path):
    marked = LIB.replace(
        "        found = np.full(market.close.shape, np.nan)\n        sums",
        "        open(MARK, 'a').write('x')\n        found = np.full(market.close.shape, np.nan)\n        sums",
    )
    mark = tmp_path / "mark"
    stage_files(tmp_path, **{**FILES, "my_lib": marked.replace("MARK", repr(str(mark)))})
    for kind in ("my_breakout", "my_mood"):
        assert bulkhead(tmp_path, "check", kind).code == 0
    mark.unlink()
    first = ran(tmp_path)
    assert len(mark.read_text()) == 4, "a check leaves nothing for runs"
    kept = sorted((tmp_path / "cache" / "indicators").glob("*.npy"))
    assert len(kept) == 4
    assert ran(tmp_path)["digest"] == first["digest"]
    assert len(mark.read_text()) == 4, "taken from the files"
    kept[0].write_bytes(b"no array")
    kept[1].write_bytes(kept[1].read_bytes()[:1000])
    assert ran(tmp_path)["digest"] == first["digest"]
    assert len(mark.read_text()) == 6, "what cannot be trusted is computed anew"
    ran(tmp_path, OWN.replace('"AAPL", "IBM"', '"AAPL"'))
    assert len(mark.read_text()) == 10, "other symbols, other values"
