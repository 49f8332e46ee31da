"""The tutorial keeps its word: its files, commands and Python run in the order they stand, in one new home."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "TUTORIAL.md").read_text()
#: A fenced block, with the file name that may stand above it.
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


def steps() -> list[tuple[str, str, str]]:
    """(kind, file name or "", text) of every block, in order."""
    return [(kind, name, text) for name, kind, text in BLOCK.findall(TUTORIAL)]


def test_every_step_of_the_tutorial_runs(tmp_path: Path) -> None:
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {
        "PYTHONPATH": str(ROOT),
        "PATH": path,
        "HOME": str(Path.home()),
        "BULKHEAD_HOME": str(tmp_path / "home"),
    }
    ran = {"console": 0, "python": 0, "file": 0}
    for kind, name, text in steps():
        if name:
            (tmp_path / name).write_text(text)
            ran["file"] += 1
            continue
        assert kind in ran, f"nothing is done with a block of {kind}"
        commands = [["-c", text]] if kind == "python" else [console(line) for line in text.splitlines()]
        for command in commands:
            done = subprocess.run(
                [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            assert done.stdout.strip() or "-o" in command, f"{command} said nothing"
        ran[kind] += len(commands)
    assert ran == {"console": 16, "python": 1, "file": 3}


def console(line: str) -> list[str]:
    words = shlex.split(line.removeprefix("$ "))
    assert line.startswith("$ bulkhead ") and words[0] == "bulkhead"
    return ["-m", "app.cli", *words[1:]]
