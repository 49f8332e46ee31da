"""The page of the experiment: form and text are one draft, problems stand at their field, and it runs."""

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.charts.preview import SYMBOLS, preview
from app.components import where
from app.forms import aside, state
from app.services import drafting, executing, running
from app.services.home import Home
from app.theme import DARK, LIGHT, Palette
from engine.errors import StoreError
from engine.experiment import parse_experiment
from engine.market.market import Market
from tests.pages.conftest import GOOD, GOOD_RUN, HOSTILE, Open, address, said, shown

Experiment = Callable[..., AppTest]
SAMPLE = str(drafting.example_text(drafting.SAMPLE))


@pytest.fixture
def experiment(page: Open) -> Experiment:
    return lambda home, **query: page(home, "experiment", **query)


def draft(app: AppTest) -> drafting.Draft:
    """What the text of the page says."""
    return drafting.parsed(app.text_area("toml").value)


def figures(app: AppTest) -> str:
    return next(text for text in said(app).splitlines() if "Containers" in text)


def key(app: AppTest, *place: str | int, what: str) -> str:
    """The key of a field's widget, whatever the generation of the form."""
    generation = app.session_state[state.GENERATION]
    return f"form-{generation}-{'.'.join(map(str, place))}-{what}"


def typed(app: AppTest, *place: str | int, text: str, what: str = "fixed") -> AppTest:
    return shown(app.text_input(key(app, *place, what=what)).input(text).run())


def given(app: AppTest, *place: str | int, way: str) -> AppTest:
    return shown(app.segmented_control(key(app, *place, what="given-as")).set_value(way).run())


# --- where it begins -------------------------------------------------------------------------------------------------


def test_it_begins_with_the_sample_ready_to_run(experiment: Experiment, tmp_path: Path) -> None:
    app = experiment(tmp_path)
    assert [title.value for title in app.title] == ["Experiment"]
    assert app.text_area("toml").value == SAMPLE
    assert "1,000" in figures(app) and "no comparable run in this home" in said(app)
    assert not app.button("run-draft").disabled
    assert 'role="alert"' not in said(app)


@pytest.mark.parametrize("name", drafting.examples())
def test_every_example_opens_by_its_address(experiment: Experiment, tmp_path: Path, name: str) -> None:
    app = experiment(tmp_path, example=name)
    assert app.text_area("toml").value == drafting.example_text(name)
    assert f"{parse_experiment(draft(app)).containers:,}" in figures(app)
    assert 'role="alert"' not in said(app)


def test_an_earlier_run_is_duplicated(experiment: Experiment, stored: Path) -> None:
    app = experiment(stored, run=GOOD_RUN)
    assert app.text_area("toml").value == GOOD
    assert "30" in figures(app)
    rendered = [*app.markdown, *app.caption, *app.subheader, *app.title]
    assert not any("bold" in element.value for element in rendered)
    assert HOSTILE in app.selectbox("duplicate").options[1]


def test_it_begins_with_the_samples_stages_on_another_dataset(experiment: Experiment, tmp_path: Path) -> None:
    app = experiment(tmp_path, dataset="sp500")
    found = drafting.parsed(app.text_area("toml").value)
    assert found["data"] == {"dataset": "sp500"} and found["experiment"] == {"name": "sp500"}
    assert found["strategy"][0]["kind"] == "ma_cross"


def test_a_run_is_chosen_to_duplicate(experiment: Experiment, stored: Path) -> None:
    app = shown(experiment(stored).selectbox("duplicate").select(GOOD_RUN).run())
    assert app.text_area("toml").value == GOOD
    assert address(app, "run") == str(GOOD_RUN)


def test_an_example_is_chosen(experiment: Experiment, tmp_path: Path) -> None:
    app = shown(experiment(tmp_path).button("example-index-books").click().run())
    assert app.text_area("toml").value == drafting.example_text("index-books")
    assert address(app, "example") == "index-books"


def test_a_draft_waits_while_another_page_is_looked_at(experiment: Experiment, tmp_path: Path) -> None:
    app = typed(experiment(tmp_path), "strategy", 0, "fast", text="9", what="end-from")
    edited, link = app.text_area("toml").value, address(app, "draft")
    shown(app.switch_page("../pages/data.py").run())
    app.query_params.clear()
    app = shown(app.switch_page("../pages/experiment.py").run())
    assert app.text_area("toml").value == edited
    assert address(app, "draft") == link


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ({"run": "99"}, "there is no run 99"),
        ({"run": "<b>"}, "There is no run &lt;b&gt; in this home"),
        ({"run": "9" * 30}, "There is no run 9999"),
        ({"example": "../../x"}, "There is no example &#x27;../../x&#x27;"),
        ({"draft": "no draft"}, "The link holds no draft that can be read"),
        ({"draft": "é"}, "The link holds no draft that can be read"),
        ({"draft": state.packed("x" * 300_000)}, "The link holds too long a draft"),
        ({"draft": state.packed("[experiment")}, "the config is not valid TOML"),
    ],
)
def test_a_stale_link_says_so_and_shows_the_sample(
    experiment: Experiment, stored: Path, query: dict[str, str], line: str
) -> None:
    app = experiment(stored, **query)
    assert line in said(app)
    assert app.text_area("toml").value == SAMPLE


def test_an_edit_stands_in_the_address_and_comes_back_from_it(experiment: Experiment, tmp_path: Path) -> None:
    app = typed(experiment(tmp_path), "strategy", 0, "fast", text="9", what="end-from")
    edited = app.text_area("toml").value
    link = address(app, "draft")
    assert link is not None and address(app, "example") is None
    assert experiment(tmp_path, draft=link).text_area("toml").value == edited


def test_a_home_that_cannot_be_used_says_so(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "bulkhead.sqlite").write_text("no database")
    app = experiment(tmp_path)
    assert 'role="alert"' in said(app)
    assert not app.button


# --- form and text are one draft -------------------------------------------------------------------------------------


def test_a_number_is_fixed_a_list_or_a_range(experiment: Experiment, tmp_path: Path) -> None:
    app = given(experiment(tmp_path), "strategy", 0, "fast", way="list")
    assert draft(app)["strategy"][0]["fast"] == list(range(5, 51, 5))
    app = typed(app, "strategy", 0, "fast", text="10, 20", what="list")
    assert draft(app)["strategy"][0]["fast"] == [10, 20]
    assert ">200<" in figures(app)
    app = given(app, "strategy", 0, "fast", way="range")
    assert draft(app)["strategy"][0]["fast"] == {"from": 10, "to": 20, "step": 10}
    app = typed(app, "strategy", 0, "fast", text="40", what="end-to")
    assert draft(app)["strategy"][0]["fast"] == {"from": 10, "to": 40, "step": 10}
    app = given(app, "strategy", 0, "fast", way="fixed")
    assert draft(app)["strategy"][0]["fast"] == 10
    app = typed(app, "strategy", 0, "fast", text="")
    assert "fast" not in draft(app)["strategy"][0], "a default is not written"
    assert app.text_input(key(app, "strategy", 0, "fast", what="fixed")).value == "20"


def test_words_and_flags_are_chosen_one_or_several(experiment: Experiment, tmp_path: Path) -> None:
    app = given(experiment(tmp_path), "strategy", 0, "average", way="list")
    several = app.segmented_control(key(app, "strategy", 0, "average", what="list"))
    app = shown(several.set_value(["SMA", "EMA"]).run())
    app = shown(app.segmented_control(key(app, "strategy", 0, "long_only", what="fixed")).set_value(False).run())
    assert draft(app)["strategy"][0]["average"] == ["SMA", "EMA"]
    assert draft(app)["strategy"][0]["long_only"] is False
    assert "2,000" in figures(app)


def test_a_value_for_each_regime(experiment: Experiment, tmp_path: Path) -> None:
    app = typed(experiment(tmp_path), "risk", 0, "regime_scale", "calm", text="0.7")
    assert draft(app)["risk"]["regime_scale"] == {"calm": 0.7, "turbulent": [0.5, 1.0]}
    app = shown(app.selectbox(key(app, "classifier", 0, what="kind")).select("trend").run())
    assert "no regime &#x27;calm&#x27;" in said(app), "what no longer fits is said, not thrown away"
    app = typed(app, "risk", 0, "regime_scale", "up", text="0.2")
    assert draft(app)["risk"]["regime_scale"]["up"] == 0.2


def test_weights_by_regime(experiment: Experiment, tmp_path: Path) -> None:
    app = shown(experiment(tmp_path).button("add-strategy").click().run())
    app = shown(app.selectbox(key(app, "ensemble", 0, "method", what="fixed")).select("fixed").run())
    assert "needs weights" in said(app)
    app = typed(app, "ensemble", 0, "weights", text="0.6, 0.4")
    assert draft(app)["ensemble"] == {"method": "fixed", "weights": [0.6, 0.4]}
    app = given(app, "ensemble", 0, "weights", way="by regime")
    assert draft(app)["ensemble"]["weights"] == {"calm": [0.6, 0.4], "turbulent": [0.6, 0.4]}
    app = typed(app, "ensemble", 0, "weights", "turbulent", text="0.1, 0.9")
    assert draft(app)["ensemble"]["weights"]["turbulent"] == [0.1, 0.9]
    assert 'role="alert"' not in said(app)


def test_strategies_and_books_are_added_named_and_removed(experiment: Experiment, tmp_path: Path) -> None:
    app = shown(experiment(tmp_path).button("add-book").click().run())
    assert draft(app)["strategy"][1] == {"book": "book_2", "kind": "ma_cross"}
    assert "1,004" in figures(app) and "in 2 branches" in figures(app)
    app = shown(app.selectbox(key(app, "strategy", 1, what="kind")).select("random_entry").run())
    app = typed(app, "strategy", 1, "name", text="dice", what="name")
    assert draft(app)["strategy"][1] == {"book": "book_2", "kind": "random_entry", "name": "dice"}
    app = shown(app.selectbox(key(app, "strategy", 1, "book", what="book")).select("main").run())
    assert draft(app)["strategy"][1] == {"kind": "random_entry", "name": "dice"}
    assert "one for each combination" in figures(app)
    app = shown(app.button("drop-strategy-0").click().run())
    assert [entry["kind"] for entry in draft(app)["strategy"]] == ["random_entry"]
    assert app.button("drop-strategy-0").disabled, "one strategy has to stay"


@pytest.mark.parametrize("section", drafting.ALTERNATIVES)
def test_alternatives_are_branches_with_names(experiment: Experiment, tmp_path: Path, section: str) -> None:
    app = shown(experiment(tmp_path).button(f"add-{section}").click().run())
    assert [entry["name"] for entry in draft(app)[section]] == [f"{section}_1", f"{section}_2"]
    assert "2,000" in figures(app) and "in 2 branches" in figures(app)
    app = typed(app, section, 1, "name", text="other", what="name")
    assert draft(app)[section][1]["name"] == "other"
    app = typed(app, section, 1, "name", text="not a name", what="name")
    assert "name must be letters" in said(app)
    app = shown(app.button(f"drop-{section}-1").click().run())
    assert draft(app) == drafting.parsed(SAMPLE)


def test_data_is_chosen_with_a_look_at_it(experiment: Experiment, tmp_path: Path) -> None:
    app = experiment(tmp_path)
    assert "2000-03-01 to 2013-03-01" in said(app) and "The check of the data found 3 gaps" in said(app)
    app = shown(app.multiselect(key(app, "data", "symbols", what="")).set_value(["IBM"]).run())
    app = shown(app.date_input(key(app, "data", "test_start", what="date")).set_value(None).run())
    app = shown(app.segmented_control(key(app, "data", "warmup", what="way")).set_value("number").run())
    app = typed(app, "data", "warmup", text="300", what="number")
    assert draft(app)["data"] == {"dataset": "us-tech", "warmup": 300, "symbols": ["IBM"]}
    app = shown(app.selectbox(key(app, "data", "dataset", what="")).select("sp500").run())
    assert draft(app)["data"] == {"dataset": "sp500", "warmup": 300}, "another dataset has other symbols"
    assert "1999-" in said(app)


def test_sweep_limits_and_head(experiment: Experiment, tmp_path: Path) -> None:
    app = experiment(tmp_path)
    app = shown(app.text_area(key(app, "sweep", "where", what="")).input("ma_cross.fast < ma_cross.slow\n").run())
    app = typed(app, "limits", "wall_seconds", text="5")
    app = typed(app, "experiment", "name", text="mine", what="")
    app = typed(app, "experiment", "seed", text="9")
    app = shown(app.segmented_control(key(app, "sweep", "method", what="fixed")).set_value("random").run())
    assert "needs samples" in said(app)
    app = typed(app, "sweep", "samples", text="50")
    assert draft(app)["sweep"] == {"where": ["ma_cross.fast < ma_cross.slow"], "method": "random", "samples": 50}
    app = shown(app.segmented_control(key(app, "sweep", "method", what="fixed")).set_value("tpe").run())
    app = shown(app.selectbox(key(app, "sweep", "objective", what="fixed")).select("calmar").run())
    assert draft(app)["sweep"]["objective"] == "calmar"
    assert "Containers" in figures(app)
    assert draft(app)["limits"] == {"wall_seconds": 5.0}
    assert (draft(app)["experiment"]["name"], draft(app)["experiment"]["seed"]) == ("mine", 9)
    assert ">50<" in figures(app)


def test_the_text_replaces_the_form(experiment: Experiment, tmp_path: Path) -> None:
    app = experiment(tmp_path)
    app = shown(app.text_area("toml").input(GOOD).run())
    assert app.text_area("toml").value == GOOD, "comments and all"
    assert app.text_input(key(app, "strategy", 0, "slow", what="list")).value == "60, 120, 180"
    assert app.text_input(key(app, "strategy", 0, "name", what="name")).value == "_cross_"
    assert ">30<" in figures(app)


def test_a_text_that_does_not_parse_stays_and_the_form_waits(experiment: Experiment, tmp_path: Path) -> None:
    app = experiment(tmp_path)
    broken = SAMPLE.replace("[data]", "[data")
    app = shown(app.text_area("toml").input(broken).run())
    assert app.text_area("toml").value == broken
    assert "at line 9" in said(app)
    assert app.button("run-draft").disabled
    field = app.text_input(key(app, "strategy", 0, "fast", what="end-from"))
    assert field.disabled and field.value == "5", "the last good draft"
    app = shown(app.button("discard").click().run())
    assert draft(app) == drafting.parsed(SAMPLE)
    assert not app.button("run-draft").disabled


def test_a_file_is_taken_and_one_that_is_no_text_is_refused(experiment: Experiment, tmp_path: Path) -> None:
    app = experiment(tmp_path)
    app.file_uploader("upload").set_value(("cross.toml", b"\xff\xfe", "application/toml")).run()
    assert "cross.toml is not UTF-8 text (byte 0)" in said(shown(app))
    assert app.text_area("toml").value == SAMPLE
    app.file_uploader("upload").set_value(("cross.toml", GOOD.encode(), "application/toml")).run()
    assert shown(app).text_area("toml").value == GOOD
    assert "UTF-8" not in said(app)


# --- problems --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "text", "line"),
    [
        (("risk", 0, "max_gross"), "0", "must be greater than 0 (got 0.0)"),
        (("classifier", 0, "window"), "<b>", "(got &#x27;&lt;b&gt;&#x27;)"),
        (("portfolio", 0, "rebalance"), "1.5", "(got 1.5)"),
        (("execution", 0, "lot_size"), "-1", "must be greater than or equal to 0"),
        (("experiment", "seed"), str(2**63), "must be less than 9223372036854775808"),
        (("limits", "memory_mb"), "none", "valid number"),
    ],
)
def test_a_problem_stands_at_its_field(
    experiment: Experiment, tmp_path: Path, place: tuple[Any, ...], text: str, line: str
) -> None:
    app = typed(experiment(tmp_path), *place, text=text)
    at_fields = [body for body in said(app).splitlines() if "bh-field-problem" in body]
    assert len(at_fields) == 1 and line in at_fields[0]
    assert figures(app).count("–") >= 3
    assert app.text_input(key(app, *place, what="fixed")).value == text, "what was typed can be mended"


HOSTILE_TABLES = [
    {"fast": [{"a": 1}], "long_only": 1.5, "average": [["SMA"]], "slow": {"from": "x"}, "name": HOSTILE, "book": 5},
    {"fast": {"from": [1]}, "long_only": "maybe", "average": {"x": 1}, "slow": True, "kind": HOSTILE},
    {"fast": 1e308, "slow": [], "average": [], "enter_on": HOSTILE, "long_only": []},
    {"kind": ["ma_cross"], "name": [HOSTILE]},
]


@pytest.mark.parametrize("table", HOSTILE_TABLES)
@pytest.mark.parametrize(
    "rest",
    [
        {},
        {
            "experiment": {"name": [HOSTILE], "seed": "x", "hypothesis": 5, "pattern": HOSTILE},
            "data": {"dataset": [1], "symbols": HOSTILE, "start": "x", "end": 5, "warmup": [], "test_start": True},
            "classifier": [{"kind": 3}, "x"],
            "risk": {"regime_scale": [1], "stop_loss": {"x": 1}, "stop_when": HOSTILE},
            "portfolio": [{"name": HOSTILE}, {"slot": {"from": 1}}],
            "ensemble": {"weights": {HOSTILE: HOSTILE}, "method": 3},
            "execution": 5,
            "sweep": {"where": HOSTILE, "method": "tpe", "samples": "x"},
            "limits": [],
            HOSTILE: {"a": {"b": [{}]}},
        },
    ],
)
def test_a_draft_that_is_wrong_everywhere_is_drawn_and_refused(
    experiment: Experiment, tmp_path: Path, table: dict[str, Any], rest: dict[str, Any]
) -> None:
    wrong = {**drafting.parsed(SAMPLE), "strategy": [{"kind": "ma_cross", **table}], **rest}
    app = experiment(tmp_path, draft=state.packed(drafting.dumped(wrong)))
    assert draft(app) == wrong
    assert 'role="alert"' in said(app)
    assert "<img" not in said(app)


# --- running ---------------------------------------------------------------------------------------------------------


def test_it_runs_and_goes_to_the_run(experiment: Experiment, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def launched(home: Home, text: str, scheduler: str | None) -> int:
        asked.append((home.path, text, scheduler))
        return GOOD_RUN

    monkeypatch.setattr(aside, "launch", launched)
    app = experiment(full, run=GOOD_RUN)
    app = typed(app, "experiment", "name", text="again", what="")
    text = app.text_area("toml").value
    app = shown(app.button("run-draft").click().run())
    assert asked == [(full, text, None)] and 'name = "again"' in text
    assert [title.value for title in app.title] == ["Runs"]
    assert address(app, "run") == str(GOOD_RUN)


def test_it_runs_on_a_cluster(experiment: Experiment, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(aside, "launch", lambda home, text, scheduler: asked.append(scheduler) or GOOD_RUN)
    app = experiment(full, run=GOOD_RUN)
    app = shown(app.segmented_control("run-where").set_value(where.CLUSTER).run())
    assert app.button("run-draft").disabled, "there is no address yet"
    for address_, line in (
        ("tcp://192.0.2.1:8786", "without TLS only a scheduler on this machine is used"),
        ("<b>nowhere</b>", "is no address; write tcp://127.0.0.1:8786 or tls://HOST:PORT"),
    ):
        app = shown(app.text_input("run-scheduler").input(address_).run())
        assert line in said(app) and "--scheduler" not in said(app)
        assert app.button("run-draft").disabled
    app = shown(app.text_input("run-scheduler").input("127.0.0.1:8786").run())
    assert not app.button("run-draft").disabled
    shown(app.button("run-draft").click().run())
    assert asked == ["tcp://127.0.0.1:8786"]


def test_without_dask_a_cluster_is_refused_in_a_line(
    experiment: Experiment, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where.importlib.util, "find_spec", lambda name: None)
    app = shown(experiment(full).segmented_control("run-where").set_value(where.CLUSTER).run())
    assert "pip install &#x27;bulkhead[cluster]&#x27;" in said(app)
    assert app.button("run-draft").disabled


def test_what_cannot_run_says_why_at_the_field_and_leaves_nothing(experiment: Experiment, tmp_path: Path) -> None:
    app = experiment(tmp_path)
    app = shown(app.text_area("toml").input(GOOD.replace('kind = "ma_cross"', 'kind = "ma_crosss"')).run())
    app = shown(app.button("run-draft").click().run())
    line = "no such kind &#x27;ma_crosss&#x27;; did you mean &#x27;ma_cross&#x27;?"
    assert any(line in body for body in said(app).splitlines() if "bh-field-problem" in body)
    assert "ma_crosss" in app.text_area("toml").value, "the text is still there to be mended"
    with Home(tmp_path).store() as store:
        assert store.runs() == []


def test_a_start_that_fails_says_why_until_the_draft_changes(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(home: Home, text: str, scheduler: str | None) -> int:
        raise StoreError("/home/<b>: a run cannot be started")

    monkeypatch.setattr(aside, "launch", refuse)
    app = shown(experiment(tmp_path).button("run-draft").click().run())
    assert html.escape("/home/<b>: a run cannot be started") in said(app)
    assert not app.button("run-draft").disabled
    app = typed(app, "experiment", "name", text="other", what="")
    assert "cannot be started" not in said(app)


def test_an_estimate_is_taken_from_earlier_runs(experiment: Experiment, tmp_path: Path) -> None:
    home = Home(tmp_path)
    prepared = running.check(home, SAMPLE.replace("step = 10", "step = 40"))
    with home.store() as store:
        executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    assert "Estimated from run 1 of this home" in said(experiment(tmp_path))


# --- the chart -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_a_preview_sets_every_symbol_to_100(colors: Palette) -> None:
    close = np.array([[50.0, np.nan], [100.0, 8.0], [25.0, 16.0]])
    market = Market.from_columns(["<b>", "Y"], np.arange(3) * 86_400 * 10**9, close, close, close, close)
    first, second = preview(market, colors).data
    assert first.name == "&lt;b&gt;"
    assert (list(first.x), list(first.y)) == ([0, 1, 2], [100.0, 200.0, 50.0])
    assert (list(second.x), list(second.y)) == ([1, 2], [100.0, 200.0])
    assert first.line.color != second.line.color


def test_a_preview_of_much_data_is_small() -> None:
    steps = np.random.default_rng(1).normal(0, 0.01, (50_000, 30)).cumsum(axis=0)
    close = np.exp(steps)
    market = Market.from_columns([f"S{k}" for k in range(30)], np.arange(50_000) * 60 * 10**9, *[close] * 4)
    made = preview(market, LIGHT)
    assert len(made.data) == SYMBOLS
    assert len(made.to_json()) < 500_000
    assert max(made.data[0].y) == pytest.approx((close[:, 0] / close[0, 0]).max() * 100), "no peak is lost"
