"""The market: immutable arrays, selection, the index, calendars, the hash."""

import subprocess
import sys
from datetime import date

import joblib
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from engine.market.dataset import DAY, SECOND, build, canonical_hash, describe, frequency_of
from engine.market.index import index_market
from engine.market.market import ACTION, BAR, COLUMNS, Market, midnight

NAN = np.nan


def market(close, symbols=None, time=None, **more):
    close = np.atleast_2d(np.asarray(close, dtype=float))
    symbols = symbols or [chr(65 + s) for s in range(close.shape[1])]
    time = np.arange(len(close)) * DAY if time is None else time
    return Market.from_columns(symbols, time, close, close + 1, close - 1, close, **more)


@st.composite
def closes(draw):
    """Closes (bars, symbols) with missing bars."""
    bars, symbols = draw(st.integers(1, 30)), draw(st.integers(1, 4))
    price = st.one_of(st.just(NAN), st.floats(0.5, 500.0))
    return np.array(draw(st.lists(st.lists(price, min_size=symbols, max_size=symbols), min_size=bars, max_size=bars)))


def test_arrays_are_read_only_packed_and_missing_bars_are_nan():
    m = market([[1.0, NAN], [2.0, 20.0]])
    for name in (*COLUMNS, "valid", "bars", "time", "session"):
        array = getattr(m, name)
        assert array.flags.c_contiguous and not array.flags.writeable, name
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[0]
    assert m.valid.tolist() == [[True, False], [True, True]]
    assert m.bars.dtype == BAR and m.bars["valid"].tolist() == [[1.0, 0.0], [1.0, 1.0]]
    for name in COLUMNS:
        assert np.isnan(getattr(m, name)[0, 1])
        assert np.array_equal(m.bars[name], getattr(m, name), equal_nan=True)
    with pytest.raises(AttributeError):
        m.symbols = ()


def test_what_is_given_is_copied():
    close = np.array([1.0, 2.0])
    m = Market.from_columns(["A"], [0, DAY], close, close, close, close)
    close[0] = 9.0
    assert m.close[:, 0].tolist() == [1.0, 2.0]


def test_malformed_columns_are_refused():
    with pytest.raises(DataError, match="increasing"):
        market([[1.0], [2.0]], time=[DAY, DAY])
    with pytest.raises(DataError, match="symbols must differ"):
        market([[1.0, 2.0]], symbols=["A", "A"])
    with pytest.raises(DataError, match=r"'open' has shape \(1, 1\), needed is \(2, 1\)"):
        Market.from_columns(["A"], [0, DAY], [1.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0])


def test_joblib_maps_it_and_numba_takes_it_without_compiling_anew(tmp_path):
    m = market([[1.0, NAN], [2.0, 20.0]])
    joblib.dump(m, tmp_path / "market")
    loaded = joblib.load(tmp_path / "market", mmap_mode="r")

    @numba.njit
    def total(bars, close):
        return bars[1, 0].close + close[1, 1]

    assert total(m.bars, m.close) == total(loaded.bars, loaded.close) == 22.0
    assert len(total.signatures) == 1
    for name in (*COLUMNS, "valid", "bars", "time"):
        array = getattr(loaded, name)
        assert type(array) is np.ndarray and not array.flags.writeable
        assert isinstance(array.base, np.memmap), "mapped, not copied"
        assert array.tobytes() == getattr(m, name).tobytes()
    assert loaded.symbols == m.symbols and loaded.frequency == "1d"


def test_frame_is_the_only_place_that_needs_pandas():
    code = "import sys, engine.market; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    frame = market([[1.0, NAN], [2.0, 20.0]]).frame("close")
    assert list(frame.columns) == ["A", "B"] and str(frame.index.tz) == "UTC"
    assert frame.loc["1970-01-02", "B"] == 20.0
    with pytest.raises(DataError, match="did you mean 'close'"):
        market([[1.0]]).frame("clsoe")


def test_select_takes_the_union_of_the_chosen_symbols_bars_in_the_order_asked():
    m = market([[1.0, NAN, NAN], [NAN, 2.0, NAN], [3.0, NAN, 5.0]], dataset="ab")
    chosen = m.select(["C", "A"])
    assert chosen.symbols == ("C", "A") and chosen.dataset == "ab"
    assert chosen.time.tolist() == [0, 2 * DAY]
    assert chosen.session.tolist() == [0, 1]
    assert chosen.close.tolist()[1] == [5.0, 3.0] and np.isnan(chosen.close[0, 0])
    assert chosen.bars.flags.c_contiguous and not chosen.bars.flags.writeable
    assert m.select() is m
    assert m.select(end="1970-01-02").time.tolist() == [0, DAY]
    assert m.select(end=date(1970, 1, 1)).time.tolist() == [0]


def test_select_refuses_what_is_not_there():
    m = market([[1.0, 2.0]], symbols=["AAPL", "IBM"])
    with pytest.raises(DataError, match="no symbol 'APPL' .* did you mean 'AAPL'"):
        m.select(["APPL"])
    for symbols in ([], ["IBM", "IBM"]):
        with pytest.raises(DataError, match="once each"):
            m.select(symbols)
    with pytest.raises(DataError, match="the first is on 1970-01-01"):
        m.select(end="1969-12-31")
    with pytest.raises(DataError, match="YYYY-MM-DD"):
        m.select(end="31.12.1969")


def test_dates_are_those_of_the_markets_zone():
    zone = "America/New_York"
    time = [midnight("2024-03-08", zone) + hours * 3600 * SECOND for hours in (10, 23, 24, 34)]
    m = market([[1.0], [2.0], [3.0], [4.0]], time=time, zone=zone, session=[0, 0, 1, 1])
    assert m.select(end="2024-03-08").close[:, 0].tolist() == [1.0, 2.0]
    assert m.first_bar("2024-03-09") == 2 and m.first_bar("2024-03-10") == 4


@given(closes(), st.integers(1, 30))
def test_index_of_a_prefix_is_the_prefix_of_the_index(close, n):
    whole, part = index_market(market(close)), index_market(market(close[:n]))
    for name in (*COLUMNS, "valid"):
        assert getattr(whole, name)[:n].tobytes() == getattr(part, name).tobytes()


@given(closes())
def test_index_follows_its_definition(close):
    m = index_market(market(close))
    if close.shape[1] == 1:
        assert np.array_equal(m.close, close, equal_nan=True) and (m.valid == np.isfinite(close)).all()
        return
    level, last = 100.0, np.full(close.shape[1], NAN)
    for bar, row in enumerate(close):
        returns = [now / before - 1 for now, before in zip(row, last, strict=True) if np.isfinite(now / before)]
        level *= 1 + sum(returns) / len(returns) if returns else 1.0
        last = np.where(np.isfinite(row), row, last)
        assert m.close[bar, 0] == pytest.approx(level, rel=1e-12)
    assert m.valid.all() and (m.open == m.close).all() and (m.volume == 0).all() and m.symbols == ("index",)


def test_reference_is_taken_with_its_own_bars():
    m = market([[1.0, NAN], [2.0, 20.0]])
    reference = index_market(m, "B")
    assert reference.symbols == ("B",) and reference.valid[:, 0].tolist() == [False, True]
    assert reference.bars.flags.c_contiguous and not reference.close.flags.writeable
    with pytest.raises(DataError, match="no symbol 'C'"):
        index_market(m, "C")


@given(closes(), st.randoms())
def test_hash_knows_neither_symbol_order_nor_the_sign_of_zero(close, random):
    symbols = [chr(65 + s) for s in range(close.shape[1])]
    columns = {name: close.copy() for name in COLUMNS} | {"volume": np.zeros_like(close)}
    time = np.arange(len(close)) * DAY
    order = list(range(len(symbols)))
    random.shuffle(order)
    other = {name: values[:, order] for name, values in columns.items()} | {"volume": -np.zeros_like(close)}
    whole = canonical_hash(time, symbols, columns)
    assert whole == canonical_hash(time, [symbols[s] for s in order], other)
    changed = columns | {"volume": columns["volume"] + 1.0}
    assert whole != canonical_hash(time, symbols, changed)
    assert whole != canonical_hash(time + 1, symbols, columns)
    assert whole != canonical_hash(time, [*symbols[:-1], "ZZ"], columns)


def test_the_hash_of_bars_alone_is_that_of_the_first_version():
    close = np.array([[10.0, NAN], [11.0, 20.5]])
    columns = {name: close + k for k, name in enumerate(COLUMNS)}
    known = "1a2af59e2d04b13745b91bd2ab47d1b370b1d75651bbd937ce6606057a1b3f1d"
    assert canonical_hash(np.arange(2) * DAY, ["B", "A"], columns) == known
    ends = np.array([(1, 0, 2, NAN)], ACTION)
    assert canonical_hash(np.arange(2) * DAY, ["B", "A"], columns, ends, {}) == known, "ends follow from the bars"


def test_a_reference_keeps_its_own_actions_and_features():
    close = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    happened = np.array([(1, 0, 0, 2.0), (2, 1, 0, 3.0)], ACTION)
    whole = Market.from_columns(["A", "B"], [0, 1, 2], *[close] * 4, actions=happened, features={"pe": close})
    reference = index_market(whole, "B")
    assert reference.actions.tolist() == [(2, 0, 0, 3.0)] and reference.features["pe"].tolist() == [[10], [20], [30]]
    assert index_market(whole).actions.tolist() == [] and index_market(whole).features == {}


def days(first, count, weekdays=range(7)):
    start = np.datetime64(first, "D")
    dates = [start + k for k in range(count)]
    return np.array(
        [d.astype("datetime64[ns]").astype(np.int64) for d in dates if (int(d.astype(int)) + 3) % 7 in weekdays]
    )


def described(time, zone="UTC"):
    close = np.full((len(time), 1), 10.0)
    return describe(build(time, ["A"], dict.fromkeys(COLUMNS, close), zone=zone))


@pytest.mark.parametrize(
    ("time", "frequency", "bars", "sessions"),
    [
        (days("2024-01-01", 60, range(5)), "1d", 252.0, 252.0),
        (days("2024-01-01", 60), "1d", 365.0, 365.0),
        (days("2024-01-01", 3, [1]), "1d", 252.0, 252.0),
        (days("2024-01-01", 400)[::7], "1w", 52.0, 52.0),
        (np.array([midnight(f"2023-{month:02}-01", "UTC") for month in range(1, 13)]), "1mo", 12.0, 12.0),
    ],
)
def test_calendar_of_daily_and_slower_bars(time, frequency, bars, sessions):
    dataset = described(time, zone="America/New_York")
    assert (dataset.frequency, dataset.bars_per_year, dataset.sessions_per_year) == (frequency, bars, sessions)
    assert dataset.zone == "UTC" and not dataset.intraday and dataset.bars == len(time)


def test_calendar_of_intraday_bars_is_that_of_their_zone():
    zone = "Asia/Tokyo"
    dates = ["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]
    time = np.array([midnight(d, zone) + (7 * 60 + 5 * k) * 60 * SECOND for d in dates for k in range(40)])
    m = build(time, ["A"], dict.fromkeys(COLUMNS, np.full((len(time), 1), 10.0)), zone=zone)
    dataset = describe(m)
    assert (dataset.frequency, dataset.bars_per_year, dataset.sessions_per_year) == ("5min", 40 * 252.0, 252.0)
    assert m.session.tolist() == [d for d in range(4) for _ in range(40)], "a Tokyo day spans midnight UTC"
    assert dataset.intraday and dataset.first == "2024-01-03T22:00:00Z"


def test_frequencies():
    hour = 3600 * SECOND
    assert frequency_of(np.array([5])) == "1d"
    assert frequency_of(np.array([0, hour, 2 * hour, 30 * hour])) == "60min"
    assert frequency_of(np.array([0, 30, 60, 90]) * SECOND) == "30s"
    assert frequency_of(days("2000-01-01", 4000)[::365]) == "1y"
