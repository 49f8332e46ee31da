"""What the page of results is made of: questions in addresses, curves as bands, a metric over parameters."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import theme
from app.charts import bands, heatmap
from app.services import curves, grid, question
from app.services.home import Home
from app.services.question import CHOSEN, INDEX, Question
from db.store import BENCHMARK, Condition, Parameter
from engine.projections.catalogue import METRICS
from tests.app.small import SMALL, bulkhead, write

PARAMETERS = ("ma_cross.fast", "risk.stop_loss", "risk.regime_scale.a:[b")
LIMITS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)
CONDITIONS = st.one_of(
    st.builds(Condition, st.sampled_from((*METRICS, *PARAMETERS)), low=LIMITS, high=LIMITS),
    st.builds(
        Condition,
        st.sampled_from(PARAMETERS),
        values=st.lists(VALUES | st.text(max_size=8), min_size=1, max_size=4).map(tuple),
    ),
    st.just(Condition("status", values=("failed", "done"))),
)
QUESTIONS = st.builds(
    Question,
    sort=st.sampled_from((*METRICS, *PARAMETERS, INDEX)),
    descending=st.booleans(),
    page=st.integers(1, 10_000),
    size=st.sampled_from(question.SIZES),
    where=st.lists(CONDITIONS, max_size=4).map(tuple),
    chosen=st.lists(st.integers(0, 10_000), max_size=CHOSEN, unique=True).map(tuple),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("results")
    assert bulkhead(folder, "run", write(folder, SMALL), "--workers", "1").code == 0
    return Home(folder)


def address(asked: Question) -> dict[str, list[str]]:
    return {key: value if isinstance(value, list) else [value] for key, value in question.written(asked).items()}


@given(QUESTIONS)
def test_a_question_survives_its_address(asked: Question) -> None:
    found, problems = question.read(address(asked), PARAMETERS)
    assert found == asked and problems == []


def test_the_usual_question_says_nothing() -> None:
    assert question.written(Question()) == {}
    assert question.read({}, ()) == (Question(), [])


@pytest.mark.parametrize(
    "where",
    [
        *("", ":", "sharpe", "sharpe:", "sharpe:x..", "sharpe:nan..", "sharpe:1..inf", "sharpe:[", "sharpe:[]"),
        *('status:["gone"]', "status:1..2", "nothing:1..2", 'sharpe:[{"a":1}]', "sharpe:[NaN]", "sharpe:[1e999]x"),
        f"sharpe:[{10**30}]",
    ],
)
def test_a_filter_that_is_not_understood_is_named_and_left_out(where: str) -> None:
    found, problems = question.read({"where": [where, "trades:30.."]}, PARAMETERS)
    assert found.where == (Condition("trades", low=30.0),)
    assert problems == [f"The filter {where} was not understood; it is left out."]


def test_an_odd_address_gives_the_usual_question() -> None:
    said = {"sort": ["<b>"], "order": ["up"], "page": ["-3"], "size": ["7"], "chosen": ["x,9,9,-1,٣"]}
    found, problems = question.read(said, PARAMETERS)
    assert found == Question(chosen=(9, 3))
    assert len(problems) == 2 and "<b>" in problems[0] and "up" in problems[1]


def test_sorting_begins_with_the_better_side_and_turns_round() -> None:
    asked = Question(page=4)
    assert asked.sorted_by("volatility") == Question("volatility", descending=False)
    assert asked.sorted_by("sharpe") == Question(descending=False)
    assert asked.sorted_by("ma_cross.fast") == Question("ma_cross.fast", descending=False)
    assert Question().status == "done"
    assert Question(where=(Condition("status", values=("failed",)),)).status is None


def test_curves_are_cut_before_the_held_out_bars(home: Home) -> None:
    with home.store() as store:
        run = store.run(1)
        _, stored = store.sketches(1, [BENCHMARK])
    whole = curves.curves(home, run)
    assert whole.indices.tolist() == list(range(8))
    assert np.array_equal(whole.benchmark, stored[0])
    assert whole.bars[0] == run.plan["first"] and whole.bars[-1] == run.plan["bars"] - 1
    cut = whole.cut()
    points = int((whole.bars < run.plan["test"]).sum())
    assert 0 < points < len(whole.bars)
    assert cut.values.shape == (8, points) and cut.benchmark.shape == (points,) and cut.covered
    assert cut.bars.max() < run.plan["test"] <= whole.bars[points]
    assert np.array_equal(cut.of([5, 99, 0]), whole.values[[5, 0], :points])


def test_the_times_of_a_run_are_those_of_its_market(home: Home) -> None:
    from app.services.reading import read

    with home.store() as store:
        run = store.run(1)
    assert np.array_equal(curves.times(home, run), read(home, 1, 0).market.time)
    gone = dataclasses.replace(run, dataset_hash="0" * 64)
    assert curves.times(home, gone) is None


@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_bands_are_the_quantiles(count: int) -> None:
    values = np.random.default_rng(count).lognormal(size=(count, 16)).astype(np.float32)
    expected = np.quantile(values.astype(np.float64), curves.QUANTILES, axis=0)
    assert np.allclose(curves.bands(values), expected, rtol=1e-5)


def of(parameters: list[Parameter], name: str) -> Parameter:
    return next(parameter for parameter in parameters if parameter.name == name)


@pytest.mark.parametrize(("summary", "made"), [("median", np.median), ("mean", np.mean), ("best", np.max)])
def test_a_cell_sums_up_its_containers(home: Home, summary: str, made: object) -> None:
    with home.store() as store:
        parameters, rows = store.parameters(1), store.containers(1)
    x, y = of(parameters, "ma_cross.fast"), of(parameters, "risk.stop_loss")
    found = grid.grid(home, 1, "sharpe", x, y, summary, ())
    assert found.x.labels == ("5", "10") and set(found.y.labels) == {"0.1", "none"}
    for row, stop in enumerate(y.values):
        for column, fast in enumerate(x.values):
            inside = [
                one.metrics["sharpe"]
                for one in rows
                if (one.params["risk.stop_loss"], one.params["ma_cross.fast"]) == (stop, fast)
            ]
            assert found.counts[row, column] == len(inside) == 2
            assert found.values[row, column] == pytest.approx(made(inside))
    assert found.values[found.best] == found.values.max()


def test_a_grid_sees_only_what_passes(home: Home) -> None:
    with home.store() as store:
        parameters = store.parameters(1)
    x, y = of(parameters, "classifier"), of(parameters, "ma_cross.fast")
    found = grid.grid(home, 1, "trades", x, y, "mean", (Condition("classifier", values=("quiet",)),))
    assert found.best is None, "neither more nor fewer trades are better"
    quiet = found.x.labels.index("quiet")
    assert found.counts[:, quiet].tolist() == [2, 2] and found.counts.sum() == 4
    assert np.isnan(found.values[:, 1 - quiet]).all()


def test_the_best_of_what_should_be_small_is_the_smallest(home: Home) -> None:
    with home.store() as store:
        parameters, rows = store.parameters(1), store.containers(1)
    found = grid.line(home, 1, "volatility", of(parameters, "ma_cross.fast"), "best", ())
    least = [min(one.metrics["volatility"] for one in rows if one.params["ma_cross.fast"] == fast) for fast in (5, 10)]
    assert found.summaries.tolist() == least and found.counts.tolist() == [4, 4]
    assert sorted(found.indices.tolist()) == list(range(8))


def test_many_values_are_cut_into_stretches() -> None:
    numbers = np.linspace(1.0, 2.0, 500)
    values = np.array([*numbers.tolist(), None], dtype=object)
    axis, places = grid._placed(Parameter("s.x", tuple(numbers.tolist()), True), values)
    assert axis.stretches and len(axis.labels) == grid.STRETCHES
    assert places[0] == 0 and places[-2] == grid.STRETCHES - 1 and places[-1] == -1
    assert (np.diff(places[:-1]) >= 0).all() and set(places[:-1].tolist()) == set(range(grid.STRETCHES))


def drawn(values: np.ndarray, **changes: object) -> curves.Curves:
    """Curves of 1,000 bars without dates, of which the last 200 are held out."""
    found = curves.Curves(
        indices=np.arange(len(values)),
        values=values.astype(np.float32),
        benchmark=np.ones(values.shape[1], np.float32),
        bars=np.linspace(0, 999, values.shape[1]).astype(int),
        time=None,
        stop=1000,
        test=800,
    )
    return dataclasses.replace(found, **changes)


def test_what_is_covered_is_not_in_the_bands() -> None:
    figure = bands.figure(drawn(np.ones((5, 128))).cut(), None, [3], theme.LIGHT, False)
    assert {trace.name for trace in figure.data} > {bands.MEDIAN, bands.BENCHMARK_LINE, "Container 3"}
    assert max(max(trace.x) for trace in figure.data) < 800
    assert [note.text for note in figure.layout.annotations] == ["held out, covered"]
    whole = bands.figure(drawn(np.ones((5, 128))), None, [], theme.LIGHT, False)
    assert max(max(trace.x) for trace in whole.data) == 999
    assert [note.text for note in whole.layout.annotations] == ["held out"]


def test_accounts_that_lost_everything_have_a_place_on_a_log_scale() -> None:
    values = np.linspace(1, 0, 128) * np.ones((3, 1))
    figure = bands.figure(drawn(values), None, [], theme.DARK, True)
    for trace in figure.data:
        assert np.isfinite(np.log(np.asarray(trace.y))).all(), trace.name
    assert 2 <= len(figure.layout.yaxis.tickvals) <= 7
    assert not bands.wide(drawn(values)) and bands.wide(drawn(values[:, ::-1] * 6 + 0.1))


def test_without_containers_buy_and_hold_is_left() -> None:
    figure = bands.figure(drawn(np.ones((0, 128))), None, [1], theme.LIGHT, True)
    assert [trace.name for trace in figure.data] == [bands.BENCHMARK_LINE]


def test_a_large_map_is_a_small_message_and_names_are_no_markup() -> None:
    labels = tuple(map(str, range(grid.MOST_VALUES)))
    x, y = grid.Axis("<b>%{z}", labels, False), grid.Axis("y", labels, False)
    shape = len(labels), len(labels)
    values = np.random.default_rng(1).normal(size=shape)
    found = grid.Grid("sharpe", "median", x, y, values, np.ones(shape, int), (3, 119))
    text = heatmap.figure(found, theme.LIGHT).to_json().replace("\\u003c", "<")
    assert len(text) < 500_000
    assert "<b>" not in text and "%{z}<" not in text


def test_ticks_stand_at_places_and_not_at_values() -> None:
    x = grid.Axis("s.x", ("5", "10", "0"), False)
    found = grid.Grid("sharpe", "median", x, x, np.ones((3, 3)), np.ones((3, 3), int), (2, 0))
    figure = heatmap.figure(found, theme.LIGHT)
    assert list(figure.layout.xaxis.ticktext) == ["5", "10", "0"] and list(figure.layout.xaxis.tickvals) == [0, 1, 2]
    assert not {str(place) for place in figure.layout.xaxis.tickvals} & set(figure.data[0].x)
    shape = figure.layout.shapes[0]
    assert (shape.x0, shape.x1, shape.y0, shape.y1) == (-0.5, 0.5, 1.5, 2.5)
