"""The page of datasets in its states: new home, chosen, stale, many versions, damaged, and adding a file."""

import html
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import navigation
from app.components import adding as adding_form
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


def box(app: AppTest, label: str):
    return next(box for box in (*app.selectbox, *app.multiselect) if box.label == label)


def press(app: AppTest, label: str) -> AppTest:
    return shown(next(button for button in app.button if button.label == label).click().run())


def test_times_may_be_those_of_closes_and_bars_are_shown_in_the_exchanges_time(page: Open, tmp_path: Path) -> None:
    rows = "".join(f"2024-01-02 09:{minute}:00,10,12,9,11,100\n" for minute in range(31, 40))
    app = upload(page(tmp_path, "data"), "Date,Open,High,Low,Close,Volume\n" + rows)
    box(app, "Time zone").set_value("America/New_York")
    box(app, "Times say").set_value("close")
    shown(app.run())
    assert "2024-01-02T14:30:00Z to" in said(app)
    press(app, "Add")
    bars = next(frame.value for frame in app.dataframe if "time" in frame.value)
    assert bars["time"].astype(str).tolist()[0] == "2024-01-02 09:30:00"
    daily = upload(page(tmp_path, "data"), GOOD)
    box(daily, "Times say").set_value("close")
    shown(daily.run())
    assert "which is neither their open nor their close; choose that times say when the bar opens" in said(daily)


def test_bad_rows_are_dropped_when_chosen_and_listed(page: Open, tmp_path: Path) -> None:
    bad = GOOD + f"2024-01-05,1,1,{EVIL},1,1\n2024-01-05,3,2,1,1,1\n2024-01-06,1,2,3,1,1\n"
    app = upload(page(tmp_path, "data"), bad)
    assert "It would be refused. gold.csv: row 5: low: " in said(app)
    box(app, "Bad rows").set_value("drop")
    shown(app.run())
    assert "4, 2 dropped" in said(app) and "2 rows dropped: 1 × low: not a number; 1 × the high is below" in said(app)
    press(app, "Add")
    assert "2 rows dropped" in said(app) and "<img" not in said(app)
    rows = next(frame.value for frame in app.dataframe if "What it said" in frame.value)
    assert rows["File"].tolist() == ["gold.csv"] * 2 and rows["Row"].tolist() == [5, 7]
    assert "2024-01-06,1,2,3,1,1" in rows["What it said"].tolist()
    assert dict(zip(names(app), app.dataframe[0].value["Dropped rows"], strict=True))["gold"] == 2
    (list_of,) = (tmp_path / "datasets").glob("*.dropped.parquet")
    list_of.write_bytes(b"PAR1")
    assert "the list of dropped rows is damaged" in said(page(tmp_path, "data"))
    assert names(page(tmp_path, "data")) == ["gold", "sp500", "us-tech"]


def test_splits_dividends_and_features_are_chosen_from_columns(page: Open, tmp_path: Path) -> None:
    header = "Date,Open,High,Low,Close,Volume,Stock Splits,Paid,P/E,Known,Note"
    days = [f"2024-01-0{day},10,12,9,11,1,{split},{paid},{pe},2024-01-04,a" for day, split, paid, pe in
            ((2, 0, 0.5, 15), (3, 2, 0, 16), (4, 1, 0, 17))]  # fmt: skip
    app = upload(page(tmp_path, "data"), "\n".join([header, *days]))
    assert box(app, "Column: split").value == 6 and box(app, "Column: dividend").value is None
    assert "1 split" in said(app) and "1 dividend" not in said(app)
    box(app, "Column: dividend").set_value(7)
    box(app, "Features").set_value(["p_e"])
    shown(app.run())
    box(app, "Features are known from").set_value("Known")
    shown(app.run())
    assert "1 split, 1 dividend" in said(app) and "p_e" in said(app)
    press(app, "Add")
    row = app.dataframe[0].value.set_index("Name").loc["gold"]
    assert (row["Splits"], row["Dividends"], row["Features"]) == (1, 1, 1)
    market = Home(tmp_path).datasets.market("gold")
    assert market.features["p_e"][2, 0] == 17 and market.features["p_e"][:2, 0].tolist() != [15, 16]
    assert next(frame.value for frame in app.dataframe if "time" in frame.value)["p_e"].tolist()[2] == 17


def test_a_column_that_is_chosen_away_is_left_out(page: Open, tmp_path: Path) -> None:
    text = "\n".join(f"{line},{cell}" for line, cell in zip(GOOD.split(), ("split", "1", "2", "1"), strict=True))
    app = upload(page(tmp_path, "data"), text)
    box(app, "Prices").set_value("split")
    shown(app.run())
    assert "row 3: a split in prices that hold splits already" in said(app)
    assert "or choose no column for the split" in said(app)
    box(app, "Column: split").set_value(adding_form.NONE)
    shown(app.run())
    assert "3, none refused" in said(app) and "Corporate actions" not in said(app)


def test_a_version_of_the_address(page: Open, tmp_path: Path) -> None:
    home = Home(tmp_path)
    adding.add(home, Upload("gold.csv", GOOD.encode()), Wanted("gold"))
    adding.add(home, Upload("gold.csv", GOOD.replace("13", "14").encode()), Wanted("gold"))
    assert "<h2>gold</h2>" in said(page(tmp_path, "data", dataset="gold@1"))
    assert "<h2>gold · version 2</h2>" in said(page(tmp_path, "data", dataset="gold@2"))
    assert 'role="status">No version' in said(page(tmp_path, "data", dataset="gold@3"))


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


def test_an_experiment_on_a_version_shows_that_versions_bars(page: Open, tmp_path: Path) -> None:
    first = adding.add(Home(tmp_path), Upload("gold.csv", GOOD.encode()), Wanted("gold"))
    adding.add(Home(tmp_path), Upload("gold.csv", GOOD.replace("13", "14").encode()), Wanted("gold"))
    app = page(tmp_path, "experiment", dataset="gold@1")
    assert first.hash[:12] in said(app) and "not there" not in str(app.selectbox[0].options)
    assert 'dataset = "gold@1"' in app.text_area("toml").value
