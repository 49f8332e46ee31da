"""Results in a browser: sorted and filtered by the server, three compared, the run exported and made anew elsewhere."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from app.services import executing, running
from app.services.home import Home
from db.store import Condition
from tests.app.small import bulkhead
from tests.browser.conftest import Workbench, settled

SWEPT = """
[experiment]
name = "to compare"
[data]
dataset = "us-tech"
test_start = 2010-01-01
[[strategy]]
kind = "ma_cross"
fast = { from = 5, to = 50, step = 5 }
slow = [60, 120, 180]
"""
#: Where the middle of the first row, and of its box, lie in the table.
ROW, STEP, BOX = 52, 35, 17


@pytest.fixture
def home(workbench: Workbench) -> Home:
    """The workbench's home, with a run of 30 containers."""
    found = Home(workbench.home)
    with found.store() as store:
        prepared = running.check(found, SWEPT)
        executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    return found


def test_sort_filter_compare_three_export_and_reproduce(
    home: Home, workbench: Workbench, page: Page, tmp_path: Path
) -> None:
    page.goto(workbench.address)
    page.get_by_role("link", name="Results").click()
    board = page.get_by_test_id("stDataFrame").first
    expect(page.get_by_role("heading", name="Leaderboard")).to_be_visible()
    ranked(home, board, "sharpe")

    heading = board.locator("[role=columnheader]").filter(has_text=re.compile("[↓↑]"))
    expect(heading).to_have_text("Sharpe ↓")
    choose(page, "Sorted by", "Max drawdown")
    page.wait_for_url(re.compile(r"sort=max_drawdown"))
    expect(heading).to_have_text("Max drawdown ↓")
    ranked(home, board, "max_drawdown")
    page.wait_for_url(re.compile(r"run=1&"))
    settled(page)
    board.click(position={"x": 70, "y": 17})  # a heading sorts too: that of the container's number
    page.wait_for_url(re.compile(r"sort=container"))
    expect(heading).to_have_text("Container ↑")
    choose(page, "Sorted by", "Max drawdown")
    page.wait_for_url(re.compile(r"sort=max_drawdown"))
    expect(heading).to_have_text("Max drawdown ↓")  # a menu that is open while the page is drawn anew closes
    choose(page, "Order", "smallest first")
    page.wait_for_url(re.compile(r"order=asc"))
    ranked(home, board, "max_drawdown", descending=False)

    page.get_by_role("button", name="Filter").click()
    page.get_by_role("spinbutton", name="Trades, at least").fill("60")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url(re.compile(r"where=trades"))
    page.keyboard.press("Escape")
    where = [Condition("trades", low=60)]
    rows = ranked(home, board, "max_drawdown", descending=False, where=where)
    assert 3 < len(rows) < 30
    expect(page.get_by_text(f"{len(rows)} of 30 containers")).to_be_visible()

    for place in (0, 1, 2):
        settled(page)
        board.click(position={"x": BOX, "y": ROW + STEP * place})
        page.wait_for_url(re.compile(r"chosen=" + "%2C".join(map(str, rows[: place + 1])) + "$"))
        expect(page.locator(".js-plotly-plot").first).to_contain_text(f"Container {rows[place]}")
    page.reload()  # a deep link for the state
    ranked(home, board, "max_drawdown", descending=False, where=where)
    settled(page)
    expect(page.locator(".js-plotly-plot").first).to_contain_text(f"Container {rows[2]}")
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], "no horizontal scroll"
    page.get_by_role("button", name="Compare 3").click()
    page.wait_for_url(re.compile(r"/compare\?containers=" + "%2C".join(f"1%2F{index}" for index in rows[:3]) + "$"))
    settled(page)

    page.get_by_role("link", name="Runs").click()
    with page.expect_download() as arriving:
        page.get_by_role("button", name="Export config").click()
    arriving.value.save_as(tmp_path / "run.toml")
    told = bulkhead(tmp_path / "elsewhere", "reproduce", str(tmp_path / "run.toml"), "--json")
    assert told.code == 0 and told.json["verdict"] == "identical" and told.json["containers"] == 30


def ranked(home: Home, board: Locator, sort: str, **options: object) -> list[int]:
    """The leaderboard begins with the containers that the store ranks first; returns them all."""
    with home.store() as store:
        rows = [row.index for row in store.containers(1, sort, status="done", **options)]  # type: ignore[arg-type]
    for place, index in enumerate(rows[:5]):
        # a table on a canvas has cells for those who hear it; the first row is that of the headings
        cell = board.locator(f"[aria-rowindex='{place + 2}'] [role=gridcell][aria-colindex='1']")
        expect(cell).to_have_text(str(index))
    return rows


def choose(page: Page, label: str, option: str) -> None:
    settled(page)
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()
