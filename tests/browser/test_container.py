"""What only a browser can show of a container's page: a click on a trade, lanes below bars, a file that arrives."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
from playwright.sync_api import Page, expect

from app.services.home import Home
from app.services.reading import read
from tests.app.small import SMALL, write
from tests.browser.conftest import ROOT, Workbench, settled

#: Pixels from the left at which the first and the last bar in view stand, for each figure of the page.
EDGES = """() => [...document.querySelectorAll('.js-plotly-plot')].map(plot => {
  const axis = plot._fullLayout.xaxis, left = plot.getBoundingClientRect().x + axis._offset;
  return [axis._offset, axis._length, ...axis.range, left].map(Math.round);
})"""


def test_sections_of_a_container(workbench: Workbench, page: Page, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.cli", "run", write(tmp_path, SMALL), "--workers", "1"]
    subprocess.run([*command, "--home", str(workbench.home)], cwd=ROOT, check=True, capture_output=True)
    reading = read(Home(workbench.home), 1, 0)
    page.goto(f"{workbench.address}/container?run=1&container=0")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()

    page.get_by_role("tab", name="Trades").click()
    page.wait_for_url(re.compile("section=Trades"))
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    settled(page)
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas").first).to_be_visible()
    table.click(position={"x": 300, "y": 52})  # the first row: the latest trade
    trades = reading.trades()
    latest = trades[trades["exit_bar"] < reading.test].iloc[-1]
    page.wait_for_url(re.compile(rf"event={latest['exit']}\b"))
    expect(page.locator(".bh-step > .bh-kind").first).to_have_text("FILL")
    settled(page)

    page.reload()  # the section and the event stand in the address
    expect(page.get_by_role("tab", name="Trades", selected=True)).to_be_visible()
    expect(page.locator(".bh-chain")).to_be_visible()
    settled(page)

    page.get_by_role("tab", name="Buses").click()
    expect(page.get_by_text("Each lane is a bus of this container")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    settled(page)
    above, lanes = page.evaluate(EDGES)
    assert above == lanes, "bars of the lanes stand below those of the figure"

    page.get_by_role("tab", name="Downloads").click()
    settled(page)
    with page.expect_download() as arriving:
        page.get_by_role("button", name="Trades CSV").click()
    file = arriving.value
    assert file.suggested_filename == "run-1-container-0-trades-before-held-out.csv"
    frame = pd.read_csv(file.path())
    assert frame["exit"].tolist() == trades["exit"][trades["exit_bar"] < reading.test].tolist()
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], "no horizontal scroll"
