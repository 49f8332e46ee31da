"""A config is data: nothing in it is executed, opened or written, and one line says what is wrong."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.app.hostile import configs
from tests.faults.tier import count, draw

ROOT = Path(__file__).parents[2]
#: Harmless: they are conditions, or a name that is any text; or hold files that the config's own stages do not need.
ACCEPTED = ("where", "source")


def limited(module: str, folder: Path, *arguments: object, seconds: int) -> Any:
    """What a script prints, in a process that is ended when it takes too long or too much."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))  # address space, of which libraries reserve much
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))

    told = subprocess.run(
        [sys.executable, "-m", f"tests.app.{module}", str(folder / "home"), *map(str, arguments)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, preexec_fn=limit,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-3000:]
    return json.loads(told.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "home").mkdir()
    found = limited("hostile", folder, seconds=300)
    assert not (folder / "hacked").exists() and [path.name for path in folder.iterdir()] == ["home"]
    return found


def test_the_hook_hears(tried: Any) -> None:
    assert tried["heard"] >= 2


@pytest.mark.parametrize("name", configs())
def test_a_config_executes_nothing(tried: Any, name: str) -> None:
    parsed, checked = tried["told"][name]
    for outcome, line, events in (parsed, checked):
        assert events == [], "nothing imported, compiled, started, connected or written"
        assert outcome != "broke", line
        assert line.isprintable() and len(line) < 2100
    assert checked[0] in ("refused", "DataError") or name.startswith(ACCEPTED), checked
    if "__" in name or "eval" in name or "import" in name:
        assert parsed[0] == "refused", parsed


def test_there_are_enough_of_them() -> None:
    assert len(configs()) > 100


def test_code_of_elsewhere_needs_trust(tried: Any) -> None:
    for name in ("source, its hash right 0", "source, its hash right 1"):
        outcome, line, _ = tried["told"][name][1]
        assert outcome == "refused" and "read it, then allow it with --trust" in line


@pytest.mark.parametrize("part", range(count(20, 2)))
def test_mutated_configs_parse_or_are_refused_in_a_line(tmp_path: Path, part: int) -> None:
    drawn = count(500, 250)
    found = limited("mutants", tmp_path, drawn, draw(f"mutants {part}").getrandbits(32), seconds=400)
    assert found["broke"] == []
    assert found["accepted"] + found["refused"] == drawn
    assert min(found["accepted"], found["refused"]) > drawn // 20, "both happen"
