"""Signal reports: every figure against a slow computation in other libraries, and nothing known of held-out bars."""

from dataclasses import replace

import numpy as np
import pytest

from app.datasets.library import DatasetLibrary
from engine.container import Container
from engine.events import Kind, empty_log
from engine.market.market import Market
from engine.plan import prepare
from engine.shared import Shared
from engine.signals.overlap import overlap
from engine.signals.report import SUMMARY, report, summary
from engine.spec import resolve
from tests.engine.plain_signals import plain_report
from tests.engine.signal_logs import check, log_of, sticky, stretches, text, twelve
from tests.engine.signals import with_gaps
from tests.engine.small import experiment, small_market

NAMES = ("calm", "wild", "never")


@pytest.fixture(scope="module")
def tech(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return DatasetLibrary(tmp_path_factory.mktemp("home")).market("us-tech")


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


def test_a_symbol_without_bars_counts_for_nothing() -> None:
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
