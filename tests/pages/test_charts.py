"""What the figures are made of: fewer points that show the same, dates on bars, and one palette."""

import dataclasses
import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from app import theme
from app.charts import container, dates, funnel, panes, profits, swimlanes
from app.charts.decimate import extremes, thinned
from app.charts.magnitudes import magnitudes
from app.charts.panes import Pane
from app.charts.scene import FILLS, Curve, Line, Scene
from app.charts.traces import STEPS
from app.components import view
from app.services.flow import Step
from engine.events import EVENT, Kind, Level, Side

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"
DAY = 86_400 * 10**9


def made(bars: int, fills: int = 0, symbol: str = "A", **changes: object) -> Scene:
    """A scene of daily bars with fills spread over them."""
    close = 100 + np.cumsum(np.random.default_rng(5).normal(size=bars))
    log = np.zeros(fills, EVENT)
    log["kind"], log["price"] = Kind.FILL, 100.0
    log["side"] = np.where(np.arange(fills) % 2, Side.SELL, Side.BUY)
    log["bar"] = np.linspace(0, bars - 1, fills).astype(int)
    regimes = np.repeat([0, 1], [bars // 2, bars - bars // 2])
    found = Scene(
        time=np.arange(bars) * DAY,
        start=0,
        stop=bars,
        symbol=symbol,
        prices=np.column_stack([close, close + 1, close - 1, close, close]),
        regimes=regimes,
        regime_names=("calm", "<b>wild</b>"),
        equity=Curve(0, close),
        benchmark=None,
        drawdown=Curve(0, close / np.maximum.accumulate(close) - 1),
        fills=log,
        seqs=np.arange(fills),
        test=None,
        covered=False,
    )
    return dataclasses.replace(found, **changes)


@pytest.mark.parametrize("count", [0, 1, 1999, 2000, 2001, 5031, 100_000])
def test_a_long_series_keeps_its_extremes(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    kept = extremes(values, 2000)
    assert len(kept) <= 2002
    assert (np.diff(kept) > 0).all()
    if count:
        assert {0, count - 1, values.argmin(), values.argmax()} <= set(kept.tolist())


def test_gaps_do_not_hide_what_is_beside_them() -> None:
    values = np.full(10_000, np.nan)
    values[[17, 5000, 9999]] = 3.0, -4.0, 1.0
    assert {17, 5000, 9999} <= set(extremes(values, 100).tolist())


def test_thinning_keeps_the_ends() -> None:
    assert thinned(5, 10).tolist() == [0, 1, 2, 3, 4]
    kept = thinned(100_000, 2_000)
    assert len(kept) <= 2_000 and kept[0] == 0 and kept[-1] == 99_999


@pytest.mark.parametrize(("bars", "step"), [(3, DAY), (40, DAY), (400, DAY), (4000, DAY), (500, 60 * 10**9)])
def test_ticks_are_few_and_in_view(bars: int, step: int) -> None:
    time = np.arange(bars) * step + 946_684_800 * 10**9
    places, labels = dates.ticks(time, 0, bars, 9)
    assert 1 <= len(places) <= 9 and len(places) == len(labels) == len(set(labels))
    assert all(0 <= place < bars for place in places)


def test_years_are_labelled_where_they_begin() -> None:
    time = np.arange("2001-06-01", "2006-03-01", dtype="datetime64[D]").astype("datetime64[ns]").astype(np.int64)
    places, labels = dates.ticks(time, 0, len(time), 9)
    assert labels == ["2002", "2003", "2004", "2005", "2006"]
    assert dates.words(time[places])[0] == "2002-01-01"


@pytest.mark.parametrize(
    ("low", "high"), [(0.9, 90), (50, 400), (7e4, 1.9e6), (98_000, 101_000), (1e-4, 1e7), (5, 5), (99.99, 100.01)]
)
def test_a_logarithmic_axis_has_a_few_round_numbers(low: float, high: float) -> None:
    found = magnitudes(low, high)
    assert all(low <= value * (1 + 1e-12) and value * (1 - 1e-12) <= high for value in found)
    assert found == sorted(set(found))
    assert 1 <= len(found) <= 7 if low < high else found == [low]


def test_a_symbol_that_is_not_listed_yet_has_an_empty_pane() -> None:
    scene = made(300)
    figure = container.figure(dataclasses.replace(scene, prices=scene.prices * np.nan), theme.LIGHT, log_scale=True)
    assert list(figure.layout.yaxis.tickvals) == []


def test_a_hundred_thousand_bars_are_few_points() -> None:
    figure = container.figure(made(100_000, 30_000), theme.LIGHT)
    assert max(len(trace.x) for trace in figure.data) <= 2002
    assert sum(len(trace.x) for trace in figure.data if trace.name in ("Buy", "Sell")) <= FILLS
    assert container.fills_left_out(made(100_000, 30_000)) == 28_000
    assert len(figure.to_json()) < 1_500_000


def test_candles_are_drawn_for_few_bars_or_when_asked() -> None:
    def kinds(bars: int, candles: bool | None) -> set[str]:
        return {trace.type for trace in container.figure(made(bars), theme.DARK, candles).data}

    assert "candlestick" in kinds(200, None)
    assert "candlestick" not in kinds(200, False)
    assert "candlestick" not in kinds(1500, None)
    assert "candlestick" in kinds(1500, True)
    assert "candlestick" not in kinds(2500, True)


def test_names_in_a_figure_are_no_markup() -> None:
    text = container.figure(made(300, 4, "<a href='x'>%{x}</a>"), theme.LIGHT).to_json()
    for mark in ("<b>", "<a", "%{x}<"):
        assert mark not in text.replace("\\u003c", "<")


def test_what_is_covered_is_not_sent() -> None:
    scene = made(1000, 10, test=800, covered=True, equity=Curve(100, np.ones(700)), drawdown=Curve(100, np.zeros(700)))
    figure = container.figure(scene, theme.LIGHT)
    by_name = {trace.name: trace for trace in figure.data}
    assert max(by_name["Equity"].x) == 799
    assert any("held out" in note.text for note in figure.layout.annotations)


def test_panes_stand_above_each_other() -> None:
    shown = [Pane("y", "a", 200), Pane("y7", "b", 50), Pane("y3", "c", 100)]
    places = panes.domains(shown)
    assert list(places) == ["y", "y7", "y3"] and shown[1].layout == "yaxis7" and shown[0].layout == "yaxis"
    assert places["y"][1] == 1.0 and places["y3"][0] == pytest.approx(0.0)
    for pane, below in pairwise(shown):
        bottom, top = places[pane.axis]
        assert (top - bottom) * panes.height(shown) == pytest.approx(pane.height)
        assert (bottom - places[below.axis][1]) * panes.height(shown) == pytest.approx(panes.GAP)


def test_indicators_have_the_price_pane_or_one_of_their_stage() -> None:
    scene = made(5_000)
    values = np.where(np.arange(5_000) < 50, np.nan, np.arange(5_000.0))
    names = [("<b>fast</b>", ""), ("a.rsi", "a"), ("a.level", "a"), ("b.x", "b"), ("c.x", "c"), ("d.x", "d")]
    lines = tuple(Line(name, pane, values) for name, pane in names)
    figure = container.figure(dataclasses.replace(scene, lines=lines), theme.DARK)
    axes = {
        trace.name: trace.yaxis for trace in figure.data if (trace.name and "." in trace.name) or "fast" in trace.name
    }
    assert axes == {"&lt;b&gt;fast&lt;/b&gt;": "y", "a.rsi": "y6", "a.level": "y6", "b.x": "y7", "c.x": "y8"}
    assert figure.layout.height > container.figure(scene, theme.DARK).layout.height
    drawn = next(trace for trace in figure.data if trace.name == "a.rsi")
    assert len(drawn.x) <= 2002 and drawn.y[-1] == 4_999.0
    assert [value for bar, value in zip(drawn.x, drawn.y, strict=True) if bar >= 50 and value != bar] == []


@pytest.mark.parametrize("bars", [300, 5_031, 100_000])
def test_exposure_is_the_mean_of_stretches(bars: int) -> None:
    gross = (np.arange(bars) % 2).astype(float)
    scene = made(bars, gross=Curve(0, gross), cash=Curve(0, 1 - gross))
    drawn = next(trace for trace in container.figure(scene, theme.LIGHT).data if trace.name == "Gross weight")
    assert len(drawn.x) <= STEPS
    width = -(-bars // STEPS)
    assert drawn.y[0] == pytest.approx(gross[:width].mean()) and drawn.customdata[0] == pytest.approx(1 - drawn.y[0])


def test_lanes_count_every_event_in_view() -> None:
    log = np.zeros(1_000, EVENT)
    log["bar"] = np.sort(np.random.default_rng(3).integers(0, 5_000, 1_000))
    log["kind"] = np.where(np.arange(1_000) % 3, Kind.FILL, Kind.REJECTION)
    log["level"] = Level.CONTAINER
    log["kind"][:5], log["level"][:5], log["source"][:5] = Kind.SIGNAL, Level.STRATEGY, 6
    stages = ["execution", "none", "standard", "portfolio", "ensemble", "one", "<i>two</i>"]
    clock = np.arange(5_000) * DAY
    found = swimlanes.figure(log, stages, clock, (0, 5_000), theme.LIGHT)
    heat = found.data[0]
    assert np.sum(heat.customdata) == 1_000 and len(heat.x) - 1 <= swimlanes.BINS
    titles = [note.text for note in found.layout.annotations]
    assert titles[0] == "container" and titles[-1] == "strategy &lt;i&gt;two&lt;/i&gt;"
    assert titles[-2] == "strategy one: nothing was published"
    rows = dict(zip(found.layout.yaxis.ticktext, np.array(heat.z, float), strict=True))
    assert np.nanmin(rows["Fill"]) > 0 and np.nanmax(rows["Rejection"]) < 0, "what was refused has its own colour"
    few = swimlanes.figure(log, stages, clock, (100, 112), theme.LIGHT).data[0]
    assert len(few.x) == 13
    inside = (log["bar"] >= 100) & (log["bar"] < 112)
    assert np.sum(few.customdata) == inside.sum()
    assert len(swimlanes.figure(log[:0], stages, clock, (0, 5_000), theme.DARK).data[0].y) == 6


@pytest.mark.parametrize("returns", [[0.01], [-0.02, -0.01], [0.0, 0.0], [-0.5, 0.1, 2.0], [1e-9, -1e-9]])
def test_a_profit_is_in_one_bar_and_gains_are_apart(returns: list[float]) -> None:
    values = np.array(returns)
    limits = profits.edges(values)
    assert (np.abs(limits) < 1e-15).any() and limits[0] <= values.min() and limits[-1] >= values.max()
    drawn = profits.figure(values, theme.LIGHT).data[0]
    assert sum(drawn.y) == len(returns) and len(drawn.y) <= profits.BINS + 2
    gains = sum(y for y, color in zip(drawn.y, drawn.marker.color, strict=True) if color == theme.LIGHT.equity)
    assert gains == sum(value >= 0 for value in returns)


def test_the_funnel_is_as_long_as_its_counts() -> None:
    steps = [Step("Signals", 10, (("why not", 3), ("no", 1))), Step("Orders", 6, ())]
    went, refused = funnel.figure(steps, theme.LIGHT).data
    assert list(went.x) == [6, 6] and list(refused.x) == [4, 0]
    assert refused.customdata[0] == "3: why not<br>1: no"


def test_a_click_finds_the_nearest_fill_when_it_is_near() -> None:
    scene = made(1000, 10)  # a fill every 111 bars
    assert view.clicked({"points": [{"x": 113}]}, scene) == 1
    assert view.clicked({"points": [{"x": 160}]}, scene) is None
    assert view.clicked({"points": []}, scene) is None


def test_a_window_stays_within_its_bounds() -> None:
    limits = view.Bounds(0, 1000, 800)
    assert view.fitted((-5, 2000), limits) == (0, 1000)
    assert view.fitted((998, 999), limits)[1] == 1000
    assert view.moved((900, 1000), limits, 1) == (900, 1000)
    assert view.moved((100, 200), limits, -1) == (50, 150)
    assert view.boxed({"box": [{"x": [300.2, 99.7]}]}, limits) == (100, 301)
    assert view.boxed({"box": []}, limits) is None
    start, stop = view.fitted((500, 501), limits)
    assert stop - start == view.LEAST and start <= 500 < stop


def test_the_palette_is_that_of_the_widgets() -> None:
    themes = tomllib.loads(CONFIG.read_text())["theme"]
    for colors in (theme.LIGHT, theme.DARK):
        widgets = themes[colors.mode]
        assert colors.ground == widgets["backgroundColor"]
        assert colors.panel == widgets["secondaryBackgroundColor"]
        assert colors.ink == widgets["textColor"]
        assert colors.line == widgets["borderColor"]


@pytest.mark.parametrize("colors", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_text_stands_out(colors: theme.Palette) -> None:
    for name in ("ink", "muted", "accent", "buy", "sell"):
        for ground in (colors.ground, colors.panel):
            assert contrast(getattr(colors, name), ground) >= 4.5, name


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG)."""

    def luminance(color: str) -> float:
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
