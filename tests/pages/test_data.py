"""The page of datasets in its states: new home, chosen, stale, many versions, damaged, and adding a file."""

import html
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import navigation
from app.services import adding
from app.services.adding import Upload, Wanted
from app.services.home import Home
from tests.pages.conftest import Open, address, said, shown

GOOD = (
    "Date,Open,High,Low,Close,Volume\n2024-01-02,10,12,9,11,100\n2024-01-03,11,12,10,12,200\n2024-01-04,12,13,11,12,3\n"
)
EVIL = "<img src=x onerror=alert(1)>**b**"


def names(app: AppTest) -> list[str]:
    return app.dataframe[0].value["Name"].tolist()


def test_a_new_home_knows_the_samples(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path, "data")
    assert names(app) == ["sp500", "us-tech"]
    assert "<h2>sp500</h2>" in said(app) and app.get("plotly_chart")


def test_the_dataset_of_the_address(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path, "data", dataset="us-tech")
    text = said(app)
    assert "<h2>us-tech</h2>" in text and "public domain, as declared by Quandl" in text
    assert "Four winners, known to have survived" in text
    assert app.selectbox[0].options == ["AAPL", "GOOG", "IBM", "MSFT"]
    found = next(frame.value for frame in app.dataframe if "time" in frame.value)
    market = Home(tmp_path).datasets.market("us-tech")
    assert found["close"].tolist() == market.close[:8, 0].tolist()


def test_what_looks_odd_is_said_in_words(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path, "data", dataset="sp500")
    assert "The open is the previous close: sp500 48 % of bars; a fill at the next open is then" in said(app)
    report = Home(tmp_path).datasets.check("sp500")
    assert any(len(frame.value) == len(report.findings) and "Detail" in frame.value for frame in app.dataframe)


@pytest.mark.parametrize("asked", ["nothing", EVIL, "x" * 5_000, "", "../..", "ffffffffff"])
def test_a_stale_address_is_said(page: Open, tmp_path: Path, asked: str) -> None:
    app = page(tmp_path, "data", dataset=asked)
    assert 'role="status">No dataset' in said(app) and "<img" not in said(app)
    assert names(app) == ["sp500", "us-tech"] and not app.get("plotly_chart")


def upload(app: AppTest, text: str, name: str = "gold.csv") -> AppTest:
    return shown(app.file_uploader[0].set_value((name, text.encode(), "text/csv")).run())


def stored(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "datasets").glob("*") if path.is_file() and path.name != ".lock")


def test_a_file_is_reported_and_then_added(page: Open, tmp_path: Path) -> None:
    app = upload(page(tmp_path, "data"), GOOD)
    text = said(app)
    assert "3, none refused" in text and "Adding it makes a new dataset, &#x27;gold&#x27;." in text
    assert "gold" not in names(app)
    button = next(button for button in app.button if button.label == "Add")
    shown(button.click().run())
    assert address(app, "dataset") == "gold" and names(app) == ["gold", "sp500", "us-tech"]
    assert "Added: gold, version 1 (3 bars)." in said(app) and "<h2>gold</h2>" in said(app)
    assert not list((tmp_path / "tmp").iterdir())


def test_a_refused_file_leaves_nothing(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path, "data")
    before = stored(tmp_path)
    upload(app, GOOD.replace("11,12,10,12,200", "11,9,10,12,200"))
    assert "It would be refused. gold.csv: row 3: the high is below the low" in said(app)
    assert not [button for button in app.button if button.label == "Add"]
    assert stored(tmp_path) == before and not list((tmp_path / "tmp").iterdir())


def test_columns_are_chosen(page: Open, tmp_path: Path) -> None:
    app = upload(page(tmp_path, "data"), GOOD.replace("Date", "Day").replace("Close", "Last Price"))
    assert "choose the column for the time" in said(app)
    boxes = {box.label: box for box in app.selectbox}
    assert boxes["Column: open"].value == 1 and boxes["Column: time"].value is None
    boxes["Column: time"].set_value(0)
    boxes["Column: close"].set_value(4)
    shown(app.run())
    assert "3, none refused" in said(app)


def test_intraday_times_need_a_zone(page: Open, tmp_path: Path) -> None:
    rows = "".join(f"2024-01-02 09:{minute},10,12,9,11,100\n" for minute in range(30, 40))
    app = upload(page(tmp_path, "data"), "Date,Open,High,Low,Close,Volume\n" + rows)
    assert "row 2: intraday times without a zone; say where they were taken, by choosing their time zone" in said(app)
    next(box for box in app.selectbox if box.label == "Time zone").set_value("America/New_York")
    shown(app.run())
    assert "2024-01-02T14:30:00Z" in said(app) and "in America/New_York" in said(app)


def test_what_was_typed_last_is_added(page: Open, tmp_path: Path) -> None:
    """A name that is typed and followed by a click at once reaches the page with the click."""
    app = upload(page(tmp_path, "data"), GOOD)
    next(box for box in app.text_input if box.label == "Name").set_value("silver")
    shown(next(button for button in app.button if button.label == "Add").click().run())
    assert names(app) == ["silver", "sp500", "us-tech"]


def test_another_file_has_a_form_of_its_own(page: Open, tmp_path: Path) -> None:
    app = upload(page(tmp_path, "data"), GOOD)
    upload(app, GOOD, "silver bars.csv")
    assert next(box.value for box in app.text_input if box.label == "Name") == "silver-bars"


def test_a_name_that_is_there_gets_a_version(page: Open, tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = adding.add(home, Upload("gold.csv", GOOD.encode()), Wanted("gold"))
    app = upload(page(tmp_path, "data", dataset="gold"), GOOD.replace("13", "14"))
    assert "version 2 of &#x27;gold&#x27;; runs on the versions before keep theirs" in said(app)
    shown(next(button for button in app.button if button.label == "Add").click().run())
    assert "<h2>gold · version 2</h2>" in said(app)
    versions = next(box for box in app.selectbox if box.label == "Version")
    shown(versions.set_value(first.hash).run())
    assert address(app, "dataset") == first.hash and "<h2>gold</h2>" in said(app)
    assert "<h2>gold</h2>" in said(page(tmp_path, "data", dataset=first.hash))


def test_hostile_symbols_and_file_names(page: Open, tmp_path: Path) -> None:
    text = "Date,Open,High,Low,Close,Ticker\n" + "".join(
        f'2024-01-{day:02},10,12,9,{10 + day % 2},"{EVIL}"\n' for day in range(2, 20)
    )
    app = upload(page(tmp_path, "data"), text, f"{EVIL}.csv")
    next(box for box in app.text_input if box.label == "Name").set_value("evil")
    shown(app.run())
    shown(next(button for button in app.button if button.label == "Add").click().run())
    assert html.escape(EVIL) in said(app) and "<img" not in said(app)
    assert "<img" not in app.get("plotly_chart")[0].proto.spec
    upload(app, "nonsense", f"{EVIL}.csv")
    assert "<img" not in said(app) and html.escape(EVIL) in said(app)


def test_a_damaged_dataset_is_named_and_the_others_shown(page: Open, tmp_path: Path) -> None:
    added = adding.add(Home(tmp_path), Upload("gold.csv", GOOD.encode()), Wanted("gold"))
    (tmp_path / "datasets" / f"{added.hash}.parquet").write_bytes(b"PAR1 nothing")
    app = page(tmp_path, "data")
    assert "gold: " in said(app) and "the stored dataset is damaged" in said(app)
    assert names(app) == ["sp500", "us-tech"]
    assert "is damaged" in said(page(tmp_path, "data", dataset="gold"))


def test_damaged_names_are_one_line(page: Open, tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "names.json").write_text("{")
    app = page(tmp_path, "data")
    assert "this list of names is damaged" in said(app) and not app.dataframe


def test_an_experiment_on_it(page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(navigation, "open_experiment", lambda **start: asked.append(start))
    page(tmp_path, "data", dataset="us-tech").button("use").click().run()
    assert asked == [{"dataset": "us-tech"}]
