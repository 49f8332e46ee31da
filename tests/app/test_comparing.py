"""Comparing containers: which are meant, in what they differ, and their curves on one axis."""

from dataclasses import replace

import numpy as np
import pytest

from app.charts.compare import figure
from app.services import comparing
from app.services.aligning import align
from app.services.home import Home
from app.services.reading import Reading, read
from app.theme import DARK, DASHES, LIGHT
from tests.app.small import SMALL, bulkhead, write

#: Other symbols, from another day to another day, at another commission, on the same dataset.
OTHER = (
    SMALL.replace('name = "small"', 'name = "<b>other</b>"')
    .replace('["AAPL", "GOOG", "IBM"]', '["IBM"]')
    .replace("start = 2000-06-01", "start = 2003-01-02")
    .replace("end = 2008-12-31", "end = 2010-12-31")
    .replace("commission_bps = 5.0", "commission_bps = 7.5")
)
INDEX = """
[experiment]
name = "index"
[data]
dataset = "sp500"
end = 2001-12-31
[[strategy]]
kind = "ma_cross"
fast = [5, 10]
"""
LATER = INDEX.replace("end = 2001-12-31", "start = 2010-01-04")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    folder = tmp_path_factory.mktemp("comparing")
    for name, text in (("small", SMALL), ("other", OTHER), ("index", INDEX), ("later", LATER)):
        assert bulkhead(folder, "run", write(folder, text, f"{name}.toml"), "--workers", "1").code == 0
    return Home(folder)


def opened(home: Home, *picks: tuple[int, int]) -> list[Reading]:
    return [read(home, *pick) for pick in picks]


@pytest.mark.parametrize(
    ("text", "picks", "lines"),
    [
        ("", [], 0),
        ("3/7,3/9,4/-1", [(3, 7), (3, 9), (4, -1)], 0),
        (" 3/7 , 3/7,, 3/9", [(3, 7), (3, 9)], 0),
        ("3/7,3/-2,x,<b>/1,1/2/3,3/7e1", [(3, 7)], 5),
        (",".join(f"1/{k}" for k in range(9)), [(1, k) for k in range(8)], 1),
        ("1/" + "9" * 30, [], 1),
        ("١/٢", [], 1),
    ],
)
def test_the_address_names_containers(text, picks, lines):
    found, problems = comparing.parse(text)
    assert found == picks and len(problems) == lines
    assert comparing.parse(comparing.written(found)) == (found, [])


def test_more_than_eight_are_cut_and_said():
    _, problems = comparing.parse(",".join(f"1/{k}" for k in range(12)))
    assert problems == ["12 containers were asked for; these are the first 8."]


def test_only_parameters_that_differ(home):
    readings = opened(home, (1, 0), (1, 2))
    found = {row.name: row.values for row in comparing.parameters(readings)}
    swept = [reading.container.params for reading in readings]
    assert {name: values for name, values in found.items() if name in swept[0]} == {
        name: tuple("none" if one[name] is None else str(one[name]) for one in swept)
        for name in swept[0]
        if swept[0][name] != swept[1][name]
    }
    assert found and comparing.conditions(readings) == []
    assert comparing.parameters(opened(home, (1, 3), (1, 3))) == []


def test_parameters_that_were_not_swept_count_too(home):
    found = {row.name: row.values for row in comparing.parameters(opened(home, (1, 0), (3, 0)))}
    assert found["ma_cross.slow"] == ("40", "50") and found["classifier"] == ("volatility", None)
    assert found["random_entry"] == ("random_entry", None)
    assert found["experiment.seed"] == ("3", "0")
    assert not [name for name in found if "commission" in name]


def test_conditions_that_make_it_no_test_are_named(home):
    found = {row.name: row.values for row in comparing.conditions(opened(home, (1, 0), (2, 0)))}
    assert set(found) == {"Symbols", "Period", "Commission (bps)"}
    assert found["Commission (bps)"] == ("5", "7.5") and found["Symbols"] == ("AAPL, GOOG, IBM", "IBM")
    assert found["Period"][0].endswith("to 2008-12-31") and found["Period"][1].endswith("to 2010-12-31")
    other = {row.name: row.values for row in comparing.conditions(opened(home, (1, 0), (3, 0)))}
    assert other["Dataset"][0].startswith("us-tech (") and other["Held out from"] == ("2008-01-02", None)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"engine": "9.9.9+x"}, "Engine"),
        ({"platform": {"numpy": "9"}}, "Platform: numpy"),
        ({"fingerprint": "another"}, "Platform"),
        ({"dataset_hash": "0" * 64}, "Dataset"),
    ],
)
def test_versions_and_platform_are_conditions(home, change, name):
    one, other = opened(home, (1, 0), (1, 1))
    other = replace(other, run=replace(other.run, **change))
    assert name in [row.name for row in comparing.conditions([one, other])]


def test_one_runs_curves_are_its_accounts(home):
    readings, held = opened(home, (1, 0), (1, 5)), opened(home, (1, -1))
    aligned = align(readings, held, covered=False)
    assert aligned.common and aligned.start == readings[0].first and aligned.stop == len(readings[0].market.time)
    for line, reading in zip([*aligned.lines, *aligned.benchmarks], [*readings, *held], strict=True):
        equity = reading.account.equity
        np.testing.assert_array_equal(line.equity, equity / reading.spec.portfolio.initial_cash)
        np.testing.assert_array_equal(line.bars, np.arange(reading.first, len(reading.market.time)))
        split = reading.test - reading.first
        assert line.equity[split - 1] - 1 == pytest.approx(reading.container.metrics["total_return"], abs=1e-12)
        assert line.drawdown[:split].min() == reading.container.metrics["max_drawdown"]


def test_covered_curves_end_before_the_held_out_bars(home):
    readings = opened(home, (1, 0), (3, 0))
    aligned = align(readings, opened(home, (1, -1), (3, -1)), covered=True)
    assert aligned.covered and [held.of for held in aligned.held_out] == [(0,)]
    test = int(np.searchsorted(aligned.time, readings[0].market.time[readings[0].test]))
    assert aligned.held_out[0].start == test
    assert aligned.lines[0].bars.max() < test and aligned.benchmarks[0].bars.max() < test
    assert align(readings, [], covered=False).lines[0].bars.max() > test


def test_different_data_share_an_axis_of_times(home):
    readings = opened(home, (1, 0), (2, 1), (3, 0))
    aligned = align(readings, [], covered=False)
    assert (np.diff(aligned.time) > 0).all() and not aligned.common
    two = align(readings[:2], [], covered=False)
    assert two.common and two.time[two.start] == readings[1].market.time[readings[1].first]
    for line, reading in zip(two.lines, readings, strict=False):
        np.testing.assert_array_equal(
            two.time[line.bars], reading.market.time[reading.market.time >= two.time[two.start]]
        )
    before = readings[0].market.time < two.time[two.start]
    base = readings[0].account.equity[before[readings[0].first :].sum() - 1]
    np.testing.assert_array_equal(
        two.lines[0].equity, readings[0].account.equity[before[readings[0].first :].sum() :] / base
    )


def test_no_bars_in_common(home):
    aligned = align(opened(home, (3, 0), (4, 0)), opened(home, (3, -1), (4, -1)), covered=False)
    assert not aligned.common and aligned.start == 0
    assert all(len(line.bars) and np.isfinite(line.equity).all() for line in aligned.lines)
    figure(aligned, ["3/0", "4/0"], LIGHT)


def test_benchmarks_that_traded_alike_are_one_line(home):
    readings = opened(home, (1, 0), (1, 1), (2, 0))
    aligned = align(readings, opened(home, (1, -1), (2, -1)), covered=False)
    assert [line.runs for line in aligned.benchmarks] == [(1,), (2,)]
    chosen = align(opened(home, (1, 0), (1, -1)), opened(home, (1, -1)), covered=False)
    assert chosen.benchmarks == () and chosen.lines[1].index == -1


def test_a_ribbon_for_each_classifier(home):
    with home.store() as store:
        ways = {row.params["classifier"]: row.index for row in store.containers(1)}
    readings = opened(home, (1, ways["quiet"]), (1, ways["way"]), (1, ways["quiet"]))
    aligned = align(readings, [], covered=False)
    assert [ribbon.of for ribbon in aligned.ribbons] == [(0, 2), (1,)]
    for ribbon, reading in zip(aligned.ribbons, readings, strict=False):
        assert ribbon.names == reading.regime_names
        for left, right, code in zip(ribbon.edges[:-1], ribbon.edges[1:], ribbon.codes, strict=True):
            assert set(reading.regimes[int(left + 0.5) : int(right + 0.5)]) == {code}
        assert (ribbon.edges[0], ribbon.edges[-1]) == (aligned.start - 0.5, aligned.stop - 0.5)


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_a_container_has_its_colour_and_pattern(home, colors):
    readings = opened(home, *[(1, k) for k in range(8)])
    names = [f"<b>{k}</b>" for k in range(8)]
    made = figure(align(readings, opened(home, (1, -1)), covered=True), names, colors, log_scale=True)
    lines = [trace for trace in made.data if trace.type == "scatter" and trace.yaxis == "y"]
    assert [line.line.color for line in lines] == [colors.benchmark, *colors.series]
    assert tuple(line.line.dash for line in lines[1:]) == DASHES
    assert len({(line.line.color, line.line.dash) for line in lines}) == 9
    assert lines[1].name == "&lt;b&gt;0&lt;/b&gt;" and "<b>" not in made.to_json().replace("\\u003c", "<")


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_lines_stand_out_from_the_ground(colors):
    """3 : 1, as WCAG AA asks of what is no text."""

    def luminance(color: str) -> float:
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ground = luminance(colors.ground)
    for color in colors.series:
        light, dark = sorted((luminance(color), ground), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3.0, color
    assert len(set(colors.series)) == len(DASHES) == comparing.MOST


def test_eight_curves_of_many_bars_are_small(home):
    """Under 3 MB to the browser: lines are decimated, and sent as packed numbers."""
    readings = opened(home, *[(4, k % 2) for k in range(8)])
    made = figure(align(readings, opened(home, (4, -1)), covered=False), [str(k) for k in range(8)], LIGHT)
    assert len(made.to_json()) < 1_000_000
