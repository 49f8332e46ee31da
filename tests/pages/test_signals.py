"""The page of signals: logs of every pattern, reports, overlaps, and the form of a replay."""

from pathlib import Path

import pytest

from app.services import drafting_replay, executing, replays, running
from app.services.drafting import parsed
from app.services.drafting_check import outlook
from app.services.home import Home
from engine.config import load
from tests.browser.test_signals import GENERATION
from tests.pages.conftest import HOSTILE, Open, said

FULL = GENERATION.replace('pattern = "signal_generation"\n', "").replace('"three"', repr(HOSTILE))


@pytest.fixture(scope="module")
def signalled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with generated signals, and full backtests that have the same."""
    home = Home(tmp_path_factory.mktemp("signalled"))
    with home.store() as store:
        for text in (GENERATION, FULL):
            prepared = running.check(home, text)
            executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    return home.path


def test_without_a_run_the_page_says_what_to_do(page: Open, tmp_path: Path) -> None:
    assert "There are no signals yet" in [item.value for item in page(tmp_path, "signals").subheader]


def test_a_report_of_a_generated_log_and_of_a_backtest(page: Open, signalled: Path) -> None:
    for run in (1, 2):
        opened = page(signalled, "signals", run=run)
        shown = said(opened) + " ".join(item.value for item in opened.caption)
        assert f"Report of {run}/0" in shown
        assert "Hit rate" in shown and "calm" in shown and "Newey–West" in shown
        assert "<img src=x" not in shown


def test_results_and_container_of_generation_lead_to_the_signals(page: Open, signalled: Path) -> None:
    for name, more in (("results", {}), ("container", {"container": 0})):
        assert page(signalled, name, run=1, **more).button(key="go-signals").label.startswith("Read what")


def test_the_draft_of_a_replay_is_what_would_run(signalled: Path) -> None:
    home = Home(signalled)
    text = drafting_replay.replay_text(home, ["1/0", "1/1", "2/2"])
    raw = load(text)
    assert raw["replay"]["signals"] == ["1/0", "1/1", "2/2"]
    assert raw["ensemble"] == {"method": "random", "samples": 100, "by_regime": True}
    seen = outlook(home, parsed(text))
    assert (seen.containers, seen.problem) == (100, None)
    assert replays.of_config(home, raw, lambda log: pytest.fail(log.digest)) is not None
    missing = outlook(home, {**parsed(text), "replay": {"signals": ["9/9"]}})
    assert missing.problem is not None
    assert missing.problem.place == ("replay",)
