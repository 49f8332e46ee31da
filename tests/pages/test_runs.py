"""The page of runs in its states: empty, refused, running, done, failed, stale and hostile."""

import html
from pathlib import Path

import pytest

from app.components import starting
from app.services import running
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


def test_a_config_that_is_refused_leaves_nothing(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path)
    app.text_area("text").input(GOOD.replace('kind = "ma_cross"', 'kind = "ma_crosss"'))
    shown(app.button("own").click().run())
    assert "no such kind &#x27;ma_crosss&#x27;; did you mean &#x27;ma_cross&#x27;?" in said(app)
    assert app.text_area("text").value, "the text is still there to be mended"
    with Home(tmp_path).store() as store:
        assert store.runs() == []


def test_no_text_and_a_file_that_is_no_text_are_refused(page: Open, tmp_path: Path) -> None:
    app = shown(page(tmp_path).button("own").click().run())
    assert "there is no text to run" in said(app)
    app.file_uploader("upload").set_value(("cross.toml", b"\xff\xfe", "application/toml")).run()
    assert "cross.toml is not UTF-8 text (byte 0)" in said(app)


def test_an_uploaded_file_can_be_read_before_it_runs(page: Open, tmp_path: Path) -> None:
    app = page(tmp_path)
    app.file_uploader("upload").set_value(("cross.toml", GOOD.encode(), "application/toml")).run()
    assert app.text_area("text").value == GOOD
    shown(app.button("take").click().run())
    assert 'name = "tech-trend"' in app.text_area("text").value


def test_a_run_with_its_leaderboard(page: Open, stored: Path) -> None:
    app = page(stored, run=GOOD_RUN)
    runs, board = app.dataframe
    assert runs.value["Run"].tolist() == [BAD_RUN, GOOD_RUN]
    assert runs.value["Done"].tolist() == [2, 30]
    assert board.value["Sharpe"].tolist() == sorted(board.value["Sharpe"], reverse=True)
    assert len(board.value) == 25
    assert {"_cross_.fast", "_cross_.slow", "Total return", "Max drawdown", "Trades"} <= set(board.value.columns)
    assert "30" in said(app) and "us-tech" in said(app)


def test_a_leaderboard_is_sorted_on_the_server(page: Open, stored: Path) -> None:
    app = page(stored, run=GOOD_RUN)
    app.selectbox("sort").select("max_drawdown")
    app.selectbox("order").select("worst first")
    board = shown(app.selectbox("top").select(100).run()).dataframe[1].value
    assert len(board) == 30
    assert board["Max drawdown"].tolist() == sorted(board["Max drawdown"])
    assert list(board.columns)[3] == "Max drawdown", "what it is sorted by comes first"


def test_held_out_figures_are_nowhere_on_the_page(page: Open, stored: Path) -> None:
    with Home(stored).store() as store:
        container = store.containers(GOOD_RUN, "sharpe", top=1)[0]
    board = page(stored, run=GOOD_RUN).dataframe[1].value
    assert board["Sharpe"].iloc[0] == container.metrics["sharpe"]
    assert container.test_metrics["sharpe"] not in board.to_numpy().ravel().tolist()


def test_failures_are_grouped_by_cause(page: Open, stored: Path) -> None:
    app = page(stored)  # the newest run
    failures = app.dataframe[2].value
    assert failures["Containers"].tolist() == [2, 2]
    assert sorted(failures["Status"]) == ["crashed", "failed"]
    assert "ValueError: poison: on purpose" in failures["Cause"].tolist()
    assert len(app.dataframe[1].value) == 2, "what is done is ranked"
    assert app.code[0].value.strip()


def test_a_run_that_is_running_shows_how_far_it_is_and_ends(page: Open, full: Path) -> None:
    home = Home(full)
    prepared = running.check(home, GOOD.replace(repr(HOSTILE), '"at work"'))
    with home.store() as store:
        assert running.create(store, prepared, 1, "sequential") == LIVE_RUN
        with store.claim(LIVE_RUN) as lease:
            store.start(lease, 0.5)
            app = page(full, run=LIVE_RUN)
            assert "0 of 30" in said(app) and "bh-running" in said(app)
            assert app.dataframe[0].value["Status"].tolist() == ["running", "done", "done"]
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
