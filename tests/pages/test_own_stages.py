"""Pages and own stages: a broken file breaks nothing, own kinds have forms, code that differs is shown."""

from pathlib import Path

import pytest

from app.services import executing, running
from app.services.home import Home
from app.services.reading import read
from engine.events import Kind
from tests.app.own import FILES, LIB, OWN, stage_files
from tests.pages.conftest import Open, said
from tests.pages.test_experiment import draft

TEXT = OWN.replace("[20, 40, 60, 80]", "[20, 40]")


def run(home: Home, text: str) -> int:
    with home.store() as store:
        prepared = running.check(home, text)
        run_id = running.create(store, prepared, 1, "sequential")
        assert executing.execute(store, prepared, run_id, 1, "sequential").failed == 0
    return run_id


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run, and one after an edit of a local import; its stage file is broken since."""
    home = Home(tmp_path_factory.mktemp("own"))
    stage_files(home.path, **FILES)
    run(home, TEXT)
    stage_files(home.path, my_lib=LIB.replace("= 1.0", "= 0.5  # <img src=x onerror=alert(1)>"))
    run(home, TEXT)
    stage_files(home.path, my_breakout="def broken(:\n")
    return home.path


def test_the_form_lists_own_kinds_and_renders_their_fields(page: Open, tmp_path: Path) -> None:
    stage_files(tmp_path, **FILES, broken="1 / 0  # <b>")
    app = page(tmp_path, "experiment")
    kind = next(box for box in app.selectbox if box.label == "Strategy 1")
    assert "my_breakout" in kind.options and "ma_cross" in kind.options
    app = kind.set_value("my_breakout").run()
    assert not app.exception
    assert draft(app)["strategy"][0]["kind"] == "my_breakout"
    text = said(app)
    assert "Long above the highest high of the window bars before this one" in text
    assert "look-back" in text and "(2 to 500)" in text and "bars" in text
    assert "stages/broken.py:1: ZeroDivisionError: division by zero" in text
    mood = next(box for box in app.selectbox if box.label == "Classifier")
    app = mood.set_value("my_mood").run()
    assert not app.exception
    assert draft(app)["classifier"]["kind"] == "my_mood"
    assert "Good above the average." in said(app)


def test_a_draft_with_own_stages_is_counted_and_checked(page: Open, tmp_path: Path) -> None:
    stage_files(tmp_path, **FILES)
    app = page(tmp_path, "experiment")
    app.text_area(key="toml").set_value(TEXT).run()
    assert not app.exception
    assert ">2<" in said(app) and "error" not in [element.icon for element in app.error]
    app.text_area(key="toml").set_value(TEXT.replace("[20, 40]", "[20, 501]")).run()
    assert "less than or equal to 500" in said(app)


@pytest.mark.parametrize("name", ["runs", "experiment", "results", "container", "compare", "data"])
def test_every_page_works_beside_a_broken_file(page: Open, two_runs: Path, name: str) -> None:
    query: dict[str, object] = {"run": 1, "container": 0} if name in ("results", "container") else {}
    app = page(two_runs, name, **query)
    if name == "container":
        assert app.get("plotly_chart")
    if name == "experiment":
        assert "stages/my_breakout.py:1: SyntaxError" in said(app)


def test_a_container_of_own_stages_explains_itself(page: Open, two_runs: Path) -> None:
    log = read(Home(two_runs), 1, 0).log
    signal = int(next(seq for seq, row in enumerate(log) if row["kind"] == Kind.SIGNAL))
    text = said(page(two_runs, "container", run=1, container=0, event=signal))
    assert "MAX(high, timeperiod=20, lag=1)" in text and "my_range(window=20, lag=1)" in text


def test_compare_shows_the_code_that_differs_escaped(page: Open, two_runs: Path) -> None:
    text = said(page(two_runs, "compare", containers="1/0,2/0"))
    assert "Code: my_lib.py, 1/0 → 2/0" in text
    assert "+    found[market.close &gt; high] = 0.5  # &lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img" not in text
    assert "my_breakout.source" in text
    assert "Code:" not in said(page(two_runs, "compare", containers="1/0,1/1"))
