"""The signal logs of a home: listed, reported on, compared, and taken in from a file."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.services import signals
from app.services.home import Home
from app.services.reading import read
from engine.errors import DataError, InputError, StoreError
from tests.app.signals import BACKTEST, GENERATION, REPLAY, run, written
from tests.app.small import LATE, bulkhead, refused, unchanged, write


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Runs 1: generation, 2: the same traded, 3: a replay of 1."""
    folder = tmp_path_factory.mktemp("signals")
    for text in (GENERATION, BACKTEST, REPLAY):
        run(folder, folder, text)
    return folder


def listed(home: Path, **asked) -> list[str]:
    return [f"{log.run}/{log.index}" for log in signals.logs(Home(home), **asked).logs]


def test_every_done_container_is_listed_newest_run_first(home):
    page = signals.logs(Home(home))
    assert [f"{log.run}/{log.index}" for log in page.logs] == ["3/0", "3/1", "2/0", "2/1", "1/0", "1/1"]
    assert page.total == 6
    generated = page.logs[-1]
    assert generated.strategies == ("ma_cross",) and generated.kinds == ("ma_cross",)
    assert generated.params == {"ma_cross.fast": 10} and generated.summary["signals"] > 0
    assert page.logs[0].strategies == ("ma_cross", "ma_cross_2") and page.logs[0].kinds == ()
    assert page.logs[2].summary is None and page.logs[2].digest == page.logs[4].digest


def test_a_page_is_cut_across_runs(home):
    whole = listed(home)
    for offset in range(7):
        for top in (1, 2, 3, 10):
            assert listed(home, offset=offset, top=top) == whole[offset : offset + top]
            assert signals.logs(Home(home), offset=offset, top=top).total == 6


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"run": 2}, ["2/0", "2/1"]),
        ({"pattern": "signal_generation"}, ["1/0", "1/1"]),
        ({"dataset": "us-tech", "run": 1}, ["1/0", "1/1"]),
        ({"dataset": "sp500"}, []),
        ({"strategy": "ma_cross_2"}, ["3/0", "3/1"]),
        ({"strategy": "ma_cross", "pattern": "full_backtest"}, ["2/0", "2/1"]),
        ({"strategy": "macd"}, []),
    ],
)
def test_filters(home, asked, found):
    assert listed(home, **asked) == found


def test_a_strategy_of_one_book_is_found_in_its_containers_alone(tmp_path):
    books = GENERATION + 'book = "one"\n\n[[strategy]]\nkind = "macd"\nname = "mine"\nbook = "two"\n'
    run(tmp_path, tmp_path, books)
    assert listed(tmp_path, strategy="macd") == listed(tmp_path, strategy="mine") == ["1/2"]
    assert listed(tmp_path, strategy="ma_cross") == ["1/0", "1/1"]
    assert signals.logs(Home(tmp_path), strategy="mine").logs[0].strategies == ("mine",)


def test_a_report_is_the_same_stored_or_worked_out(home):
    """The signals of run 2 are those of run 1, which stored its reports."""
    stored = signals.report_of(Home(home), 1, 1)
    with Home(home).store() as store:
        assert store.reports(1, 1) == {1: stored} and store.reports(2) == {}
    assert signals.report_of(Home(home), 2, 1) == stored
    reading = read(Home(home), 1, 1)
    assert stored["bars"] == reading.test - reading.first  # nothing of the held-out bars


def test_a_container_that_failed_has_no_log(tmp_path):
    run(tmp_path, tmp_path, LATE, code=1)
    assert signals.logs(Home(tmp_path)).total == 0
    with pytest.raises(StoreError, match="timed_out, so it has no signals"):
        signals.report_of(Home(tmp_path), 1, 0)
    refused(bulkhead(tmp_path, "signals", "show", "1/0"), "timed_out")


def test_overlap_is_that_of_the_dense_signals(home):
    found = signals.overlap(Home(home), ["1/0", "1/1", "2/0"])
    correlation = np.array(found["correlation"])
    assert correlation[0, 2] == pytest.approx(1.0) and correlation[0, 1] < 1.0
    assert found["agreement"][0][2] == 1.0
    reading = read(Home(home), 1, 0)
    dense = []
    for index in (0, 1):
        log = read(Home(home), 1, index).log
        values = np.zeros(reading.market.valid.shape)
        for row in log[log["source"] == 5]:
            values[row["bar"] :, row["symbol"]] = row["value"]
        dense.append(values[reading.first : reading.test].ravel())
    assert correlation[0, 1] == pytest.approx(np.corrcoef(dense)[0, 1])


def test_overlap_of_other_symbols_is_refused(home, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("time,symbol,value\n2001-01-03,MSFT,1\n")
    added = signals.add(Home(home), path, "other", "us-tech")
    with pytest.raises(InputError, match="other bars or symbols"):
        signals.overlap(Home(home), ["1/0", f"{added.run}/0"])


def test_what_made_a_log(home):
    made = signals.made_by(Home(home), 1, 1)
    assert made.stages["classifier"]["kind"] == "volatility" and made.stages["ma_cross"]["fast"] == 10
    assert made.symbols == ("AAPL", "IBM") and made.imported is None
    assert [log["reference"] for log in signals.made_by(Home(home), 3, 0).replayed] == ["1/0", "1/1"]


# --- a file of signals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_log_that_was_written_comes_back_as_it_was(tmp_path, suffix):
    home = tmp_path / "home"
    plain = GENERATION.replace('[classifier]\nkind = "volatility"\n', "")
    run(home, tmp_path, plain)
    path = Path(written(home, 1, 0, tmp_path / "alpha.csv"))
    if suffix == ".parquet":
        frame = pd.read_csv(path, parse_dates=["time"])
        path = tmp_path / "alpha.parquet"
        frame.to_parquet(path)
    options = ("--name", "alpha", "--dataset", "us-tech", "--end", "2008-12-31", "--test-start", "2007-01-03")
    told = bulkhead(home, "signals", "add", str(path), *options, "--json")
    assert told.code == 0, told.err
    with Home(home).store() as store:
        assert told.json["digest"] == store.container(1, 0).signals_digest
        assert store.run(2).pattern == "signal_generation" and store.run(2).status == "done"
    # and it trades as the log it came from does
    for reference in ("1/0", "2/0"):
        text = REPLAY.replace('signals = ["1/0", "1/1"]', f'signals = ["{reference}"]')
        text = text.replace("regime_scale = { turbulent = 0.5 }", "").replace("[[1, 0], [0.25, 0.75]]", "[1]")
        run(home, tmp_path, text)
    with Home(home).store() as store:
        assert store.container(3, 0).fills_digest == store.container(4, 0).fills_digest is not None
    assert bulkhead(home, "signals", "show", "2/0").out.count("imported from alpha") == 1
    again = signals.add(Home(home), path, "alpha", "us-tech")  # the same rows once more are a run of their own
    assert again.run == 5 and again.digest == told.json["digest"]


def test_columns_by_other_names_and_one_symbol(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("when;weight\n2001-01-03;0.5\n2001-01-04;-1\n2001-02-01;0\n")
    told = bulkhead(
        tmp_path, "signals", "add", str(path), "--name", "a", "--dataset", "sp500", "--map", "time=when", "--map",
        "value=weight", "--json",
    )  # fmt: skip
    assert told.code == 0, told.err
    assert told.json["rows"] == told.json["signals"] == 3 and len(told.json["symbols"]) == 1
    reading = read(Home(tmp_path), told.json["run"], 0)
    assert reading.log["value"].tolist() == [0.5, -1.0, 0.0]
    assert [str(reading.market.dates[bar]) for bar in reading.log["bar"]] == ["2001-01-03", "2001-01-04", "2001-02-01"]
    assert reading.causes(0)[-1].event is None and reading.inputs(0) == ()


ROWS = "time,symbol,value\n2001-01-03,IBM,0.5\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ROWS + "2001-01-06,IBM,1\n", "row 3: 2001-01-06 is no bar of IBM"),  # a Saturday
        (ROWS + "2001-01-03,GOOG,1\n", "row 3: 2001-01-03 is no bar of GOOG"),  # not listed yet
        (ROWS + "2099-01-05,IBM,1\n", "row 3: 2099-01-05 is no bar"),
        (ROWS + "2001-01-04T10:00:00,IBM,1\n", "row 3: 2001-01-04 10:00:00 is no bar"),
        (ROWS + "2001-01-04,IBN,1\n", "row 3: no symbol 'IBN' in the dataset; did you mean 'IBM'?"),
        (ROWS + "2001-01-04,,1\n", "row 3: no symbol"),
        (ROWS + "2001-01-04,IBM,1.01\n", "row 3: value 1.01 lies outside [-1, 1]"),
        (ROWS + "2001-01-04,IBM,-2\n", "row 3: value -2.0 lies outside"),
        (ROWS + "2001-01-04,IBM,\n", "row 3"),
        (ROWS + "2001-01-04,IBM,inf\n", "row 3: value 'inf' is not a finite number"),
        (ROWS + "2001-01-04,IBM,nan\n", "not a finite number"),
        (ROWS + "2001-01-04,IBM,up\n", "row 3: value 'up' is not a finite number"),
        (ROWS + "2001-01-03,IBM,0.5\n", "row 3: IBM has a value at 2001-01-03 already"),
        (ROWS + "2001-01-02,IBM,0.5\n", "row 3: 2001-01-02 comes after a later time of IBM"),
        (ROWS + "yesterday,IBM,0.5\n", "row 3: 'yesterday' is not an ISO date"),
        (ROWS + "2001-01-04,IBM,1,2\n", "row 3: more cells"),
        ("time,symbol\n2001-01-03,IBM\n", "row 1: no column for the value"),
        ("symbol,value\nIBM,1\n", "row 1: no column for the time"),
        ("time,value\n2001-01-03,1\n", "row 1: no column for the symbol"),
        ("time,symbol,value,value\n2001-01-03,IBM,1,1\n", "two columns could be the value"),
        ("time,symbol,value\n", "no rows"),
        ("", "empty"),
        ("\0\1\2", "cannot be"),
    ],
)
def test_a_file_that_cannot_be_taken_names_the_row_and_leaves_nothing(home, tmp_path, text, words):
    path = tmp_path / "alpha.csv"
    path.write_text(text)
    with unchanged(home):
        refused(bulkhead(home, "signals", "add", str(path), "--name", "a", "--dataset", "us-tech"), "alpha.csv")
        with pytest.raises(DataError) as error:
            signals.add(Home(home), path, "a", "us-tech")
    assert words in str(error.value) or words == "cannot be"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--name", "a b", "--dataset", "us-tech"), "the name 'a b'"),
        (("--name", "a", "--dataset", "us-teck"), "did you mean 'us-tech'?"),
        (("--name", "a", "--dataset", "us-tech", "--map", "price=x"), "'price=x' is not NAME=COLUMN"),
        (("--name", "a", "--dataset", "us-tech", "--map", "value=x"), "no column 'x' to map to value"),
        (("--name", "a", "--dataset", "us-tech", "--symbols", "AAPL"), "no symbol 'IBM'"),
        (("--name", "a", "--dataset", "us-tech", "--end", "2000-12-31"), "is no bar of IBM"),
        (("--name", "a", "--dataset", "us-tech", "--end", "soon"), "'soon' is no date"),
        (("--name", "a", "--dataset", "us-tech", "--test-start", "2001-01-03"), "must lie after the first signal"),
    ],
)
def test_options_that_cannot_be(home, tmp_path, options, words):
    path = tmp_path / "alpha.csv"
    path.write_text(ROWS)
    with unchanged(home):
        refused(bulkhead(home, "signals", "add", str(path), *options), words)


def test_an_imported_log_is_run_and_exported_by_nothing(tmp_path):
    path = tmp_path / "alpha.csv"
    path.write_text(ROWS)
    signals.add(Home(tmp_path), path, "alpha", "us-tech")
    with Home(tmp_path).store() as store:
        text = store.run(1).config
    about = tomllib.loads(text)["imported"]
    assert about["file"] == "alpha.csv" and about["rows"] == 1 and len(about["sha256"]) == 64
    refused(bulkhead(tmp_path, "run", write(tmp_path, text)), "[imported]", "bulkhead signals add")
    for name in ("1", "1/0"):
        refused(bulkhead(tmp_path, "export", name), "imported from alpha.csv", "hand on that file")
        refused(bulkhead(tmp_path, "bundle", name, "-o", str(tmp_path / "x.zip")), "imported from alpha.csv")
    told = bulkhead(tmp_path, "show", "1")
    assert told.code == 0 and "signals" in told.out and "sharpe" not in told.out
    assert bulkhead(tmp_path, "container", "1/benchmark").code == 0


def test_the_command_line_tells_generation_from_trading(home, tmp_path):
    told = bulkhead(home, "run", write(tmp_path, GENERATION), "--workers", "1")
    assert told.code == 0 and "sharpe" not in told.out and "bulkhead signals show" in told.out
    shown = bulkhead(home, "container", "1/0")
    assert shown.code == 0 and "nothing was traded" in shown.out
    refused(bulkhead(home, "container", "1/0", "--equity", str(tmp_path / "e.csv")), "no equity")
    told = bulkhead(home, "signals", "show", "1/0", "--json")
    assert told.json["report"] == signals.report_of(Home(home), 1, 0)
    assert told.json["overlap"]["logs"] == ["1/0", "1/1"] and told.json["made_by"]["name"] == "gen"
    shown = bulkhead(home, "signals", "show", told.json["made_by"]["digests"]["signals_digest"])
    assert shown.code == 0 and "information coefficient" in shown.out and "turbulent" in shown.out
    assert bulkhead(home, "signals", "list", "--run", "1", "--json").json["total"] == 2
    assert bulkhead(tmp_path, "signals", "list").out.startswith("no signal logs")


def test_little_data_is_called_few(tmp_path):
    path = tmp_path / "alpha.csv"
    path.write_text(ROWS + "2001-01-10,IBM,0\n")
    signals.add(Home(tmp_path), path, "alpha", "us-tech")
    shown = bulkhead(tmp_path, "signals", "show", "1/0").out
    assert "few: fewer than" in shown and "may be chance alone" in shown
