"""One container in a hundred is poison, of every kind: each is named for what it did, all others are exact."""

from pathlib import Path

import psutil

from app.services import executing, running
from db.store import Store
from engine.own.catalogue import known
from engine.own.source import read_folder
from engine.parallel.block import BENCHMARK
from engine.plan import prepare
from tests.engine.small import experiment, small_market
from tests.faults.oracle import Results, examine, files_of, results_of
from tests.faults.stages.rare import poisoned
from tests.faults.tier import SEED, count

STAGES = known(read_folder(Path(__file__).parent / "stages"))
#: What each kind comes to: its status, and words of its error.
VERDICTS = {
    "segfault": ("crashed", "SIGSEGV"),
    "abort": ("crashed", "SIGABRT"),
    "exit": ("crashed", "exited with code 3"),
    "sys_exit": ("failed", "sys.exit(4)"),
    "loop": ("timed_out", "cpu_seconds = 1"),
    "sleep": ("timed_out", "wall_seconds = 10"),
    "hog": ("out_of_memory", "memory_mb = 200"),
    "output": ("too_large", "max_output_mb = 10"),
}


def run(home: Path, containers: int, share: int, armed: bool, workers: int = 2) -> Results:
    """Run `containers` of the rare strategy in a home; returns what they came to."""
    strategy = {
        "kind": "rare",
        "number": {"from": 0, "to": containers - 1, "step": 1},
        "count": containers,
        "share": share,
        "seed": SEED,
        "armed": armed,
    }
    limits = {"wall_seconds": 10, "cpu_seconds": 1, "memory_mb": 200, "isolation": "batch"}
    market = small_market()
    parsed, plan = prepare(experiment(strategy, limits=limits), market, STAGES)
    prepared = running.Prepared("", parsed, plan, "small")
    with Store(home) as store:
        run_id = running.create(store, prepared, workers, "loky")
        executing.execute(store, prepared, run_id, workers)
    return results_of(home, run_id)


def test_poison(tmp_path: Path) -> None:
    containers, share = count(10_000, 400), count(100, 50)
    expected = run(tmp_path / "fine", containers, share, armed=False)
    chosen = poisoned(containers, share, SEED)
    assert len(expected) == containers + 1 and len(chosen) == containers // share
    assert len({digest for _, digest in expected.values()}) >= 250, "they differ, so a mistaken one would show"
    home = tmp_path / "poisoned"
    run(home, containers, share, armed=True)
    account = examine(home, expected | {number: (VERDICTS[kind][0], None) for number, kind in chosen.items()})
    assert account.clean, (SEED, account)
    with Store(home) as store:
        for number, kind in chosen.items():
            container = store.container(1, number)
            assert container.params["rare.number"] == number
            assert VERDICTS[kind][1] in (container.error or ""), (SEED, number, kind, container.error)
    assert files_of(home) == files_of(tmp_path / "fine")
    children = [child.pid for child in psutil.Process().children(recursive=True) if "rare" in child.name()]
    assert children == [] and BENCHMARK in expected
    print(f"seed {SEED}: {containers - len(chosen)} exact results, {len(chosen)} exact verdicts")
