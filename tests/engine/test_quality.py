"""The check of bars: what it finds, and what it leaves in peace."""

import json

import numpy as np
import pytest

from engine.market.actions import Action
from engine.market.dataset import COLUMNS, DAY, SECOND, build, midnight
from engine.market.market import ACTION
from engine.market.quality import check

WEEKDAYS = np.array([d for d in range(19723, 19723 + 200) if (d + 3) % 7 < 5]) * DAY  # from 2024-01-01


def daily(close, opens=None, volume=None, time=None, symbols=("A",), actions=()):
    close = np.array(close, dtype=float).reshape(-1, len(symbols))
    opens = close * 1.001 if opens is None else np.array(opens, dtype=float).reshape(close.shape)
    volume = (
        np.where(np.isnan(close), np.nan, 100.0) if volume is None else np.array(volume, float).reshape(close.shape)
    )
    columns = {"open": opens, "high": np.maximum(opens, close), "low": np.minimum(opens, close), "close": close}
    time = WEEKDAYS[: len(close)] if time is None else time
    return build(time, symbols, columns | {"volume": volume}, actions=np.array(list(actions), ACTION))


def kinds(report):
    return [(finding.symbol, finding.kind, finding.time, finding.bars) for finding in report.findings]


def test_clean_bars_have_no_findings():
    report = check(daily(100 + np.arange(60.0)))
    assert report.findings == ()
    (row,) = report.rows()
    assert (row["bars"], row["first"], row["missing"], row["gaps"], row["outside_range"]) == (60, "2024-01-01", 0, 0, 0)
    assert row["longest_gap_days"] == 3.0 and row["open_equals_previous_close"] == 0.0


@pytest.mark.parametrize(
    ("ratio", "name"),
    [(2.0, "2:1"), (1.5, "3:2"), (7.0, "7:1"), (2.03, "2:1"), (0.5, "1:2"), (1 / 3, "1:3"), (0.1, "1:10")],
)
def test_splits_are_suspected_with_their_factor(ratio, name):
    close = np.concatenate([np.full(10, 100.0), np.full(10, 100.0 / ratio)]) + np.arange(20) * 1e-3
    report = check(daily(close, opens=close))
    (finding,) = [f for f in report.findings if f.kind == "split"]
    assert finding.time == "2024-01-15" and f"looks like a {name} split" in finding.detail
    assert report.symbols[0].suspected_splits == 1


def test_a_declared_split_is_not_suspected_and_one_that_prices_do_not_follow_is():
    split = (10, 0, int(Action.SPLIT), 4.0)
    close = np.concatenate([np.full(10, 100.0), np.full(10, 25.0)]) + np.arange(20) * 1e-3
    for actions, suspected in (((), 1), ((split,), 0)):
        report = check(daily(close, opens=close, actions=actions))
        assert (report.symbols[0].suspected_splits, report.symbols[0].splits) == (suspected, len(actions))
    flat = 100 + np.arange(20.0)
    (finding,) = check(daily(flat, actions=[split, (3, 0, int(Action.DIVIDEND), 0.5)])).findings
    assert "a split of 4 for 1 is declared, and after it prices jump as by one of 1:4" in finding.detail
    assert check(daily(flat, actions=[split, (3, 0, int(Action.DIVIDEND), 0.5)])).symbols[0].dividends == 1


def test_symbols_that_end_are_told():
    close = np.stack([100 + np.arange(30.0), 50 + np.arange(30.0)], axis=1)
    close[24:, 1] = np.nan
    assert [symbol.ended for symbol in check(daily(close, symbols=("A", "B"))).symbols] == [False, True]
    assert [symbol.ended for symbol in check(daily(close[:28], symbols=("A", "B"))).symbols] == [False, False]


def test_a_bad_day_is_no_split_and_a_copied_open_hides_none():
    close = np.concatenate([np.full(4, 100.0), np.full(4, 56.0)])  # AAPL fell like this, 2000-09-29
    assert check(daily(close)).symbols[0].suspected_splits == 0
    close = np.concatenate([np.full(4, 100.0), np.full(4, 50.0)])
    opens = np.concatenate([[100.0], close[:-1]])
    assert check(daily(close, opens=opens)).symbols[0].suspected_splits == 1


def test_stale_closes_and_bars_without_volume():
    close = np.concatenate([[90.0], np.full(5, 100.0), 101 + np.arange(6.0), np.full(4, 200.0)])
    volume = np.full(16, 100.0)
    volume[7:9] = 0
    report = check(daily(close, volume=volume))
    assert kinds(report) == [("A", "stale", "2024-01-02", 5), ("A", "no_volume", "2024-01-10", 2)]
    assert report.symbols[0].stale == 5 and report.symbols[0].zero_volume == 2 / 16
    silent = check(daily(100 + np.arange(20.0), volume=np.zeros(20)))
    assert silent.findings == () and silent.symbols[0].zero_volume == 1.0


def test_missing_bars_and_gaps():
    close = np.tile(100 + np.arange(30.0)[:, None], (1, 2))
    close[:5, 1] = np.nan  # listed later: nothing is missing
    close[10:12, 1] = np.nan
    report = check(daily(close, symbols=("A", "B")))
    assert kinds(report) == [("B", "missing", "2024-01-15", 2)]
    assert [row["missing"] for row in report.rows()] == [0, 2]
    time = np.delete(WEEKDAYS, np.arange(10, 16))[:30]
    report = check(daily(100 + np.arange(30.0), time=time))
    assert kinds(report) == [("A", "gap", "2024-01-23", 1)]
    assert "11 days after the bar before, 2024-01-12" in report.findings[0].detail


def test_gaps_within_a_session():
    zone = "America/New_York"
    minutes = np.array([midnight(f"2024-01-{d:02}", zone) + (570 + k) * 60 * SECOND for d in (2, 3) for k in range(60)])
    time = np.delete(minutes, [20, 21, 22, 23])
    close = 100 + np.arange(len(time), dtype=float).reshape(-1, 1)
    report = check(build(time, ["A"], dict.fromkeys(COLUMNS, close), zone=zone))
    assert [(f.kind, f.time) for f in report.findings] == [("gap", "2024-01-02T14:54:00Z")]
    assert "5 minutes after" in report.findings[0].detail


def test_opens_at_the_previous_close_and_prices_outside_the_range():
    close = np.array([100.0, 101.0, 102.0, 103.0, 104.0])
    opens = np.array([100.0, 100.0, 101.0 * 1.00003, 109.0, 103.0])
    market = daily(close, opens=opens)
    (row,) = check(market).rows()
    assert row["open_equals_previous_close"] == 0.5 and row["open_near_previous_close"] == 0.75
    columns = {name: getattr(market, name) for name in COLUMNS}
    narrow = build(market.time, ["A"], columns | {"high": np.minimum(columns["high"], 108.0)})
    assert check(narrow).symbols[0].outside_range == 1


def test_report_is_json_and_one_bar_is_enough():
    report = check(daily([100.0])).to_dict()
    assert json.loads(json.dumps(report)) == report
    assert report["symbols"][0]["open_equals_previous_close"] is None
