"""The page of runs in its states: empty, refused, running, done, failed, stale and hostile."""

import html
from pathlib import Path

import pytest

from app import navigation
from app.components import run_story, starting, watching
from app.services import running
from app.services.exporting import export_run
from app.services.home import Home
from engine.errors import ConfigError
from tests.pages.conftest import BAD_RUN, GOOD, GOOD_RUN, HOSTILE, LIVE_RUN, Open, address, said, shown


def test_an_empty_home_says_what_to_do(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path)
    assert [title.value for title in app.title] == ["Runs"]
    assert "Nothing has run yet" in [element.value for element in app.subheader]
    assert app.button("sample").label == "Run the sample"
    assert not app.dataframe


def test_the_sample_is_started_and_shown(page: Open, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(starting, "launch", lambda home, text: asked.append((home.path, text)) or GOOD_RUN)
    app = shown(page(full).button("sample").click().run())
    assert [path for path, _ in asked] == [full]
    assert 'name = "tech-trend"' in asked[0][1]
    assert address(app, "run") == str(GOOD_RUN)
    app.button("sample").click().run()
    assert len(asked) == 1, "a double click is one click"


def test_what_cannot_start_says_why_at_the_button(page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(home: Home, text: str) -> int:
        raise ConfigError("[data] dataset: no dataset '<b>x</b>'")

    monkeypatch.setattr(starting, "launch", refuse)
    app = shown(page(tmp_path).button("sample").click().run())
    assert "[data] dataset: no dataset &#x27;&lt;b&gt;x&lt;/b&gt;&#x27;" in said(app)
    assert 'role="alert"' in said(app)
    assert address(app, "run") is None


def test_an_experiment_of_ones_own_is_made_on_its_page(page: Open, tmp_path: Path) -> None:
    app = shown(page(tmp_path).button("new").click().run())
    assert [title.value for title in app.title] == ["Experiment"]


def test_a_run_with_its_best(page: Open, stored: Path) -> None:
    app = page(stored, run=GOOD_RUN)
    runs, best = app.dataframe
    assert runs.value["Run"].tolist() == [BAD_RUN, GOOD_RUN]
    assert runs.value["Done"].tolist() == [2, 30]
    with Home(stored).store() as store:
        containers = store.containers(GOOD_RUN, "sharpe", top=5)
    assert best.value["container"].tolist() == [container.index for container in containers]
    assert best.value["sharpe"].tolist() == [container.metrics["sharpe"] for container in containers]
    assert best.value["total_return"].iloc[0] == pytest.approx(100 * containers[0].metrics["total_return"])
    assert {"_cross_.fast", "_cross_.slow", "max_drawdown", "trades"} <= set(best.value.columns)
    assert "30" in said(app) and "us-tech" in said(app)


def test_held_out_figures_are_nowhere_on_the_page(page: Open, stored: Path) -> None:
    with Home(stored).store() as store:
        container = store.containers(GOOD_RUN, "sharpe", top=1)[0]
    best = page(stored, run=GOOD_RUN).dataframe[1].value
    assert not any(name.startswith("test_") for name in best.columns)
    assert container.test_metrics["sharpe"] not in best["sharpe"].tolist()


def test_a_run_leads_to_its_results_and_to_a_new_experiment(
    page: Open, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    went = []
    monkeypatch.setattr(navigation, "open_results", lambda run_id: went.append(("results", run_id)))
    monkeypatch.setattr(navigation, "open_experiment", lambda **start: went.append(("experiment", start)))
    shown(page(stored, run=GOOD_RUN).button("results").click().run())
    shown(page(stored, run=GOOD_RUN).button("duplicate").click().run())
    assert went == [("results", GOOD_RUN), ("experiment", {"run": str(GOOD_RUN)})]


def test_a_config_can_be_had_of_any_run(full: Path) -> None:
    home = Home(full)
    with home.store() as store:
        run_id = running.create(store, running.check(home, GOOD), 1, "sequential")
        done, queued = store.run(GOOD_RUN), store.run(run_id)
    assert run_story.exported(home, done) == export_run(home, GOOD_RUN)
    assert run_story.exported(home, queued) == GOOD, "there is nothing to pin yet"


def test_a_run_without_anything_done_has_no_results(page: Open, full: Path) -> None:
    home = Home(full)
    with home.store() as store:
        run_id = running.create(store, running.check(home, GOOD), 1, "sequential")
    app = page(full, run=run_id)
    assert app.button("results").disabled and not app.button("duplicate").disabled
    assert len(app.dataframe) == 1


def test_failures_are_grouped_by_cause(page: Open, stored: Path) -> None:
    app = page(stored)  # the newest run
    failures = app.dataframe[2].value
    assert failures["Containers"].tolist() == [2, 2]
    assert sorted(failures["Status"]) == ["crashed", "failed"]
    assert "ValueError: poison: on purpose" in failures["Cause"].tolist()
    assert len(app.dataframe[1].value) == 2, "what is done is ranked"
    assert app.code[0].value.strip()


def test_an_idle_page_notices_a_run_of_somebody_else(page: Open, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, boxes = [], []
    monkeypatch.setattr(watching.st, "rerun", lambda: drawn.append("anew"))
    monkeypatch.setattr(watching.st, "html", lambda body, **_: boxes.append(body))
    home = Home(full)
    with home.store() as store:
        shown_as_ended = watching.ended(store.runs())
        watching._look(home, shown_as_ended, True)
        assert drawn == boxes == [], "nothing has changed"
        run_id = running.create(store, running.check(home, GOOD), 1, "sequential")
        watching._look(home, shown_as_ended, True)
        assert drawn == [] and f"Run {run_id} " in boxes[0], "a box is drawn, and not the page with its tables"
        with store.claim(run_id) as lease:
            store.finish(lease, "stopped")
        watching._look(home, shown_as_ended, True)
    assert drawn == ["anew"]


def test_the_first_run_of_a_home_turns_the_empty_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(watching.st, "rerun", lambda: drawn.append("anew"))
    home = Home(tmp_path)
    with home.store() as store:
        running.create(store, running.check(home, GOOD), 1, "sequential")
    watching._look(home, frozenset(), False)
    assert drawn == ["anew"]


def test_a_run_that_is_running_shows_how_far_it_is_and_ends(page: Open, full: Path) -> None:
    home = Home(full)
    prepared = running.check(home, GOOD.replace(repr(HOSTILE), '"at work"'))
    with home.store() as store:
        assert running.create(store, prepared, 1, "sequential") == LIVE_RUN
        with store.claim(LIVE_RUN) as lease:
            store.start(lease, 0.5)
            app = page(full, run=LIVE_RUN)
            assert "0 of 30" in said(app) and "bh-running" in said(app)
            assert app.dataframe[0].value["Status"].tolist() == ["in progress", "done", "done"]
            assert app.dataframe[0].value["Done"].isna().tolist() == [True, False, False], "it would soon be wrong"
            store.finish(lease, "stopped")
    shown(app.run())
    assert "0 of 30" not in said(app)
    assert "The run is stopped; 0 containers of 30 are kept." in said(app)


def test_a_run_whose_runner_is_gone_says_so(page: Open, full: Path) -> None:
    home = Home(full)
    with home.store() as store:
        run_id = running.create(store, running.check(home, GOOD), 1, "sequential")
        with store.claim(run_id) as lease:
            store.start(lease, 0.5)
    assert "The run is interrupted; 0 containers of 30 are kept." in said(page(full, run=run_id))


@pytest.mark.parametrize("asked", ["99", "-1", "x", "<b>", "9" * 30])
def test_a_stale_link_says_so_and_shows_the_list(page: Open, stored: Path, asked: str) -> None:
    app = page(stored, run=asked)
    assert f"There is no run {html.escape(asked)} in this home; choose one of the list." in said(app)
    assert len(app.dataframe) == 1


def test_names_are_shown_as_they_are(page: Open, stored: Path) -> None:
    app = page(stored, run=GOOD_RUN)
    assert f"Run {GOOD_RUN} · {html.escape(HOSTILE)}" in said(app)
    assert "&lt;script&gt;alert(2)&lt;/script&gt; *it pays*" in said(app)
    assert app.dataframe[0].value["Name"].tolist()[1] == HOSTILE
    rendered = [*app.markdown, *app.caption, *app.subheader, *app.title]
    assert not any("bold" in element.value or "pays" in element.value for element in rendered)


def test_a_home_that_cannot_be_used_says_so(page: Open, tmp_path: Path) -> None:
    (tmp_path / "bulkhead.sqlite").write_text("no database")
    app = page(tmp_path)
    assert 'role="alert"' in said(app)
    assert not app.button
