"""Intraday times of a user's files: local clocks over their changes, opens and closes of bars, exchange time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.datasets import DatasetLibrary
from engine.errors import DataError

ZONE = "America/New_York"
MINUTE = timedelta(minutes=1)
#: Around both changes of the clocks in New York in 2024 (10 March, 3 November): every minute of three days each.
CHANGES = (datetime(2024, 3, 9, 5, tzinfo=UTC), datetime(2024, 11, 2, 4, tzinfo=UTC))
INSTANTS = [start + k * MINUTE for start in CHANGES for k in range(3 * 1440)]


@pytest.fixture
def library(tmp_path: Path) -> DatasetLibrary:
    return DatasetLibrary(tmp_path / "home")


def write(folder: Path, stamps: list[str], name: str = "bars.csv") -> Path:
    path = folder / name
    lines = [f"{stamp},{100 + k % 50},{200},{50},{100 + k % 49},{k}" for k, stamp in enumerate(stamps)]
    path.write_text("\n".join(["Date,Open,High,Low,Close,Volume", *lines]) + "\n")
    return path


def local(instants: list[datetime], zone: str = ZONE) -> list[str]:
    return [f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for instant in instants]


def nanoseconds(instants: list[datetime]) -> list[int]:
    return [int(instant.timestamp()) * 10**9 for instant in instants]


def test_every_minute_over_both_changes_of_the_clocks_comes_back(library, tmp_path):
    stamps = local(INSTANTS)
    assert len(set(stamps)) == len(stamps) - 60, "one hour stands twice"
    assert not any(stamp.startswith("2024-03-10 02") for stamp in stamps), "and one is missing"
    dataset = library.add(write(tmp_path, stamps), "x", tz=ZONE)
    market = library.market("x")
    assert market.time.tolist() == nanoseconds(INSTANTS)
    assert market.volume[:, 0].tolist() == list(range(len(INSTANTS)))
    assert (dataset.zone, dataset.frequency) == (ZONE, "1min")
    sessions = np.bincount(market.session)
    assert sessions.tolist() == [1440, 1380, 1440, 60, 1440, 1500, 1380]


def test_closes_are_stored_as_opens(library, tmp_path):
    opens = library.add(write(tmp_path, local(INSTANTS)), "opens", tz=ZONE)
    closes = write(tmp_path, local([instant + MINUTE for instant in INSTANTS]))
    dataset = library.add(closes, "closes", tz=ZONE, stamp="close", symbol="opens")
    assert dataset.hash == opens.hash
    with pytest.raises(DataError, match="no meaning of a time stamp 'clsoe'; did you mean 'close'"):
        library.add(closes, "x", tz=ZONE, stamp="clsoe")


def test_the_bar_length_is_that_of_a_symbols_own_bars(library, tmp_path):
    """Two symbols of hourly bars, half an hour apart; a night between the bars is no length."""
    path = tmp_path / "two.csv"
    rows = [f"2024-01-{day:02}T{hour:02}:{minute}Z,1,1,1,1,{name}" for name, minute in (("A", "00"), ("B", "30"))
            for day in (2, 3) for hour in (15, 16, 17)]  # fmt: skip
    path.write_text("\n".join(["time,open,high,low,close,symbol", *rows]))
    library.add(path, "x", stamp="close")
    first = library.market("x").time[:2].view("datetime64[ns]").astype(str)
    assert [text[:16] for text in first] == ["2024-01-02T14:00", "2024-01-02T14:30"]


def test_daily_bars_have_neither_open_nor_close(library, tmp_path):
    with pytest.raises(DataError, match="daily and slower bars are known by their date"):
        library.add(write(tmp_path, ["2024-01-02", "2024-01-03"]), "x", stamp="close")


NIGHT = ["2024-11-03 00:30", "2024-11-03 01:00", "2024-11-03 01:30", "2024-11-03 02:00", "2024-11-03 02:30"]


def test_what_order_cannot_tell_is_refused_or_dropped(library, tmp_path):
    once = write(tmp_path, NIGHT)
    with pytest.raises(DataError, match=r"row 3: 2024-11-03 01:00:00 came twice in America/New_York"):
        library.add(once, "x", tz=ZONE)
    library.add(once, "x", tz=ZONE, bad_rows="drop")
    assert [(row.row, row.text[:16]) for row in library.dropped("x")] == [(3, NIGHT[1]), (4, NIGHT[2])]
    assert library.market("x").time[:2].tolist() == nanoseconds(
        [datetime(2024, 11, 3, 4, 30, tzinfo=UTC), datetime(2024, 11, 3, 7, tzinfo=UTC)]
    )
    missing = write(tmp_path, ["2024-03-10 01:00", "2024-03-10 01:30", "2024-03-10 02:00", "2024-03-10 03:00"])
    with pytest.raises(DataError, match=r"row 4: 2024-03-10 02:00:00 does not exist in America/New_York"):
        library.add(missing, "y", tz=ZONE)
    library.add(missing, "y", tz=ZONE, bad_rows="drop")
    assert [row.reason for row in library.dropped("y")] == ["a time that does not exist in America/New_York"]


def test_each_symbol_and_each_file_passes_through_the_doubled_hour_itself(library, tmp_path):
    night = [datetime(2024, 11, 3, 4, tzinfo=UTC) + 30 * k * MINUTE for k in range(10)]
    write(tmp_path, local(night), "A.csv")
    write(tmp_path, local(night), "B.csv")
    library.add(str(tmp_path / "?.csv"), "x", tz=ZONE, symbol_from="filename")
    market = library.market("x")
    assert market.time.tolist() == nanoseconds(night) and market.valid.all()


def test_a_change_of_half_an_hour(library, tmp_path):
    instants = [datetime(2024, 4, 6, 12, tzinfo=UTC) + 10 * k * MINUTE for k in range(60)]
    library.add(write(tmp_path, local(instants, "Australia/Lord_Howe")), "x", tz="Australia/Lord_Howe")
    assert library.market("x").time.tolist() == nanoseconds(instants)
