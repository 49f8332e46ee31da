"""The page of stages: each stage is shown with its parameters and an example, and each has its form."""

import html
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.components import stage_example
from app.forms import groups, state, trial
from app.services import drafting, executing, library, running
from app.services.drafting import Draft
from app.services.drafting_fields import fields
from app.services.home import Home
from app.services.library import Entry
from engine import config
from engine.registry import BUILT_IN
from engine.strategies.by_regime import ByRegime
from tests.app.own import FILES
from tests.app.test_library import BROKEN, HOLDER, RISK, Said, kinds
from tests.pages.conftest import HOSTILE, Open, address, said, shown

Stages = Callable[..., AppTest]


@pytest.fixture(scope="module")
def lent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with own stages and a file that cannot be used. Read it only."""
    home = tmp_path_factory.mktemp("lent")
    (home / "stages").mkdir()
    for name, text in {**FILES, "my_holder": HOLDER, "my_calm": RISK, "broken": BROKEN}.items():
        (home / "stages" / f"{name}.py").write_text(text)
    return home


@pytest.fixture
def stages(page: Open) -> Stages:
    return lambda home, **query: page(home, "stages", **query)


def of(home: Path, kind: str) -> Entry:
    found = library.library(Home(home)).get(kind)
    assert found is not None
    return found


def figures(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


def snippet(app: AppTest) -> Draft:
    return config.load(app.code[0].value)


def typed(app: AppTest, *place: str | int, text: str) -> AppTest:
    generation = app.session_state[trial.GENERATION]
    key = f"trial-{generation}-{'.'.join(map(str, place))}-fixed"
    return shown(app.text_input(key).input(text).run())


# --- every stage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds())
def test_a_built_in_stage_is_shown_with_each_parameter(stages: Stages, lent: Path, kind: str) -> None:
    app = stages(lent, kind=kind)
    item, text = of(lent, kind), said(app)
    assert f"<h2>{kind}</h2>" in text
    for spec in item.fields:
        assert f'<th scope="row">{spec.name}</th>' in text
        assert html.escape(spec.description) in text
    assert figures(app) == item.drawn
    assert 'role="alert"' not in text
    assert snippet(app).keys() == {item.family}


@pytest.mark.parametrize("kind", ["my_breakout", "my_holder", "my_mood", "my_calm"])
def test_an_own_stage_is_shown_as_one_of_the_users(stages: Stages, lent: Path, kind: str) -> None:
    app = stages(lent, kind=kind)
    text = said(app)
    assert "not checked yet" in text and of(lent, kind).file in text
    assert figures(app) == of(lent, kind).drawn
    assert 'role="alert"' not in text
    assert ":blue-badge[own]" in app.button(f"stage-chosen-{kind}").label


def test_an_own_indicator_is_shown_with_the_python_that_names_it(stages: Stages, lent: Path) -> None:
    app = stages(lent, kind="my_range")
    assert figures(app) == 1
    assert "from my_lib import Range" in app.code[0].value
    assert not [button for button in app.button if button.key == "use"], "no config names it"


def test_a_broken_file_is_told_in_its_line(stages: Stages, lent: Path) -> None:
    (line,) = [text for text in said(stages(lent)).splitlines() if "bh-broken" in text]
    assert "stages/broken.py:1: ModuleNotFoundError" in line and "nothing_like_this" in line


def test_a_stage_that_looks_ahead_says_so_and_goes_into_no_experiment(
    stages: Stages, lent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verdict(home: Home, kind: str, source_hash: str) -> Said | None:
        return Said("look-ahead", True, "signal at bar 7") if kind == "my_breakout" else None

    monkeypatch.setattr(library, "verdict", verdict)
    app = stages(lent, kind="my_breakout")
    assert "signal at bar 7" in said(app) and "checked: looks ahead" in said(app)
    assert app.button("use").disabled
    assert ":red-badge[looks ahead]" in app.button("stage-chosen-my_breakout").label


@pytest.mark.parametrize(
    ("said_of_it", "badge"),
    [
        (Said("causal", False, ""), "checked: causal"),
        (Said("not bit-stable", False, ""), "not bit-stable"),
        (Said("failure", False, "it writes to <b>"), "checked: not sound"),
    ],
)
def test_the_verdict_of_a_check_is_a_badge(
    stages: Stages, lent: Path, monkeypatch: pytest.MonkeyPatch, said_of_it: Said, badge: str
) -> None:
    monkeypatch.setattr(library, "verdict", lambda *_: said_of_it)
    app = stages(lent, kind="my_mood")
    assert badge in said(app) and html.escape(said_of_it.text) in said(app)
    assert not app.button("use").disabled


@pytest.mark.parametrize("kind", ["no_such_kind", HOSTILE])
def test_a_kind_that_is_not_there(stages: Stages, tmp_path: Path, kind: str) -> None:
    app = stages(tmp_path, kind=kind)
    assert html.escape(f"There is no stage '{kind}'") in said(app)
    assert not figures(app)
    assert "once they are in HOME/stages" in said(app)


def test_a_home_that_cannot_be_used_says_so(stages: Stages, tmp_path: Path) -> None:
    (tmp_path / "bulkhead.sqlite").mkdir()
    (tmp_path / "datasets").write_text("no folder")
    app = stages(tmp_path)
    assert 'role="alert"' in said(app)
    assert not app.button


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_is_searched_by_parts_of_names(stages: Stages, lent: Path) -> None:
    app = shown(stages(lent).text_input("stage-search").input("mom").run())
    names = [button.key.split("-", 2)[2] for button in app.button if (button.key or "").startswith("stage-")]
    assert names == ["momentum", "cross_sectional_momentum"]
    app = shown(app.text_input("stage-search").input("cross mom").run())
    assert [b.key for b in app.button if "stage-" in (b.key or "")] == ["stage-other-cross_sectional_momentum"]
    app = shown(app.text_input("stage-search").input("x y z").run())
    assert "No stage has such a name" in said(app)


def test_a_click_shows_another_stage(stages: Stages, lent: Path) -> None:
    app = shown(stages(lent, kind="ma_cross").button("stage-other-drawdown").click().run())
    assert "<h2>drawdown</h2>" in said(app) and address(app, "kind") == "drawdown"
    assert snippet(app)["classifier"]["kind"] == "drawdown"


# --- the example -----------------------------------------------------------------------------------------------------


def test_a_parameter_is_changed_and_stands_in_the_address(stages: Stages, lent: Path) -> None:
    app = typed(stages(lent, kind="ma_cross"), "strategy", 0, "fast", text="7")
    assert snippet(app)["strategy"][0]["fast"] == 7
    link = address(app, "draft")
    assert link is not None
    again = stages(lent, kind="ma_cross", draft=link)
    assert snippet(again) == snippet(app) and figures(again) == 1


def test_a_value_that_is_refused_stands_at_its_field(stages: Stages, lent: Path) -> None:
    app = typed(stages(lent, kind="ma_cross"), "strategy", 0, "fast", text="1")
    (line,) = [text for text in said(app).splitlines() if "bh-field-problem" in text]
    assert "greater than or equal to 2" in line
    assert not figures(app)
    app = typed(app, "strategy", 0, "fast", text="3")
    assert figures(app) == 1


@pytest.mark.parametrize(
    "word",
    [
        "no draft",
        state.packed("x = 1"),
        state.packed('[data]\ndataset = "us-tech"\n[[strategy]]\nkind = "macd"'),
        state.packed('[data]\ndataset = 5\n[[strategy]]\nkind = "ma_cross"'),
    ],
)
def test_a_link_that_holds_no_example_of_the_stage_says_so(stages: Stages, lent: Path, word: str) -> None:
    app = stages(lent, kind="ma_cross", draft=word)
    assert "holds no example of this stage" in said(app)
    assert figures(app) == 1 and address(app, "draft") is None


def test_another_dataset_symbol_and_classifier(stages: Stages, lent: Path) -> None:
    app = stages(lent, kind="ma_cross")
    choices = {box.label: box for box in app.selectbox}
    app = shown(choices["Regimes of"].select("trend").run())
    assert drafting.parsed(state.unpacked(str(address(app, "draft"))))["classifier"] == {"kind": "trend"}
    choices = {box.label: box for box in app.selectbox}
    app = shown(choices["Symbol"].select("IBM").run())
    choices = {box.label: box for box in app.selectbox}
    app = shown(choices["Dataset"].select("sp500").run())
    assert (
        figures(app) == 1 and drafting.parsed(state.unpacked(str(address(app, "draft"))))["data"]["dataset"] == "sp500"
    )


@pytest.mark.parametrize("kind", ["ma_cross", "volatility", "standard", "ensemble", "my_calm"])
def test_it_is_used_in_an_experiment(stages: Stages, lent: Path, kind: str) -> None:
    app = shown(stages(lent, kind=kind).button("use").click().run())
    assert [title.value for title in app.title] == ["Experiment"]
    draft = drafting.parsed(app.text_area("toml").value)
    (table,) = drafting.tables(draft, of(lent, kind).family)
    assert table.get("kind", "standard") == kind or kind == "ensemble"
    assert not app.button("run-draft").disabled
    assert 'role="alert"' not in said(app)


def test_an_example_is_computed_once(stages: Stages, lent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages(lent, kind="bollinger_reversion")
    monkeypatch.setattr(stage_example.example, "example", lambda *_: pytest.fail("it was computed before"))
    assert figures(stages(lent, kind="bollinger_reversion")) == 1


# --- every stage has a form ------------------------------------------------------------------------------------------


def names(app: AppTest) -> list[str]:
    """The names of all fields that the form shows."""
    return [
        text.split('bh-field-name">')[1].split("<")[0] for text in said(app).splitlines() if "bh-field-name" in text
    ]


@pytest.mark.parametrize("kind", [*kinds(), "my_breakout", "my_holder", "my_mood", "my_calm"])
def test_the_experiment_has_a_form_for_a_stage(page: Open, lent: Path, kind: str) -> None:
    item = of(lent, kind)
    draft = library.experiment(item, library.start(item))
    app = page(lent, "experiment", draft=state.packed(drafting.dumped(draft)))
    assert 'role="alert"' not in said(app)
    found = names(app)
    if issubclass(item.model, ByRegime):
        wanted = [spec.label for spec in fields(BUILT_IN.strategies["ma_cross"])] * 3
        assert all(found.count(name) >= wanted.count(name) for name in wanted)
        return
    elsewhere = groups.APPLIES.get(item.family, {})
    for spec in item.fields:
        assert spec.label in found or spec.name in elsewhere, f"no field for {spec.name}"


def form(page: Open, home: Path, **sections: object) -> AppTest:
    draft = {
        "experiment": {"name": "x"},
        "data": {"dataset": "us-tech"},
        "strategy": [{"kind": "ma_cross"}],
        **sections,
    }
    return page(home, "experiment", draft=state.packed(drafting.dumped(draft)))


def key(app: AppTest, *place: str | int, what: str = "fixed") -> str:
    return f"form-{app.session_state[state.GENERATION]}-{'.'.join(map(str, place))}-{what}"


def edited(app: AppTest) -> Draft:
    return drafting.parsed(app.text_area("toml").value)


@pytest.mark.parametrize(
    ("section", "table", "there", "gone"),
    [
        ("portfolio", {}, ["Slot"], ["Target volatility", "Risk per trade", "ATR multiple", "Sizing window"]),
        ("portfolio", {"sizing": "risk", "risk_per_trade": 0.01}, ["Risk per trade", "ATR multiple"], ["Slot"]),
        ("portfolio", {"sizing": "cash", "cash_per_trade": 5.0}, ["Cash per trade"], ["Slot", "Drift band"]),
        ("portfolio", {"sizing": ["slot", "inverse_volatility"]}, ["Slot", "Sizing window"], ["Risk per trade"]),
        ("portfolio", {"risk_per_trade": 0.1}, ["Risk per trade"], ["Target volatility"]),
        ("risk", {}, ["Stop loss", "Time stop"], ["Stop when", "ATR window", "Cool down"]),
        ("risk", {"stop_atr": ["none", 2.0]}, ["Stop when", "ATR window", "Cool down"], []),
        ("risk", {"time_stop": 5}, ["Cool down"], ["Stop when", "ATR window"]),
        ("execution", {}, ["Fill", "Margin"], ["Entry offset", "Good for", "Maintenance", "Financing rate"]),
        ("execution", {"entry": "limit", "margin": 0.5}, ["Entry offset", "Good for", "Maintenance"], []),
    ],
)
def test_what_needs_another_parameter_shows_where_it_applies(
    page: Open, tmp_path: Path, section: str, table: Draft, there: list[str], gone: list[str]
) -> None:
    found = names(form(page, tmp_path, **{section: table}))
    assert set(there) <= set(found)
    assert not set(gone) & set(found)


def test_what_is_not_in_use_is_said(page: Open, tmp_path: Path) -> None:
    text = said(form(page, tmp_path))
    assert "target volatility (with sizing = volatility_target)" in text
    assert "maintenance, financing rate (with margin)" in text


def test_choosing_a_sizing_shows_what_it_needs(page: Open, tmp_path: Path) -> None:
    app = form(page, tmp_path)
    app = shown(app.selectbox(key(app, "portfolio", 0, "sizing")).select("volatility_target").run())
    assert "volatility_target&quot; needs it" in said(app)
    app = shown(app.text_input(key(app, "portfolio", 0, "target_volatility")).input("0.15").run())
    assert edited(app)["portfolio"] == {"sizing": "volatility_target", "target_volatility": 0.15}
    assert 'role="alert"' not in said(app)


def test_an_own_rule_of_risk_is_chosen_and_left_again(page: Open, lent: Path) -> None:
    app = form(page, lent)
    app = shown(app.selectbox(key(app, "risk", 0, what="kind")).select("my_calm").run())
    assert edited(app)["risk"] == {"kind": "my_calm"} and "Limit" in names(app) and "Stop loss" in names(app)
    app = shown(app.text_input(key(app, "risk", 0, "limit")).input("0.25").run())
    assert edited(app)["risk"] == {"kind": "my_calm", "limit": 0.25} and 'role="alert"' not in said(app)
    app = shown(app.selectbox(key(app, "risk", 0, what="kind")).select("standard").run())
    assert "risk" not in edited(app) and "Limit" not in names(app)


def test_a_strategy_by_regime_is_written_with_fields(page: Open, tmp_path: Path) -> None:
    app = form(page, tmp_path, classifier={"kind": "volatility"}, strategy=[{"kind": "by_regime"}])
    app = shown(app.text_input(key(app, "strategy", 0, "parameters", "slow")).input("60").run())
    turbulent = key(app, "strategy", 0, "regimes", "turbulent", "fast")
    app = shown(app.text_input(turbulent).input("5").run())
    assert edited(app)["strategy"] == [
        {"kind": "by_regime", "parameters": {"slow": 60}, "regimes": {"turbulent": {"fast": 5}}}
    ]
    assert 'role="alert"' not in said(app)
    app = shown(app.text_input(turbulent).input("1").run())
    (line,) = [text for text in said(app).splitlines() if "bh-field-problem" in text]
    assert "greater than or equal to 2" in line
    app = shown(app.selectbox(key(app, "strategy", 0, "base", what="base")).select("rsi_reversion").run())
    assert edited(app)["strategy"] == [{"kind": "by_regime", "base": "rsi_reversion"}]
    assert names(app).count("Lower") == 3


def test_a_strategy_by_regime_without_a_classifier_says_what_it_needs(page: Open, tmp_path: Path) -> None:
    app = form(page, tmp_path, strategy=[{"kind": "by_regime", "regimes": {"old": {"fast": 3}}}])
    assert "needs a classifier" in said(app)
    assert app.text_input(key(app, "strategy", 0, "regimes", "old", "fast")).value == "3", "nothing is thrown away"


# --- fills at the same close -----------------------------------------------------------------------------------------

SAME = """
[experiment]
name = "same"
[data]
dataset = "us-tech"
[[strategy]]
kind = "ma_cross"
[execution]
fill = ["next_open", "same_close"]
"""


def test_fills_at_the_same_close_are_marked_in_the_form(page: Open, tmp_path: Path) -> None:
    app = form(page, tmp_path, execution={"fill": "same_close"})
    assert "Fills at the same close are optimistic" in said(app)
    assert "same close (optimistic)" in app.selectbox(key(app, "execution", 0, "fill")).options
    assert "are optimistic" not in said(form(page, tmp_path))


def test_fills_at_the_same_close_are_marked_in_the_results(page: Open, tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.store() as store:
        for text in (SAME, SAME.replace('"same_close"', '"next_close"')):
            prepared = running.check(home, text)
            executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    app = page(tmp_path, "results", run=1)
    assert "Fills at the same close are optimistic" in said(app) and "(optimistic)" in said(app)
    (board,) = [table.value for table in app.dataframe if "execution.fill" in table.value]
    assert set(board["execution.fill"]) == {"next_open", "same_close (optimistic)"}
    assert "optimistic" not in said(page(tmp_path, "results", run=2))
