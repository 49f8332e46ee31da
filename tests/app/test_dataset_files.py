"""Several files as one dataset, and rows that are dropped and remembered; all or nothing, named by file and row."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.datasets import DatasetLibrary
from engine.errors import DataError
from tests.app.small import bulkhead

HEADER = "Date,Open,High,Low,Close,Volume"
GOOD = ["2024-01-02,10,12,9,11,100", "2024-01-03,11,12,10,12,200", "2024-01-04,12,13,11,12.5,300"]


@pytest.fixture
def library(tmp_path: Path) -> DatasetLibrary:
    return DatasetLibrary(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


def write(folder: Path, name: str, lines: list[str], header: str = HEADER) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


# several files


def test_each_file_is_a_symbol_called_as_the_file(library, folder):
    write(folder, "AAPL.csv", GOOD)
    write(folder, "brk.b.csv", GOOD[1:])
    (folder / "Msft.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *GOOD[:2]]).encode()))
    pd.DataFrame({"date": ["2024-01-02"], "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}).to_parquet(
        folder / "ibm.csv.parquet"
    )
    dataset = library.add(f"{folder}/*.csv*", "x", symbol_from="filename")
    assert dataset.symbols == ("AAPL", "Msft", "brk.b", "ibm.csv")
    assert library.market("x").valid.T.tolist() == [
        [True, True, True],
        [True, True, False],
        [False, True, True],
        [True, False, False],
    ]
    listed = [folder / name for name in ("ibm.csv.parquet", "brk.b.csv", "Msft.csv.gz", "AAPL.csv")]
    assert library.add(listed, "x", symbol_from="filename").hash == dataset.hash, "in whatever order"
    assert library.get("x").version == 1


def test_headers_may_differ_and_maps_hold_for_all(library, folder):
    write(folder, "a.csv", GOOD, "Date,Open,High,Low,PX_LAST,Volume")
    write(folder, "b.csv", [line.replace(",", ";") for line in GOOD], "\ufefftime;o;h;l;px_last;vol")
    library.add(f"{folder}/*.csv", "x", symbol_from="filename", mapping={"close": "PX_LAST"})
    close = library.market("x").close
    assert close[:, 0].tolist() == close[:, 1].tolist() == [11.0, 12.0, 12.5]
    write(folder, "c.csv", GOOD)
    with pytest.raises(DataError, match=r"^c\.csv: row 1: no column 'PX_LAST' to map to close"):
        library.add(f"{folder}/*.csv", "x", symbol_from="filename", mapping={"close": "PX_LAST"})


def test_files_with_columns_of_symbols_and_pieces_of_one_symbol_are_put_together(library, folder):
    write(folder, "2023.csv", ["2023-01-02,1,1,1,1,1,A", "2023-01-02,1,1,1,1,1,B"], f"{HEADER},Symbol")
    write(folder, "2024.csv", [f"{line},A" for line in GOOD], f"{HEADER},Symbol")
    dataset = library.add(f"{folder}/202?.csv", "x")
    assert (dataset.symbols, dataset.bars, dataset.first) == (("A", "B"), 4, "2023-01-02")
    write(folder, "p1.csv", GOOD[:1])
    write(folder, "p2.csv", GOOD[1:])
    assert library.add([folder / "p1.csv", folder / "p2.csv"], "y", symbol="S").bars == 3
    with pytest.raises(DataError, match=r"^p1\.csv: row 2: the time goes back"):
        library.add([folder / "p2.csv", folder / "p1.csv"], "y", symbol="S")
    write(folder, "p3.csv", GOOD[2:])
    with pytest.raises(DataError, match=r"^p3\.csv: row 2: the time stands twice for this symbol"):
        library.add(f"{folder}/p*.csv", "y", symbol="S")


@pytest.mark.parametrize(
    ("pattern", "options", "message"),
    [
        ("*.txt", {}, r"^no file matches '.*\*\.txt'; check the folder and the pattern$"),
        ("*", {"symbol_from": "filename"}, r"deep: a folder, which '.*' matches too; write a pattern for files"),
        ("s*.csv", {}, r"sub\.csv: a folder, which '.*' matches too"),
        (
            "[ab].csv",
            {},
            r"^a\.csv: no column of symbols, which each of several files needs; use --symbol-from filename",
        ),
        ("[ab].csv", {"symbol": "S", "symbol_from": "filename"}, "cannot both be"),
        ("[ab].csv", {"symbol_from": "name"}, "no source of symbols 'name'; did you mean 'filename'"),
        ("[as].csv", {"symbol_from": "filename"}, r"^s\.csv: it has a column of symbols; leave the symbol's name out"),
        ("**/a.csv", {"symbol_from": "filename"}, r"a\.csv and .*deep/a\.csv would both be symbol 'a'; rename one"),
        (
            "[ac].csv",
            {"symbol_from": "filename"},
            r"^c\.csv: row 3: the high is below the low \(c, 2024-01-03: open 11",
        ),
        ("[ad].csv", {"symbol_from": "filename"}, r"^d\.csv: row 4: close: 'x' is not a number"),
        ("[ae].csv", {"symbol_from": "filename"}, r"^e\.csv: no rows"),
        ("[af].csv", {"symbol_from": "filename"}, r"^f\.csv: row 1: no column for the close"),
        ("none.csv", {}, r"none\.csv: no such file"),
    ],
)
def test_all_or_nothing(library, folder, pattern, options, message):
    for name in ("a.csv", "b.csv", "deep/a.csv"):
        write(folder, name, GOOD)
    write(folder, "c.csv", [GOOD[0], "2024-01-03,11,9,10,12,200"])
    write(folder, "d.csv", [*GOOD[:2], "2024-01-04,12,13,11,x,300"])
    write(folder, "e.csv", [])
    write(folder, "f.csv", GOOD, "Date,Open,High,Low,Klose,Volume")
    write(folder, "s.csv", [f"{line},A" for line in GOOD], f"{HEADER},Symbol")
    (folder / "sub.csv").mkdir()
    with pytest.raises(DataError, match=message) as caught:
        library.add(str(folder / pattern), "x", **options)
    assert "\n" not in str(caught.value)
    assert [dataset.name for dataset in library.list()] == ["sp500", "us-tech"], "nothing is stored"


def test_a_name_with_the_signs_of_a_pattern_is_a_file(library, folder):
    write(folder, "bars[1].csv", GOOD)
    write(folder, "bars1.csv", GOOD[:1])
    assert library.add(str(folder / "bars[1].csv"), "x").bars == 3
    assert library.add([folder / "bars1.csv", folder / "." / "bars1.csv"], "y").symbols == ("y",), "the same file once"


def test_files_agree_on_whether_bars_are_of_days(library, folder):
    minutes = [f"2024-01-02T14:3{k}:00Z,1,1,1,1,1" for k in range(5)]
    write(folder, "A.csv", minutes)
    write(folder, "B.csv", minutes[2:3])
    dataset = library.add(f"{folder}/*.csv", "x", symbol_from="filename")
    assert (dataset.frequency, library.market("x").valid.sum(axis=0).tolist()) == ("1min", [5, 1])
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), [1.0] * 3))
    for zone in ("Europe/Berlin", "Asia/Tokyo"):
        times = pd.date_range("2024-01-02 09:00", periods=3, freq="1min", tz=zone, name="time")
        frame.set_index(times).to_parquet(folder / f"{zone[-5:]}.parquet")
    with pytest.raises(DataError, match="has times in Asia/Tokyo, .* in Europe/Berlin; say which zone's"):
        library.add(f"{folder}/*.parquet", "y", symbol_from="filename")
    assert library.add(f"{folder}/*.parquet", "y", symbol_from="filename", tz="UTC").zone == "UTC"


# rows that no bar can be

#: What stands in the file, and why it is dropped; None: it stays.
DIRTY = [
    ("2024-01-02,10,12,9,11,100", None),
    ("2024-01-03,eleven,12,10,12,200", "open: not a number"),
    ("2024-01-04,11,9,10,12,200", "the high is below the low"),
    ("2024-01-05,0,12,10,12,200", "the open is not above zero"),
    ("2024-01-06,11,12,,12,200", "no low"),
    ("2024-01-07,inf,12,10,12,200", "the open is not finite"),
    ("2024-01-08,11,12,10,12,-1", "the volume is negative"),
    ("", None),
    ("2024-01-09,11,12,10,12,200", None),
    ("2024-01-09,11,12,10,12.5,200", "the time stands twice for this symbol"),
    ("2042-01-10,11,12,10,12,200", "the time is out of order for this symbol"),
    ("2024-01-11,11,12,10,12,200", None),
    ("2024-01-10,11,12,10,12,200", "the time is out of order for this symbol"),
    ("10.01.2024,11,12,10,12,200", "the time is not an ISO date or an epoch"),
    (",11,12,10,12,200", "no time"),
    ("2024-01-12T00:00:00Z,11,12,10,12,200", "some times carry an offset and some do not"),
    ("2024-01-12,11,12,10,12,200,7", "more cells than the header has columns"),
    ('"2024-01-13",11,"12",10,12,200', None),
    ("2024-01-14,11,1", "no low"),
    ("2024-01-15,11,12,10,12,200", None),
]
DROPPED = [(row, reason, line) for row, (line, reason) in enumerate(DIRTY, 2) if reason]


def test_bad_rows_are_dropped_and_each_is_remembered(library, folder):
    dirty = write(folder, "dirty.csv", [line for line, _ in DIRTY])
    with pytest.raises(DataError, match=r"^dirty\.csv: row "):
        library.add(dirty, "x")
    dataset = library.add(dirty, "x", bad_rows="drop")
    assert [(row.row, row.reason, row.text) for row in library.dropped("x")] == DROPPED
    assert {row.file for row in library.dropped("x")} == {"dirty.csv"}
    clean = write(folder, "clean.csv", [line for line, reason in DIRTY if line and not reason])
    assert library.add(clean, "y", symbol="x").hash == dataset.hash, "the hash is of the bars alone"
    assert library.dropped("y") == () and len(library.dropped("x")) == len(DROPPED)
    assert library.dropped("us-tech") == ()
    assert [d.hash == dataset.hash for d in library.list()] == [False, False, True, True], "and is no dataset itself"


def test_every_bad_row_alone_is_refused_and_dropped(library, folder):
    for line, reason in [(line, reason) for line, reason in DIRTY if reason and not reason.startswith("the time")]:
        path = write(folder, "one.csv", [GOOD[0], line, *GOOD[2:], "2024-02-01,11,12,10,12,200"])
        with pytest.raises(DataError, match=r"^one\.csv: row 3: "):
            library.add(path, "x")
        library.add(path, "x", bad_rows="drop")
        assert [(row.row, row.reason, row.text) for row in library.dropped("x")] == [(3, reason, line)]


def test_dropped_rows_of_several_files_parquet_and_symbols(library, folder):
    write(folder, "a.csv", [GOOD[0], "2024-01-03,11,9,10,12,200"])
    frame = pd.DataFrame({"date": pd.to_datetime(["2024-01-02", None, "2024-01-04"])})
    for name in ("open", "high", "low", "close"):
        frame[name] = [1.0, 2.0, np.nan if name == "low" else 3.0]
    frame.to_parquet(folder / "b.parquet")
    lines = ["2024-01-02,1,1,1,1,1,Z", "2024-01-03,1,1,1,1,1,", "2024-01-04,1,1,1,0,1,Gone"]
    write(folder, "c.csv", lines, f"{HEADER},Symbol")
    library.add(f"{folder}/[ab].*", "x", symbol_from="filename", bad_rows="drop")
    assert [(row.file, row.row, row.reason) for row in library.dropped("x")] == [
        ("a.csv", 3, "the high is below the low"),
        ("b.parquet", 2, "no time"),
        ("b.parquet", 3, "no low"),
    ]
    assert library.dropped("x")[2].text == "date=2024-01-04 00:00:00, open=3.0, high=3.0, low=None, close=3.0"
    assert library.add(folder / "c.csv", "y", bad_rows="drop").symbols == ("Z",)
    assert [row.reason for row in library.dropped("y")] == ["no symbol", "the close is not above zero"]


def test_when_most_is_wrong_nothing_is_dropped(library, folder):
    for lines, message in (
        (["x,1,1,1,1,1", "2024-01-03,1,0,1,1,1"], r"every row would be dropped, the first, row 2: the time is not"),
        (GOOD[::-1], r"row 3: most times of x go back; sort each symbol's rows oldest first"),
    ):
        with pytest.raises(DataError, match=message):
            library.add(write(folder, "x.csv", lines), "x", bad_rows="drop")
    with pytest.raises(DataError, match="no treatment of bad rows 'dorp'; did you mean 'drop'"):
        library.add(write(folder, "x.csv", GOOD), "x", bad_rows="dorp")


def test_one_epoch_far_out_does_not_change_what_the_others_mean(library, folder):
    stamps = [1704153600, 253402300799, 1704240000, 10**40, 1704326400]
    path = write(folder, "x.csv", [f"{stamp},1,1,1,1,1" for stamp in stamps])
    assert library.add(path, "x", bad_rows="drop").first == "2024-01-02"
    assert [row.reason for row in library.dropped("x")] == ["an epoch beyond the year 2262"] * 2


def test_what_was_dropped_is_that_of_the_last_adding_and_of_its_version(library, folder):
    first = library.add(write(folder, "x.csv", [*GOOD, "bad,1,1,1,1,1"]), "x", bad_rows="drop")
    library.add(write(folder, "x.csv", [*GOOD[:2], "worse,1,1,1,1,1", "no,1,1,1,1,1"]), "x", bad_rows="drop")
    assert [row.text[:3] for row in library.dropped("x")] == ["wor", "no,"]
    assert [row.text[:3] for row in library.dropped("x@1")] == ["bad"] and library.get("x").version == 2
    library.add(write(folder, "x.csv", GOOD), "x")
    assert library.dropped(first.hash) == () and library.get("x").version == 3
    list_of = library.folder / f"{library.get('x@2').hash}.dropped.parquet"
    list_of.write_bytes(list_of.read_bytes()[:-8])
    with pytest.raises(DataError, match="the list of dropped rows is damaged"):
        library.dropped("x@2")
    assert library.market("x@2").close[:, 0].tolist() == [11.0, 12.0], "the bars are as good as before"


def test_the_command_line(tmp_path, folder):
    home = tmp_path / "home"
    for symbol in ("AAPL", "msft"):
        write(folder, f"{symbol}.csv", [*GOOD, "2024-01-05,11,9,10,12,200"], HEADER.replace("Close", "PX_LAST"))
    add = ("data", "add", f"{folder}/*.csv", "--name", "x", "--map", "close=PX_LAST")
    assert "use --symbol-from filename" in bulkhead(home, *add).err
    assert "AAPL.csv: row 5: the high is below" in bulkhead(home, *add, "--symbol-from", "filename").err
    told = bulkhead(home, *add, "--symbol-from", "filename", "--bad-rows", "drop")
    assert told.code == 0 and "2 rows dropped: 2 × the high is below the low" in told.out
    told = bulkhead(home, *add, "--symbol-from", "filename", "--bad-rows", "drop", "--json")
    assert told.json["symbols"] == ["AAPL", "msft"] and told.json["version"] == 1
    assert told.json["dropped"] == {"rows": 2, "reasons": {"the high is below the low": 2}}
    assert {d["name"]: d["dropped"]["rows"] for d in bulkhead(home, "data", "list", "--json").json}["x"] == 2
    checked = bulkhead(home, "data", "check", "x@1", "--json").json
    assert checked["dropped"]["list"][1] == {
        "file": "msft.csv",
        "row": 5,
        "reason": "the high is below the low",
        "text": "2024-01-05,11,9,10,12,200",
    }
    assert "2024-01-05,11,9,10,12,200" in bulkhead(home, "data", "check", "x").out
    first, second = str(folder / "AAPL.csv"), str(folder / "msft.csv")
    several = ("data", "add", first, second, *add[3:], "--symbol-from", "filename", "--bad-rows", "drop", "--json")
    assert bulkhead(home, *several).json["hash"] == told.json["hash"]
