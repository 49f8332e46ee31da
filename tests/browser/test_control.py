"""A run in the reader's hand: see what runs, kill one container, pause, resume, run the failed again."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from app.services.home import Home
from app.services.launch import launch
from tests.app.test_control import CONFIG, Gate
from tests.browser.conftest import serving, settled, tab


def test_a_run_is_watched_killed_in_paused_and_resumed(tmp_path: Path, browser: Browser) -> None:
    gate = Gate(tmp_path)
    with serving(gate.home) as workbench, tab(browser) as page:
        page.goto(workbench.address)
        expect(page.get_by_text("Run 1 · gated")).to_be_visible()
        assert launch(Home(gate.home), CONFIG, workers=2) == 2  # by somebody else: the page notices
        box = page.locator(".st-key-live-2")
        expect(box).to_contain_text("4 of 8")
        expect(box.locator(".bh-seat")).to_contain_text(["Container 4", "Container 5"])
        box.locator(".st-key-seat-2-4").get_by_role("button", name="Kill").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Kill container 2/4?")
        seat = box.locator(".bh-seat").first
        for _ in range(2):  # looks go on behind the dialog, and it stays
            expect(seat).not_to_have_text(seat.inner_text())
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Kill it").click()
        expect(dialog).to_have_count(0)
        expect(box).to_contain_text("5 of 8")
        expect(box.locator(".bh-seat").first).to_contain_text("Container 5")
        expect(box).to_contain_text("Failed 1")

        box.get_by_role("button", name="Pause").click()
        expect(page.locator(".bh-badge.bh-paused")).to_be_visible()
        expect(box).to_have_count(0)
        settled(page)
        gate.path.touch()
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".bh-badge.bh-done")).to_be_visible()
        settled(page)
        with Home(gate.home).store() as store:
            run = store.run(2)
            assert (run.status, run.done, run.failed, run.epoch) == ("done", 7, 1, 2)
            assert store.container(2, 4).status == "killed"

        page.get_by_role("button", name="Run the failed again").click()
        expect(page.get_by_role("button", name="Run the failed again")).to_have_count(0)
        expect(page.locator(".bh-badge.bh-done")).to_be_visible()
        settled(page)
        with Home(gate.home).store() as store:
            assert store.run(2).digest == gate.expected
        expect(page).to_have_url(re.compile(r"run=2$"))
