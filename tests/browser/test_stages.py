"""The library in a browser: a stage is chosen, its example follows its parameters, and it goes into an experiment."""

import re

from playwright.sync_api import Page, expect

from app.services.stages import FOLDER
from tests.app.own import FILES
from tests.browser.conftest import Workbench, settled
from tests.browser.test_experiment import editor, shows, typed


def test_from_the_library_into_an_experiment(workbench: Workbench, page: Page) -> None:
    folder = workbench.home / FOLDER
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(text)
    page.goto(f"{workbench.address}/stages")
    settled(page)
    page.get_by_role("textbox", name="Search by name").fill("breakout")
    page.get_by_role("textbox", name="Search by name").press("Enter")
    expect(page.get_by_role("button", name="ma_cross")).to_have_count(0)
    page.get_by_role("button", name="my_breakout").click()
    expect(page.get_by_role("heading", name="my_breakout")).to_be_visible()
    settled(page)
    figure = page.locator(".js-plotly-plot")
    expect(figure).to_contain_text("AAPL, close")
    expect(figure).to_contain_text("range, smooth")  # computed by the user's code, in a process of its own
    before = drawn(page)
    typed(page, "Window, my_breakout", "200")
    expect(page.get_by_test_id("stCode")).to_contain_text("window = 200")
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert drawn(page) != before, "the figure follows"

    page.reload()
    settled(page)
    expect(page.get_by_role("textbox", name="Window, my_breakout", exact=True)).to_have_value("200")
    page.get_by_role("button", name="Use in an experiment").click()
    page.wait_for_url(re.compile("/experiment"))
    settled(page)
    shows(page, 'kind = "my_breakout"')
    shows(page, "window = 200")
    expect(editor(page)).to_be_visible()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def drawn(page: Page) -> str:
    """The line of the indicator that is drawn first, as the browser has it."""
    found: str = page.locator(".js-plotly-plot .scatterlayer .trace path.js-line").nth(1).get_attribute("d") or ""
    return found
