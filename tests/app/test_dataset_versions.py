"""Versions of a dataset: named NAME@VERSION wherever data is read, and compared bar by bar."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.datasets import DatasetLibrary
from app.services import running
from app.services.home import Home
from engine.errors import DataError
from tests.app.small import bulkhead

HEADER = "Date,Open,High,Low,Close,Volume,Ticker"
ROWS = [f"2024-01-0{day},10,12,9,11,{day},{symbol}" for symbol in "AB" for day in (2, 3, 4)]


@pytest.fixture
def library(tmp_path: Path) -> DatasetLibrary:
    return DatasetLibrary(tmp_path / "home")


def write(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    path = folder / "bars.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def three(library: DatasetLibrary, tmp_path: Path) -> list[str]:
    """Hashes of versions: two symbols; one value of A changed, its last bar gone and one of B new; a column more."""
    second = [ROWS[0], ROWS[1].replace("10,12,9,11,3", "10,13,9,11,3.5"), *ROWS[3:], "2024-01-05,1,1,1,1,1,B"]
    third = [f"{row},{place % 2},{place or ''}" for place, row in enumerate(second)]
    return [
        library.add(write(tmp_path, ROWS), "x").hash,
        library.add(write(tmp_path, second), "x").hash,
        library.add(write(tmp_path, third, f"{HEADER},Dividend,pe"), "x", features={"pe": ""}).hash,
    ]


def test_a_version_is_named_with_its_number(library, three):
    for number, hash in enumerate(three, 1):
        found = library.get(f"x@{number}")
        assert (found.name, found.version, found.hash) == ("x", number, hash)
        assert library.market(f"x@{number}").dataset == library.check(f"x@{number}").dataset == hash
    assert library.get("x").hash == three[2] and library.get("us-tech@1").version == 1
    for wanted, message in (
        ("x@4", "no version '4' of 'x'; it has the versions 1 to 3"),
        ("x@0", "no version '0' of 'x'"),
        ("x@", "no version '' of 'x'"),
        ("x@-1", "no version '-1' of 'x'"),
        ("us-tech@2", "no version '2' of 'us-tech'; it has only version 1"),
        ("us-tch@1", "no dataset 'us-tch'; did you mean 'us-tech'?"),
        ("@1", "no dataset ''"),
    ):
        with pytest.raises(DataError, match=message):
            library.get(wanted)


def test_the_difference_of_two_versions(library, three):
    found = library.difference("x@1", "x@2")
    assert (found.added, found.removed, found.changed, found.values, found.same) == (1, 1, 1, 2, False)
    assert [tuple(getattr(c, name) for name in c.__slots__) for c in found.changes] == [
        ("changed", "A", "2024-01-03", "high", 12.0, 13.0),
        ("changed", "A", "2024-01-03", "volume", 3.0, 3.5),
        ("removed", "A", "2024-01-04", "close", 11.0, None),
        ("added", "B", "2024-01-05", "close", None, 1.0),
    ]
    assert (found.old.version, found.new.version) == (1, 2)
    back = library.difference("x@2", "x@1")
    assert [(c.what, c.old, c.new) for c in back.changes[2:]] == [("added", None, 11.0), ("removed", 1.0, None)]
    assert library.difference("x@2", three[1]).same


def test_actions_and_features_differ_too(library, three):
    found = library.difference("x")
    assert (found.old.version, found.new.version) == (2, 3)
    assert (found.added, found.removed, found.changed) == (0, 0, 5)
    assert [(c.symbol, c.time, c.column, c.new) for c in found.changes][:3] == [
        ("A", "2024-01-03", "dividend", 1.0),
        ("A", "2024-01-03", "pe", 1.0),
        ("B", "2024-01-02", "pe", 2.0),
    ]
    assert (
        len(library.difference("x", limit=1).changes) == 1 and library.difference("x", limit=1).values == found.values
    )


def test_what_is_compared_when_one_is_named(library, three, tmp_path):
    def pair(*names):
        found = library.difference(*names, limit=0)
        return found.old.version, found.new.version

    assert pair("x") == pair("x@3") == (2, 3)
    assert pair("x@1") == pair(three[0]) == (1, 3)
    for alone in ("us-tech", "us-tech@1"):
        with pytest.raises(DataError, match=f"'{alone}' has no other version to be compared with"):
            library.difference(alone)
    other = library.difference("x", "us-tech", limit=5)
    assert other.described == {"adjustment": ("raw", "total_return")} and not other.same
    assert (other.removed, other.added) == (6, library.market("us-tech").valid.sum())


def test_a_difference_of_random_versions_is_what_pandas_finds(library, tmp_path):
    generator = np.random.default_rng(3)
    frames = []
    for _ in range(2):
        days = pd.date_range("2024-01-01", periods=40)[generator.random(40) < 0.8]
        frame = pd.DataFrame({"Date": np.repeat(days, 2), "Ticker": ["A", "B"] * len(days)})
        for name in ("Open", "High", "Low", "Close"):
            frame[name] = generator.integers(1, 3, len(frame)).astype(float)
        frame["High"] = 3.0
        frame["Low"] = 1.0
        frame = frame[generator.random(len(frame)) < 0.9].sort_values(["Ticker", "Date"])
        frame.to_csv(tmp_path / "bars.csv", index=False)
        library.add(tmp_path / "bars.csv", "x")
        frames.append(frame.set_index(["Ticker", "Date"]))
    old, new = frames
    both = old.index.intersection(new.index)
    unequal = old.loc[both] != new.loc[both]
    found = library.difference("x")
    assert (found.added, found.removed) == (len(new.index.difference(old.index)), len(old.index.difference(new.index)))
    assert (found.changed, found.values) == (unequal.any(axis=1).sum(), unequal.to_numpy().sum())
    assert len(found.changes) == found.values + found.added + found.removed
    assert sorted(found.changes, key=lambda c: (c.symbol, c.time)) == list(found.changes)


def test_the_command_line(library, three, tmp_path):
    home = library.folder.parent
    told = bulkhead(home, "data", "diff", "x@1", "x@2")
    assert told.code == 1
    assert "1 bar changed (2 values), 1 added, 1 removed" in told.out
    assert "2024-01-03" in told.out and "13.0" in told.out
    assert told.out.index("changed") < told.out.index("2024-01-03"), "counts first"
    assert (
        "1 of 4; more with --limit, all with --json" in bulkhead(home, "data", "diff", "x@1", "x@2", "--limit", "1").out
    )
    document = bulkhead(home, "data", "diff", "x@1", "x@2", "--json")
    assert document.code == 1 and (document.json["added"], document.json["same"]) == (1, False)
    assert document.json["changes"][3] == {
        "what": "added", "symbol": "B", "time": "2024-01-05", "column": "close", "old": None, "new": 1.0,
    }  # fmt: skip
    same = bulkhead(home, "data", "diff", "x@2", three[1])
    assert same.code == 0 and "no difference" in same.out
    for wrong in (("y",), ("x", "y"), ("x@9",), ("us-tech",)):
        told = bulkhead(home, "data", "diff", *wrong)
        assert told.code == 2 and told.err.startswith("error: ") and told.err.count("\n") == 1


def test_an_experiment_may_name_a_version(library, three):
    home = Home(library.folder.parent)
    text = '[experiment]\nname = "v"\n[data]\ndataset = "x@{}"\n[[strategy]]\nkind = "buy_and_hold"\n'
    for number, hash in enumerate(three, 1):
        assert running.check(home, text.format(number)).plan.market.dataset == hash
    with pytest.raises(DataError, match="no version '9' of 'x'"):
        running.check(home, text.format(9))
