"""The benchmarks: what peers are made of is pinned, and the table says what its JSON says. No peer is run."""

import re
from pathlib import Path

import pytest

from benchmarks import pages, walk
from benchmarks.compare import PEERS, deviation
from benchmarks.peers import job
from benchmarks.peers.environment import GOLDEN_ONLY, REQUIREMENTS, peers_python
from benchmarks.peers.environment import PEERS as ENVIRONMENTS
from benchmarks.table import markdown
from engine.config import load

HERE = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("peer", ENVIRONMENTS)
def test_every_requirement_of_a_peer_is_pinned(peer: str) -> None:
    lines = (REQUIREMENTS / f"{peer}.txt").read_text().splitlines()
    options = {line for line in lines if line.startswith("-")}
    assert "--only-binary :all:" in options
    assert options <= {"--only-binary :all:", "--no-binary peewee"}, "no registry, no other source"
    packages = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert packages and all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in packages)


def test_every_peer_has_an_environment_and_a_module() -> None:
    assert {peer.peer for peer in PEERS} == set(ENVIRONMENTS) - set(GOLDEN_ONLY)
    for peer in PEERS:
        assert (HERE / "peers" / f"on_{peer.peer}.py").exists()
        assert f"\n{peer.package}==" in (REQUIREMENTS / f"{peer.peer}.txt").read_text()


@pytest.mark.parametrize("peer", GOLDEN_ONLY)
def test_a_peer_that_is_not_measured_has_a_golden_file(peer: str) -> None:
    assert f"\n{peer}==" in (REQUIREMENTS / f"{peer}.txt").read_text()
    script = Path(__file__).parent / "golden" / f"make_{peer}.py"
    assert f"benchmarks/peers/environment.py {peer}" in script.read_text()


def test_an_environment_is_made_once_and_anew_when_its_requirements_change(monkeypatch, tmp_path: Path) -> None:
    made = []

    def create(home: Path, with_pip: bool) -> None:
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "python").touch()
        (home / "pyvenv.cfg").touch()

    monkeypatch.setenv("BULKHEAD_PEERS", str(tmp_path))
    monkeypatch.setattr("benchmarks.peers.environment.venv.create", create)
    monkeypatch.setattr("benchmarks.peers.environment.subprocess.run", lambda command, **_: made.append(command))
    python = peers_python("backtrader")
    assert python == tmp_path / "backtrader" / "bin" / "python"
    assert made[0][-1] == REQUIREMENTS / "backtrader.txt"
    peers_python("backtrader")
    assert len(made) == 1
    (tmp_path / "backtrader" / "made-from").write_text("other requirements")
    peers_python("backtrader")
    assert len(made) == 2


def test_a_folder_of_someone_else_is_not_removed(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "backtrader").mkdir()
    (tmp_path / "backtrader" / "mine").touch()
    monkeypatch.setenv("BULKHEAD_PEERS", str(tmp_path))
    with pytest.raises(SystemExit, match="not an environment made here"):
        peers_python("backtrader")
    assert (tmp_path / "backtrader" / "mine").exists()


def test_deviation_is_the_worst_of_all_pairs_and_of_what_is_compared_only() -> None:
    own = {
        (5, 110): {"total_return": 1.0, "sharpe": 0.5, "orders": 10},
        (5, 112): {"total_return": 0.0, "sharpe": 0.4, "orders": 4},
    }
    pairs = [[5, 112], [5, 110]]  # in another order than ours
    figures = {"total_return": [0.0, 1.002], "sharpe": [0.5, 0.5], "orders": [4, 12]}
    found = deviation(own, pairs, figures, ("total_return", "orders"))
    assert found == {"final_equity": pytest.approx(0.001), "orders": 2}
    assert deviation(own, pairs, figures, ("sharpe",)) == {"sharpe": pytest.approx(0.25)}


RESULT = {
    "date": "2026-11-23T01:00:00+00:00",
    "machine": {"processor": "AMD EPYC", "cores": 2, "memory_gb": 23.5, "system": "Linux"},
    "versions": {"bulkhead": "0.1.0", "python": "3.11.7", "numba": "0.68.1", "numpy": "2.4.6"},
    "repeats": 5,
    "rows": [
        {
            "tool": "Bulkhead",
            "how": f"`bulkhead run --workers {workers}`",
            "workers": workers,
            "version": "0.1.0",
            "runs": 10_000,
            "rate": {"typical": rate, "lowest": rate - 100, "highest": rate + 100},
            "sweep_rate": 5_000.0,
            "whole_rate": 3_000.0,
            "keeps": "everything",
            "peak_pss_mb": 370.4,
        }
        for workers, rate in ((1, 6_000.0), (2, 9_000.0))
    ]
    + [
        {
            "tool": "backtrader",
            "package": "backtrader",
            "how": "one process",
            "version": "1.9",
            "versions": {"python": "3.11.7", "numpy": "2.4.6"},
            "runs": 6,
            "rate": {"typical": 2.5, "lowest": 2.4, "highest": 2.6},
            "keeps": "four figures",
            "peak_pss_mb": 152.0,
            "deviation": {"final_equity": 6.5e-10, "sharpe": 1e-12, "max_drawdown": 1e-12, "orders": 0},
        }
    ],
}


def test_the_table_says_how_many_times_as_fast_and_how_well_they_agree() -> None:
    lines = markdown(RESULT).splitlines()
    (row,) = [line for line in lines if line.startswith("| backtrader")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "backtrader, one process",
        "1.9",
        "2.5 (2.4–2.6)",
        "6",
        "× 2,400",
        "× 3,600",
        "four figures",
        "152 MiB",
        "within 1e-9",
    ]
    widths = {line.count("|") for line in lines if line.startswith("|")}
    assert widths == {10}, "every row has a cell for every column"
    notes = "\n".join(line for line in lines if not line.startswith("|"))
    for said in ("2026-11-23", "AMD EPYC, 2 cores", "Bulkhead 0.1.0", "backtrader 1.9", "Order counts"):
        assert said in notes


def test_the_table_claims_no_agreement_that_was_not_found() -> None:
    other = {"final_equity": 0.02, "sharpe": 0.3, "max_drawdown": 0.0, "orders": 1}
    rows = [*RESULT["rows"][:2], RESULT["rows"][2] | {"deviation": other}]
    text = markdown(RESULT | {"rows": rows})
    assert "within 1e-1 " in text
    assert "Order counts" not in text


def _page(**other: object) -> dict[str, object]:
    usual = {"name": "sorted", "unit": "s", "target": 0.5, "measured": 0.4, "lowest": 0.3, "highest": 0.6, "first": 0.7}
    return usual | {"bytes": 20_000} | other


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (_page(), False),
        (_page(measured=0.51), True),
        (_page(bytes=3_000_000), True),
        ({"name": "lost", "unit": "share", "target": 0.1, "measured": 0.02}, False),
        ({"name": "lost", "unit": "share", "target": 0.1, "measured": 0.11}, True),
        ({"name": "clicks", "unit": "clicks", "target": 2, "measured": 1}, False),
    ],
)
def test_the_table_of_pages_names_what_was_missed(row: dict[str, object], missed: bool) -> None:
    own = {"bulkhead": "0.1.0", "streamlit": "1.67", "plotly": "7.1", "chromium": "156"}
    text = pages.report({"date": "2026-11-23", "machine": RESULT["machine"], "versions": own, "rows": [row]})
    (line,) = [line for line in text.splitlines() if line.startswith(row["name"])]
    assert line.endswith("missed") == missed


def test_the_walk_is_the_same_each_time_and_holds_together() -> None:
    bars = walk.bars()
    assert len(bars) == 100_000
    assert bars.equals(walk.bars())
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    assert bars["time"].is_monotonic_increasing and bars["time"].is_unique


@pytest.mark.parametrize("count", ["1000", "10000"])
def test_peers_are_measured_on_the_grid_of_the_other_benchmarks_without_costs(count: str) -> None:
    free, costly = (load((HERE / "configs" / f"{name}_{count}.toml").read_text()) for name in ("free", "ma_cross"))
    assert free["strategy"] == costly["strategy"] and free["data"] == costly["data"]
    assert "execution" not in free


def test_a_slow_peer_does_some_of_the_pairs_the_first_and_the_last_among_them() -> None:
    fast, slow = job.axes()
    assert len(fast) * len(slow) == 10_000
    some_fast, some_slow = job.axes(2, 5)
    assert some_fast == [fast[0], fast[-1]]
    assert len(some_slow) == 5 and {*some_slow} <= {*slow} and (some_slow[0], some_slow[-1]) == (slow[0], slow[-1])
