"""Signal reports: every figure against a slow computation in other libraries, and nothing known of held-out bars."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from app.datasets.library import DatasetLibrary
from engine.classifiers.base import regime_rows
from engine.container import Container
from engine.events import Kind, Source, empty_log
from engine.market.actions import Action, in_first_units
from engine.market.market import ACTION, Market
from engine.plan import prepare
from engine.shared import Shared
from engine.signals.overlap import overlap
from engine.signals.report import SUMMARY, part_summary, report, summary
from engine.spec import resolve
from engine.strategies.changes import signal_rows
from tests.engine.plain_signals import plain_overlap, plain_report
from tests.engine.signals import with_gaps
from tests.engine.small import experiment, small_market

Log = npt.NDArray[np.void]
NAMES = ("calm", "wild", "never")


@pytest.fixture(scope="module")
def tech(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return DatasetLibrary(tmp_path_factory.mktemp("home")).market("us-tech")


def log_of(market: Market, first: int, *dense: npt.NDArray[np.float64], codes: Any = None) -> Log:
    """The log of strategies with these signals, (bars, symbols) each, and of labels `codes`, (bars,)."""
    parts = [signal_rows(values, market.valid, first, Source.STRATEGY + i, "s") for i, values in enumerate(dense)]
    if codes is not None:
        parts.insert(0, regime_rows(np.asarray(codes, np.int64), first))
    rows = np.concatenate([empty_log(0), *parts])
    return rows[np.argsort(rows["bar"], kind="stable")]


def sticky(market: Market, levels: list[float], seed: int, stay: float = 0.9) -> npt.NDArray[np.float64]:
    """Signals that mostly stay what they are, from `levels`; no opinion in the first 40 bars."""
    generator = np.random.default_rng(seed)
    values = generator.choice(levels, market.valid.shape)
    values[generator.random(values.shape) < stay] = np.nan
    values[:40] = np.nan
    return values


def stretches(bars: int, seed: int) -> npt.NDArray[np.int64]:
    """Labels 0 and 1 in stretches, from bar 60 on."""
    codes = np.repeat(np.random.default_rng(seed).integers(0, 2, bars // 15 + 1), 15)[:bars]
    codes[:60] = -1
    return codes


def twelve(bars: int = 400) -> Market:
    """Twelve symbols, one of them listed late, each without some of its bars."""
    return with_gaps(small_market(bars, 12), 0.08)


def check(found: Any, expected: Any, place: str = "report") -> None:
    """Every figure the same to 1e-12, and nothing missing or in excess."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key in expected:
            check(found[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            check(a, b, f"{place}[{i}]")
    elif isinstance(expected, float):
        assert isinstance(found, float) and found == pytest.approx(expected, rel=1e-12, abs=1e-12), place
    else:
        assert type(found) in (int, str, type(None)) and found == expected, place


def text(found: Any) -> str:
    """As it would be stored; refuses what JSON does not know."""
    return json.dumps(found, allow_nan=False)


STRATEGIES = (
    {"kind": "ma_cross", "fast": 10, "slow": 50, "long_only": False},
    {"kind": "momentum", "lookback": 60},
)


def test_on_the_sample_data(tech: Market) -> None:
    raw = experiment(*STRATEGIES, classifier={"kind": "volatility"}, risk={"stop_loss": 0.1})
    raw["data"] |= {"dataset": "us-tech", "warmup": "common", "test_start": "2010-01-01"}
    _, plan = prepare(raw, tech)
    shared = Shared(plan)
    spec = resolve(shared, 0)
    log = Container(spec, shared).run()
    assert plan.test is not None and spec.classifier is not None and (log["kind"] == Kind.FILL).any()
    found = report(log, shared.seen, plan.first, plan.test, spec.classifier.regimes)
    check(found, plain_report(log, shared.seen, plan.first, plan.test, spec.classifier.regimes))
    assert [part["strategy"] for part in found["strategies"]] == [0, 1]
    assert found["strategies"][0]["coefficient"]["across"] == "time"
    assert found["strategies"][0]["forward"][1]["bars"] > 1000 and found["strategies"][0]["excursion"]["count"] > 50
    text(found)


@pytest.mark.parametrize("stop", [400, 333])
@pytest.mark.parametrize("levels", [[-1.0, 0.0, 1.0], [-0.7, -0.2, 0.0, 0.4, 1.0]], ids=["discrete", "graded"])
def test_on_many_symbols_with_missing_bars(levels: list[float], stop: int) -> None:
    market = twelve()
    log = log_of(market, 20, sticky(market, levels, 1), sticky(market, levels, 2, 0.3), codes=stretches(400, 3))
    found = report(log, market, 20, stop, NAMES)
    check(found, plain_report(log, market, 20, stop, NAMES))
    for part in found["strategies"]:
        assert part["coefficient"]["across"] == "symbols"
        assert 50 < part["coefficient"]["horizons"][0]["bars"] < stop - 20  # some have fewer than ten pairs
        assert (part["buckets"] is None) == (len(levels) == 5)
    assert found["regimes"][-1] == {"regime": "never", "bars": 0, "episodes": 0}
    text(found)


@pytest.mark.parametrize("symbols", [1, 3, 9, 10])
def test_on_few_symbols_without_regimes(symbols: int) -> None:
    market = with_gaps(small_market(150, symbols, seed=symbols), 0.2 if symbols < 10 else 0.0)
    log = log_of(market, 0, sticky(market, [-1.0, 0.5, 1.0], 4), codes=stretches(150, 3))
    found = report(log, market, 0, 150, ())
    check(found, plain_report(log, market, 0, 150, ()))
    part = found["strategies"][0]
    assert found["regimes"] == part["signals"]["by_regime"] == part["forward"][0]["by_regime"] == []
    assert part["coefficient"]["across"] == ("time" if symbols < 10 else "symbols")
    assert (part["coefficient"]["horizons"][0].get("deviation") is None) == (symbols == 1)


def altered(market: Market, stop: int) -> Market:
    """`market` with other prices from bar `stop` on, and some of those bars gone."""
    generator = np.random.default_rng(9)
    valid = market.valid.copy()
    valid[stop:] &= generator.random(valid[stop:].shape) < 0.7
    columns = []
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(market, name).copy()
        values[stop:] *= generator.uniform(0.1, 9.0, values[stop:].shape)
        columns.append(values)
    return Market.from_columns(market.symbols, market.time, *columns, valid=valid)


@pytest.mark.parametrize("symbols", [3, 12])
@pytest.mark.parametrize("stop", [120, 250, 299])
def test_nothing_of_held_out_bars_is_read(symbols: int, stop: int) -> None:
    market = with_gaps(small_market(300, symbols), 0.05)
    values, other = sticky(market, [-1.0, 0.0, 1.0], 1, 0.5), sticky(market, [-1.0, 0.3, 1.0], 2, 0.5)
    codes = stretches(300, 5)
    logs = [log_of(market, 20, values, codes=codes), log_of(market, 20, values, other)]
    changed = altered(market, stop)
    values[stop:], other[stop:], codes[stop:] = 0.123, -0.9, 2  # a strategy's held-out signals are not read either
    others = [log_of(changed, 20, values, codes=codes), log_of(changed, 20, values, other)]
    for before, after in zip(logs, others, strict=True):
        assert before.tobytes() != after.tobytes()
        assert text(report(before, market, 20, stop, NAMES)) == text(report(after, changed, 20, stop, NAMES))
    assert text(overlap(logs, market, 20, stop)) == text(overlap(others, changed, 20, stop))
    last = altered(market, stop - 1)  # and the last bar that may be read, is
    assert text(report(logs[0], market, 20, stop, NAMES)) != text(report(logs[0], last, 20, stop, NAMES))


def tiny() -> tuple[Log, Market]:
    """One symbol, long from the first close and short from the third."""
    opens = [10.0, 11.0, 12.1, 11.0, 10.0]
    market = Market.from_columns(["A"], np.arange(5), opens, opens, opens, opens)
    values = np.array([[1.0], [1.0], [-1.0], [-1.0], [-1.0]])
    return log_of(market, 0, values, codes=[-1, 0, 0, 1, 0]), market


def test_a_tiny_example_by_hand() -> None:
    found = report(*tiny(), 0, 5, ("up", "down"))
    (part,) = found["strategies"]
    one, five = part["forward"][:2]
    # bought at 11 and worth 12.1, bought at 12.1 and worth 11, sold at 11 and worth 10
    mean = (1 / 10 - 1 / 11 + 1 / 11) / 3
    error = ((1 / 10 - mean) ** 2 + (-1 / 11 - mean) ** 2 + (1 / 11 - mean) ** 2) ** 0.5 / 3
    assert (one["mean"], one["error"]) == (pytest.approx(mean, rel=1e-13), pytest.approx(error, rel=1e-13))
    assert (one["bars"], one["observations"], one["hit_rate"]) == (3, 3, 2 / 3)
    assert [(row["regime"], row["bars"], row["episodes"]) for row in one["by_regime"]] == [
        *((None, 1, 1), ("up", 2, 1), ("down", 0, 0)),
    ]
    assert one["by_regime"][1]["mean"] == pytest.approx(0.0, abs=1e-15)
    assert (five["mean"], five["error"], five["t"], five["bars"], five["hit_rate"]) == (None, None, None, 0, None)
    short, flat, long = part["buckets"][0]["buckets"]
    assert short["mean"] == pytest.approx(-1 / 11) and (short["bars"], flat["bars"], long["bars"]) == (1, 0, 2)
    assert long["mean"] == pytest.approx((1 / 10 - 1 / 11) / 2)
    # half of 1 and half of 2, in five bars; each holding lasts two and a half bars on average
    assert part["turnover"] == {"per_year": pytest.approx(1.5 / 5 * 252), "holdings": 2, "holding": 2.5}
    assert part["signals"]["events"] == 2 and part["signals"]["per_year"] == pytest.approx(2 / 5 * 252)
    assert [row["events"] for row in part["signals"]["by_regime"]] == [1, 1, 0]
    assert [(row["bars"], row["episodes"]) for row in found["regimes"]] == [(1, 1), (3, 2), (1, 1)]
    assert part["coefficient"]["horizons"][0]["by_symbol"] == [{"symbol": "A", "coefficient": None, "pairs": 3}]
    assert part["excursion"]["count"] == 0


def test_excursions_by_hand() -> None:
    opens = np.full(40, 100.0)
    high, low = opens.copy(), opens.copy()
    high[[2, 25]], low[[20, 21]] = (130.0, 110.0), (80.0, 95.0)
    market = Market.from_columns(["A"], np.arange(40), opens, high, low, opens)
    values = np.full((40, 1), np.nan)
    values[[0, 5, 10, 19, 20]] = [[1.0], [-0.5], [0.0], [1.0], [-1.0]]
    (whole,) = report(log_of(market, 0, values), market, 0, 40)["strategies"]
    assert whole["forward"][0]["hit_rate"] == 0.0  # what stays where it was is no hit
    part = whole["excursion"]
    # bars 1-20: up to 130, down to 80; sold at bar 6: down to 80, up to 110; bars 20-39: up to 110, down to 80
    assert part["count"] == 3
    favourable, adverse = part["favourable"], part["adverse"]
    assert favourable["mean"] == pytest.approx((0.3 + 0.2 + 0.1) / 3) and favourable["median"] == pytest.approx(0.2)
    assert adverse["mean"] == pytest.approx((-0.2 - 0.1 - 0.2) / 3) and adverse["median"] == pytest.approx(-0.2)


def test_a_split_is_no_return() -> None:
    market = small_market(200, 2)
    action = np.array([(100, 0, Action.SPLIT, 2.0)], ACTION)
    columns = {name: getattr(market, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in columns.values():
        values[100:, 0] /= 2.0
    split = Market.from_columns(market.symbols, market.time, **columns, valid=market.valid, actions=action)
    log = log_of(market, 0, sticky(market, [-1.0, 1.0], 1))
    assert text(report(log, in_first_units(split), 0, 200)) == text(report(log, market, 0, 200))
    assert text(report(log, split, 0, 200)) != text(report(log, market, 0, 200))


def test_without_signals_there_is_nothing() -> None:
    market = small_market(100, 2)
    found = report(empty_log(0), market, 10, 100, NAMES)
    assert found["strategies"] == [] and found["bars"] == 90
    assert summary(found) == {name: 0.0 if name in ("signals", "rate") else None for name in SUMMARY}
    assert overlap([], market, 10, 100) == ([], [])
    assert overlap([empty_log(0)], market, 10, 100) == ([[None]], [[None]])


@pytest.mark.parametrize("symbols", [2, 12])
def test_constant_signals_rank_nothing(symbols: int) -> None:
    market = small_market(100, symbols, missing=False)
    found = report(log_of(market, 0, np.ones((100, symbols))), market, 0, 100)
    check(found, plain_report(log_of(market, 0, np.ones((100, symbols))), market, 0, 100, ()))
    (part,) = found["strategies"]
    assert all(row["mean"] is None for row in part["coefficient"]["horizons"])
    assert part["turnover"] == {"per_year": pytest.approx(0.5 / 100 * 252), "holdings": symbols, "holding": 100.0}


def test_a_constant_return_has_no_error() -> None:
    opens = 1.01 ** np.arange(100.0)
    market = Market.from_columns(["A"], np.arange(100), opens, opens, opens, opens)
    part = report(log_of(market, 0, np.ones((100, 1))), market, 0, 100)["strategies"][0]["forward"]
    assert [(row["error"], row["t"], row["hit_rate"]) for row in part] == [(0.0, None, 1.0)] * 4
    assert part[1]["mean"] == pytest.approx(1.01**5 - 1)


@pytest.mark.parametrize("bars", [1, 2, 3])
def test_a_window_of_hardly_any_bars(bars: int) -> None:
    market = small_market(100, 12, missing=False)
    log = log_of(market, 50, np.sign(market.close - 100.0), codes=np.zeros(100))
    found = report(log, market, 50, 50 + bars, NAMES)
    check(found, plain_report(log, market, 50, 50 + bars, NAMES))
    text(found)


def test_signals_from_before_the_window_are_in_force_in_it() -> None:
    market = twelve(200)
    log = log_of(market, 0, sticky(market, [-1.0, 0.0, 1.0], 1), codes=stretches(200, 3))
    found = report(log, market, 120, 190, NAMES)
    check(found, plain_report(log, market, 120, 190, NAMES))
    assert found["strategies"][0]["forward"][0]["observations"] > 300


def test_prices_that_buy_nothing_are_left_out() -> None:
    market = small_market(80, 1)
    opens = market.open.copy()
    opens[[20, 40, 60]] = [[0.0], [-5.0], [np.nan]]
    columns = market.high, market.low, market.close
    broken = Market.from_columns(market.symbols, market.time, opens, *columns, valid=market.valid)
    log = log_of(market, 0, np.where(np.arange(80) % 7 < 4, 1.0, -1.0)[:, None])
    one = report(log, broken, 0, 80)["strategies"][0]
    text(one)
    # of 78 windows, three begin at such a price, and one ends at the missing one
    assert one["forward"][0]["observations"] == 78 - 4


def test_the_row_of_a_table() -> None:
    market = twelve()
    values, other = sticky(market, [-1.0, 1.0], 1), sticky(market, [-1.0, 1.0], 2)
    found = report(log_of(market, 20, values), market, 20, 400)
    (part,) = found["strategies"]
    row = summary(found)
    assert row == part_summary(part) and tuple(row) == SUMMARY
    assert row == {
        "signals": float(part["signals"]["events"]),
        "rate": part["signals"]["per_year"],
        "mean_5": part["forward"][1]["mean"],
        "t_5": part["forward"][1]["t"],
        "hit_5": part["forward"][1]["hit_rate"],
        "ic_5": part["coefficient"]["horizons"][1]["mean"],
        "ic_t_5": part["coefficient"]["horizons"][1]["t"],
        "turnover": part["turnover"]["per_year"],
    }
    assert all(isinstance(value, float) for value in row.values())
    both = report(log_of(market, 20, values, other), market, 20, 400)
    events = [part["signals"]["events"] for part in both["strategies"]]
    assert summary(both) == dict.fromkeys(SUMMARY) | {
        "signals": float(sum(events)),
        "rate": pytest.approx(sum(events) / (380 / 252)),
    }


@pytest.mark.parametrize("block", [1 << 22, 1000])
def test_overlap_against_pandas(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.signals.overlap.BLOCK", block)
    market = twelve()
    first = sticky(market, [-1.0, 0.0, 1.0], 1)
    near = np.where(np.random.default_rng(5).random(first.shape) < 0.3, sticky(market, [-0.5, 0.2], 2), first)
    logs = [
        log_of(market, 20, first, codes=stretches(400, 3)),
        log_of(market, 20, near),
        log_of(market, 20, first, near),  # two strategies: their mean
        log_of(market, 20, -first),
        log_of(market, 0, np.ones(market.valid.shape)),
        empty_log(0),
    ]
    for stop in (400, 311):
        found, expected = overlap(logs, market, 20, stop), plain_overlap(logs, market, 20, stop)
        check(list(found), list(expected), "overlap")
        assert found[0][0][3] == pytest.approx(-1.0, abs=1e-14) and found[1][0][3] == 0.0
        assert found[0][4] == [None] * 6 and found[0][0][0] == 1.0 and found[1][5][5] is None
        text(found)


def test_opposite_strategies_of_one_log_cancel() -> None:
    market = small_market(60, 2, missing=False)
    values = sticky(market, [-0.3, 0.1, 1.0], 1)
    correlation, agreement = overlap([log_of(market, 0, values, -values), log_of(market, 0, values)], market, 0, 60)
    assert correlation[0] == [None, None] and agreement == [[None, 0.0], [0.0, 1.0]]


def test_a_symbol_without_bars_counts_for_nothing(tmp_path: Path) -> None:
    market = small_market(120, 2, missing=False)
    valid = market.valid.copy()
    valid[:, 1] = False
    columns = market.open, market.high, market.low, market.close
    alone = Market.from_columns(market.symbols, market.time, *columns, valid=valid)
    log = log_of(alone, 0, sticky(market, [-1.0, 1.0], 1))
    found = report(log, alone, 0, 120)
    one = report(log, replace(market.select(["S0"]), dataset=""), 0, 120)
    silent = found["strategies"][0]["signals"]["by_symbol"].pop()
    assert silent == {"symbol": "S1", "events": 0, "per_year": None}
    for part in found["strategies"][0]["coefficient"]["horizons"]:
        assert part["by_symbol"].pop() == {"symbol": "S1", "coefficient": None, "pairs": 0}
    assert text(found["strategies"]) == text(one["strategies"])
