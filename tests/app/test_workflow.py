"""A workflow from discovery to validation: what it chooses, what it must not see, how it goes on when broken off."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.datasets import DatasetLibrary
from app.services import executing, running
from app.services.home import Home
from app.services.reading import read
from app.services.workflow import configs
from app.services.workflow.choosing import Candidate, choose
from engine.config import load
from engine.errors import ConfigError
from engine.projections.by_regime import Part
from tests.app.own import FILES, OWN, stage_files
from tests.app.small import bulkhead, refused, unchanged, write
from tests.app.workflows import (
    CHOOSE,
    DISCOVER,
    FLOW,
    HEAD,
    VALIDATE,
    WEIGH,
    begin,
    killed,
    results,
    shown,
)  # fmt: skip

PHASES = ["discover", "choose", "weigh", "validate"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("workflow") / "home"
    told = begin(folder)
    assert told.code == 0, told.err
    assert told.err.splitlines()[0] == "workflow 1: 4 phases"
    return folder


# the whole


def test_every_phase_is_done_and_its_runs_are_ordinary_runs(home):
    found = shown(home)
    assert found["status"] == "done" and list(found["phases"]) == PHASES
    assert [phase["status"] for phase in found["phases"].values()] == ["done"] * 4
    assert [phase["runs"] for phase in found["phases"].values()] == [[1], [2, 3], [4, 5], [6]]
    (listed,) = bulkhead(home, "workflow", "list", "--json").json
    assert (listed["workflow"], listed["status"], listed["pid"]) == (1, "done", None)
    with Home(home).store() as store:
        runs = [store.run(run.id) for run in store.runs()]
    assert [(run.containers, run.done) for run in runs] == [(n, n) for n in (16, 2, 2, 3, 3, 1)]
    assert {run.workflow_id for run in runs} == {1}
    assert [run.phase for run in runs] == ["discover", "choose", "choose", "weigh", "weigh", "validate"]
    patterns = ["full_backtest", *["signal_generation"] * 2, *["signal_replay"] * 2, "full_backtest"]
    assert [run.pattern for run in runs] == patterns
    assert {run.validations for run in runs} == {1} and {run.trials for run in runs} == {27}


@pytest.mark.parametrize("run_id", range(1, 7))
def test_the_config_of_a_phase_runs_alone_to_the_same(home, run_id):
    with Home(home).store() as store:
        run = store.run(run_id)
        prepared = running.check(Home(home), run.config)
        assert running.described(prepared) == run.plan
        again = running.create(store, prepared, 1, "sequential")
        assert executing.execute(store, prepared, again, 1, "sequential").digest == run.digest
        assert store.run(again).validations == 1  # it is no phase of a workflow


def test_no_phase_before_the_validation_has_a_bar_from_test_start_on(home):
    with Home(home).store() as store:
        runs = [store.run(run_id) for run_id in range(1, 7)]
    for run in runs:
        market, first = (found := read(Home(home), run.id, 0)).market, found.first
        days = market.time.view("datetime64[ns]").astype("datetime64[D]")
        if run.phase == "validate":
            assert days[first] == np.datetime64("2009-01-02") and days[-1] == np.datetime64("2013-03-01")
        else:
            assert days[-1] == np.datetime64("2008-12-31")


def test_all_weights_are_tried_on_the_bars_of_the_sweep(home):
    sweep = read(Home(home), 1, 0)
    for run_id in range(2, 6):
        assert read(Home(home), run_id, 0).first == sweep.first


def test_where_all_regimes_take_the_overall_best_its_signals_are_stored(home):
    (entry,) = [e for e in results(home)["choose"][1]["classifiers"] if e["classifier"] == "quiet"]
    with Home(home).store() as store:
        for place, choice in enumerate(entry["choices"]):
            assert {part["by"] for part in choice["regimes"]} == {"overall"}
            assert "regimes" not in entry["tables"][place]
            best = store.container(1, choice["overall"]["index"])
            assert store.container(2, place).signals_digest == best.signals_digest


def test_the_best_weights_of_both_classifiers_are_validated(home):
    found = {name: result for name, (_, result) in results(home).items()}
    with Home(home).store() as store:
        rows = {run_id: store.containers(run_id) for run_id in (4, 5)}
        (validated,) = store.containers(6)
        benchmark = store.container(6, -1)
    best = {run_id: max(rows[run_id], key=lambda row: (row.metrics["sharpe"], -row.index)) for run_id in rows}
    winner = max(best, key=lambda run_id: best[run_id].metrics["sharpe"])
    weighed, result = found["weigh"], found["validate"]
    assert weighed["best"] == result["classifier"] == {4: "quiet", 5: "way"}[winner]
    entry = weighed["classifiers"][winner - 4]
    assert entry["index"] == best[winner].index
    assert entry["ensemble"] == {"method": "fixed", "weights": best[winner].params["ensemble.weights"]}
    assert result["figures"] == validated.metrics and result["benchmark"] == benchmark.metrics
    assert result["earlier"]["figures"] == best[winner].metrics
    reading = read(Home(home), 6, 0)
    assert reading.spec.ensemble.weights == entry["ensemble"]["weights"]
    chosen = found["choose"]["classifiers"][winner - 4]
    assert [stage.values()["parameters"] for stage in reading.spec.strategies] == [
        choice["overall"]["parameters"][choice["strategies"][0]] for choice in chosen["choices"]
    ]


# the choice


def brute_force(home: Path, index: int) -> tuple[dict[str, dict[str, float]], float]:
    """Figures by regime of a container of run 1, and its Sharpe ratio, from its equity as a DataFrame."""
    reading = read(Home(home), 1, index)
    frame = reading.equity()
    frame["return"] = frame["equity"].pct_change()
    frame.loc[0, "return"] = frame["equity"][0] / reading.spec.portfolio.initial_cash - 1.0
    known = frame["regime"].shift(1)
    episode = (known != known.shift(1)).cumsum()
    per_year = reading.market.bars_per_year
    found = {}
    for regime, part in frame.groupby(known):
        found[regime] = {
            "sharpe": part["return"].mean() / part["return"].std() * per_year**0.5,
            "total_return": (1.0 + part["return"]).prod() - 1.0,
            "episodes": episode[known == regime].nunique(),
            "bars": len(part),
        }
    return found, frame["return"].mean() / frame["return"].std() * per_year**0.5


def test_the_choice_is_that_of_a_brute_force(home):
    by = set()
    with Home(home).store() as store:
        rows = store.containers(1)
    for entry in results(home)["choose"][1]["classifiers"]:
        for choice in entry["choices"]:
            (name,) = choice["strategies"]
            label = {"classifier": entry["classifier"], "book": name}
            mine = [row for row in rows if {key: row.params[key] for key in label} == label]
            parts = {row.index: brute_force(home, row.index) for row in mine}
            overall = max(parts, key=lambda index: (parts[index][1], -index))
            assert choice["overall"]["index"] == overall and choice["containers"] == len(mine)
            assert choice["overall"]["objective"] == pytest.approx(parts[overall][1], rel=1e-9)
            told = {part["regime"]: part for part in choice["regimes"]}
            for regime, part in told.items():
                own = max(parts, key=lambda index: (parts[index][0][regime]["sharpe"], -index))
                episodes = parts[own][0][regime]["episodes"]
                taken = own if episodes >= 12 else overall
                assert (part["by"], part["index"]) == ("regime" if episodes >= 12 else "overall", taken)
                for figure, value in parts[taken][0][regime].items():
                    assert part[figure] == pytest.approx(value, rel=1e-9), figure
                assert part["overall"]["sharpe"] == pytest.approx(parts[overall][0][regime]["sharpe"], rel=1e-9)
                params = {key: value for key, value in rows[taken].params.items() if key.startswith(f"{name}.")}
                assert params.items() <= {f"{name}.{key}": v for key, v in part["parameters"][name].items()}.items()
                by.add(part["by"])
    assert by == {"regime", "overall"}


def candidate(index: int, overall: float | None, *sharpes: float | None, episodes: int = 20) -> Candidate:
    parts = (Part(code, episodes, 100, 0.5, 0.1, sharpe, -0.1, 3) for code, sharpe in enumerate(sharpes))
    return Candidate(index, overall, tuple(parts))


def test_ties_go_to_the_lowest_index_and_what_is_undefined_to_nobody():
    sweep = [candidate(4, 1.0, None, 2.0, None), candidate(5, 3.0, 1.0, 2.0, None), candidate(9, 3.0, 1.0, None, None)]
    overall, choices = choose(sweep, ("a", "b", "c"), "sharpe", 10)
    assert overall == 1
    assert [(choice.by, choice.index) for choice in choices] == [("regime", 5), ("regime", 4), ("overall", 5)]
    _, few = choose(sweep, ("a", "b", "c"), "sharpe", 21)
    assert {(choice.by, choice.index) for choice in few} == {("overall", 5)}
    assert choose([candidate(7, None, None)], ("a",), "sharpe", 1)[0] == 0


def test_without_a_classifier_the_overall_best_is_a_plain_strategy(tmp_path):
    plain = DISCOVER[: DISCOVER.index("[[phase.classifier]]")] + DISCOVER[DISCOVER.index("[[phase.strategy]]") :]
    home = tmp_path / "home"
    told = begin(home, HEAD + plain + CHOOSE + WEIGH.replace("weights = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]", "")
                 .replace('method = "fixed"', 'method = "equal"') + VALIDATE)  # fmt: skip
    assert told.code == 0, told.err
    (entry,) = results(home)["choose"][1]["classifiers"]
    assert entry["classifier"] == "none" and [table["kind"] for table in entry["tables"]] == [
        "ma_cross",
        "rsi_reversion",
    ]
    reading = read(Home(home), 4, 0)
    assert reading.spec.classifier is None and reading.spec.ensemble.method == "equal"


def test_weights_by_regime_swept_classifiers_and_strategies_of_one_book(tmp_path):
    text = HEAD + DISCOVER.replace(
        'name = "way"\nkind = "trend"', 'name = "loud"\nkind = "volatility"\nwindow = [10, 40]'
    )
    text = text.replace('kind = "rsi_reversion"', 'kind = "rsi_reversion"\nbook = "ma_cross"').replace(
        'kind = "ma_cross"', 'kind = "ma_cross"\nbook = "ma_cross"'
    )
    text += CHOOSE.replace("min_episodes = 12", 'objective = "total_return"')
    text += WEIGH.replace("weights = [[", "weights = { calm = [[1.0, 0.0], [0.0, 1.0]], turbulent = [[").replace(
        "[0.0, 1.0]]\n", "[0.0, 1.0]] }\n"
    )
    home = tmp_path / "home"
    told = begin(home, text + VALIDATE)
    assert told.code == 0, told.err
    found = results(home)
    entries = found["choose"][1]["classifiers"]
    assert [entry["classifier"] for entry in entries] == ["quiet", "loud", "loud_2"]
    assert [entry["table"]["window"] for entry in entries] == [20, 10, 40]
    assert [choice["strategies"] for entry in entries for choice in entry["choices"]] == [
        ["ma_cross", "rsi_reversion"]
    ] * 3
    ensemble = next(e for e in found["weigh"][1]["classifiers"] if e["classifier"] == found["weigh"][1]["best"])
    assert ensemble["containers"] == 6 and set(ensemble["ensemble"]["weights"]) == {"calm", "turbulent"}
    runs = shown(home)["phases"]["validate"]["runs"]
    assert read(Home(home), runs[0], 0).spec.ensemble.weights == ensemble["ensemble"]["weights"]


@pytest.mark.parametrize(
    "rules",
    [
        'method = "random"\nsamples = 5\nby_regime = true',
        'method = "grid"\nstep = 0.5',
        'method = "tpe"\nsamples = 6',
        'method = "inverse_volatility"\nby_regime = true',
    ],
)
def test_weights_that_were_found_are_fixed_for_the_validation(tmp_path, rules):
    home = tmp_path / "home"
    weigh = WEIGH[: WEIGH.index('method = "fixed"')] + rules + "\n"
    assert begin(home, HEAD + DISCOVER + CHOOSE + weigh + VALIDATE).code == 0
    found = results(home)["weigh"][1]
    best = next(entry for entry in found["classifiers"] if entry["classifier"] == found["best"])
    with Home(home).store() as store:
        run = store.run(shown(home)["phases"]["weigh"]["runs"][found["classifiers"].index(best)])
        raw = load(run.config) | {"ensemble": best["ensemble"]}
        prepared = running.check(Home(home), configs.text(raw))
        again = running.create(store, prepared, 1, "sequential")
        executing.execute(store, prepared, again, 1, "sequential")
        assert store.container(again, 0).digest == store.container(run.id, best["index"]).digest
    assert best["ensemble"]["method"] == "fixed"
    validated = read(Home(home), shown(home)["phases"]["validate"]["runs"][0], 0)
    assert validated.spec.ensemble.weights == best["ensemble"]["weights"]


def test_a_sweep_that_is_searched_is_chosen_from_alike(tmp_path):
    home = tmp_path / "home"
    told = begin(home, HEAD + DISCOVER + '\n[phase.sweep]\nmethod = "tpe"\nsamples = 12\n' + CHOOSE + WEIGH + VALIDATE)
    assert told.code == 0, told.err
    with Home(home).store() as store:
        rows = {row.index: row for row in store.containers(1)}
    assert len(rows) == 12
    for entry in results(home)["choose"][1]["classifiers"]:
        for choice in entry["choices"]:
            (name,) = choice["strategies"]
            label = {"classifier": entry["classifier"], "book": name}
            mine = [row for row in rows.values() if {key: row.params[key] for key in label} == label]
            best = max(mine, key=lambda row: (row.metrics["sharpe"], -row.index))
            params = {key: value for key, value in best.params.items() if key.startswith(f"{name}.")}
            assert choice["overall"]["index"] == best.index
            assert (
                params.items()
                <= {f"{name}.{key}": v for key, v in choice["overall"]["parameters"][name].items()}.items()
            )


# what it must not see


def moved(source: DatasetLibrary, target: Path, name: str) -> None:
    """The sample's bars in a home, those from 2009-01-02 on multiplied by something else each."""
    market = source.market("us-tech")
    days = pd.DatetimeIndex(market.time.view("datetime64[ns]"))
    later = (days >= "2009-01-02").astype(float)[:, None]
    factor = 1.0 + later * np.random.default_rng(5).uniform(-0.2, 0.2, market.close.shape)
    rows = []
    for place, symbol in enumerate(market.symbols):
        own = market.valid[:, place]
        columns = {key: (getattr(market, key) * factor)[own, place] for key in ("open", "high", "low", "close")}
        rows.append(
            pd.DataFrame({"Date": days[own].date, **columns, "volume": market.volume[own, place], "symbol": symbol})
        )
    path = target / "moved.csv"
    pd.concat(rows).to_csv(path, index=False)
    DatasetLibrary(target).add(path, name)


def test_bars_from_test_start_on_change_nothing_before_the_validation(home, tmp_path):
    other = tmp_path / "home"
    other.mkdir()
    moved(DatasetLibrary(home), other, "moved")
    told = begin(other, FLOW.replace('dataset = "us-tech"', 'dataset = "moved"'))
    assert told.code == 0, told.err
    before, after = results(home), results(other)
    for name in ("discover", "choose", "weigh"):
        assert before[name] == after[name], name
    assert before["validate"][1]["figures"] != after["validate"][1]["figures"]
    assert before["validate"][1]["earlier"] == after["validate"][1]["earlier"]


def phase(text: str, name: str, lines: str) -> str:
    """`text` with `lines` after the name of a phase."""
    return text.replace(f'name = "{name}"\n', f'name = "{name}"\n{lines}\n')


LEAKS = {
    "end of discover": (
        phase(FLOW, "discover", "data = { end = 2009-01-02 }"),
        "end 2009-01-02 lies not before test_start",
    ),
    "start of discover": (phase(FLOW, "discover", "data = { start = 2010-01-01 }"), "start 2010-01-01 lies not before"),
    "end of choose": (phase(FLOW, "choose", "data = { end = 2012-01-01 }"), "kept for validation"),
    "end of weigh": (phase(FLOW, "weigh", "data = { end = 2009-06-01 }"), "kept for validation"),
    "test_start of its own": (
        phase(FLOW, "weigh", "data = { test_start = 2011-01-01 }"),
        "test_start is the workflow's",
    ),
    "test_start of a validation": (phase(FLOW, "validate", "data = { test_start = 2008-01-01 }"), "test_start is the"),
    "early validation": (
        phase(FLOW, "validate", "data = { start = 2008-12-31 }"),
        "start 2008-12-31 lies before test_start 2009-01-02, and 'weigh' has seen bars up to 2009-01-01",
    ),
    "no test_start": (FLOW.replace("test_start = 2009-01-02\n", ""), "test_start is missing"),
    "data ends before it": (
        FLOW.replace("test_start", "end = 2008-06-01\ntest_start"),
        "nothing is left to validate on",
    ),
    "data begins after it": (FLOW.replace("start = 2000-06-01", "start = 2009-02-01"), "lies not before test_start"),
    "signals end before": (
        phase(phase(FLOW, "choose", "data = { end = 2006-01-01 }"), "weigh", "data = { end = 2007-01-01 }"),
        "lies after 2006-01-01, where its signals end",
    ),
    "no bar is left": (
        FLOW.replace("test_start = 2009-01-02", "test_start = 2014-01-01"),
        "no bar is left to validate on",
    ),
    "its own pattern": (
        FLOW.replace("seed = 3", 'seed = 3\npattern = "full_backtest"'),
        "each phase of a workflow has",
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_what_would_leak_is_refused_in_one_line_and_nothing_is_stored(home, tmp_path, name):
    text, words = LEAKS[name]
    assert text != FLOW
    with unchanged(home):
        refused(bulkhead(home, "run", write(tmp_path, text)), words)


WRONG = {
    "no such input": (FLOW.replace('from = "discover"', 'from = "discovr"'), "did you mean 'discover'?"),
    "an input after it": (HEAD + DISCOVER + WEIGH + CHOOSE, "no phase 'choose' stands before it"),
    "an input of another kind": (
        FLOW.replace('from = "choose"', 'from = "discover"'),
        "made from one of kind 'by_regime'",
    ),
    "no input": (FLOW.replace('from = "choose"\n', ""), "made from one of kind 'by_regime'; name it in 'from'"),
    "inputs of discover": (FLOW.replace('kind = "discover"', 'kind = "discover"\nfrom = "x"'), "no phase 'x'"),
    "a name twice": (FLOW.replace('name = "weigh"', 'name = "choose"'), "the name 'choose' is taken"),
    "no such kind": (FLOW.replace('kind = "by_regime"', 'kind = "by_regimes"'), "did you mean 'by_regime'?"),
    "a section of a phase": (FLOW + '\n[ensemble]\nmethod = "equal"\n', "write [[phase.ensemble]] under its [[phase]]"),
    "an unknown key": (FLOW.replace("min_episodes", "min_episode"), "did you mean 'min_episodes'?"),
    "an unknown objective": (phase(FLOW, "weigh", 'objective = "sharp"'), "did you mean 'sharpe'?"),
    "an objective without a better side": (phase(FLOW, "weigh", 'objective = "trades"'), "no such objective"),
    "no strategy": (HEAD + DISCOVER[: DISCOVER.index("[[phase.strategy]]")], "the key 'strategy' is missing"),
    "a wrong parameter": (
        FLOW.replace("slow = [40, 80]", "slow = [40, -1]"),
        "phase 'discover': strategy 'ma_cross': slow",
    ),
    "wrong weights": (
        FLOW.replace("[0.5, 0.5]", "[0.5]"),
        "phase 'weigh': [ensemble] weights: 1 given for 2 strategies",
    ),
    "weights of another regime": (
        FLOW.replace(
            "weights = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]", "weights = { calm = [1.0, 0.0], hot = [1.0, 0.0] }"
        ),
        "no regime 'hot'",
    ),
    "swept risk": (FLOW.replace("stop_loss = 0.15", "stop_loss = [0.1, 0.2]"), "risk.stop_loss is swept"),
    "two risks": (FLOW.replace("[risk]", '[[risk]]\nname = "a"\n[[risk]]\nname = "b"'), "a workflow has one [risk]"),
    "a strategy by regime": (
        FLOW.replace('kind = "rsi_reversion"', 'kind = "by_regime"\nbase = "rsi_reversion"').replace(
            "window = [7, 14]", ""
        ),
        "is by regime already",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line_before_anything_runs(home, tmp_path, name):
    text, words = WRONG[name]
    with unchanged(home):
        refused(bulkhead(home, "run", write(tmp_path, text)), words)


def test_a_workflow_is_no_experiment(home):
    with pytest.raises(ConfigError, match="makes this a workflow"):
        running.check(Home(home), FLOW)


# broken off, gone on with, re-run


KILLS = {
    "before the first commit": ("commit", 1, "before"),
    "inside discover": ("commit", 2, "after"),
    "after discover, before it is told": ("done", 1, "before"),
    "between discover and choose": ("done", 1, "after"),
    "inside choose, between its runs": ("create", 3, "before"),
    "inside weigh": ("commit", 7, "before"),
    "between weigh and validate": ("done", 3, "after"),
    "in the validation": ("create", 6, "after"),
    "before the validation is told": ("done", 4, "before"),
}


@pytest.mark.parametrize("name", KILLS)
def test_killed_anywhere_it_goes_on_to_the_same_and_keeps_what_is_stored(home, tmp_path, name):
    other = tmp_path / "home"
    killed(other, *KILLS[name])
    assert shown(other)["status"] == "interrupted"
    with Home(other).store() as store:
        kept = {(run.id, c.index): c.usage for run in store.runs() for c in store.containers(run.id)}
        finished = {run.id: run.finished for run in store.runs() if run.status == "done"}
    told = bulkhead(other, "workflow", "resume", "1", "--workers", "1", "--json")
    assert told.code == 0, told.err
    assert told.json["status"] == "done" and results(other) == results(home)
    assert shown(other)["validations"] == 1
    with Home(other).store() as store:
        assert [run.containers for run in store.runs()] == [16, 2, 2, 3, 3, 1]
        assert {(run, index): store.container(run, index).usage for run, index in kept} == kept
        assert {run: store.progress(run).finished for run in finished} == finished
        assert store.run(1).trials == 27


def test_a_phase_is_run_alone_and_what_is_made_from_it_is_stale(home, tmp_path):
    other = tmp_path / "home"
    assert begin(other, HEAD + DISCOVER + CHOOSE + WEIGH + VALIDATE).code == 0
    told = bulkhead(other, "workflow", "resume", "1", "--phase", "choose", "--workers", "1", "--json")
    found = shown(other)
    assert told.code == 0 and found["status"] == "stale"
    assert [phase["status"] for phase in found["phases"].values()] == ["done", "done", "stale", "stale"]
    assert found["phases"]["choose"]["runs"] == [7, 8]
    assert found["phases"]["choose"]["digest"] == results(home)["choose"][0]
    refused(bulkhead(other, "workflow", "resume", "1", "--phase", "validate"), "'weigh', which is stale")
    refused(bulkhead(other, "workflow", "resume", "1", "--phase", "wiegh"), "did you mean 'weigh'?")
    refused(bulkhead(other, "workflow", "export", "1"), "phase 'weigh' of workflow 1 is stale")
    assert bulkhead(other, "workflow", "resume", "1", "--workers", "1", "--json").code == 0
    found = shown(other)
    assert found["status"] == "done" and results(other) == results(home)
    assert [phase["runs"] for phase in found["phases"].values()] == [[1], [7, 8], [9, 10], [11]]
    assert found["validations"] == 2  # each that begins is counted
    assert bulkhead(other, "workflow", "resume", "1", "--workers", "1").code == 0
    assert shown(other)["validations"] == 2  # nothing was left to do
    assert bulkhead(other, "workflow", "resume", "1", "--phase", "validate", "--workers", "1").code == 0
    assert shown(other)["validations"] == 3 and results(other) == results(home)


def test_two_cannot_work_on_one(home):
    with Home(home).store() as store, store.workflows.owned(1):
        refused(bulkhead(home, "workflow", "resume", "1"), "workflow 1 is being worked on by process")
    refused(bulkhead(home, "workflow", "resume", "7"), "there is no workflow 7")
    refused(bulkhead(home, "workflow", "show", "x"), "'x' is no workflow")


def test_other_data_than_it_began_with_is_refused(home, tmp_path):
    other = tmp_path / "home"
    other.mkdir()
    DatasetLibrary(other).market("us-tech")
    text = FLOW.replace('dataset = "us-tech"', 'dataset = "moved"')
    moved(DatasetLibrary(home), other, "moved")
    killed(other, "done", 1, "after", text)
    csv = pd.read_csv(other / "moved.csv")
    csv["volume"] += 1
    csv.to_csv(other / "moved.csv", index=False)
    DatasetLibrary(other).add(other / "moved.csv", "moved")
    told = bulkhead(other, "workflow", "resume", "1", "--workers", "1")
    assert told.code == 2 and "phase 'choose': dataset 'moved' has changed since workflow 1 began" in told.err
    assert shown(other)["phases"]["choose"]["status"] == "failed"
    assert "has changed" in shown(other)["phases"]["choose"]["error"]


# one file


@pytest.fixture(scope="module")
def exported(home) -> str:
    return bulkhead(home, "workflow", "export", "1").out


def test_a_workflow_reproduces_in_an_empty_home_and_leaves_nothing(home, exported, tmp_path):
    assert exported.startswith(FLOW.rstrip())
    empty = tmp_path / "empty"
    told = bulkhead(empty, "reproduce", write(tmp_path, exported), "--json")
    assert told.code == 0, told
    assert (told.json["verdict"], told.json["containers"]) == ("identical", 27)
    assert told.json["digest"] == told.json["expected"]
    assert not (empty / "bulkhead.sqlite").exists()
    with unchanged(home):
        assert bulkhead(home, "reproduce", write(tmp_path, exported)).code == 0
    assert shown(home)["validations"] == 1


def test_what_is_different_is_named(exported, home, tmp_path):
    changed = exported.replace("min_episodes = 12", "min_episodes = 1")
    told = bulkhead(home, "reproduce", write(tmp_path, changed), "--json")
    assert told.code == 1 and told.json["verdict"] == "different"
    assert told.json["note"] == "the first phase that differs is 'choose'"
    refused(bulkhead(home, "reproduce", write(tmp_path, FLOW)), "no [expected] section")


def test_an_exported_workflow_runs_again_and_exports_the_same(exported, tmp_path):
    other = tmp_path / "home"
    assert begin(other, exported).code == 0
    again = bulkhead(other, "workflow", "export", "1").out
    assert again == exported


# own stages


def test_own_stages_run_as_the_first_phase_had_them_and_travel_in_the_file(tmp_path):
    home, text = tmp_path / "home", OWN.replace("[classifier]", "test_start = 2009-01-02\n[classifier]")
    text = text.replace("[classifier]", '[[phase]]\nname = "discover"\nkind = "discover"\n[phase.classifier]', 1)
    risk = "[risk]\nregime_scale = { bad = 0.5 }\n"
    text = risk + text.replace(risk, "").replace("[[strategy]]", "[[phase.strategy]]")
    text += CHOOSE + WEIGH.replace("weights = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]", "weights = [1.0]") + VALIDATE
    stage_files(home, **FILES)
    killed(home, "done", 1, "after", text)
    stage_files(home, my_breakout=FILES["my_breakout"].replace("] = 1.0", "] = 0.5"), my_lib="broken = (")
    assert bulkhead(home, "workflow", "resume", "1", "--workers", "1").code == 0
    with Home(home).store() as store:
        runs = [run.id for run in store.runs()]
        assert len(runs) == 4
        assert {source.text for run in (1, 2, 4) for source in store.sources(run)} == set(FILES.values())
    exported = bulkhead(home, "workflow", "export", "1").out
    path = write(tmp_path, exported)
    refused(bulkhead(tmp_path / "other", "reproduce", path), "code that this home has not had", "--trust")
    told = bulkhead(tmp_path / "other", "reproduce", path, "--trust", "--json")
    assert told.code == 0 and told.json["verdict"] == "identical", told
