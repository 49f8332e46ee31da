"""From a user's file to a stored dataset: what is read, what is refused, what is kept."""

import gzip
import importlib.util
import multiprocessing
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.datasets import DatasetLibrary, parse_mapping, storage
from app.datasets.library import SAMPLES
from engine.errors import DataError
from engine.market.dataset import describe
from engine.market.market import COLUMNS

HEADER = "Date,Open,High,Low,Close,Volume"
GOOD = ["2024-01-02,10,12,9,11,100", "2024-01-03,11,12,10,12,200", "2024-01-04,12,13,11,12.5,300"]


def csv(folder: Path, lines: list[str], header: str = HEADER, name: str = "bars.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


#: Shares traded, as the source has them.
VOLUMES = {
    ("AAPL", "2000-06-20"): 4_476_700,
    ("AAPL", "2000-06-21"): 4_375_000,
    ("AAPL", "2005-02-25"): 16_348_400,
    ("AAPL", "2005-02-28"): 11_635_900,
    ("MSFT", "2003-02-14"): 45_223_200,
    ("MSFT", "2003-02-18"): 28_707_750,
    ("IBM", "2000-03-01"): 10_807_800,
}


@pytest.fixture
def library(tmp_path: Path) -> DatasetLibrary:
    return DatasetLibrary(tmp_path / "home")


# reading


def test_a_single_symbol_takes_the_datasets_name(library, tmp_path):
    dataset = library.add(csv(tmp_path, GOOD), "gold")
    assert (dataset.symbols, dataset.name, dataset.version, dataset.bars) == (("gold",), "gold", 1, 3)
    assert (dataset.first, dataset.last, dataset.frequency, dataset.adjustment) == (
        "2024-01-02",
        "2024-01-04",
        "1d",
        "raw",
    )
    market = library.market("gold")
    assert market.close[:, 0].tolist() == [11.0, 12.0, 12.5] and market.dataset == dataset.hash
    assert library.add(csv(tmp_path, GOOD), "gold2", symbol="XAU", adjustment="split").symbols == ("XAU",)


@pytest.mark.parametrize(
    "header",
    [
        "date,o,h,l,c,v",
        "TIMESTAMP,OPEN,HIGH,LOW,LAST,VOL",
        "Datetime, Open , High,Low,Close,Volume",
        ",Open,High,Low,Close,Volume",
        "Date\tOpen\tHigh\tLow\tClose\tVolume",
        "\ufeffDate;Open;High;Low;Close;Volume",
    ],
)
def test_common_names_and_separators(library, tmp_path, header):
    separator = next(mark for mark in ";\t," if mark in header)
    path = csv(tmp_path, [line.replace(",", separator) for line in GOOD], header)
    assert library.add(path, "x").hash == library.add(csv(tmp_path, GOOD), "x").hash


def test_an_adjusted_close_is_not_the_close(library, tmp_path):
    both = csv(tmp_path, [f"{line},5" for line in GOOD], f"{HEADER},Adj Close")
    assert library.add(both, "x").hash == library.add(csv(tmp_path, GOOD), "x").hash
    alone = csv(tmp_path, GOOD, HEADER.replace("Close", "Adj Close"))
    with pytest.raises(DataError, match="no column for the close; .* --map close='Adj Close'"):
        library.add(alone, "y")
    mapped = library.add(alone, "x", mapping=parse_mapping(["close=Adj Close"]))
    assert mapped.hash == library.get("x").hash


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (["close"], "not NAME=COLUMN"),
        (["colse=Last"], "did you mean 'close'"),
        (["close=Clsoe"], "row 1: no column 'Clsoe' to map to close; did you mean 'Close'"),
    ],
)
def test_bad_mappings(library, tmp_path, mapping, message):
    with pytest.raises(DataError, match=message):
        library.add(csv(tmp_path, GOOD), "x", mapping=parse_mapping(mapping))


def test_two_columns_that_could_be_the_close(library, tmp_path):
    with pytest.raises(DataError, match="'Close' .* and 'close' .* could both be the close"):
        library.add(csv(tmp_path, [f"{line},5" for line in GOOD], f"{HEADER},close"), "x")


def test_long_files_with_symbols_whose_names_look_like_something_else(library, tmp_path):
    lines = [f"{line},{symbol}" for line in GOOD for symbol in ("TRUE", "NA", "7203")]
    dataset = library.add(csv(tmp_path, lines[:-1], f"{HEADER},Ticker"), "asia")
    assert dataset.symbols == ("7203", "NA", "TRUE")
    assert library.market("asia").valid.tolist() == [[True] * 3, [True] * 3, [False, True, True]]
    assert library.market("asia", symbols=["NA"], end="2024-01-03").close[:, 0].tolist() == [11.0, 12.0]
    with pytest.raises(DataError, match="column of symbols"):
        library.add(csv(tmp_path, lines, f"{HEADER},Ticker"), "asia", symbol="X")


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_epochs_by_magnitude(library, tmp_path, unit):
    seconds = [1704153600 + 60 * k for k in range(3)]
    lines = [f"{s * unit}{line[10:]}" for s, line in zip(seconds, GOOD, strict=True)]
    dataset = library.add(csv(tmp_path, lines), "x")
    assert library.market("x").time.tolist() == [s * 10**9 for s in seconds]
    assert (dataset.frequency, dataset.zone) == ("1min", "UTC")


@pytest.mark.parametrize("shape", ["%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y-%m-%dT16:00:00", "%Y-%m-%d 00:00:00-05:00"])
def test_daily_bars_stand_at_midnight_of_their_date(library, tmp_path, shape):
    lines = [f"{datetime(2024, 1, 2 + k):{shape}}{line[10:]}" for k, line in enumerate(GOOD)]
    assert library.add(csv(tmp_path, lines), "x").hash == library.add(csv(tmp_path, GOOD), "x").hash


def test_intraday_bars_are_stored_in_utc(library, tmp_path):
    naive = csv(tmp_path, [f"2024-01-02 09:3{k}{line[10:]}" for k, line in enumerate(GOOD)])
    with pytest.raises(DataError, match="bars.csv: row 2: intraday times without a zone; .* --tz"):
        library.add(naive, "x")
    dataset = library.add(naive, "x", tz="America/New_York")
    assert (dataset.zone, dataset.frequency, dataset.first) == ("America/New_York", "1min", "2024-01-02T14:30:00Z")
    offsets = csv(
        tmp_path, [f"2024-01-02T09:3{k}:00-05:00{line[10:]}" for k, line in enumerate(GOOD)], name="offsets.csv"
    )
    assert library.add(offsets, "x", tz="America/New_York").hash == dataset.hash
    parts = csv(
        tmp_path,
        [f"2024-01-02,09:3{k}{line[10:]}" for k, line in enumerate(GOOD)],
        f"Date,Time{HEADER[4:]}",
        name="parts.csv",
    )
    assert library.add(parts, "x", tz="America/New_York").hash == dataset.hash
    with pytest.raises(DataError, match="did you mean 'America/New_York'"):
        library.add(naive, "x", tz="America/NewYork")
    with pytest.raises(DataError, match="stored with zone 'America/New_York' already"):
        library.add(offsets, "x")


def test_a_parquet_column_with_a_zone_brings_it(library, tmp_path):
    index = pd.date_range("2024-01-02 09:30", periods=3, freq="5min", tz="Europe/Berlin", name="Datetime")
    frame = pd.DataFrame({name: [10.0, 11.0, 12.0] for name in ("Open", "High", "Low", "Close")}, index=index)
    frame.to_parquet(tmp_path / "bars.parquet")
    dataset = library.add(tmp_path / "bars.parquet", "dax")
    assert (dataset.zone, dataset.first, dataset.frequency) == ("Europe/Berlin", "2024-01-02T08:30:00Z", "5min")
    assert library.market("dax").volume.tolist() == [[0.0]] * 3


def test_parquet_indices_dates_and_small_types(library, tmp_path):
    frame = pd.DataFrame({name: np.array([10, 11, 12], dtype="float32") for name in ("Open", "High", "Low", "Close")})
    dates = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"])
    frame.set_index(dates).to_parquet(tmp_path / "index.parquet")
    frame.assign(date=dates.date).to_parquet(tmp_path / "dates.parquet")
    frame.assign(Date=dates.asi8, Volume=pd.array([1, None, 3], dtype="Int64")).to_parquet(tmp_path / "ints.parquet")
    first = library.add(tmp_path / "index.parquet", "x")
    assert library.add(tmp_path / "dates.parquet", "x").hash == first.hash
    library.add(tmp_path / "ints.parquet", "y")
    assert library.market("y").volume[:, 0].tolist() == [1.0, 0.0, 3.0]
    frame.set_index(pd.Index([7, 9, 12])).to_parquet(tmp_path / "numbers.parquet")
    with pytest.raises(DataError, match="row 1: '7' is not an ISO date or an epoch"):
        library.add(tmp_path / "numbers.parquet", "x")


def test_gzip_and_windows_line_ends(library, tmp_path):
    text = "\r\n".join([HEADER, *GOOD, "", ""]).encode()
    (tmp_path / "bars.csv.gz").write_bytes(gzip.compress(text))
    assert library.add(tmp_path / "bars.csv.gz", "x").hash == library.add(csv(tmp_path, GOOD), "x").hash
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(text)[:-12])
    with pytest.raises(DataError, match="cut.csv.gz: it cannot be read"):
        library.add(tmp_path / "cut.csv.gz", "x")


def test_an_epoch_beyond_all_units_is_refused(library, tmp_path):
    with pytest.raises(DataError, match="row 3: an epoch beyond the year 2262"):
        library.add(csv(tmp_path, [f"{stamp},10,11,9,10,1" for stamp in (10**18, 10**19)]), "x")


def local_hours(tmp_path, stamps):
    return csv(tmp_path, [f"{stamp},10,11,9,10,1" for stamp in stamps])


def test_the_doubled_hour_is_told_by_its_order_and_the_missing_one_refused(library, tmp_path):
    night = ["2024-11-03 00:30", "2024-11-03 01:00", "2024-11-03 01:30", "2024-11-03 01:00", "2024-11-03 01:30"]
    library.add(local_hours(tmp_path, [*night, "2024-11-03 02:00"]), "x", tz="America/New_York")
    assert (np.diff(library.market("x").time) == 1800 * 10**9).all()
    with pytest.raises(DataError, match="row 3: 2024-11-03 01:00:00 came twice .* the file has it once"):
        library.add(local_hours(tmp_path, night[:3]), "y", tz="America/New_York")
    with pytest.raises(DataError, match="row 3: 2024-03-10 02:30:00 does not exist in America/New_York"):
        library.add(local_hours(tmp_path, ["2024-03-10 01:30", "2024-03-10 02:30"]), "y", tz="America/New_York")


prices = st.floats(1e-3, 1e9).flatmap(lambda low: st.tuples(st.just(low), st.floats(low, low * 2)))
days = st.dates(datetime(1950, 1, 1).date(), datetime(2100, 1, 1).date())


@st.composite
def long_frames(draw):
    """A long frame of canonical columns: one to three symbols, each with its own dates."""
    rows = []
    for symbol in draw(st.lists(st.sampled_from(["AAPL", "NA", "brk.b"]), min_size=1, unique=True)):
        for day in sorted(draw(st.sets(days, min_size=1, max_size=5))):
            low, high = draw(prices)
            first, last = draw(st.floats(low, high)), draw(st.floats(low, high))
            rows.append((day.isoformat(), symbol, first, high, low, last, draw(st.floats(0, 1e12))))
    return pd.DataFrame(rows, columns=["date", "symbol", *COLUMNS])


@given(long_frames(), st.randoms())
@settings(max_examples=15, deadline=None)
def test_a_round_trip_keeps_every_bit_whatever_the_form_of_the_file(frame, random):
    with TemporaryDirectory() as name:
        folder = Path(name)
        library = DatasetLibrary(folder / "home")
        frame.to_csv(folder / "a.csv", index=False)
        dataset = library.add(folder / "a.csv", "x")
        market = library.market("x")
        for row in frame.itertuples():
            bar, s = market.first_bar(row.date), market.symbols.index(row.symbol)
            assert [getattr(market, name)[bar, s] for name in COLUMNS] == [getattr(row, name) for name in COLUMNS]
        assert market.valid.sum() == len(frame)
        names = list(frame.columns)
        random.shuffle(names)
        other = frame.sort_values("date", kind="stable")[names].rename(columns=random.choice([str.upper, str.title]))
        other.to_parquet(folder / "b.parquet")
        assert library.add(folder / "b.parquet", "x").hash == dataset.hash
        other.to_csv(folder / "c.csv", index=False)
        assert library.add(folder / "c.csv", "y").hash == dataset.hash
        assert library.get("x").version == 1
        stored = library.folder / f"{dataset.hash}.parquet"
        if frame["date"].max() > "1971":  # the magnitude tells an epoch's unit from then on
            assert library.add(stored, "z").hash == dataset.hash, "a stored file can be added itself"


# refusing


@pytest.mark.parametrize(
    ("place", "line", "message"),
    [
        (1, "2024-01-02,11,12,10,12,200", "row 3: the time stands twice"),
        (2, "2024-01-01,11,12,10,12,200", "row 4: the time goes back"),
        (1, "2024-01-03,11,12,,12,200", "row 3: no low"),
        (1, "2024-01-03,11,nan,10,12,200", "row 3: no high"),
        (1, "2024-01-03,inf,12,10,12,200", "row 3: the open is not finite"),
        (1, "2024-01-03,11,9,10,12,200", r"row 3: the high is below the low \(x, 2024-01-03: open 11, high 9, "),
        (0, "2024-01-02,11,12,0,12,200", "row 2: the low is not above zero"),
        (0, "2024-01-02,11,12,-1,12,200", "row 2: the low is not above zero"),
        (2, "2024-01-04,11,12,10,12,-1", "row 4: the volume is negative"),
        (2, "2024-01-04,11,12,10,12,inf", "row 4: the volume is not finite"),
        (1, "2024-01-03,eleven,12,10,12,200", "row 3: open: 'eleven' is not a number"),
        (1, '2024-01-03,"1,100",1200,10,12,200', "row 3: open: '1,100' is not a number"),
        (1, "03.01.2024,11,12,10,12,200", "row 3: '03.01.2024' is not an ISO date or an epoch"),
        (1, ",11,12,10,12,200", "row 3: no time"),
        (1, "2024-01-03,11,12,10,12,200,7", r"row 3: more cells than the header has columns \(6\)"),
        (2, "2024-01-04,11,1", "row 4: no low"),
        (2, "2024-01-04T00:00:00Z,11,12,10,12,200", "row 4: some times carry an offset"),
        (2, "9999-12-31,11,12,10,12,200", "row 4: '9999-12-31' is not an ISO date"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_reason(library, tmp_path, place, line, message):
    lines = [*GOOD[:place], line, *GOOD[place + 1 :]]
    with pytest.raises(DataError, match=message) as caught:
        library.add(csv(tmp_path, lines), "x")
    assert str(caught.value).startswith("bars.csv: ") and "\n" not in str(caught.value)
    assert [dataset.name for dataset in library.list()] == ["sp500", "us-tech"], "nothing is stored"


def test_the_first_bad_row_is_named_and_blank_lines_count(library, tmp_path):
    lines = [GOOD[0], "", "2024-01-03,11,12,-5,12,200", "2024-01-01,11,9,10,12,200"]
    with pytest.raises(DataError, match="row 4: the low is not above zero"):
        library.add(csv(tmp_path, lines), "x")


def test_times_are_judged_within_a_symbol(library, tmp_path):
    lines = [f"{line},{symbol}" for symbol in "BA" for line in GOOD]
    library.add(csv(tmp_path, lines, f"{HEADER},symbol"), "x")
    with pytest.raises(DataError, match=r"row 8: the time stands twice for this symbol \(B, 2024-01-02"):
        library.add(csv(tmp_path, [*lines, lines[0]], f"{HEADER},symbol"), "x")
    with pytest.raises(DataError, match="row 3: no symbol"):
        library.add(csv(tmp_path, [lines[0], f"{GOOD[1]},"], f"{HEADER},symbol"), "x")


def test_files_that_are_none(library, tmp_path):
    whole = tmp_path / "bars.parquet"
    pd.DataFrame({"date": ["2024-01-02"], **{name: [1.0] for name in COLUMNS}}).to_parquet(whole)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole.read_bytes()[:-20])
    for name, content in {"empty.csv": b"", "binary.csv": bytes(range(256)), "fake.parquet": b"Date,Open"}.items():
        (tmp_path / name).write_bytes(content)
    for name, message in {
        "cut.parquet": "cut short",
        "empty.csv": "the file is empty",
        "binary.csv": "neither Parquet nor CSV",
        "fake.parquet": "cannot be read",
        "none.csv": "no such file",
        ".": "cannot be read",
    }.items():
        with pytest.raises(DataError, match=message) as caught:
            library.add(tmp_path / name, "x")
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="bars.csv: no rows"):
        library.add(csv(tmp_path, []), "x")
    with pytest.raises(DataError, match="row 1: no column for the open; .* columns are: Date, Price"):
        library.add(csv(tmp_path, ["2024-01-02,5"], "Date,Price"), "x")


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "a b", "ü", "x" * 65])
def test_names_are_never_paths(library, tmp_path, name):
    with pytest.raises(DataError, match="no name for a dataset"):
        library.add(csv(tmp_path, GOOD), name)
    with pytest.raises(DataError, match="no dataset"):
        library.get(name)


# keeping


def test_a_new_home_knows_the_samples(library):
    assert not library.folder.exists()
    assert [(d.name, d.version, d.symbols[0]) for d in library.list()] == [
        ("sp500", 1, "sp500"),
        ("us-tech", 1, "AAPL"),
    ]
    assert not library.folder.exists(), "looking installs nothing"
    market = library.market("us-tech", symbols=["IBM", "GOOG"])
    assert market.symbols == ("IBM", "GOOG") and market.adjustment == "total_return" and len(market.time) == 3270
    report = library.check("sp500").symbols[0]
    assert report.open_equals_previous_close == pytest.approx(0.398, abs=1e-3)
    assert report.open_near_previous_close == pytest.approx(0.476, abs=1e-3)
    with pytest.raises(DataError, match="no dataset 'us-tch'; did you mean 'us-tech'"):
        library.get("us-tch")


def test_a_sample_is_found_by_its_hash_in_an_empty_home(library, tmp_path):
    hash = DatasetLibrary(tmp_path / "other").get("us-tech").hash
    assert library.market(hash).symbols == ("AAPL", "GOOG", "IBM", "MSFT")


def test_us_tech_is_adjusted_as_its_readme_says(library):
    market = library.market("us-tech")
    assert not [finding for finding in library.check("us-tech").findings if finding.kind == "split"]
    traded = {
        ("AAPL", "2000-06-20"): 4,
        ("AAPL", "2000-06-21"): 2,
        ("AAPL", "2005-02-25"): 2,
        ("AAPL", "2005-02-28"): 1,
    }
    traded |= {("MSFT", "2003-02-14"): 2, ("MSFT", "2003-02-18"): 1, ("IBM", "2000-03-01"): 1}
    for (symbol, day), factor in traded.items():
        bar, s = market.first_bar(day), market.symbols.index(symbol)
        assert market.volume[bar, s] == VOLUMES[symbol, day] * factor
    assert (market.high >= market.close)[market.valid].all() and (market.low <= market.open)[market.valid].all()


def test_the_samples_are_those_that_the_readme_names(library):
    readme = (SAMPLES / "README.md").read_text()
    for dataset in library.list():
        assert f"`{dataset.hash}`" in readme and f"`{dataset.adjustment}`" in readme


def test_the_samples_can_be_made_again():
    pytest.importorskip("arch")
    pytest.importorskip("bokeh_sampledata")
    spec = importlib.util.spec_from_file_location("make", SAMPLES / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    for name, market in {"us-tech": make.us_tech(), "sp500": make.sp500()}.items():
        assert market.dataset == storage.read(SAMPLES / f"{name}.parquet").dataset


def test_other_content_under_a_name_is_a_new_version_and_the_old_one_stays(library, tmp_path):
    first = library.add(csv(tmp_path, GOOD[:2]), "x")
    assert library.add(csv(tmp_path, GOOD[:2]), "x").version == 1
    second = library.add(csv(tmp_path, GOOD), "x")
    assert (second.version, library.get("x").hash) == (2, second.hash)
    old = library.get(first.hash[:12])
    assert (old.name, old.version, old.bars) == ("x", 1, 2)
    assert library.add(csv(tmp_path, GOOD), "sp500").version == 2, "a sample's name too"


def test_damage_is_found_and_adding_again_repairs_it(library, tmp_path):
    path = csv(tmp_path, GOOD)
    dataset = library.add(path, "x")
    stored = library.folder / f"{dataset.hash}.parquet"
    other = library.add(csv(tmp_path, GOOD[:2], name="other.csv"), "y")
    good = stored.read_bytes()
    swapped = (library.folder / f"{other.hash}.parquet").read_bytes()
    table = pd.read_parquet(stored)
    for damage in (good[:-9], b"", swapped):
        stored.write_bytes(damage)
        with pytest.raises(DataError, match=r"damaged|another dataset") as caught:
            library.market("x")
        assert dataset.hash in str(caught.value)
    stored.write_bytes(good[:-9])
    assert "x" not in [known.name for known in library.list()]
    assert len(library.problems()) == 1 and library.problems()[0].startswith("x: ")
    assert library.add(path, "x").hash == dataset.hash
    assert pd.read_parquet(stored).equals(table) and library.problems() == ()
    stored.unlink()
    with pytest.raises(DataError, match="is gone"):
        library.market("x")
    (library.folder / "names.json").write_text("{")
    with pytest.raises(DataError, match="list of names is damaged"):
        library.list()


def test_a_flipped_byte_is_found_or_harmless(library, tmp_path):
    dataset = library.add(csv(tmp_path, GOOD), "x")
    stored = library.folder / f"{dataset.hash}.parquet"
    good, market = stored.read_bytes(), library.market("x")
    found = 0
    for place in range(0, len(good), 5):
        stored.write_bytes(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :])
        try:
            read = library.market("x")
        except DataError:
            found += 1
            continue
        assert describe(read) == describe(market) and read.bars.tobytes() == market.bars.tobytes()
        assert read.session.tobytes() == market.session.tobytes()
    assert found > 100


def test_nothing_half_written_stays(library, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    library.add(csv(tmp_path, GOOD[:2]), "x")
    files = sorted(os.listdir(library.folder))
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DataError, match="cannot be written .No space left"):
        library.add(csv(tmp_path, GOOD), "x")
    assert sorted(os.listdir(library.folder)) == files and library.get("x").bars == 2


def _add(home: Path, path: Path, name: str) -> None:
    for k in range(5):
        DatasetLibrary(home).add(path, f"{name}{k}")


def test_two_processes_add_at_once(library, tmp_path):
    path, home = csv(tmp_path, GOOD), library.folder.parent
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add, args=(home, path, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert [d.name for d in library.list()] == [*(f"{n}{k}" for n in "ab" for k in range(5)), "sp500", "us-tech"]


def test_many_bars_are_quick_enough(library, tmp_path):
    """A year of minutes of one symbol; generous, to catch work by the row in Python."""
    start = datetime(2023, 1, 1, tzinfo=UTC)
    stamps = [f"{start + timedelta(minutes=k):%Y-%m-%dT%H:%M:%SZ},10,11,9,10,1" for k in range(200_000)]
    begun = datetime.now()
    dataset = library.add(csv(tmp_path, stamps), "minutes")
    assert (dataset.frequency, dataset.bars_per_year) == ("1min", 365 * 1440)
    assert library.market("minutes", end="2023-01-01").session.tolist() == [0] * 1440
    assert (datetime.now() - begun).total_seconds() < 20
