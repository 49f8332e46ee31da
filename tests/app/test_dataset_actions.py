"""Splits, dividends and features of a user's files: where they stand, what is refused, what the hash covers."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.datasets import DatasetLibrary, parse_features, parse_mapping, storage
from engine.errors import DataError
from engine.market.actions import Action
from engine.market.dataset import DAY, build, describe
from engine.market.market import ACTION, COLUMNS

HEADER = "Date,Open,High,Low,Close,Volume"
PRICES = "10,12,9,11,100"
#: A Tuesday to a Friday, then Monday.
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"]
SPLIT, DIVIDEND, END = int(Action.SPLIT), int(Action.DIVIDEND), int(Action.END)


@pytest.fixture
def library(tmp_path: Path) -> DatasetLibrary:
    return DatasetLibrary(tmp_path / "home")


def write(folder: Path, extra: str = "", cells: list[str] | None = None, name: str = "x.csv", days=None) -> Path:
    """A file of bars on DAYS, with further columns `extra`."""
    path = folder / name
    days = days or DAYS
    rows = [f"{day},{PRICES}{cell and ','}{cell}" for day, cell in zip(days, cells or [""] * len(days), strict=True)]
    path.write_text("\n".join([f"{HEADER}{extra and ','}{extra}", *rows]) + "\n")
    return path


def text(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def actions(library: DatasetLibrary, name: str = "x") -> list[tuple]:
    return library.market(name).actions.tolist()


# columns of the bars' file


@pytest.mark.parametrize(
    "extra", ["split,dividend", "Stock Splits,Dividends", "SPLITS,dividends", "stock_splits,Dividend"]
)
def test_columns_of_the_bars(library, tmp_path, extra):
    dataset = library.add(write(tmp_path, extra, ["0,0", "1,", ",", "4,0.22", "0.1,0"]), "x")
    assert actions(library) == [(3, 0, SPLIT, 4.0), (3, 0, DIVIDEND, 0.22), (4, 0, SPLIT, 0.1)]
    assert (dataset.splits, dataset.dividends) == (2, 1)
    assert dataset.hash != library.add(write(tmp_path), "y", symbol="x").hash


def test_columns_without_any_are_as_if_they_were_not_there(library, tmp_path):
    plain = library.add(write(tmp_path), "x")
    empty = library.add(write(tmp_path, "split,dividend", ["0,0", "1,0", ",", "1.0,", "0,0"]), "x")
    assert (empty.hash, empty.version, empty.splits) == (plain.hash, 1, 0)
    four = ["0,0", "1,", ",", "4,0.22", ","]
    mapping = parse_mapping(["split=", "dividend="])
    assert library.add(write(tmp_path, "split,dividend", four), "x", mapping=mapping).hash == plain.hash
    mapped = library.add(
        write(tmp_path, "ratio,paid", four), "x", mapping=parse_mapping(["split=ratio", "dividend=paid"])
    )
    assert (mapped.splits, mapped.dividends) == (1, 1)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["", "-4,0", "", "", ""], r"x\.csv: row 3: the split is negative"),
        (["", "inf,0", "", "", ""], r"row 3: the split is not finite"),
        (["", "", "0,-0.1", "", ""], r"row 4: the dividend is negative"),
        (["", "", "0,1e999", "", ""], r"row 4: the dividend is not finite"),
        (["", "", "", "4:1,0", ""], r"row 5: split: '4:1' is not a number; write a split of 4 for 1 as 4"),
    ],
)
def test_bad_actions_are_refused_by_row(library, tmp_path, cells, message):
    path = write(tmp_path, "split,dividend", [cell or "," for cell in cells])
    with pytest.raises(DataError, match=message):
        library.add(path, "x")
    assert library.add(path, "x", bad_rows="drop").bars == 4


def test_what_prices_hold_already_would_count_twice(library, tmp_path):
    split = write(tmp_path, "split,dividend", [",", ",", "4,", ",0.5", ","])
    for adjustment in ("split", "total_return"):
        with pytest.raises(DataError, match=rf"row 4: a split in prices that hold splits already \('{adjustment}'\)"):
            library.add(split, "x", adjustment=adjustment)
    with pytest.raises(DataError, match="row 5: a dividend in prices that hold dividends already .'total_return'"):
        library.add(split, "x", adjustment="total_return", mapping={"split": ""})
    assert library.add(split, "x", adjustment="split", mapping={"split": ""}).dividends == 1
    with pytest.raises(DataError, match="a.csv: row 2: a split in prices"):
        file = text(tmp_path, "a.csv", "date,split", "2024-01-03,2")
        library.add(write(tmp_path), "y", adjustment="split", actions=file)


def test_no_row_is_dropped_with_its_split(library, tmp_path):
    bad = write(tmp_path, "split,dividend", [",", ",", "4,", ",0.5", ","])
    bad.write_text(bad.read_text().replace(f"2024-01-04,{PRICES}", "2024-01-04,10,1,9,11,100"))
    with pytest.raises(DataError, match="row 4: it would be dropped, and the split it states be lost; mend the row"):
        library.add(bad, "x", bad_rows="drop")
    twice = write(tmp_path, "dividend", ["", "0.5", "0.5", "", ""], days=[*DAYS[:2], DAYS[1], *DAYS[3:]])
    library.add(twice, "x", bad_rows="drop")
    assert actions(library) == [(1, 0, DIVIDEND, 0.5)], "but the row that stays states it too"
    differs = write(tmp_path, "dividend", ["", "", "0.5", "", ""], days=[*DAYS[:2], DAYS[1], *DAYS[3:]])
    with pytest.raises(DataError, match="row 4: it would be dropped, and the dividend it states be lost"):
        library.add(differs, "x", bad_rows="drop")


def test_intraday_bars_state_an_action_once_a_session(library, tmp_path):
    days = [f"2024-01-0{day}T14:3{minute}:00Z" for day in (2, 3) for minute in range(3)]
    good = write(tmp_path, "split", ["", "", "", "2", "", ""], days=days)
    library.add(good, "x", tz="America/New_York")
    assert actions(library) == [(3, 0, SPLIT, 2.0)]
    with pytest.raises(DataError, match="row 6: a second split of this symbol in one session"):
        library.add(write(tmp_path, "split", ["", "", "", "2", "2", "2"], days=days), "x", tz="America/New_York")


# a file of their own


def test_a_file_of_actions_stands_at_the_next_own_bars(library, tmp_path):
    """A Saturday's ex-date is Monday's; what was before the first bar concerned nobody."""
    lines = [f"{day},{PRICES},{symbol}" for symbol, days in (("A", DAYS), ("B", DAYS[1:4])) for day in days]
    bars = text(tmp_path, "bars.csv", f"{HEADER},Ticker", *lines)
    file = text(
        tmp_path, "actions.csv", "Ticker;Ex-Date;Split;Dividend", "A;2024-01-06;2;1.5", "B;2024-01-05;0;0.3",
        "B;2023-12-29;7;9", "A;2024-01-03;;0.25", "A;1980-12-12;3;0", "B;2024-01-04;1;0",
    )  # fmt: skip
    dataset = library.add(bars, "x", actions=file)
    assert actions(library) == [
        (1, 0, DIVIDEND, 0.25),
        (3, 1, DIVIDEND, 0.3),
        (4, 0, SPLIT, 2.0),
        (4, 0, DIVIDEND, 1.5),
    ]
    cells = [",", ",0.25", ",", ",", "2,1.5", ",", ",", ",0.3"]
    rows = [f"{line},{cell}" for line, cell in zip(lines, cells, strict=True)]
    columns = text(tmp_path, "columns.csv", f"{HEADER},Ticker,split,dividend", *rows)
    assert library.add(columns, "y").hash == dataset.hash, "however they are stated"
    beside = columns.read_text().replace("2,1.5", "2,").replace(",0.3", ",")
    part = text(tmp_path, "part.csv", "Date,Symbol,Dividend", "2024-01-08,A,1.5", "2024-01-05,B,0.3")
    assert library.add(text(tmp_path, "beside.csv", beside.strip()), "y", actions=part).hash == dataset.hash


def test_actions_of_days_without_bars_between_are_put_together(library, tmp_path):
    """Saturday's 1.5 a share, then 3 for 1 on Sunday with 0.25 for each new one, and Monday's 2 for 1 with 0.5.

    A share of Friday is 6 on Monday, and brought 1.5 + 3 · 0.25 + 6 · 0.5 = 5.25: 0.875 for each of the six.
    """
    lines = ["date,split,dividend", "2024-01-07,,0.25", "2024-01-08,,0.5", "2024-01-07,3,", "2024-01-06,,1.5"]
    file = text(tmp_path, "a.csv", *lines)
    library.add(write(tmp_path, "split", ["", "", "", "", "2"]), "x", actions=file)
    assert actions(library) == [(4, 0, SPLIT, 6.0), (4, 0, DIVIDEND, 0.875)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["date,symbol,split", "2024-01-09,x,2"],
            r"a\.csv: row 2: no bar of 'x' on this day or later; add bars up to it",
        ),
        (
            ["date,symbol,dividend", "2024-01-04,x,1", "2024-01-05,y,1"],
            r"a\.csv: row 3: no bars of 'y'; known: x",
        ),
        (["date,dividend", "2024-01-04,1", "", "2024-01-04,1"], r"a\.csv: row 4: stated twice for this symbol and day"),
        (["date,dividend", "2024-01-04,-1"], r"a\.csv: row 2: the dividend is negative"),
        (["date,split", "2024-01-04,inf"], r"a\.csv: row 2: the split is not finite"),
        (["date,split", "2024-01-04,two"], r"a\.csv: row 2: split: 'two' is not a number"),
        (["date,split", "4.1.2024,2"], r"a\.csv: row 2: '4.1.2024' is not an ISO date"),
        (["date,ratio", "2024-01-04,2"], r"a\.csv: row 1: no column for splits or dividends"),
        (["day,split", "2024-01-04,2"], r"a\.csv: row 1: no column for the time"),
        (["date,split"], r"a\.csv: no rows"),
        (["date,split", "2024-01-05,2"], r"a\.csv: row 2: stated on this day by the bars' own columns already"),
    ],
)
def test_a_bad_file_of_actions_is_refused(library, tmp_path, lines, message):
    bars = write(tmp_path, "split", ["", "", "", "4", ""])
    with pytest.raises(DataError, match=message) as caught:
        library.add(bars, "x", actions=text(tmp_path, "a.csv", *lines))
    assert "\n" not in str(caught.value)
    assert [dataset.name for dataset in library.list()] == ["sp500", "us-tech"]


def test_a_file_of_actions_needs_symbols_where_there_are_several_and_its_rows_drop_too(library, tmp_path):
    for name in ("A.csv", "B.csv"):
        write(tmp_path, name=name)
    bars = str(tmp_path / "[AB].csv")
    with pytest.raises(DataError, match="several; call one 'symbol'"):
        library.add(bars, "x", symbol_from="filename", actions=text(tmp_path, "a.csv", "date,split", "2024-01-04,2"))
    file = text(tmp_path, "a.csv", "date,symbol,split", "2024-01-04,A,2", "2024-01-04,C,2", "2025-01-04,A,2", "?,A,1")
    library.add(bars, "x", symbol_from="filename", actions=file, bad_rows="drop")
    assert actions(library) == [(2, 0, SPLIT, 2.0)]
    assert [(row.file, row.row, row.reason, row.text) for row in library.dropped("x")] == [
        ("a.csv", 3, "a symbol without bars", "2024-01-04,C,2"),
        ("a.csv", 4, "after the symbol's last bar", "2025-01-04,A,2"),
        ("a.csv", 5, "the time is not an ISO date or an epoch", "?,A,1"),
    ]


def test_an_ex_date_among_intraday_bars_is_the_first_bar_of_its_day(library, tmp_path):
    days = [f"2024-01-0{day} {time}" for day in (2, 3) for time in ("09:30", "15:59", "19:59")]
    file = text(tmp_path, "a.csv", "date,dividend", "2024-01-03,0.5")
    library.add(write(tmp_path, days=days), "x", tz="America/New_York", actions=file)
    assert actions(library) == [(3, 0, DIVIDEND, 0.5)]


def test_symbols_that_ended(library, tmp_path):
    days = [f"2024-01-{day:02}" for day in range(1, 21)]
    write(tmp_path, name="A.csv", days=days)
    write(tmp_path, name="Gone.csv", days=days[:10])
    first = library.add(str(tmp_path / "[AG]*.csv"), "x", symbol_from="filename")
    (end,) = actions(library)
    assert end[:3] == (10, 1, END)
    assert [symbol.ended for symbol in library.check("x").symbols] == [False, True]
    assert first.splits == first.dividends == 0
    assert library.market("x", end="2024-01-10").actions.tolist() == [], "what comes later is not known"
    split = text(tmp_path, "a.csv", "date,symbol,split", "2024-01-15,A,2")
    library.add(str(tmp_path / "[AG]*.csv"), "x", symbol_from="filename", actions=split)
    assert [row[:3] for row in actions(library)] == [(10, 1, END), (14, 0, SPLIT)]


# features


def test_features_are_taken_when_asked_for(library, tmp_path):
    extra, cells = "P/E,Sector,cap,empty", ["15.5,tech,1e9,", ",tech,-1,", "NA,tech,0,", "16,tech,,", "17,tech,5,"]
    path = write(tmp_path, extra, cells)
    plain = library.add(path, "x")
    assert (plain.features, library.market("x").features) == ((), {})
    dataset = library.add(path, "x", features=parse_features(["pe=P/E", "cap"]))
    market = library.market("x")
    assert dataset.features == tuple(market.features) == ("cap", "pe") and dataset.hash != plain.hash
    assert np.array_equal(market.features["pe"][:, 0], [15.5, np.nan, np.nan, 16, 17], equal_nan=True)
    assert np.array_equal(market.features["cap"][:, 0], [1e9, -1, 0, np.nan, 5], equal_nan=True)
    assert library.add(path, "x", all_features=True).features == ("cap", "p_e"), "text and nothing are no features"
    assert library.add(path, "x", all_features=True, features={"other": "cap"}).features == ("other", "p_e")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["nix"], r"row 1: no column 'nix'"),
        (["pe=nix"], r"row 1: no column 'nix' to map to pe"),
        (["P E=pe"], r"'P E=pe' is no name for a feature; give it one of a-z, 0-9 and _"),
        (["2x=pe"], "is no name for a feature"),
        (["%"], "is no name for a feature"),
        (["class=pe"], "is no name for a feature"),
        (["close"], "'close' is a bar's own; call the feature something else, as --feature my_close='close'"),
        (["time=pe"], "'time' is a bar's own"),
        (["pe="], "is not NAME=COLUMN"),
        (["note"], r"row 2: note: 'a' is not a number"),
        (["far"], r"row 2: the far is not finite"),
        (["twice"], r"row 1: column 'twice', mapped to twice, stands 2 times"),
    ],
)
def test_bad_features_are_refused(library, tmp_path, pairs, message):
    path = write(tmp_path, "pe,note,far,Twice,TWICE", ["1,a,inf,2,3"] * 5)
    with pytest.raises(DataError, match=message):
        library.add(path, "x", features=parse_features(pairs))


def test_all_features_with_bad_names_are_refused_with_a_hint(library, tmp_path):
    for extra, message in (
        ("2nd", r"'2nd' is no name for a feature; .* as --feature pe='2nd'"),
        ("P/E,p e", "would both be feature 'p_e'; name one yourself, as --feature other=p e"),
        ("bar", "'bar' is a bar's own"),
    ):
        path = write(tmp_path, extra, [",".join("1" * len(extra.split(",")))] * 5)
        with pytest.raises(DataError, match=message):
            library.add(path, "x", all_features=True)
    mixed = write(tmp_path, "pe", ["1", "2", "n.m.", "3", "4"])
    with pytest.raises(DataError, match="row 4: pe: 'n.m.' is not a number"):
        library.add(mixed, "x", all_features=True)


def test_files_may_lack_a_feature_only_where_all_are_taken(library, tmp_path):
    write(tmp_path, "pe", ["1", "2", "3", "4", "5"], name="A.csv")
    write(tmp_path, name="B.csv")
    files = str(tmp_path / "?.csv")
    library.add(files, "x", symbol_from="filename", all_features=True)
    assert library.market("x").features["pe"][0].tolist() == pytest.approx([1, np.nan], nan_ok=True)
    with pytest.raises(DataError, match=r"^B\.csv: row 1: no column 'pe'"):
        library.add(files, "x", symbol_from="filename", features={"pe": ""})


def test_a_feature_stands_where_it_could_be_known(library, tmp_path):
    """The first own bar at or after: Saturday's on Monday, an afternoon's on the next day, what is later nowhere."""
    cells = ["1,2024-01-06", "2,2024-01-02 16:05", ",", "4,2024-01-05", "5,2024-01-09"]
    path = write(tmp_path, "eps,reported", cells)
    library.add(path, "x", features={"eps": ""}, available_at="reported")
    assert np.array_equal(library.market("x").features["eps"][:, 0], [np.nan, 2, np.nan, 4, 1], equal_nan=True)
    over = write(
        tmp_path, "eps,reported", ["1,2024-01-04", "2,2024-01-03", "3,2024-01-04", ",2024-01-04", "5,2024-01-07"]
    )
    library.add(over, "x", features={"eps": ""}, available_at="Reported")
    assert np.array_equal(library.market("x").features["eps"][:, 0], [np.nan, 2, 3, np.nan, 5], equal_nan=True)
    with pytest.raises(DataError, match="row 3: the time of availability 'soon' is not an ISO date"):
        cells[1] = "2,soon"
        library.add(write(tmp_path, "eps,reported", cells), "x", features={"eps": ""}, available_at="reported")
    with pytest.raises(DataError, match="'reported' says when features are known, and none are taken"):
        library.add(path, "x", available_at="reported")
    with pytest.raises(DataError, match="no column 'reportd' .* did you mean 'reported'"):
        library.add(path, "x", available_at="reportd", all_features=True)


def test_intraday_features_wait_for_the_instant_in_the_bars_zone(library, tmp_path):
    days = [f"2024-11-03 {time}" for time in ("00:30", "01:00", "01:30", "01:00", "01:30", "02:00")]
    cells = ["1,2024-11-03 01:10", "2,", "3,2024-11-03T01:45:00", ",", ",", ","]
    with pytest.raises(DataError, match="row 3: the time of availability"):
        library.add(
            write(tmp_path, "v,known", cells, days=days),
            "x",
            tz="America/New_York",
            all_features=True,
            available_at="known",
        )
    cells[1] = ",2024-11-03 00:00"
    library.add(
        write(tmp_path, "v,known", cells, days=days),
        "x",
        tz="America/New_York",
        all_features=True,
        available_at="known",
    )
    values = library.market("x").features["v"][:, 0]
    assert np.array_equal(values, [np.nan] * 4 + [1, 3], equal_nan=True), "of a time that came twice, the later"


# stored


floats = st.floats(allow_nan=False, allow_infinity=False, width=64)


@st.composite
def markets(draw):
    """A market of one to three symbols on some days, with actions on own bars, and features."""
    symbols = draw(st.lists(st.sampled_from(["B", "NA", "a.b"]), min_size=1, unique=True))
    bars = draw(st.integers(1, 12))
    valid = np.array(
        draw(
            st.lists(
                st.lists(st.booleans(), min_size=len(symbols), max_size=len(symbols)), min_size=bars, max_size=bars
            )
        )
    )
    valid[:, 0] = True
    close = np.where(valid, 10.0 + np.arange(bars)[:, None], np.nan)
    columns = dict.fromkeys(COLUMNS, close)
    places = [(int(bar), int(s)) for bar, s in np.argwhere(valid)]
    chosen = draw(
        st.lists(st.tuples(st.sampled_from(places), st.sampled_from([SPLIT, DIVIDEND])), unique=True, max_size=6)
    )
    happened = np.array([(bar, s, kind, draw(st.floats(0.01, 100.0))) for (bar, s), kind in chosen], ACTION)
    features = {}
    for name in draw(st.lists(st.sampled_from(["pe", "cap_2", "_x"]), unique=True)):
        known = st.one_of(st.just(np.nan), floats)
        features[name] = np.where(valid, np.array([[draw(known) for _ in symbols] for _ in range(bars)]), np.nan)
    return np.arange(bars) * DAY, symbols, columns, happened, features


@given(markets(), st.randoms())
@settings(max_examples=60, deadline=None)
def test_storage_keeps_actions_and_features_to_the_bit(parts, random):
    time, symbols, columns, happened, features = parts
    market = build(time, symbols, columns, actions=happened, features=features)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        storage.write(market, path)
        read = storage.read(path)
        assert storage.read_description(path) == describe(market) == describe(read)
    for name in (*COLUMNS, "valid", "bars", "time"):
        assert getattr(read, name).tobytes() == getattr(market, name).tobytes(), name
    for name in ACTION.names:  # between the fields are bytes that mean nothing
        assert read.actions[name].tobytes() == market.actions[name].tobytes(), name
    assert {name: values.tobytes() for name, values in read.features.items()} == {
        name: values.tobytes() for name, values in market.features.items()
    }
    order = random.sample(range(len(symbols)), len(symbols))
    place = {s: k for k, s in enumerate(order)}
    moved = happened[random.sample(range(len(happened)), len(happened))]
    moved["symbol"] = [place[int(s)] for s in moved["symbol"]]
    other = build(
        time, [symbols[s] for s in order], {name: values[:, order] for name, values in columns.items()}, actions=moved,
        features={name: values[:, order] + 0.0 for name, values in reversed(features.items())},
    )  # fmt: skip
    assert other.dataset == market.dataset, "the order of symbols, actions and features is not hashed"
    plain = build(time, symbols, columns)
    assert (plain.dataset == market.dataset) == (not len(happened) and not features)


def test_the_hash_covers_every_part(library):
    close = np.full((10, 2), 10.0)
    columns, time = dict.fromkeys(COLUMNS, close), np.arange(10) * DAY
    base = [(2, 0, SPLIT, 2.0), (3, 1, DIVIDEND, 0.5)]
    value = np.full((10, 2), 1.0)

    def hashed(happened, features):
        return build(time, ["A", "B"], columns, actions=np.array(happened, ACTION), features=features).dataset

    others = [
        hashed(base, {"pe": value}), hashed(base, {}), hashed([], {"pe": value}), hashed([], {"ep": value}),
        hashed([], {"pe": value + np.eye(10, 2)}), hashed([(3, 0, SPLIT, 2.0), base[1]], {}), hashed(base[:1], {}),
        hashed([(2, 1, SPLIT, 2.0), base[1]], {}), hashed([(2, 0, DIVIDEND, 2.0), base[1]], {}),
        hashed([(2, 0, SPLIT, 3.0), base[1]], {}), hashed([], {"pe": value, "ep": value}), hashed([], {}),
    ]  # fmt: skip
    assert len(set(others)) == len(others)


def test_damage_to_actions_and_features_is_found(library, tmp_path):
    path = write(tmp_path, "split,dividend,pe", ["2,0,1", "0,1,2", "0,0,3", ",,", ",,5"])
    dataset = library.add(path, "x", features={"pe": ""})
    stored = library.folder / f"{dataset.hash}.parquet"
    good, market = stored.read_bytes(), library.market("x")
    found = 0
    for place in range(0, len(good), 7):
        stored.write_bytes(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :])
        try:
            read = library.market("x")
        except DataError:
            found += 1
            continue
        assert describe(read) == describe(market) and read.actions.tolist() == market.actions.tolist()
        assert read.features["pe"].tobytes() == market.features["pe"].tobytes()
    assert found > 100
    stored.write_bytes(good)
    again = library.add(stored, "again", all_features=True)
    assert again.hash == dataset.hash, "a stored file can be added itself"
