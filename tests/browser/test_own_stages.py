"""A stage written in an editor is run from the page; after an edit the two runs are compared, code and all."""

import re

from playwright.sync_api import Page, expect

from app.forms.state import packed
from tests.app.own import FILES, LIB, OWN, stage_files
from tests.browser.conftest import Workbench, settled
from tests.browser.test_accessibility import judged


def test_a_stage_is_written_run_edited_and_compared(workbench: Workbench, page: Page) -> None:
    stage_files(workbench.home, **FILES, broken="1 / 0\n")
    started(workbench, page, 1)
    stage_files(workbench.home, my_lib=LIB.replace("= 1.0", "= 0.5  # half"))
    started(workbench, page, 2)
    judged(page, f"{workbench.address}/compare?containers=1/0,2/0", "light")
    expect(page.locator(".bh-diff .bh-added").nth(1)).to_have_text("+    found[market.close > high] = 0.5  # half\n")
    judged(page, f"{workbench.address}/container?run=2&container=0&event=5", "light")


def started(workbench: Workbench, page: Page, run: int) -> None:
    """Run the experiment from its form, and see it end."""
    page.goto(f"{workbench.address}/experiment?draft={packed(OWN)}")
    settled(page)
    expect(page.get_by_text("stages/broken.py:1: ZeroDivisionError")).to_be_visible()
    expect(page.get_by_text("Long above the highest high of the window bars")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile(rf"run={run}"))
    expect(page.locator(".bh-badge.bh-done")).to_be_visible()
    settled(page)
