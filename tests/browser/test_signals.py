"""One journey: generate signals, read a report, replay three logs under searched weights, see the shares in a fill."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from app.services import executing, running
from app.services.home import Home
from app.services.reading import read
from engine.events import Kind
from tests.browser.conftest import Workbench, settled

GENERATION = """
[experiment]
name = "three"
pattern = "signal_generation"
[data]
dataset = "us-tech"
test_start = 2010-01-01
[classifier]
kind = "volatility"
[[strategy]]
kind = "ma_cross"
fast = [10, 20, 40]
slow = 100
long_only = false
"""


def generated(home: Path) -> None:
    """Signals of three moving-average crossings, made as the command line makes them."""
    opened = Home(home)
    with opened.store() as store:
        prepared = running.check(opened, GENERATION)
        report = executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    assert report.done == 3


def test_from_signals_to_the_shares_of_strategies_in_a_fill(workbench: Workbench, page: Page) -> None:
    generated(workbench.home)
    page.goto(f"{workbench.address}/signals?run=1")
    expect(page.get_by_role("heading", name="Report of 1/0")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    expect(page.get_by_text("Newey–West")).to_be_visible()
    settled(page)

    table = page.get_by_test_id("stDataFrame").first
    for row in range(3):
        table.click(position={"x": 16, "y": 52 + 35 * row})  # the boxes of the three logs
        settled(page)
    expect(page.get_by_role("heading", name="Correlation")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    page.get_by_role("button", name="Replay these").click()

    page.wait_for_url(re.compile(r"/experiment"))
    expect(page.get_by_role("textbox", name="Signal logs, one a line")).to_have_value("1/0\n1/1\n1/2")
    expect(page.get_by_role("textbox", name="TOML", exact=True)).to_contain_text("samples = 100")
    expect(page.locator(".bh-stat", has_text="Containers")).to_contain_text("100")
    settled(page)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile(r"run=2"))
    expect(page.locator(".bh-badge.bh-done")).to_be_visible()

    opened = Home(workbench.home)
    with opened.store() as store:
        assert store.run(2).done == 100
        best = store.containers(2, "sharpe", top=1)[0]
    reading = read(opened, 2, best.index)
    shares = reading.shares
    causes, kinds = reading.log["cause"], reading.log["kind"]
    fill = next(
        seq for seq in range(len(reading.log)) if kinds[seq] == Kind.FILL and kinds[causes[causes[seq]]] == Kind.TARGET
    )
    place = shares.seqs.tolist().index(int(causes[fill]))
    page.goto(f"{workbench.address}/container?run=2&container={best.index}&event={fill}&section=Strategies")
    expect(page.locator(".bh-chain")).to_be_visible()
    expect(page.locator(".bh-chip")).to_contain_text("calm")
    table = page.locator(".bh-table", has_text="Share in the order")
    for number, name in enumerate(reading.strategies):
        row = table.locator("tr", has=page.get_by_role("rowheader", name=name, exact=True))
        expect(row).to_contain_text(f"{100 * shares.shares[place, number]:.1f} %")
    weights = page.locator(".bh-table", has_text="no label yet")
    expect(weights.locator("tbody tr")).to_have_count(3)
    settled(page)
