"""Every command, with what it prints and what it refuses: one line, exit code 2, nothing half-written."""

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from app.cli.later import COMMANDS
from app.cli.main import app, outcome
from app.services.home import Home
from tests.app.small import LATE, SMALL, bulkhead, refused, unchanged, write

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Run 1: eight containers, done. Run 2: eight that are late."""
    folder = tmp_path_factory.mktemp("cli")
    assert bulkhead(folder, "run", write(folder, SMALL), "--workers", "1").code == 0
    assert bulkhead(folder, "run", write(folder, LATE, "late.toml"), "--workers", "1").code == 1
    return folder


# run


def test_run_prints_its_report_as_json(tmp_path):
    told = bulkhead(tmp_path / "home", "run", write(tmp_path, SMALL), "--workers", "1", "--json")
    assert told.code == 0 and told.err.startswith("run 1: 8 containers\n")
    report = told.json
    assert list(report) == ["run", "containers", "done", "failed", "seconds", "startup_seconds", "digest"]
    assert (report["run"], report["containers"], report["done"], report["failed"]) == (1, 8, 8, 0)
    assert report["seconds"] > 0 and len(report["digest"]) == 64


def test_run_sums_up_for_people(tmp_path):
    told = bulkhead(tmp_path / "home", "run", write(tmp_path, SMALL), "--workers", "1")
    assert "8 of 8 done" in told.out and "best by sharpe" in told.out and "bulkhead container 1/" in told.out


def test_a_container_that_failed_is_exit_code_1(tmp_path):
    told = bulkhead(tmp_path / "home", "run", write(tmp_path, LATE), "--workers", "1")
    assert told.code == 1 and "8 containers timed out: no result after wall_seconds" in told.out
    again = bulkhead(tmp_path / "home", "run", write(tmp_path, LATE), "--workers", "1", "--json")
    assert again.code == 1 and again.json["failed"] == 8 and again.json["digest"] is not None


BAD = {
    "unknown key": (SMALL.replace("fast =", "fats ="), "'fats'; did you mean 'fast'?"),
    "unknown section": (SMALL + "\n[exection]\n", "[exection]; did you mean 'execution'?"),
    "missing key": (SMALL.replace('name = "small"\n', ""), "'name' is missing"),
    "no strategy": (SMALL.partition("[[strategy]]")[0], "[[strategy]]"),
    "missing symbol": (SMALL.replace('"IBM"', '"IBN"'), "no symbol 'IBN' in the dataset; did you mean 'IBM'?"),
    "missing dataset": (SMALL.replace("us-tech", "us-teck"), "no dataset 'us-teck'; did you mean 'us-tech'?"),
    "start after end": (SMALL.replace("start = 2000-06-01", "start = 2009-06-01"), "start 2009-06-01 lies after end"),
    "end before the data": (
        SMALL.replace("2008-12-31", "1990-12-31").replace("start = 2000-06-01", ""),
        "no bar on or before",
    ),
    "test_start outside": (SMALL.replace("test_start = 2008-01-02", "test_start = 2012-01-02"), "test_start"),
    "empty sweep": (SMALL + '\n[sweep]\nwhere = ["ma_cross.fast > 99"]\n', "the sweep is empty"),
    "empty list": (SMALL.replace("[5, 10]", "[]"), "an empty list sweeps nothing"),
    "where is no expression": (SMALL + "\n[sweep]\nwhere = [\"__import__('os')\"]\n", "[sweep] where"),
    "out of bounds": (SMALL.replace("[5, 10]", "[5, -10]"), "fast"),
    "replay without logs": (SMALL.replace("seed = 3", 'seed = 3\npattern = "signal_replay"'), "needs [replay]"),
    "unknown objective": (
        SMALL + '\n[sweep]\nmethod = "tpe"\nsamples = 3\nobjective = "sharp"\n',
        "there is no metric 'sharp'; did you mean 'sharpe'?",
    ),
    "deep bomb": ("a = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    "dotted bomb": (".".join("a" * 10_000) + " = 1", "dotted parts"),
    "large bomb": ("#" * (1 << 19), "at most"),
    "truncated": (SMALL[: SMALL.index("2008-12-31") + 6], "not valid TOML"),
    "empty": ("", "[experiment] is missing"),
    "huge sweep": (SMALL.replace("[5, 10]", "{ from = 1, to = 1e9, step = 1e-3 }"), "at most"),
}


@pytest.mark.parametrize("name", BAD)
def test_run_refuses_bad_configs(home, tmp_path, name):
    text, words = BAD[name]
    path = write(tmp_path, text)
    with unchanged(home):
        refused(bulkhead(home, "run", path), words)
    refused(bulkhead(tmp_path / "new", "run", path), words)
    assert not (tmp_path / "new" / "bulkhead.sqlite").exists()


def test_run_refuses_files_and_options_it_cannot_use(home, tmp_path):
    path = write(tmp_path, SMALL)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with unchanged(home):
        refused(bulkhead(home, "run", str(tmp_path / "none.toml")), "none.toml", "No such file")
        refused(bulkhead(home, "run", str(tmp_path)), "Is a directory")
        refused(bulkhead(home, "run", str(tmp_path / "binary.toml")), "not UTF-8")
        refused(bulkhead(home, "run", path, "--backend", "dask"), "--backend dask needs it")
        refused(bulkhead(home, "run", path, "--backend", "lokey"), "did you mean 'loky'?")
        refused(bulkhead(home, "run", path, "--scheduler", "tcp://x"), "goes with --backend dask")
        refused(bulkhead(home, "run", path, "--workers", "0"), "--workers", "bulkhead run --help")
        refused(bulkhead(home, "run", path, "--wokers", "2"), "--wokers")
        refused(bulkhead(home, "run"), "CONFIG")


def test_a_home_that_cannot_be_used_is_refused(tmp_path):
    path = write(tmp_path, SMALL)
    refused(bulkhead(Path(path), "runs"), "cannot be made", "--home")
    damaged, foreign, newer = tmp_path / "damaged", tmp_path / "foreign", tmp_path / "newer"
    for folder in (damaged, foreign):
        folder.mkdir()
    (damaged / "bulkhead.sqlite").write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    with sqlite3.connect(foreign / "bulkhead.sqlite") as database:
        database.execute("CREATE TABLE other (x)")
    assert bulkhead(newer, "runs").code == 0
    with sqlite3.connect(newer / "bulkhead.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    for folder, words in (
        (damaged, "not a database"),
        (foreign, "not a Bulkhead database"),
        (newer, "another version"),
    ):
        before = (folder / "bulkhead.sqlite").read_bytes()
        for command in (("run", path), ("runs",), ("show", "1"), ("container", "1/0"), ("export", "1"), ("serve",)):
            refused(bulkhead(folder, *command), words)
        assert (folder / "bulkhead.sqlite").read_bytes() == before


# runs and show


def test_runs_lists_what_is_stored(home):
    first, second = bulkhead(home, "runs", "--json").json
    keys = "run name status containers done failed pid started finished seconds digest"
    assert list(first) == keys.split()
    assert (first["run"], first["name"], first["status"], first["done"], first["pid"]) == (1, "small", "done", 8, None)
    assert (second["done"], second["failed"]) == (0, 8)
    assert "small" in bulkhead(home, "runs").out
    assert bulkhead(home / "none", "runs", "--json").json == []
    assert "no runs yet" in bulkhead(home / "none", "runs").out


def test_show_gives_containers_by_index_or_best_first(home):
    rows = bulkhead(home, "show", "1", "--json").json
    assert list(rows) == ["run", "containers"] and rows["run"] == 1
    assert [row["index"] for row in rows["containers"]] == list(range(8))
    assert list(rows["containers"][0]) == ["index", "status", "error", "params", "metrics", "test_metrics", "digest"]
    best = [
        row["metrics"]["sharpe"] for row in bulkhead(home, "show", "1", "--sort", "sharpe", "--json").json["containers"]
    ]
    assert best == sorted(best, reverse=True)
    least = bulkhead(home, "show", "1", "--sort", "volatility", "--top", "3", "--json").json["containers"]
    assert len(least) == 3 and least[0]["metrics"]["volatility"] == min(
        row["metrics"]["volatility"] for row in rows["containers"]
    )
    shown = bulkhead(home, "show", "1", "--sort", "calmar", "--top", "2")
    assert "calmar" in shown.out and "buy and hold" in shown.out and "2 of 8 shown" in shown.out


def test_show_groups_failures_by_cause(home):
    rows = bulkhead(home, "show", "2", "--json").json["containers"]
    assert {row["status"] for row in rows} == {"timed_out"} and all(row["metrics"] is None for row in rows)
    assert "8 containers timed out: " in bulkhead(home, "show", "2").out


def test_show_refuses(home):
    refused(bulkhead(home, "show", "7"), "there is no run 7")
    for wrong in ("seven", "-1", "1.0", "1e3", "9" * 30, ""):
        refused(bulkhead(home, "show", wrong))
    refused(bulkhead(home, "show", "1/3"), "bulkhead container 1/3")
    refused(bulkhead(home, "show", "1", "--sort", "sharp"), "no metric 'sharp'; did you mean 'sharpe'?")
    refused(bulkhead(home, "show", "1", "--top", "0"), "--top")
    refused(bulkhead(home, "show"), "RUN")


# container


def test_held_out_figures_are_covered_until_asked_for_and_each_look_is_counted(home):
    def reveals() -> int:
        with Home(home).store() as store:
            return store.run(1).reveals

    before = reveals()
    covered = bulkhead(home, "container", "1/3").out
    assert "is covered: --reveal shows it" in covered and "held out " not in covered and reveals() == before
    shown = bulkhead(home, "container", "1/3", "--reveal").out
    assert "held out" in shown and "covered" not in shown and reveals() == before + 1


def test_container_tells_everything(home):
    row = bulkhead(home, "show", "1", "--json").json["containers"][5]
    found = bulkhead(home, "container", "1/5", "--json").json
    assert {key: found[key] for key in row} == row
    assert list(found)[len(row) :] == ["events", "funnel", "fills_digest", "spec_hash"]
    fields = "seq time bar kind level source symbol side price quantity commission value limit actual reason cause"
    assert all(list(event) == fields.split() for event in found["events"])
    kinds = [event["kind"] for event in found["events"]]
    funnel = found["funnel"]
    assert list(funnel) == ["signals", "targets", "stops", "orders", "fills", "trades", "resizes", "rejections"]
    assert [funnel[key] for key in ("signals", "targets", "stops", "orders", "fills", "resizes")] == [
        kinds.count(kind) for kind in ("SIGNAL", "TARGET", "STOP", "ORDER", "FILL", "RESIZE")
    ]
    assert sum(funnel["rejections"].values()) == kinds.count("REJECTION")
    assert funnel["fills"] == found["metrics"]["orders"] + found["test_metrics"]["orders"]
    shown = bulkhead(home, "container", "1/5")
    assert "ma_cross.fast" in shown.out and "sharpe" in shown.out and "signals → " in shown.out


def test_the_benchmark_is_a_container_too(home):
    found = bulkhead(home, "container", "1/benchmark", "--json").json
    assert found["index"] == -1 and found["funnel"]["orders"] == 3


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_container_writes_trace_and_equity(home, tmp_path, suffix):
    trace, equity = tmp_path / f"trace{suffix}", tmp_path / f"equity{suffix}"
    told = bulkhead(home, "container", "1/5", "--trace", str(trace), "--equity", str(equity), "--json")
    read = pd.read_csv if suffix == ".csv" else pd.read_parquet
    events, curve = read(trace), read(equity)
    assert len(events) == len(told.json["events"]) and list(events.columns) == list(told.json["events"][0])
    assert pd.to_datetime(events.time).iloc[-1] == pd.Timestamp(told.json["events"][-1]["time"])
    assert list(curve.columns) == ["time", "equity", "drawdown", "gross", "regime"]
    assert curve.equity.iloc[-1] == pytest.approx(told.json["test_metrics"]["final_equity"], rel=1e-12)


def test_a_container_that_failed_has_a_row_and_no_log(home, tmp_path):
    found = bulkhead(home, "container", "2/0", "--json").json
    assert found["status"] == "timed_out" and found["events"] == [] and found["funnel"]["orders"] == 0
    assert "wall_seconds" in bulkhead(home, "container", "2/0").out
    refused(bulkhead(home, "container", "2/0", "--equity", str(tmp_path / "e.csv")), "timed_out")
    assert not any(tmp_path.iterdir())


def test_container_refuses(home, tmp_path):
    refused(bulkhead(home, "container", "7/0"), "no run 7")
    refused(bulkhead(home, "container", "1/8"), "no container 1/8")
    for wrong in ("1", "1/", "/1", "1/x", "a/1", "1/2/3", "1/-1", "1/ 2", "١/٢", "1/" + "9" * 30):
        refused(bulkhead(home, "container", wrong), "RUN/INDEX")
    refused(bulkhead(home, "container", "1/0", "--trace", str(tmp_path / "t.xlsx")), ".csv or .parquet")
    refused(bulkhead(home, "container", "1/0", "--trace", str(tmp_path / "no" / "t.csv")), "no folder")
    both = str(tmp_path / "t.csv")
    refused(bulkhead(home, "container", "1/0", "--trace", both, "--equity", both), "same file")
    assert not any(tmp_path.iterdir())


# data


def test_data_add_list_and_check(tmp_path):
    home = tmp_path / "home"
    rows = "".join(f"2024-01-{day:02},10,12,9,11,100\n" for day in range(2, 9))
    path = write(tmp_path, "Date,Open,High,Low,Last,Volume\n" + rows, "gold.csv")
    refused(bulkhead(home, "data", "add", path, "--name", "gold", "--map", "close=Lats"), "did you mean 'Last'?")
    told = bulkhead(home, "data", "add", path, "--name", "gold", "--map", "close=Last", "--symbol", "XAU", "--json")
    assert told.code == 0 and told.json["symbols"] == ["XAU"] and told.json["bars"] == 7 and told.json["version"] == 1
    names = {dataset["name"]: dataset for dataset in bulkhead(home, "data", "list", "--json").json}
    assert list(names) == ["gold", "sp500", "us-tech"] and names["gold"] == told.json
    report = bulkhead(home, "data", "check", "gold", "--json").json
    assert [finding["kind"] for finding in report["findings"]] == ["stale"]
    assert "7 bars in a row close at 11" in bulkhead(home, "data", "check", "gold").out
    assert "gold" in bulkhead(home, "data", "list").out
    assert "us-tech" in bulkhead(tmp_path / "empty", "data", "list").out


def test_data_refuses(home, tmp_path):
    bad = write(tmp_path, "Date,Open,High,Low,Close\n2024-01-02,10,12,9,11\n2024-01-03,10,8,9,11\n", "bad.csv")
    cut = tmp_path / "cut.parquet"
    cut.write_bytes((ROOT / "assets/data/sp500.parquet").read_bytes()[:5000])
    before = bulkhead(home, "data", "list").out
    refused(bulkhead(home, "data", "add", bad, "--name", "bad"), "bad.csv: row 3")
    refused(bulkhead(home, "data", "add", str(cut), "--name", "cut"), "cut.parquet")
    refused(bulkhead(home, "data", "add", str(tmp_path / "none.csv"), "--name", "x"), "none.csv")
    refused(bulkhead(home, "data", "add", bad), "--name")
    refused(bulkhead(home, "data", "add", bad, "--name", "a/b"), "no name for a dataset")
    refused(bulkhead(home, "data", "add", bad, "--name", "x", "--map", "close"), "NAME=COLUMN")
    refused(bulkhead(home, "data", "add", bad, "--name", "x", "--adjustment", "spilt"), "did you mean 'split'?")
    refused(bulkhead(home, "data", "check", "us-teck"), "did you mean 'us-tech'?")
    assert bulkhead(home, "data", "list").out == before


# the whole


def test_later_commands_are_refused_and_unknown_ones_named(home, capsys):
    for name in COMMANDS:
        refused(bulkhead(home, name, "1"), f"'{name}' is not part of this version")
    refused(bulkhead(home, "shwo", "1"), "no command 'shwo'; did you mean 'show'?")
    refused(bulkhead(home, "data", "chekc"), "did you mean 'check'?")


def test_help_and_version(capsys):
    assert outcome(["--version"]) == 0 and capsys.readouterr().out.startswith("bulkhead 0.")
    for arguments in ([], ["--help"], ["data"], ["data", "--help"]):
        assert outcome(arguments) == 0 and "Usage: bulkhead" in capsys.readouterr().out
    from typer.main import get_command

    for name in get_command(app).commands:
        assert outcome([name, "--help"]) == 0 and "--help" in capsys.readouterr().out


def test_a_defect_of_ours_is_one_line_and_a_file(home, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(Home, "store", broken)
    told = bulkhead(home, "runs")
    assert told.code == 2 and told.out == "" and told.err.count("\n") == 1
    assert told.err.startswith("internal error: RuntimeError: two lines") and str(home / "logs") in told.err
    (written,) = (home / "logs").iterdir()
    assert "RuntimeError" in written.read_text()


def test_odd_names_are_printed_as_they_are(tmp_path):
    path = write(tmp_path, SMALL.replace('"small"', r'"[bold]x[/] :smile: \u001b[31m"').replace("[5, 10]", "5"))
    assert bulkhead(tmp_path / "home", "run", path, "--workers", "1").code == 0
    told = bulkhead(tmp_path / "home", "runs")
    assert "[bold]x[/] :smile:" in told.out and "\x1b" not in told.out
    assert json.loads(bulkhead(tmp_path / "home", "runs", "--json").out)[0]["name"].endswith("\x1b[31m")


@pytest.mark.parametrize("path", sorted((ROOT / "assets/experiments").glob("*.toml")), ids=lambda path: path.stem)
def test_the_examples_are_sound(path, tmp_path):
    from app.services.running import check
    from app.services.workflow import flow

    text = path.read_text()
    if "[[phase]]" in text:
        checked = flow.check(Home(tmp_path), text)
        assert checked.flow.header.name == path.stem
        assert sum(prepared.plan.containers for prepared in checked.prepared.values()) == 500
        return
    prepared = check(Home(tmp_path), text)
    assert prepared.plan.containers >= 50
    assert prepared.experiment.header.name == path.stem
