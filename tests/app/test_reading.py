"""A stored container read again: every projection agrees with what was stored."""

from pathlib import Path

import numpy as np
import pytest

from app.services import flow, indicators
from app.services.home import Home
from app.services.ranking import ranking
from app.services.reading import Reading, read, wall_clock
from engine.errors import StoreError
from engine.events import Kind
from engine.parallel.block import BENCHMARK
from engine.projections import causes
from engine.projections.by_regime import by_regime
from engine.projections.trace import FIELDS
from tests.app.small import SMALL, bulkhead, write

CONTAINERS = 8


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reading")
    assert bulkhead(folder, "run", write(folder, SMALL), "--workers", "1").code == 0
    return folder


@pytest.fixture(scope="module", params=range(BENCHMARK, CONTAINERS))
def reading(home, request) -> Reading:
    return read(Home(home), 1, request.param)


def test_the_stored_spec_is_found_again(reading):
    assert reading.same_spec and reading.done
    assert reading.market.symbols == ("AAPL", "GOOG", "IBM")
    assert reading.test is not None and reading.first < reading.test < len(reading.market.time)


def test_equity_agrees_with_the_metrics(reading):
    equity, split = reading.equity(), reading.test - reading.first
    metrics, held_out = reading.container.metrics, reading.container.test_metrics
    assert list(equity.columns) == ["time", "equity", "drawdown", "gross", "regime"]
    assert equity.equity[split - 1] == metrics["final_equity"] and equity.equity.iloc[-1] == held_out["final_equity"]
    assert equity.drawdown[:split].min() == metrics["max_drawdown"]
    assert equity.time[0].value == reading.market.time[reading.first] and len(equity) == len(reading.account.equity)


def test_trades_and_funnel_agree_with_the_metrics(reading):
    trades, metrics, held_out = reading.trades(), reading.container.metrics, reading.container.test_metrics
    assert len(trades) == reading.funnel["trades"] == metrics["trades"] + held_out["trades"]
    assert reading.funnel["fills"] == metrics["orders"] + held_out["orders"]
    assert (trades.exit_time > trades.entry_time).all() and set(trades.exit_kind) <= {"TARGET", "STOP", "REBALANCE"}
    funnel, kinds = reading.funnel, reading.log["kind"]
    assert sum(funnel["rejections"].values()) == (kinds == Kind.REJECTION).sum()
    assert funnel["signals"] == (kinds == Kind.SIGNAL).sum() and funnel["stops"] == (kinds == Kind.STOP).sum()


def test_the_trace_is_the_log_in_words(reading):
    trace, events = reading.trace(), reading.events()
    assert tuple(trace.columns) == FIELDS == tuple(events[0]) and len(trace) == len(events) == len(reading.log)
    fills = trace[trace.kind == "FILL"]
    assert set(fills.source) == {"execution"} and set(fills.level) == {"container"}
    assert set(fills.side) <= {"buy", "sell"}
    assert set(trace[trace.kind == "SIGNAL"].source) <= {"ma_cross", "random_entry", "benchmark"}
    assert set(trace[trace.kind == "REGIME"].reason) <= {"calm", "turbulent", "up", "down", "flat"}
    for row in (events[0], events[-1]):
        assert row["time"].endswith("T00:00:00Z")
        assert row["cause"] is None or 0 <= row["cause"] < row["seq"]


def test_regimes_are_the_classifiers(reading):
    if reading.spec.classifier is None:
        assert reading.regime_names == () and (reading.regimes == -1).all()
        return
    from engine.plan import reference_key
    from engine.steps import classify

    hub = reading.shared.series(reference_key(reading.spec.classifier))
    codes = classify(reading.spec.classifier, hub.market, hub, reading.first).regimes.codes
    assert np.array_equal(reading.regimes[reading.first :], codes[reading.first :])
    assert (reading.regimes[: reading.first] == -1).all()


def test_every_fill_goes_back_to_a_bar(reading):
    for seq in np.flatnonzero(reading.log["kind"] == Kind.FILL).tolist():
        steps = reading.causes(seq)
        assert [step.event and step.event["kind"] for step in steps[:2]] == ["FILL", "ORDER"]
        assert steps[-1].event is None and [value.name for value in steps[-1].inputs][:4] == [
            "open",
            "high",
            "low",
            "close",
        ]
        assert steps[-2].event["kind"] in ("SIGNAL", "REGIME", "REBALANCE") and steps[-2].event["cause"] is None
        assert [step.bar for step in steps] == sorted((step.bar for step in steps), reverse=True)
        assert all(step.text for step in steps)


def test_a_crossing_shows_its_averages(home):
    reading = read(Home(home), 1, 0)
    rows = reading.trace()
    crossing = rows[
        (rows.kind == "SIGNAL") & (rows.source == "ma_cross") & (rows.value == 1) & (rows.bar > reading.first)
    ]
    fast, slow = reading.inputs(int(crossing.seq.iloc[0]))
    assert (fast.name, slow.name) == ("fast", "slow") and "timeperiod=5" in fast.indicator
    assert fast.value > slow.value and fast.before <= slow.before
    regime = int(rows.seq[rows.kind == "REGIME"].iloc[0])
    assert all(value.value is not None for value in reading.inputs(regime))


def test_what_a_target_was_made_of(home):
    reading = read(Home(home), 1, 0)
    for seq in np.flatnonzero(reading.log["kind"] == Kind.TARGET)[-20:].tolist():
        made_of = causes.contributors(reading.log, seq)
        assert (
            reading.log["cause"][seq] in made_of
            or reading.log["symbol"][reading.log["cause"][seq]] != reading.log["symbol"][seq]
        )
        assert seq in causes.effects(reading.log, int(reading.log["cause"][seq]))
        kinds = [step.event["kind"] for step in reading.contributors(seq)]
        assert kinds.count("REGIME") == 1 and 1 <= kinds.count("SIGNAL") <= 2


def test_what_is_not_there_is_refused(home):
    with pytest.raises(StoreError, match="no run 9"):
        read(Home(home), 9, 0)
    with pytest.raises(StoreError, match="no container 1/8"):
        read(Home(home), 1, CONTAINERS)
    with pytest.raises(StoreError, match="no event 99999"):
        read(Home(home), 1, 0).causes(99999)


def test_a_sampled_sweep_is_read_by_its_own_ranks(home):
    text = SMALL.replace("fast = [5, 10]", "fast = { from = 5, to = 30, step = 1 }")
    sampled = write(home, text + '\n[sweep]\nmethod = "random"\nsamples = 3\n', "sampled.toml")
    assert (told := bulkhead(home, "run", sampled, "--workers", "1", "--json")).code == 0
    for index in range(3):
        assert read(Home(home), told.json["run"], index).same_spec


def test_figures_by_regime_use_the_label_of_the_bar_before(reading):
    split = reading.test
    parts = {part.code: part for part in reading.by_regime(split)}
    labels = reading.regimes[reading.first - 1 : split - 1]
    assert sum(part.bars for part in parts.values()) == split - reading.first
    assert {code: part.bars for code, part in parts.items() if part.bars} == {
        code: int((labels == code).sum()) for code in np.unique(labels).tolist()
    }
    whole = np.prod([1.0 + part.total_return for part in parts.values()]) - 1.0
    assert whole == pytest.approx(reading.container.metrics["total_return"])
    assert sum(part.trades for part in parts.values()) == reading.container.metrics["trades"]
    flattered = by_regime(
        reading.account.equity[: split - reading.first],
        reading.spec.portfolio.initial_cash,
        reading.regimes[reading.first : split],
        np.zeros(0, np.int64),
        list(parts),
        reading.market.bars_per_year,
    )
    if reading.regime_names:
        assert [part.total_return for part in flattered] != [part.total_return for part in parts.values()]


def test_every_step_of_the_funnel_adds_up(reading):
    found, funnel = flow.steps(reading.log), reading.funnel
    assert [step.name for step in found] == ["Signals", "Targets", "Orders", "Fills", "Trades"]
    counts = [funnel[name] for name in ("signals", "targets", "orders", "fills", "trades")]
    assert [step.count for step in found] == counts
    assert sum(step.lost for step in found) == sum(funnel["rejections"].values())
    orders = found[2]
    assert orders.count - orders.lost == found[3].count, "an order is filled or refused"
    assert all("_" not in reason for step in found for reason, _ in step.refused)


def test_indicators_are_those_that_the_hub_gave(home):
    reading = read(Home(home), 1, 0)
    found = {item.key: item for item in indicators.used(reading)}
    assert list(found) == ["ma_cross.fast", "ma_cross.slow", "volatility.volatility", "volatility.level"]
    fast, level = found["ma_cross.fast"], found["volatility.level"]
    assert fast.on_price and not level.on_price and level.series == "index"
    assert indicators.on_scale(fast, "IBM") and not indicators.on_scale(level, "IBM")
    column = reading.market.symbols.index("IBM")
    values = indicators.values(reading, fast, "IBM")
    close = reading.market.close[:, column]
    assert values[100] == pytest.approx(close[96:101].mean())
    signal = next(row for row in reading.events() if row["kind"] == "SIGNAL" and row["source"] == "ma_cross")
    seen = reading.inputs(signal["seq"])[0].value
    assert indicators.values(reading, fast, signal["symbol"])[signal["bar"]] == seen


def test_the_ranking_is_the_leaderboards(home):
    with Home(home).store() as store:
        for metric in ("sharpe", "volatility", "max_drawdown"):
            board = [row.index for row in store.containers(1, metric)]
            assert ranking(Home(home), 1, metric).tolist() == board


def test_clocks_show_the_markets_zone(reading):
    assert reading.daily and (reading.clock == reading.market.time).all()
    winter, summer = np.datetime64("2020-01-15T14:30", "ns"), np.datetime64("2020-07-15T13:30", "ns")
    shown = wall_clock(np.array([winter, summer]).view(np.int64), "America/New_York").view("datetime64[ns]")
    assert shown.astype("datetime64[m]").astype(str).tolist() == ["2020-01-15T09:30", "2020-07-15T09:30"]
