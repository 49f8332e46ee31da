"""The figure of a stage's example: the signal shaded and marked, regimes below, indicators where they belong."""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from app.charts import example as chart
from app.charts.example import DOWN, LONG, SHORT, UP, figure
from app.services.example import Example, Values
from app.theme import DARK, LIGHT, Palette

DAY = 86_400 * 10**9
HOSTILE = "<b>%{x}</b>"


def example(signal: list[float] | None = None, bars: int = 8, **other: Any) -> Example:
    """One symbol that rises by 1 a bar from 10."""
    close = np.arange(10.0, 10.0 + bars)
    prices = np.stack([close, close + 1, close - 1, close, close], axis=1)[:, None, :]
    said = None if signal is None else np.array(signal)[:, None]
    found = Example((HOSTILE,), np.arange(bars) * DAY, prices, said, np.full(bars, -1, np.int64), (), ())
    return replace(found, **other)


def drawn(found: Example, window: tuple[int, int] | None = None, colors: Palette = LIGHT) -> go.Figure:
    return figure(found, found.symbols[0], window or (0, len(found.clock)), colors)


def traces(made: go.Figure) -> dict[str, Any]:
    return {trace.name: trace for trace in made.data}


def indicator(name: str, values: np.ndarray, on_price: bool = False) -> Values:
    return Values(name, name, on_price, values[:, None])


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_each_stretch_of_one_signal_is_shaded(colors: Palette) -> None:
    found = traces(drawn(example([0, 1, 1, -1, -1, 0, 0.5, 0.5]), colors=colors))
    shade = found["Signal"]
    assert list(shade.x) == [-0.5, 0.5, 2.5, 4.5, 5.5, 7.5]
    np.testing.assert_array_equal(shade.z[0], [np.nan, 1, -1, np.nan, 0.5])
    assert {LONG, SHORT} <= found.keys()
    assert shade.colorscale[0][1] == colors.sell and shade.colorscale[-1][1] == colors.buy
    assert SHORT not in traces(drawn(example([0, 1, 1, 1, 0, 0, 0, 0]), colors=colors))


def test_a_triangle_stands_where_the_signal_changes() -> None:
    found = traces(drawn(example([0, 1, 1, -1, -1, 0, 0.5, 0.5])))
    assert list(found[UP].x) == [1, 5, 6] and list(found[DOWN].x) == [3]
    assert list(found[UP].y) == [11, 15, 16], "at the close that decided"
    assert found[UP].marker.symbol == "triangle-up" and found[DOWN].marker.symbol == "triangle-down"


def test_a_signal_that_is_there_at_the_first_bar_is_a_change() -> None:
    found = traces(drawn(example([1.0] * 8)))
    assert list(found[UP].x) == [0] and DOWN not in found


def test_a_window_shows_its_own_bars_only() -> None:
    made = drawn(example([0, 1, 1, -1, -1, 0, 1, 1]), (2, 6))
    found = traces(made)
    assert list(found["Signal"].x) == [1.5, 2.5, 4.5, 5.5]
    assert list(found[DOWN].x) == [3] and list(found[UP].x) == [5], "the change before the window is not in it"
    assert tuple(made.layout.xaxis.range) == (1.5, 5.5)


def test_indicators_of_like_size_share_a_pane_and_prices_stand_over_the_price() -> None:
    ones = np.ones(8)
    lines = (
        indicator("average", 12 * ones, on_price=True),
        indicator("rsi", 60 * ones),
        indicator("adx", 20 * ones),
        indicator("volatility", 0.02 * ones),
        indicator("unknown", np.full(8, np.nan)),
    )
    made = drawn(example([0.0] * 8, indicators=lines))
    axes = {name: trace.yaxis for name, trace in traces(made).items()}
    assert axes["average"] == "y" and axes["rsi"] == axes["adx"]
    assert len({axes["rsi"], axes["volatility"], axes["unknown"], "y"}) == 4
    assert "rsi, adx" in [note.text for note in made.layout.annotations]


def test_the_regimes_are_a_ribbon_without_signals() -> None:
    codes = np.array([-1, -1, 0, 0, 1, 1, 1, 0])
    found = traces(drawn(example(codes=codes, regimes=("calm", HOSTILE))))
    assert list(found["Regime"].x) == [-0.5, 1.5, 3.5, 6.5, 7.5]
    assert list(found["Regime"].z[0]) == [-1, 0, 1, 0]
    assert "Signal" not in found and UP not in found
    assert HOSTILE not in found


def test_no_name_is_interpreted() -> None:
    made = drawn(example([0.0] * 8, indicators=(indicator(HOSTILE, np.ones(8)),)))
    assert "<b>" not in made.to_json()


def test_prices_that_rise_far_have_a_logarithmic_scale() -> None:
    close = 2.0 ** np.arange(8)
    prices = np.stack([close] * 5, axis=1)[:, None, :]
    made = drawn(example([1.0] * 8, prices=prices))
    assert made.layout.yaxis.type == "log"
    low, high = made.layout.yaxis.range
    assert 10**low < 1 and 10**high > 128
    assert drawn(example([1.0] * 8)).layout.yaxis.type is None


def test_a_symbol_without_a_bar_in_view_is_drawn_empty() -> None:
    prices = np.full((8, 1, 5), np.nan)
    assert drawn(example([0.0] * 8, prices=prices)).data


@pytest.mark.parametrize(("days", "start"), [(None, 0), (3, 4), (1000, 0), (0, 6)])
def test_a_span_ends_with_the_last_bar(days: int | None, start: int) -> None:
    assert chart.window(np.arange(8) * DAY, days) == (start, 8)


def test_much_data_makes_a_small_figure() -> None:
    bars = 50_000
    rng = np.random.default_rng(1)
    signal = rng.integers(-1, 2, bars).astype(float)
    lines = tuple(indicator(f"i{k}", rng.normal(size=bars)) for k in range(4))
    made = drawn(example(signal.tolist(), bars=bars, indicators=lines))
    assert len(made.to_json()) < 2_000_000
