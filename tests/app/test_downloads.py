"""Files of a container: they hold what its tables hold, nothing that is covered, and no formula."""

import io

import pandas as pd
import pytest

from app.services import downloads
from app.services.home import Home
from app.services.reading import Reading, read
from tests.app.small import SMALL, bulkhead, write


@pytest.fixture(scope="module")
def reading(tmp_path_factory) -> Reading:
    folder = tmp_path_factory.mktemp("downloads")
    text = SMALL.replace('kind = "ma_cross"', 'kind = "ma_cross"\nname = "_cross"')
    assert bulkhead(folder, "run", write(folder, text), "--workers", "1").code == 0
    return read(Home(folder), 1, 1)


def loaded(reading: Reading, table: str, form: str, stop: int) -> pd.DataFrame:
    file = io.BytesIO(downloads.content(reading, table, form, stop))
    return pd.read_csv(file) if form == "csv" else pd.read_parquet(file)


@pytest.mark.parametrize("form", downloads.FORMS)
def test_files_hold_what_the_tables_hold(reading: Reading, form: str) -> None:
    bars = len(reading.market.time)
    events = loaded(reading, "events", form, bars)
    assert events["seq"].tolist() == list(range(len(reading.log)))
    assert events["kind"].tolist() == reading.trace()["kind"].tolist()
    equity = loaded(reading, "equity", form, bars)
    assert equity["equity"].tolist() == reading.account.equity.tolist()
    assert pd.to_datetime(equity["time"], utc=True).tolist() == reading.equity()["time"].tolist()
    trades = loaded(reading, "trades", form, bars)
    assert trades["profit"].tolist() == reading.account.trades["profit"].tolist()


@pytest.mark.parametrize("form", downloads.FORMS)
def test_what_is_covered_is_in_no_file(reading: Reading, form: str) -> None:
    stop = reading.test
    assert loaded(reading, "events", form, stop)["bar"].max() < stop
    assert len(loaded(reading, "equity", form, stop)) == stop - reading.first
    found = loaded(reading, "trades", form, stop)
    assert 0 < len(found) < len(reading.account.trades) and found["exit_bar"].max() < stop
    assert downloads.name(reading, "trades", form, stop) == f"run-1-container-1-trades-before-held-out.{form}"
    assert downloads.name(reading, "trades", form, len(reading.market.time)) == f"run-1-container-1-trades.{form}"


def test_no_cell_is_a_formula_and_numbers_stay_numbers() -> None:
    texts = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "x=1", None]
    frame = pd.DataFrame({"text": texts, "value": [-1.5, 2.0, *[0.0] * 6], "whole": range(-4, 4)})
    safe = downloads.safe(frame)
    assert safe["text"].tolist()[:7] == ["'=1+1", "'+x", "'-x", "'@x", "'\tx", "'\rx", "x=1"]
    assert pd.isna(safe["text"].iloc[7])
    assert safe[["value", "whole"]].equals(frame[["value", "whole"]])
    assert frame["text"].iloc[0] == "=1+1", "what was given is not changed"


def test_a_symbol_that_is_a_formula_is_text_in_a_csv(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(downloads.TABLES, "events", lambda *_: pd.DataFrame({"symbol": ["=cmd|' /C calc'!A0"]}))
    assert downloads.content(reading, "events", "csv", 1).decode().splitlines()[1] == "'=cmd|' /C calc'!A0"
    told = pd.read_parquet(io.BytesIO(downloads.content(reading, "events", "parquet", 1)))
    assert told["symbol"].tolist() == ["=cmd|' /C calc'!A0"]
