"""The page of workflows: its phases with what they gave, what can be done, and a home without one."""

from pathlib import Path

import pytest

from app.services.home import Home
from tests.app.small import bulkhead
from tests.app.workflows import FLOW
from tests.pages.conftest import HOSTILE, Open, said

NAMED = FLOW.replace('name = "small"', f"name = {HOSTILE!r}")


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a workflow ran."""
    folder = tmp_path_factory.mktemp("flown")
    config = folder / "flow.toml"
    config.write_text(NAMED)
    told = bulkhead(folder / "home", "run", str(config), "--workers", "1", "--json")
    assert told.code == 0, told.err
    return folder / "home"


def test_without_a_workflow_the_page_says_what_one_is(page: Open, tmp_path: Path) -> None:
    assert "There is no workflow yet" in [item.value for item in page(tmp_path, "workflow").subheader]


def test_each_phase_shows_what_it_gave(page: Open, flown: Path) -> None:
    opened = page(flown, "workflow")
    shown = said(opened)
    with Home(flown).store() as store:
        state = store.workflows.get(1)
    for number, phase in enumerate(state.phases, start=1):
        assert f"{number} · {phase.name}" in shown
    assert shown.count("bh-done") == len(state.phases) + 1
    assert "Episodes" in shown and "Weights of the best" in shown and "buy and hold" in shown
    assert "<img src=x" not in shown
    assert {button.key for button in opened.button} >= {f"again-{phase.name}" for phase in state.phases}
    assert any("first validation" in item.value for item in opened.caption)


def test_a_workflow_that_is_not_there(page: Open, flown: Path) -> None:
    assert "There is no workflow 9 in this home" in said(page(flown, "workflow", workflow=9))


def test_a_text_that_leaks_is_refused_in_one_line(page: Open, flown: Path) -> None:
    opened = page(flown, "workflow")
    opened.text_area(key="workflow-text").set_value(NAMED.replace("[[phase]]", "[[phas]]", 1)).run()
    opened.button(key="workflow-run").click().run()
    assert "bh-tone-error" in said(opened)
    with Home(flown).store() as store:
        assert len(store.workflows.states()) == 1
