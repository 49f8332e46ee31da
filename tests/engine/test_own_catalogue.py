"""Own stages as they are described: found without importing anything here, whatever the files do."""

import json
import os
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import config
from engine.errors import ConfigError, StageError
from engine.experiment import parse_experiment
from engine.own.catalogue import FAILED_FOR, SILENT_FOR, describe, known
from engine.own.load import load
from engine.own.standin import stand_in
from engine.registry import BUILT_IN
from engine.stage import Stage
from tests.engine.own import own_of, sources

MINE = '''
from typing import Literal
from bulkhead import Classifier, Field, Strategy, indicator
from my_lib import LIMIT

class Base(Strategy):
    """No stage: it has no kind."""
    window: int = Field(20, ge=2, le=LIMIT, description="look-back", json_schema_extra={"unit": "bars"})

class Mine(Base):
    """Long above its average.

    More of it.
    """
    kind = "mine"
    stop: float | None = Field(None, gt=0, lt=1)
    weights: list[float] = Field([1.0], min_length=1)
    by: dict[str, float] | float = 1.0
    average: Literal["SMA", "EMA"] = "SMA"
    flag: bool = False
    must: str

    def signal(self, market, indicators, regimes): ...

class Mood(Classifier):
    kind = "mood"
    regimes = ("good", "bad")
    def label(self, market, indicators): ...
'''
GOOD = """
from bulkhead import Strategy
class Good(Strategy):
    kind = "good"
    def signal(self, market, indicators, regimes): ...
"""
BROKEN = {
    "syntax": ("x = 1\ndef f(:\n", "stages/syntax.py:2: SyntaxError"),
    "missing": ("import nothing_of_the_kind\n", "stages/missing.py:1: ModuleNotFoundError"),
    "leaves": ("import os\nos._exit(3)\n", "exited with code 3"),
    "exits": ("import sys\n\nsys.exit('so long')\n", "stages/exits.py:3: sys.exit('so long') was called"),
    "endless": ("while True:\n    pass\n", "no answer within 1 s"),
    "sleeps": ("import time\ntime.sleep(1000)\n", "no answer within 1 s"),
    "crashes": ("import ctypes\nprint('last', flush=True)\nctypes.string_at(0)\n", "SIGSEGV"),
    "hogs": ("x = bytearray(1 << 30)\n", "MemoryError"),
    "raises": ("def f():\n    return 1 / 0\n\nf()\n", "stages/raises.py:2: ZeroDivisionError"),
    "speaks": (
        "print('x' * 3_000_000)\nraise ValueError('first\\nsecond')\n",
        "stages/speaks.py:2: ValueError: first second",
    ),
}


def stage(body: str, name: str = "Some", kind: str = "some", base: str = "Strategy", signal: bool = True) -> str:
    head = f"from bulkhead import *\nimport datetime\nclass {name}({base}):\n    kind = {kind!r}\n    {body}\n"
    return head + ("    def signal(self, market, indicators, regimes): ...\n" if signal else "")


def problems_of(**texts: str) -> dict[str, str]:
    found: dict[str, str] = describe(sources(**texts), (1.0, 300.0))["problems"]
    return found


def test_a_stage_is_described_whole_and_imported_nowhere() -> None:
    found = describe(sources(mine=MINE, my_lib="LIMIT = 500\n"))
    assert found["problems"] == {}
    mine, mood = found["stages"]
    assert (mine["kind"], mine["family"], mine["module"], mine["class"]) == ("mine", "strategy", "mine", "Mine")
    assert mine["doc"].startswith("Long above its average.\n\nMore")
    fields = {entry["name"]: entry for entry in mine["fields"]}
    assert list(fields) == ["window", "stop", "weights", "by", "average", "flag", "must"]
    assert fields["window"] == {
        "name": "window",
        "type": "int",
        "required": False,
        "default": 20,
        "bounds": {"ge": 2, "le": 500},
        "unit": "bars",
        "description": "look-back",
    }
    assert fields["stop"]["type"] == {"any": ["float", "none"]} and fields["stop"]["bounds"] == {"gt": 0, "lt": 1}
    assert fields["by"]["type"] == {"any": [{"dict": "float"}, "float"]}
    assert fields["must"]["required"]
    assert (mood["family"], mood["regimes"]) == ("classifier", ["good", "bad"])
    assert json.loads(json.dumps(found)) == found
    assert not {"mine", "my_lib"} & sys.modules.keys()


def test_a_broken_file_costs_only_its_own_stages() -> None:
    texts = {name: text for name, (text, _) in BROKEN.items()}
    found = describe(sources(good=GOOD, **texts), (1.0, 300.0))
    assert [stage["kind"] for stage in found["stages"]] == ["good"]
    assert set(found["problems"]) == set(BROKEN)
    for name, (_, words) in BROKEN.items():
        line = found["problems"][name]
        assert words in line and line.startswith(f"stages/{name}.py") and "\n" not in line, line


def test_an_error_in_an_imported_file_names_that_file() -> None:
    found = problems_of(one="import two\n", two="\n\n1 / 0\n")
    assert found["one"] == found["two"] == "stages/two.py:3: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (stage("x: datetime.date = None"), "parameter 'x': a config cannot hold the type date"),
        (stage("x: tuple[int, ...] = ()"), "parameter 'x': a config cannot hold"),
        (stage("x: float = float('inf')"), "is no plain, finite value"),
        (stage("name: str = ''"), "no parameter can be called 'name'"),
        (stage("", kind="no spaces"), "kind must be letters"),
        (
            "from bulkhead import Strategy\nclass Some(Strategy):\n    def signal(self, m, i, r): ...\n",
            "has no kind; give it",
        ),
        (
            "from engine.risk.standard import Risk\nclass Some(Risk):\n    kind = 'some'\n",
            "own stages are strategy, classif",
        ),
        (stage("", signal=False), "it has no signal(); define it"),
        (stage("def label(self, m, i): ...", base="Classifier", signal=False), "regimes must be the names"),
        (stage("", kind="ma_cross"), "the kind 'ma_cross' is built in"),
        (stage("", kind="none"), "the kind 'none' is built in"),
    ],
)
def test_a_stage_that_no_config_can_name_is_refused_in_words(text: str, words: str) -> None:
    found = describe(sources(some=text))
    assert found["stages"] == []
    assert words in found["problems"]["some"] and "\n" not in found["problems"]["some"]


def test_two_files_with_one_kind_are_both_refused() -> None:
    found = describe(sources(a=stage(""), b=stage(""), c=stage("", kind="other")))
    assert [entry["kind"] for entry in found["stages"]] == ["other"]
    for name in ("a", "b"):
        assert "'some' stands twice, in stages/a.py and stages/b.py" in found["problems"][name]


def test_a_stand_in_parses_like_the_class_and_runs_nothing() -> None:
    own = own_of(mine=MINE, my_lib="LIMIT = 500\n")
    model = own.registry.strategies["mine"]
    assert list(model.model_fields) == ["window", "stop", "weights", "by", "average", "flag", "must"]
    assert own.registry.classifiers["mood"].regimes == ("good", "bad")
    assert stand_in(own.described[0]) is model
    assert list(own.registry.classifiers["mood"].model_fields) == ["reference", "dwell"]
    made = model.model_validate({"must": "x", "window": 30, "by": {"good": 2.0}})
    assert made.values()["by"] == {"good": 2.0}
    with pytest.raises(NotImplementedError):
        made.indicators()
    raw: dict[str, Any] = {
        "experiment": {"name": "t"},
        "data": {"dataset": "d"},
        "strategy": [{"kind": "mine", "must": ["a", "b"], "window": {"from": 10, "to": 50, "step": 10}}],
        "risk": {"regime_scale": {"good": 0.5}},
        "classifier": {"kind": "mood"},
    }
    assert parse_experiment(raw, own.registry).containers == 10
    for change, words in (
        ({"window": 501}, "window"),
        ({"stop": 1.0}, "stop"),
        ({"windw": 3}, "did you mean 'window'"),
    ):
        wrong = {**raw, "strategy": [{"kind": "mine", "must": "a", **change}]}
        with pytest.raises(ConfigError, match=words):
            parse_experiment(wrong, own.registry)
    with pytest.raises(ConfigError, match="did you mean 'mine'"):
        parse_experiment({**raw, "strategy": [{"kind": "mien"}]}, own.registry)
    assert own_of().registry is BUILT_IN


single = (st.none(), st.booleans(), st.integers(-5, 600), st.floats(), st.sampled_from(["SMA", "x", "none", ""]))
numbers = st.floats(0, 1)
several = (st.lists(numbers, max_size=2), st.dictionaries(st.sampled_from(["good", "x"]), numbers, max_size=2))
values = st.one_of(*single, *several)
names = st.sampled_from(["window", "stop", "weights", "by", "average", "flag", "must", "other"])


@pytest.fixture(scope="module")
def both() -> tuple[type[Stage], type[Stage]]:
    """The class itself, and what stands in for it."""
    own = own_of(mine=MINE, my_lib="LIMIT = 500\n")
    return load(own.sources, ["mine"])[0], own.registry.strategies["mine"]


@given(st.dictionaries(names, values, max_size=7))
def test_a_stand_in_takes_and_refuses_what_the_class_does(
    both: tuple[type[Stage], type[Stage]], table: dict[str, Any]
) -> None:
    told = []
    for model in both:
        try:
            told.append(config.validated(model, table, "there").values())
        except ConfigError as error:
            told.append(str(error))
    assert told[0] == told[1]


def test_only_what_an_experiment_names_is_taken() -> None:
    own = own_of(mine=MINE, my_lib="LIMIT = 500\n", good=GOOD, bad="1/0")
    raw = config.load('[[strategy]]\nkind = "mine"\n[[strategy]]\nkind = "ma_cross"\n')
    taken = own.of(raw)
    assert [source.name for source in taken.sources] == ["mine", "my_lib"]
    assert list(taken.hashes) == ["mine"]
    assert own.of({}).sources == ()


def test_what_was_found_out_is_kept_until_an_edit(tmp_path: Path) -> None:
    counted = "import pathlib\npathlib.Path({!r}).open('a').write('x')\n" + GOOD
    count = tmp_path / "count"
    files = sources(good=counted.format(str(count)), other="import good\n")
    cache = tmp_path / "cache"
    first = describe(files, cache=cache)
    times = len(count.read_text())
    assert describe(files, cache=cache) == first
    assert len(count.read_text()) == times == 2, "once for each file that imports it"
    for path in cache.glob("*.json"):
        path.write_text("{")
    assert describe(files, cache=cache) == first
    assert len(count.read_text()) == 2 * times
    edited = sources(good=counted.format(str(count)) + "\n# edited\n", other="x = 1\n")
    assert describe(edited, cache=cache)["stages"][0]["hash"] != first["stages"][0]["hash"]


@pytest.mark.parametrize(("end", "seconds"), [("1 / 0", FAILED_FOR), ("import os; os._exit(1)", SILENT_FOR)])
def test_a_file_that_failed_is_tried_again_after_a_while(end: str, seconds: float, tmp_path: Path) -> None:
    count, cache = tmp_path / "count", tmp_path / "cache"
    files = sources(bad=f"import pathlib\npathlib.Path({str(count)!r}).open('a').write('x')\n{end}\n")
    first = describe(files, cache=cache)
    (kept,) = cache.glob("*.json")
    for age, tries in ((seconds - 3.0, 1), (seconds + 1.0, 2)):
        os.utime(kept, (time.time() - age,) * 2)
        assert describe(files, cache=cache) == first
        assert len(count.read_text()) == tries


def test_a_folder_that_cannot_be_written_to_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert known(sources(good=GOOD), tmp_path / "file").hashes.keys() == {"good"}


def test_beside_other_threads_a_fresh_process_is_asked() -> None:
    found: list[Any] = []
    thread = Thread(target=lambda: found.append(describe(sources(good=GOOD, bad="import os; os._exit(1)"))))
    thread.start()
    thread.join()
    assert found[0] == describe(sources(good=GOOD, bad="import os; os._exit(1)"))
    assert "exited with code 1" in found[0]["problems"]["bad"]


def test_an_error_in_a_fresh_process_is_told_here() -> None:
    from engine.own import sealed

    found: list[BaseException] = []

    def asked() -> None:
        try:
            sealed.apart(sealed.ask, 5.0, 500.0, _refuse, "in words")
        except StageError as error:
            found.append(error)

    thread = Thread(target=asked)
    thread.start()
    thread.join()
    assert [str(error) for error in found] == ["in words"]


def _refuse(words: str) -> None:
    raise StageError(words)
