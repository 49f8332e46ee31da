"""The README keeps its word: every command in it runs, every command there is stands in it, its experiment is one."""

import json
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import distributed
import pytest
from typer.main import get_command

from app.cli.later import COMMANDS as LATER
from app.cli.main import app as application
from app.services.workflow.schema import KINDS, is_workflow, parse_workflow
from engine import config
from engine.experiment import parse_experiment
from tests.app.small import bulkhead, python

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(name: str) -> list[str]:
    text = README.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
    return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]


def command_names() -> list[str]:
    found = []
    for name, command in get_command(application).commands.items():  # type: ignore[attr-defined]
        if name in LATER or command.hidden:
            continue
        inner = getattr(command, "commands", None)
        found += [f"{name} {sub}" for sub in inner] if inner else [name]
    return found


@pytest.mark.parametrize("name", command_names())
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"bulkhead {name}" in README


def test_every_command_and_the_python_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("assets").symlink_to(ROOT / "assets")
    rows = [f"2024-01-{day:02},{day},{day + 1},{day - 0.5},{day},1000" for day in range(1, 31)]
    Path("prices.csv").write_text("\n".join(["Date,Open,High,Low,Close,Volume", *rows]))
    Path("signals.csv").write_text("time,symbol,value\n2004-01-05,IBM,0.5\n2004-02-02,IBM,0\n")
    lines = block("commands")
    assert len(lines) >= 9
    for line in lines:
        name, *words = shlex.split(line)
        told = bulkhead(tmp_path / "home", *words)
        assert (name, told.code) == ("bulkhead", 0), f"{line}\n{told.err}"
    (script,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    told = python(tmp_path / "home", script)
    assert told.code == 0, told.err


def test_the_cluster_of_the_readme_starts_and_runs_the_sample(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    *starting, running = (shlex.split(line.replace("8786", port)) for line in block("cluster"))
    assert starting[1].pop(0) == "PYTHONHASHSEED=0"  # of every worker that hashes as others do
    assert [words[:2] for words in (*starting, running)] == [
        ["dask", "scheduler"],
        ["dask", "worker"],
        ["bulkhead", "run"],
    ]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "PYTHONHASHSEED": "0"}
    cluster: list[subprocess.Popen[bytes]] = []
    try:
        for words in starting:
            command = [sys.executable, "-m", *words]
            cluster.append(subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL))
        with distributed.Client(f"tcp://127.0.0.1:{port}", timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *running[1:], "--json", "--home", str(tmp_path / "home")],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["done"] == 1_000
    finally:
        for process in cluster[::-1]:
            process.terminate()
        for process in cluster:
            process.wait(timeout=30)


def test_the_experiment_of_the_readme_is_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    found = parse_experiment(config.load(text))
    assert found.containers == 4 * 250 - len(
        [1 for f in range(5, 51, 5) for s in range(20, 261, 10) if f >= s for _ in range(4)]
    )


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "experiments").glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_is_an_experiment(path: Path) -> None:
    raw = config.load(path.read_text())
    if is_workflow(raw):
        assert [phase.kind for phase in parse_workflow(raw).phases] == list(KINDS)
    else:
        assert parse_experiment(raw).containers > 0
