"""An experiment built by clicks alone is the TOML that runs on the command line: the same run, digest for digest."""

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from app.services import drafting
from app.services.home import Home
from tests.browser.conftest import ROOT, Workbench, settled


def test_built_by_clicks_and_run_on_the_command_line(workbench: Workbench, page: Page, tmp_path: Path) -> None:
    page.goto(workbench.address)
    page.get_by_role("button", name="New experiment").click()
    expect(page.get_by_role("heading", name="Experiment", exact=True)).to_be_visible()
    settled(page)

    typed(page, "Name", "by-clicks", first=True)
    shows(page, 'name = "by-clicks"')
    page.get_by_role("combobox", name="Dataset").click()
    page.get_by_role("option", name="sp500").click()
    shows(page, 'dataset = "sp500"')
    way(page, "Fast, ma_cross", "range")
    for end, value in (("from", "10"), ("to", "30"), ("step", "10")):
        typed(page, f"Fast, ma_cross: {end}", value)
        shows(page, f"{end} = {value}")
    shows(page, "fast = { from = 10, to = 30, step = 10 }")
    way(page, "Slow, ma_cross", "list")
    typed(page, "Slow, ma_cross", "60, 120")
    shows(page, "slow = [60, 120]")
    page.locator(".st-key-section-risk summary").first.click()
    way(page, "Turbulent, Regime scale", "fixed")
    way(page, "Stop loss", "list")
    typed(page, "Stop loss", "none, 0.05, 0.1")
    shows(page, 'stop_loss = ["none", 0.05, 0.1]')
    expect(page.get_by_label("Stop loss", exact=True)).to_be_visible()  # an edit closes no section
    expect(page.locator(".st-key-aside .bh-value").first).to_have_text("18")

    page.reload()  # the draft stands in the address
    settled(page)
    shows(page, 'stop_loss = ["none", 0.05, 0.1]')
    text = editor(page).input_value()
    draft = drafting.parsed(text)
    assert draft["experiment"]["name"] == "by-clicks" and draft["data"]["dataset"] == "sp500"
    assert draft["risk"] == {"stop_loss": ["none", 0.05, 0.1], "regime_scale": {"calm": 1.0, "turbulent": 0.5}}

    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile(r"run=1"))
    expect(page.locator(".bh-badge.bh-done")).to_be_visible()
    settled(page)

    file = tmp_path / "by-clicks.toml"
    file.write_text(text)
    other = tmp_path / "other"
    command = [sys.executable, "-m", "app.cli", "run", str(file), "--home", str(other)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    digests = []
    for home in (workbench.home, other):
        with Home(home).store() as store:
            run = store.run(1)
            assert (run.done, run.failed, run.config) == (18, 0, text)
            digests.append(run.digest)
    assert digests[0] is not None and digests[0] == digests[1]


def test_a_problem_is_seen_at_its_field_and_mended_in_the_text(workbench: Workbench, page: Page) -> None:
    page.goto(f"{workbench.address}/experiment?example=random-baseline")
    settled(page)
    typed(page, "Hold, random_entry", "0")
    row = page.locator("[class*='st-key-form-'][class*='strategy-0-hold-row']")
    expect(row.locator(".bh-field-problem")).to_contain_text("must be greater than or equal to 1 (got 0)")
    shows(page, "hold = 0")
    written = editor(page)
    written.fill(written.input_value().replace("hold = 0", "hold = 3"))
    written.press("Control+Enter")
    expect(page.locator(".bh-field-problem")).to_have_count(0)
    expect(page.get_by_label("Hold, random_entry", exact=True)).to_have_value("3")
    expect(page.locator(".st-key-aside .bh-value").first).to_have_text("200")
    settled(page)


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="TOML")


def shows(page: Page, line: str) -> None:
    """The text beside the form has this line now."""
    expect(editor(page)).to_have_value(re.compile(re.escape(line)))
    settled(page)  # fields that are drawn anew take nothing that is typed into those before


def typed(page: Page, label: str, value: str, first: bool = False) -> None:
    found = page.get_by_role("textbox", name=label, exact=True)
    found = found.first if first else found
    settled(page)
    found.fill(value)
    found.press("Enter")
    settled(page)


def way(page: Page, label: str, how: str) -> None:
    """How a parameter is given: fixed, a list, a range. Waits until the form shows it so."""
    group = page.get_by_role("radiogroup", name=f"{label}: given as", exact=True)
    group.get_by_role("radio", name=how).click()
    expect(group.get_by_role("radio", name=how)).to_be_checked()
    settled(page)
