"""`open_run`: what a notebook gets agrees with the store, and held-out bars stay covered until they are asked for."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.services.home import VARIABLE, Home
from app.services.notebook import FILLS
from app.services.reading import read
from bulkhead import open_run
from db.store import BENCHMARK
from engine.errors import InputError, StoreError
from engine.projections.catalogue import METRICS
from engine.projections.trace import FIELDS
from tests.app.small import LATE, SMALL, bulkhead, write

INDEX = 5


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Run 1: 8 containers with held-out bars. Run 2: 8 that were late."""
    folder = tmp_path_factory.mktemp("notebook")
    for name, text in (("small", SMALL), ("late", LATE)):
        bulkhead(folder, "run", write(folder, text, f"{name}.toml"), "--workers", "1")
    return folder


@pytest.fixture
def run(home):
    return open_run(1, home)


def reveals(home: Path) -> int:
    with Home(home).store() as store:
        return store.run(1).reveals


def test_the_leaderboard_is_the_stores(home, run):
    board = run.leaderboard("total_return", top=3)
    with Home(home).store() as store:
        rows = store.containers(1, "total_return", top=3)
    assert board.index.tolist() == [row.index for row in rows] and board.index.name == "container"
    assert list(board.columns) == ["status", *rows[0].params, *METRICS]
    for name in METRICS:
        assert board[name].dtype == np.float64
        expected = [np.nan if row.metrics[name] is None else row.metrics[name] for row in rows]
        np.testing.assert_array_equal(board[name], expected)
    assert board["ma_cross.fast"].tolist() == [row.params["ma_cross.fast"] for row in rows]
    assert run.leaderboard(None).index.tolist() == list(range(8))
    assert len(run.leaderboard()) == 8


def test_the_benchmark_has_the_same_columns(home, run):
    frame = run.benchmark()
    with Home(home).store() as store:
        row = store.container(1, BENCHMARK)
    assert frame.index.tolist() == [BENCHMARK] and frame["sharpe"].item() == row.metrics["sharpe"]
    assert run.equity("benchmark")["equity"].iloc[-1] == row.metrics["final_equity"]


def test_frames_of_a_container_agree_with_its_reading(home, run):
    reading = read(Home(home), 1, INDEX)
    before = reading.test - reading.first
    equity = run.equity(INDEX)
    pd.testing.assert_frame_equal(equity, reading.equity().iloc[:before])
    assert equity["equity"].iloc[-1] == reading.container.metrics["final_equity"]
    trace, fills, trades = run.trace(INDEX), run.fills(INDEX), run.trades(INDEX)
    assert tuple(trace.columns) == FIELDS and trace["bar"].max() < reading.test
    assert tuple(fills.columns) == FILLS and len(fills) == reading.container.metrics["orders"]
    assert len(trades) == reading.container.metrics["trades"]
    assert fills["commission"].sum() == pytest.approx(reading.container.metrics["commission_paid"], rel=1e-12)
    assert fills["slippage"].sum() == pytest.approx(reading.container.metrics["slippage_paid"], rel=1e-9)
    assert (trace.set_index("seq").loc[fills["cause"], "kind"] == "ORDER").all()
    dtypes = {"seq": "int64", "bar": "int64", "price": "float64", "quantity": "float64", "cause": "Int64"}
    assert {name: str(fills[name].dtype) for name in dtypes} == dtypes
    assert str(fills["time"].dt.tz) == "UTC"


def test_a_frame_is_the_readers_own(run):
    equity, trace = run.equity(INDEX), run.trace(INDEX)
    equity.loc[:, "equity"] = 0.0
    trace.loc[:, "price"] = 0.0
    assert run.equity(INDEX)["equity"].min() > 0 and run.trace(INDEX)["price"].max() > 0


def test_held_out_figures_are_covered_and_a_look_is_counted_once(home, run):
    before, reading = reveals(home), read(Home(home), 1, INDEX)
    covered = run.leaderboard(), run.equity(INDEX), run.fills(INDEX), run.trades(INDEX), run.trace(INDEX)
    assert not [name for name in covered[0] if name.startswith("test_")]
    assert reveals(home) == before

    board = run.leaderboard(reveal=True)
    assert board.loc[INDEX, "test_sharpe"] == reading.container.test_metrics["sharpe"]
    assert len(run.equity(INDEX, reveal=True)) == len(reading.account.equity)
    assert len(run.trace(INDEX, reveal=True)) == len(reading.log) > len(covered[4])
    assert len(run.trades(INDEX, reveal=True)) == len(reading.trades())
    assert len(run.fills(INDEX, reveal=True)) == reading.funnel["fills"]
    assert reveals(home) == before + 1
    assert len(run.equity(INDEX)) == len(covered[1]), "covered again where it is not asked for"


def test_nothing_is_counted_where_nothing_is_held_out(tmp_path):
    text = SMALL.replace("test_start = 2008-01-02\n", "")
    bulkhead(tmp_path, "run", write(tmp_path, text), "--workers", "1")
    run = open_run(1, tmp_path)
    assert run.leaderboard(reveal=True)["test_sharpe"].isna().all()
    assert len(run.equity(0, reveal=True)) == len(run.equity(0)) == len(read(Home(tmp_path), 1, 0).account.equity)
    assert reveals(tmp_path) == 0


def test_containers_that_did_not_finish(home):
    late = open_run(2, home)
    assert set(late.leaderboard()["status"]) == {"timed_out"} and late.leaderboard()["sharpe"].isna().all()
    with pytest.raises(StoreError, match=r"container 2/0 is timed_out, so it has no account"):
        late.equity(0)


@pytest.mark.parametrize(
    ("use", "line"),
    [
        (lambda home: open_run(99, home), "there is no run 99 (home "),
        (lambda home: open_run(-1, home), "-1 is not the number of a run"),
        (lambda home: open_run("3", home), "'3' is not the number of a run"),
        (lambda home: open_run(1, home).equity(8), "there is no container 1/8"),
        (lambda home: open_run(1, home).fills(10**30), "is not the number of a container"),
        (lambda home: open_run(1, home).trace(None), "None is not the number of a container"),
        (lambda home: open_run(1, home).leaderboard("sharp"), "there is no metric 'sharp'; did you mean 'sharpe'?"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(home, use, line):
    with pytest.raises(InputError) as told:
        use(home)
    assert line in str(told.value) and "\n" not in str(told.value)


def test_the_home_is_the_command_lines(home, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(home))
    assert open_run(1).info.name == "small"
    assert "run 1 'small': done, 8 of 8 containers" in repr(open_run(np.int64(1)))


def test_importing_the_public_face_is_light():
    """A stage imports it in every child: neither DataFrames, nor the database, nor a screen may come with it."""
    code = (
        "import sys, bulkhead; bulkhead.open_run; "
        "print([name for name in ('pandas', 'sqlalchemy', 'sqlmodel', 'streamlit', 'plotly') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
