"""Drafts: what is written means what was read, edits do what they say, and a problem is found at its field."""

import math
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from app.services import drafting, drafting_values
from app.services.drafting_check import Problem, located, outlook
from app.services.drafting_fields import FieldSpec, fields
from app.services.estimating import ALIKE, BYTES, Measured, estimate, measured, size
from app.services.executing import execute
from app.services.home import Home
from app.services.running import check, create
from engine.config import LimitsSection
from engine.ensemble.weights import Ensemble
from engine.errors import ConfigError, InputError, StoreError
from engine.execution.rules import Execution
from engine.experiment import parse_experiment
from engine.registry import BUILT_IN
from engine.risk.portfolio import NEEDS, Portfolio
from engine.risk.standard import Risk
from engine.shared import Shared
from engine.spec import resolve
from engine.strategies.base import Strategy

MINIMAL: drafting.Draft = {
    "experiment": {"name": "x"},
    "data": {"dataset": "us-tech"},
    "strategy": [{"kind": "ma_cross"}],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("drafts"))


def meaning(draft: drafting.Draft) -> list[str]:
    """What a draft means: the resolved stages of its containers, in order."""
    experiment = parse_experiment(draft)
    found = []
    for rank in experiment.ranks.tolist():
        branch, picks = experiment.sweep.locate(rank)
        found.append(f"{branch.params(picks)} " + " ".join(choice.fragment for choice in branch.choices(picks)))
    return found


# --- writing and reading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", drafting.examples())
def test_an_example_written_out_gives_the_same_containers(home: Home, name: str) -> None:
    text = str(drafting.example_text(name))
    again = drafting.dumped(drafting.parsed(text))
    plans = [check(home, written).plan for written in (text, again)]
    assert len({plan.containers for plan in plans}) == 1
    hashes = [[resolve(Shared(plan), index).spec_hash for index in range(plan.containers)] for plan in plans]
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0])) == plans[0].containers


def numbers(spec: FieldSpec) -> st.SearchStrategy[Any]:
    """Values that a number's field accepts."""
    low = 0.0 if spec.low is None else spec.low
    high = min(low + 400.0 if spec.high is None else spec.high, low + 400.0)
    if spec.kind == "int":
        return st.integers(int(low), int(high))
    share = st.integers(1, 99).map(lambda part: round(low + (high - low) * part / 100, 6))
    return st.one_of(share, st.just("none")) if spec.optional else share


def given_values(spec: FieldSpec) -> st.SearchStrategy[Any]:
    """What a draft may say of a field: fixed, a list, or a range."""
    if spec.kind == "bool":
        one: st.SearchStrategy[Any] = st.booleans()
    elif spec.kind == "choice":
        one = st.sampled_from(spec.choices)
    elif spec.numeric:
        one = numbers(spec)
    else:
        return st.nothing()
    ways = [one, st.lists(one, min_size=1, max_size=3, unique=True)]
    if spec.kind == "int":
        low = int(spec.low or 0)
        ways.append(st.integers(1, 3).map(lambda step: {"from": low, "to": low + 5, "step": step}))
    return st.one_of(*ways)


def tables(model: Any) -> st.SearchStrategy[dict[str, Any]]:
    usable = {
        spec.name: given_values(spec) for spec in fields(model) if spec.numeric or spec.kind in ("bool", "choice")
    }
    return st.fixed_dictionaries({}, optional=usable).filter(lambda table: len(table) <= 3)


def drafts() -> st.SearchStrategy[drafting.Draft]:
    kinds = st.sampled_from(sorted(BUILT_IN.strategies))
    strategy = kinds.flatmap(lambda kind: tables(BUILT_IN.strategies[kind]).map(lambda t: {"kind": kind, **t}))
    words = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), min_size=1, max_size=30)
    return st.fixed_dictionaries(
        {
            "experiment": st.fixed_dictionaries({"name": words}, optional={"seed": st.integers(0, 2**63 - 1)}),
            "data": st.just({"dataset": "us-tech"}),
            "strategy": st.lists(strategy, min_size=1, max_size=2),
        },
        optional={"risk": tables(Risk), "portfolio": tables(Portfolio), "execution": tables(Execution)},
    )


@given(drafts())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_a_draft_written_out_and_read_is_the_same_experiment(draft: drafting.Draft) -> None:
    again = drafting.parsed(drafting.dumped(draft))
    assert again == draft
    try:
        containers = parse_experiment(draft).containers
    except ConfigError as error:  # a combination that a stage refuses is refused with the same words
        with pytest.raises(ConfigError, match="^") as refused:
            parse_experiment(again)
        assert str(refused.value) == str(error)
        return
    assert parse_experiment(again).containers == containers
    if containers <= 500:
        assert meaning(again) == meaning(draft)


toml_values = st.recursive(
    st.one_of(
        st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=8), st.dates()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(st.one_of(st.sampled_from(drafting.ORDER), st.text(max_size=6)), toml_values, max_size=5))
@settings(max_examples=150, deadline=None)
def test_whatever_toml_allows_can_be_drafted(draft: drafting.Draft) -> None:
    assert drafting.parsed(drafting.dumped(draft)) == draft


@given(
    st.dictionaries(
        st.sampled_from(["name", "kind", "dataset", "fast", "stop_loss", "where", "method", "regime_scale", "weights"]),
        toml_values,
        max_size=4,
    ),
    st.sampled_from(drafting.ORDER),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_wrong_draft_has_a_problem_and_never_an_exception(home: Home, table: dict[str, Any], section: str) -> None:
    draft = {**MINIMAL, section: [table] if section == "strategy" else table}
    found = outlook(home, draft)
    assert found.problem is not None or found.containers > 0
    for spec in [*fields(Risk), *fields(Ensemble), *fields(Execution)]:
        for value in table.values():
            drafting_values.count(value, spec)
            drafting_values.shown(value, spec)
            for wanted in drafting_values.modes(spec):
                drafting_values.converted(value, spec, wanted)


# --- fields from models ----------------------------------------------------------------------------------------------


class Later(Strategy):
    """A stage that nobody has written yet."""

    kind: ClassVar[str] = "later"

    length: int = Field(9, ge=2, lt=50, description="bars looked at", json_schema_extra={"unit": "bars"})
    limit_bps: float | None = Field(None, gt=0)
    side: Literal["long", "short"] = "long"
    eager: bool = False
    by_label: dict[str, float] = Field(default_factory=dict)
    split: list[float] | dict[str, list[float]] | None = None
    pair: tuple[int, int] = (1, 2)


def test_fields_are_read_off_a_model_nobody_knew_of() -> None:
    found = {spec.name: spec for spec in fields(Later)}
    assert list(found) == ["length", "limit_bps", "side", "eager", "by_label", "split", "pair"]
    length = found["length"]
    assert (length.kind, length.default, length.unit, length.description) == ("int", 9, "bars", "bars looked at")
    assert length.bounds == "at least 2, below 50"
    assert (found["limit_bps"].optional, found["limit_bps"].bounds, found["limit_bps"].label) == (
        True,
        "above 0",
        "Limit",
    )
    assert found["limit_bps"].unit == "basis points"
    assert (found["side"].kind, found["side"].choices) == ("choice", ("long", "short"))
    assert found["eager"].kind == "bool"
    assert (found["by_label"].kind, found["by_label"].by_regime) == ("float", "always")
    assert (found["split"].kind, found["split"].by_regime, found["split"].optional) == ("numbers", "possible", True)
    assert found["pair"].kind == "other"


@pytest.mark.parametrize(
    "model", [*BUILT_IN.strategies.values(), *BUILT_IN.classifiers.values(), Risk, Portfolio, Execution, Ensemble]
)
def test_every_parameter_of_every_stage_has_a_field_that_says_what_it_means(model: Any) -> None:
    found = fields(model)
    assert {spec.name for spec in found} == set(model.model_fields)
    for spec in found:
        assert spec.kind != "other", spec.name
        assert spec.description, spec.name
        assert spec.default == model.model_fields[spec.name].get_default(call_default_factory=True)


def test_limits_have_units() -> None:
    units = {spec.name: spec.unit for spec in fields(LimitsSection)}
    assert units["wall_seconds"] == "seconds" and units["memory_mb"] == "MiB"


# --- values and their text -------------------------------------------------------------------------------------------

FAST = next(spec for spec in fields(BUILT_IN.strategies["ma_cross"]) if spec.name == "fast")
STOP = next(spec for spec in fields(Risk) if spec.name == "stop_loss")
WEIGHTS = next(spec for spec in fields(Ensemble) if spec.name == "weights")


@pytest.mark.parametrize(
    ("spec", "value", "mode", "text"),
    [
        (FAST, 20, "fixed", "20"),
        (FAST, [5, 10], "list", "5, 10"),
        (STOP, "none", "fixed", "none"),
        (STOP, ["none", 0.1], "list", "none, 0.1"),
        (STOP, 5e-05, "fixed", "5e-05"),
        (WEIGHTS, [0.6, 0.4], "fixed", "0.6, 0.4"),
        (WEIGHTS, [[0.6, 0.4], [0.5, 0.5]], "list", "0.6, 0.4 | 0.5, 0.5"),
        (FAST, "soon", "fixed", "soon"),
    ],
)
def test_a_value_and_its_text_are_one(spec: FieldSpec, value: Any, mode: drafting_values.Mode, text: str) -> None:
    assert drafting_values.mode(value, spec) == mode
    assert drafting_values.shown(value, spec) == text
    assert drafting_values.read(text, spec, mode) == value


def test_a_number_is_read_as_its_kind() -> None:
    assert drafting_values.read("5", STOP) == 5.0 and isinstance(drafting_values.read("5", STOP), float)
    assert isinstance(drafting_values.read("5", FAST), int)
    assert drafting_values.read(" ", FAST) is None
    assert drafting_values.read("5 bars", FAST) == "5 bars", "what is no number is left for the check to refuse"


def test_a_value_given_another_way_keeps_what_it_can() -> None:
    span = {"from": 5, "to": 50, "step": 5}
    assert drafting_values.converted(span, FAST, "list") == list(range(5, 51, 5))
    assert drafting_values.converted([5, 10, 20], FAST, "range") == {"from": 5, "to": 20, "step": 5}
    assert drafting_values.converted([5, 10], FAST, "fixed") == 5
    assert drafting_values.converted(20, FAST, "list") == [20]
    assert drafting_values.converted(None, STOP, "list") == ["none"]
    assert drafting_values.converted([0.6, 0.4], WEIGHTS, "by regime") == {}
    assert drafting_values.mode(span, FAST) == "range"
    assert drafting_values.count(span, FAST) == 10


@pytest.mark.parametrize("model", [*BUILT_IN.strategies.values(), *BUILT_IN.classifiers.values(), Risk, Portfolio])
def test_a_default_given_as_a_range_or_list_is_accepted(model: Any) -> None:
    """One click on `list` or `range` never leads to an error of the bounds."""
    for spec in fields(model):
        for wanted in drafting_values.modes(spec):
            if wanted == "by regime":
                continue
            value = drafting_values.converted(spec.default, spec, wanted)
            draft = {**MINIMAL, "classifier": {"kind": "trend"}}
            if issubclass(model, Strategy):
                draft["strategy"] = [{"kind": model.kind, spec.name: value}]
            elif model in BUILT_IN.classifiers.values():
                draft["classifier"] = {"kind": model.kind, spec.name: value}
            else:
                sizing = [{"sizing": way} for way, name in NEEDS.items() if name == spec.name and value != ["none"]]
                draft[model.family] = {spec.name: value, **(sizing[0] if sizing else {})}
            if value is not None:
                assert parse_experiment(draft).containers >= 1


# --- edits -----------------------------------------------------------------------------------------------------------


def test_a_value_is_put_and_taken_away_and_nothing_empty_stays() -> None:
    place = ("risk", 0, "regime_scale", "calm")
    changed = drafting.put(MINIMAL, place, 0.5)
    assert changed["risk"] == {"regime_scale": {"calm": 0.5}}
    assert drafting.value(changed, place) == 0.5
    assert drafting.put(changed, place, None) == MINIMAL
    assert "risk" not in MINIMAL, "an edit changes no other draft"


def test_alternatives_get_names_and_lose_them_with_the_last() -> None:
    draft = drafting.put(MINIMAL, ("risk", 0, "stop_loss"), 0.1)
    both = drafting.add_alternative(draft, "risk")
    assert both["risk"] == [{"name": "risk_1", "stop_loss": 0.1}, {"name": "risk_2", "stop_loss": 0.1}]
    assert parse_experiment(both).containers == 2
    assert drafting.remove_table(both, "risk", 1) == draft
    quiet = drafting.add_alternative(MINIMAL, "classifier")
    assert [table["kind"] for table in quiet["classifier"]] == ["none", "volatility"]
    assert parse_experiment(quiet).containers == 2
    assert drafting.remove_table(quiet, "classifier", 1) == MINIMAL


def test_books_are_branches_and_strategies_of_one_book_trade_together() -> None:
    together = drafting.add_strategy(MINIMAL, "rsi_reversion")
    apart = drafting.add_strategy(MINIMAL, "ma_cross", "other")
    assert parse_experiment(together).containers == 1 and parse_experiment(apart).containers == 2
    assert drafting.strategy_names(apart) == ["ma_cross", "ma_cross_2"]
    assert drafting.books(apart) == ["main", "other"]
    assert drafting.remove_table(apart, "strategy", 1) == MINIMAL


def test_another_kind_begins_at_its_defaults_and_keeps_its_name_and_book() -> None:
    draft = drafting.parsed(drafting.dumped({**MINIMAL, "strategy": [{"kind": "ma_cross", "name": "a", "fast": 5}]}))
    assert drafting.change_kind(draft, ("strategy", 0), "rsi_reversion")["strategy"] == [
        {"name": "a", "kind": "rsi_reversion"}
    ]
    regimes = drafting.change_kind(MINIMAL, ("classifier", 0), "trend")
    assert drafting.regimes(regimes) == ["up", "down", "flat"]
    assert drafting.change_kind(regimes, ("classifier", 0), "none") == MINIMAL


def test_a_stored_run_is_a_start_without_what_an_export_pinned(home: Home) -> None:
    with home.store() as store:
        run_id = create(store, check(home, drafting.dumped(MINIMAL)), 1, "sequential")
        assert drafting.run_text(home, run_id) == drafting.dumped(MINIMAL)
    with pytest.raises(StoreError, match="there is no run 99"):
        drafting.run_text(home, 99)


# --- problems at their fields ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"experiment": {}}, ("experiment", "name")),
        ({"experiment": {"name": "x", "seed": -1}}, ("experiment", "seed")),
        ({"experiment": {"name": "x", "pattern": "signal_replay"}}, ("experiment", "pattern")),
        ({"data": {"dataset": "us-tec"}}, ("data", "dataset")),
        ({"data": {"dataset": "us-tech", "symbols": ["APL"]}}, ("data", "symbols")),
        ({"data": {"dataset": "us-tech", "start": "soon"}}, ("data", "start")),
        ({"data": {"dataset": "us-tech", "warmup": -1}}, ("data", "warmup")),
        ({"data": {"dataset": "us-tech", "warmup": 10**6}}, ("data", "warmup")),
        ({"data": {"dataset": "us-tech", "start": "2030-01-01"}}, ("data", "start")),
        ({"data": {"dataset": "us-tech", "end": "1980-01-01"}}, ("data", "end")),
        ({"data": {"dataset": "us-tech", "test_start": "1980-01-01"}}, ("data", "test_start")),
        ({"strategy": [{"kind": "ma_cros"}]}, ("strategy", 0, "kind")),
        ({"strategy": [{"kind": "ma_cross", "fast": 1}]}, ("strategy", 0, "fast")),
        ({"strategy": [{"kind": "ma_cross"}, {"kind": "ma_cross", "slow": [1, 5]}]}, ("strategy", 1, "slow")),
        ({"strategy": [{"kind": "ma_cross", "fast": []}]}, ("strategy", 0, "fast")),
        ({"strategy": [{"kind": "ma_cross", "fast": {"from": 5}}]}, ("strategy", 0, "fast")),
        ({"strategy": [{"kind": "ma_cross", "fast": {"from": 5, "to": 4, "step": 1}}]}, ("strategy", 0, "fast")),
        ({"strategy": [{"kind": "ma_cross", "fats": 5}]}, ("strategy", 0)),
        ({"strategy": [{"kind": "ma_cross", "book": "a b"}]}, ("strategy", 0, "book")),
        ({"strategy": [{"kind": "ma_cross", "name": "risk"}]}, ("strategy", 0, "name")),
        ({"strategy": []}, ("strategy",)),
        ({"classifier": {"kind": "volatile"}}, ("classifier", 0, "kind")),
        ({"classifier": {"kind": "trend", "window": 1}}, ("classifier", 0, "window")),
        ({"risk": {"stop_loss": 2.0}}, ("risk", 0, "stop_loss")),
        ({"risk": {"stop_loss": [0.1, 0.1]}}, ("risk", 0, "stop_loss")),
        ({"risk": {"regime_scale": {"calm": 1.0}}}, ("risk", 0, "regime_scale")),
        ({"risk": [{"name": "a"}, {"name": "b", "max_gross": 0}]}, ("risk", 1, "max_gross")),
        ({"risk": [{"name": "a"}, {"name": "b", "regime_scale": {"x": 1}}]}, ("risk", 1, "regime_scale")),
        ({"risk": [{"name": "a"}, {}]}, ("risk", 1, "name")),
        ({"risk": [{"name": "a"}, {"name": "a"}]}, ("risk", 1, "name")),
        ({"portfolio": {"initial_cash": 0}}, ("portfolio", 0, "initial_cash")),
        ({"ensemble": {"method": "fixed"}}, ("ensemble", 0, "method")),
        ({"ensemble": {"method": "fixed", "weights": [0.5, 0.5]}}, ("ensemble", 0, "weights")),
        ({"execution": {"lot_size": -1}}, ("execution", 0, "lot_size")),
        ({"sweep": {"method": "random"}}, ("sweep", "samples")),
        ({"sweep": {"method": "tpe", "samples": 3, "objective": "sharp"}}, ("sweep", "objective")),
        ({"ensemble": {"method": "random", "samples": 0}}, ("ensemble", 0, "samples")),
        ({"sweep": {"where": ["ma_cross.fats < 5"]}}, ("sweep", "where")),
        ({"sweep": {"where": ["ma_cross.fast <"]}}, ("sweep", "where")),
        ({"sweep": {"where": ["ma_cross.fast < 2"]}}, ("sweep", "where")),
        ({"limits": {"wall_seconds": 0}}, ("limits", "wall_seconds")),
    ],
)
def test_a_problem_is_found_at_its_field(home: Home, change: drafting.Draft, place: drafting.Place) -> None:
    found = outlook(home, drafting.parsed(drafting.dumped({**MINIMAL, **change})))
    assert found.problem is not None
    assert found.problem.place == place, found.problem
    with pytest.raises(InputError, match="."):
        check(home, drafting.dumped({**MINIMAL, **change}))


def test_a_message_of_no_field_is_kept_as_it_is() -> None:
    assert located("something else", MINIMAL) == Problem("something else")


# --- counting --------------------------------------------------------------------------------------------------------


def test_containers_branches_and_bars_are_counted(home: Home) -> None:
    found = outlook(home, drafting.parsed(str(drafting.example_text("index-books"))))
    assert (found.containers, found.about, found.branches, found.problem) == (60, False, 12, None)
    assert found.symbols == 1 and found.test is not None and found.first is not None
    assert "ma_cross.fast" in found.names


def test_conditions_on_a_large_sweep_are_estimated(home: Home) -> None:
    fast = {"from": 2, "to": 401, "step": 1}
    large = {**MINIMAL, "strategy": [{"kind": "ma_cross", "fast": fast, "slow": dict(fast)}]}
    large["sweep"] = {"where": ["ma_cross.fast < ma_cross.slow"]}
    found = outlook(home, large)
    assert found.about and found.problem is None
    assert math.isclose(found.containers, 400 * 399 / 2, rel_tol=0.03)


# --- estimating ------------------------------------------------------------------------------------------------------


def test_without_earlier_runs_an_estimate_says_that_it_is_from_constants() -> None:
    found = estimate(10_000, 5_000, 1, [], None)
    assert "no comparable run" in found.source and "200 µs" in found.source
    assert found.size == 10_000 * BYTES
    assert estimate(20_000, 5_000, 1, [], None).seconds > found.seconds > 0
    assert estimate(10_000, 5_000, 8, [], None).seconds > found.seconds


def test_comparable_runs_are_taken_and_others_are_not() -> None:
    alike, other = Measured(3, 1e-3, 0.5, 5_000), Measured(4, 1.0, 0.5, int(5_000 * ALIKE * 2))
    found = estimate(10_000, 5_000, 1, [other, alike], 4_000.0)
    assert found == estimate(10_000, 5_000, 1, [alike], 4_000.0)
    assert "run 3 of this home" in found.source
    assert found.size == 40_000_000


def test_a_home_measures_itself(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert measured(home) == ([], None)
    draft = {**MINIMAL, "strategy": [{"kind": "ma_cross", "fast": {"from": 2, "to": 121, "step": 1}}]}
    with home.store() as store:
        prepared = check(home, drafting.dumped(draft))
        run_id = create(store, prepared, 1, "sequential")
        execute(store, prepared, run_id, 1, "sequential")
    found, each = measured(home)
    assert [(run.run, run.cells) for run in found] == [(run_id, len(prepared.plan.market.time) * 4)]
    assert found[0].core_seconds > 0 and each is not None and each > 100


def test_sizes_are_words() -> None:
    assert (size(500), size(2_048), size(20 * 1024**2)) == ("500 bytes", "2.0 KB", "20 MB")
