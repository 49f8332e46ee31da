"""The tutorial keeps its word: its files, commands and Python run in the order they stand, in one new home."""

import re
import shlex
from pathlib import Path

import pytest

from tests.app.small import Told, bulkhead, python

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "TUTORIAL.md").read_text()
#: A fenced block, with the file name that may stand above it.
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


def steps() -> list[tuple[str, str, str]]:
    """(kind, file name or "", text) of every block, in order."""
    return [(kind, name, text) for name, kind, text in BLOCK.findall(TUTORIAL)]


def test_every_step_of_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("assets").symlink_to(ROOT / "assets")
    ran = {"console": 0, "python": 0, "file": 0}
    for kind, name, text in steps():
        if name:
            Path(name).write_text(text)
            ran["file"] += 1
            continue
        assert kind in ran, f"nothing is done with a block of {kind}"
        for step in [text] if kind == "python" else text.splitlines():
            told = python(tmp_path / "home", step) if kind == "python" else command(tmp_path / "home", step)
            assert told.code == 0, f"{step}\n{told.err}"
            assert told.out.strip() or " -o " in step, f"{step} said nothing"
            ran[kind] += 1
    assert ran == {"console": 16, "python": 1, "file": 3}


def command(home: Path, line: str) -> Told:
    assert line.startswith("$ bulkhead ")
    return bulkhead(home, *shlex.split(line)[2:])
