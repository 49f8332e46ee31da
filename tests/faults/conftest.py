"""A process that forks runners, and a home with a run that came to its end without a fault."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.oracle import Account, Results, examine, files_of, results_of
from tests.faults.runners import Told, Zygote

#: 360 containers on three symbols, random ones among them, under two classifiers; three blocks.
CONFIG = """
[experiment]
name = "faults"
seed = 3

[data]
dataset = "us-tech"
symbols = ["AAPL", "GOOG", "IBM"]
start = 2000-06-01
end = 2008-12-31
test_start = 2008-01-02

[[classifier]]
name = "quiet"
kind = "volatility"

[[classifier]]
name = "way"
kind = "trend"

[risk]
stop_loss = ["none", 0.10]

[[strategy]]
kind = "ma_cross"
fast = { from = 2, to = 10, step = 1 }
slow = { from = 40, to = 49, step = 1 }

[[strategy]]
kind = "random_entry"

[execution]
commission_bps = 5.0
"""


@dataclass
class Bench:
    """Homes to break, what a run of `config` comes to without a fault, and runners.

    `empty` has the data and no run; `files`: what a home has after a whole run.
    """

    folder: Path
    zygote: Zygote
    config: Path
    empty: Path
    expected: Results = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    digest: str = ""
    seconds: float = 0.0
    _number: int = 0

    def home(self) -> Path:
        """A new home with the data."""
        self._number += 1
        return Path(shutil.copytree(self.empty, self.folder / f"home-{self._number}"))

    def account(self, home: Path, expected: Results | None = None) -> Account:
        """What is wrong in a home whose run has ended; the home is removed when nothing is."""
        left = self.zygote.survivors()
        account = examine(home, self.expected if expected is None else expected)
        account.processes = left
        account.files = sorted(files_of(home) ^ self.files) + sorted(files_of(self.zygote.tmp))
        if account.clean:
            shutil.rmtree(home)
        return account


def resumed(bench: Bench, home: Path, *options: str) -> Told:
    """Go on with run 1, or begin it if it was not stored."""
    told = bench.zygote.run("resume", "1", "--workers", "1", "--json", *options, home=home)
    if told.code == 2 and "there is no run 1" in told.err:
        told = bench.zygote.run("run", str(bench.config), "--workers", "1", "--json", *options, home=home)
    return told


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("faults")
    config = folder / "faults.toml"
    config.write_text(CONFIG)
    with Zygote(folder / "zygote") as zygote:
        made = Bench(folder, zygote, config, folder / "empty")
        told = zygote.run("data", "check", "us-tech", home=made.empty)
        assert told.code == 0, told.err
        home = made.home()
        told = zygote.run("run", str(config), "--workers", "1", "--json", home=home)
        assert told.code == 0, told.err
        made.digest, made.seconds = told.json["digest"], told.json["seconds"] + told.json["startup_seconds"]
        made.expected, made.files = results_of(home), files_of(home)
        assert made.account(home).clean
        yield made


@pytest.fixture(autouse=True)
def cleared(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that fails leaves no runner behind, in which the next would find a fault."""
    yield
    if "bench" in request.fixturenames:
        for runner in list(request.getfixturevalue("bench").zygote.running):
            runner.kill()


@pytest.fixture
def broken(bench: Bench) -> Callable[[Path], Account]:
    return bench.account
