"""Three containers side by side in a browser: the figures of the store, no scrolling sideways, no error."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.components.comparing_table import difference
from app.components.numbers import figure
from app.services import executing, running
from app.services.home import Home
from db.store import BENCHMARK
from tests.app.small import SMALL
from tests.browser.conftest import Workbench, serving

CHOSEN = (0, 3, 5)


@pytest.fixture
def workbench(tmp_path: Path):
    """The workbench on a home with one run of eight containers."""
    home = Home(tmp_path / "home")
    with home.store() as store:
        prepared = running.check(home, SMALL)
        executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    with serving(home.path) as found:
        yield found


def cells(page: Page, metric: str) -> list[str]:
    return page.locator(f"tr[data-metric={metric}]").first.locator("td").all_inner_texts()


def test_three_containers_by_their_address(workbench: Workbench, page: Page) -> None:
    page.goto(f"{workbench.address}/compare?containers=" + ",".join(f"1/{index}" for index in CHOSEN))
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(page.locator("table.bh-compare")).to_be_visible()
    with Home(workbench.home).store() as store:
        found = [store.container(1, index).metrics for index in (*CHOSEN, BENCHMARK)]
    for metric in ("total_return", "sharpe", "max_drawdown", "trades"):
        shown = [text.split("\n")[0].split("✓")[0].split("✗")[0] for text in cells(page, metric)]
        values = [figure(metric, metrics[metric]) for metrics in found]
        assert [text.startswith(value) for text, value in zip(shown, values, strict=True)] == [True] * 4, shown
    change = difference("sharpe", found[1]["sharpe"] - found[0]["sharpe"])
    assert change in cells(page, "sharpe")[1]
    swatches = page.locator(".bh-compare thead .bh-swatch").evaluate_all(
        "all => all.map(one => getComputedStyle(one).borderTopColor)"
    )
    edges = page.locator("[class*=st-key-chip-]").evaluate_all(
        "all => all.map(one => getComputedStyle(one).borderLeftColor)"
    )
    assert swatches[:3] == edges and len(set(swatches)) == 4
    for element in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
        assert page.evaluate(f"{element}.scrollWidth <= {element}.clientWidth")

    page.get_by_role("button", name="Remove 1/3").click()
    page.wait_for_url(re.compile(r"containers=1(%2F|/)0(%2C|,)1(%2F|/)5$"))
    expect(page.locator(".bh-compare thead .bh-compare-name")).to_have_text(["1/0", "1/5", "Buy & hold"])
    page.reload()
    expect(page.locator(".bh-compare thead .bh-compare-name")).to_have_text(["1/0", "1/5", "Buy & hold"])
