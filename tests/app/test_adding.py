"""An upload becomes a dataset, or nothing: reported first, refused with its row, never a path, nothing left behind."""

from pathlib import Path

import pandas as pd
import pytest

from app.datasets.library import SAMPLES
from app.datasets.sources import SOURCES
from app.datasets.storage import read_description
from app.services import adding
from app.services.adding import Upload, Wanted
from app.services.home import Home
from engine.errors import DataError
from tests.app.small import bulkhead

GOOD = (
    "Date,Open,High,Low,Close,Volume\n2024-01-02,10,12,9,11,100\n2024-01-03,11,12,10,12,200\n2024-01-04,12,13,11,12,3\n"
)
BAD = GOOD.replace("2024-01-03,11,12,10,12,200", "2024-01-03,11,9,10,12,200")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def upload(text: str = GOOD, name: str = "gold.csv") -> Upload:
    return Upload(name, text.encode())


def files(home: Home) -> list[str]:
    return sorted(str(path.relative_to(home.path)) for path in home.path.rglob("*") if path.is_file())


def test_a_draft_says_what_would_be_stored_and_stores_nothing(home):
    draft = adding.draft(home, upload(), Wanted("gold"))
    assert (draft.rows, draft.dataset.symbols, draft.dataset.first) == (3, ("gold",), "2024-01-02")
    assert draft.outcome == "a new dataset, 'gold'" and draft.report.symbols[0].bars == 3
    assert files(home) == []


def test_it_is_the_command_lines_dataset(home, tmp_path):
    file = tmp_path / "gold.csv"
    file.write_text(GOOD)
    other = tmp_path / "other"
    assert bulkhead(other, "data", "add", str(file), "--name", "gold", "--adjustment", "split").code == 0
    added = adding.add(home, upload(), Wanted("gold", adjustment="split"))
    assert added == Home(other).datasets.get("gold")
    assert added.hash == adding.draft(home, upload(), Wanted("gold", adjustment="split")).dataset.hash
    assert files(home) == ["datasets/.lock", f"datasets/{added.hash}.parquet", "datasets/names.json"]


@pytest.mark.parametrize("use", [adding.draft, adding.add])
def test_a_bad_row_is_refused_by_row_and_reason_and_nothing_is_left(home, use):
    with pytest.raises(DataError) as told:
        use(home, upload(BAD, "my bars.csv"), Wanted("gold"))
    assert str(told.value).startswith("my bars.csv: row 3: the high is below the low (gold, 2024-01-03:")
    assert files(home) == [] and [dataset.name for dataset in home.datasets.list()] == ["sp500", "us-tech"]


@pytest.mark.parametrize("name", ["../../escape.csv", "/etc/passwd.csv", "a\x00b.csv", "..", "", "x" * 5_000 + ".csv"])
def test_a_files_name_is_never_a_path(home, tmp_path, name):
    adding.add(home, upload(name=name), Wanted("gold"))
    with pytest.raises(DataError) as told:
        adding.draft(home, upload(BAD, name), Wanted("gold"))
    assert "\x00" not in str(told.value) and "\n" not in str(told.value) and len(str(told.value)) < 300
    assert all(path.is_relative_to(home.path) for path in tmp_path.rglob("*") if path.is_file())
    assert not list((home.path / "tmp").iterdir())


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("Gold 2024.csv", "Gold-2024"),
        ("C:\\data\\a.b.parquet", "a.b"),
        ("../x/<b>.csv", "b"),
        (".csv", ""),
        ("é.csv", ""),
    ],
)
def test_a_name_is_suggested_from_the_files(name, suggestion):
    assert Upload(name, b"").suggestion == suggestion


def test_columns_are_suggested_by_their_names(home):
    found = adding.columns(home, upload("Day;Open;High;Low;Adj Close;Vol;Ticker\n"))
    assert found.names == ("Day", "Open", "High", "Low", "Adj Close", "Vol", "Ticker")
    assert found.taken == {"open": "Open", "high": "High", "low": "Low", "volume": "Vol", "symbol": "Ticker"}
    twice = adding.columns(home, upload("Date,Close,close,Open\n"))
    assert twice.taken == {"time": "Date", "open": "Open"}


def test_columns_are_mapped(home):
    text = GOOD.replace("Date", "Day").replace("Close", "Adj Close")
    wanted = Wanted("gold", mapping={"time": "Day", "close": "Adj Close"})
    assert adding.draft(home, upload(text), wanted).rows == 3


def test_parquet_too(home, tmp_path):
    frame = pd.DataFrame({"time": pd.date_range("2024-01-02", periods=4), "ticker": ["A", "A", "B", "B"]})
    for name in ("open", "high", "low", "close"):
        frame[name] = 10.0
    frame.to_parquet(tmp_path / "x.parquet")
    found = Upload("x.parquet", (tmp_path / "x.parquet").read_bytes())
    assert adding.columns(home, found).taken["symbol"] == "ticker"
    draft = adding.draft(home, found, Wanted("pair"))
    assert draft.dataset.symbols == ("A", "B") and draft.rows == 4


@pytest.mark.parametrize(
    ("text", "wanted", "line"),
    [
        (GOOD.replace("Date", "Day"), {}, "no column for the time; choose the column for the time; columns are: Day,"),
        (GOOD.replace("Close", "Adj Close"), {}, "if that is meant, choose the column for the close"),
        ("Date,Open,High,Low,Close,close\n1,1,1,1,1,1\n", {}, "rename one, or choose the column for the close"),
        (
            "Date,Open,High,Low,Close\n2024-01-02 09:30,1,1,1,1\n2024-01-02 09:31,1,1,1,1\n",
            {},
            "row 2: intraday times without a zone; say where they were taken, by choosing their time zone",
        ),
        (GOOD, {"name": "../x"}, "'../x' is no name for a dataset; use up to 64 letters"),
        ("", {}, "gold.csv: the file is empty"),
        ("\x00\x01", {}, "gold.csv: "),
    ],
)
def test_advice_is_for_a_form(home, text, wanted, line):
    with pytest.raises(DataError) as told:
        adding.draft(home, upload(text), Wanted(**{"name": "gold", **wanted}))
    assert line in str(told.value) and "--" not in str(told.value)


def test_unreadable_columns_are_said(home):
    with pytest.raises(DataError, match=r"^gold\.csv: the file is empty$"):
        adding.columns(home, upload(""))
    with pytest.raises(DataError, match=r"^x\.parquet: it cannot be read"):
        adding.columns(home, Upload("x.parquet", b"PAR1 and no more"))


def test_what_becomes_of_a_name_is_said(home):
    other = GOOD.replace("13", "14")
    adding.add(home, upload(), Wanted("gold"))
    assert adding.draft(home, upload(), Wanted("gold")).outcome == (
        "nothing new: 'gold' has exactly these bars already (version 1)"
    )
    assert adding.draft(home, upload(other), Wanted("gold", symbol="gold")).outcome.startswith(
        "version 2 of 'gold'; runs"
    )
    adding.add(home, upload(other), Wanted("gold"))
    assert adding.draft(home, upload(), Wanted("gold")).outcome.startswith(
        "version 3 of 'gold', the same bars as its vers"
    )
    assert adding.draft(home, upload(), Wanted("us-tech")).outcome.startswith("version 2 of 'us-tech'")
    assert len(home.datasets.versions("gold")) == 2 and home.datasets.versions("nothing") == ()


def test_dropped_rows_carry_the_files_own_name_and_nothing_of_the_homes(home):
    wanted = Wanted("gold", bad_rows="drop")
    draft = adding.draft(home, upload(BAD, "my bars.csv"), wanted)
    assert [(row.file, row.row, row.text) for row in draft.dropped] == [("my bars.csv", 3, "2024-01-03,11,9,10,12,200")]
    assert draft.rows == 2 and files(home) == []
    added = adding.add(home, upload(BAD, "my bars.csv"), wanted)
    assert home.datasets.dropped("gold") == draft.dropped
    assert f"datasets/{added.hash}.dropped.parquet" in files(home)


def test_what_can_be_a_feature_is_suggested(home):
    header = "Date,Open,High,Low,Close,Volume,P/E,p e,Close adj.,Bar,2nd,,Unnamed: 0,split,Ünï,cap"
    found = adding.columns(home, upload(header + "\n"))
    assert found.features == {"p_e": "P/E", "close_adj": "Close adj.", "n": "Ünï", "cap": "cap"}
    assert found.taken["split"] == "split"


def test_the_source_of_every_sample_is_known():
    hashes = {path.stem: read_description(path).hash for path in SAMPLES.glob("*.parquet")}
    assert set(SOURCES) == set(hashes.values())
    readme = (SAMPLES / "README.md").read_text()
    assert all(hash in readme for hash in SOURCES)
