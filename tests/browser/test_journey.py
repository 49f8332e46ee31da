"""One journey: run the sample by a click, watch it finish, open its best container, click a fill, see its causes."""

import re

from playwright.sync_api import Page, expect

from app.services.home import Home
from app.services.reading import read
from tests.browser.conftest import Workbench, settled

#: Where in the window the fill of that place in its trace lies, and its seq: the one farthest from all others.
LONELIEST = """() => {
  const plot = document.querySelector('.js-plotly-plot');
  const layout = plot._fullLayout, corner = plot.getBoundingClientRect();
  const fills = plot._fullData.filter(trace => ['Buy', 'Sell'].includes(trace.name)).flatMap(trace =>
    Array.from(trace.x, (bar, i) => ({bar, price: trace.y[i], seq: trace.customdata[i][0]})));
  fills.sort((a, b) => a.bar - b.bar);
  const room = i => Math.min(...[i - 1, i + 1].map(j => Math.abs((fills[j]?.bar ?? Infinity) - fills[i].bar)));
  const best = fills.reduce((chosen, _, i) => room(i) > room(chosen) ? i : chosen, 0);
  return {
    x: corner.x + layout.xaxis._offset + layout.xaxis.l2p(fills[best].bar),
    y: corner.y + layout.yaxis._offset + layout.yaxis.l2p(layout.yaxis.d2l(fills[best].price)),
    seq: fills[best].seq,
  };
}"""


def test_from_an_empty_home_to_the_causes_of_a_fill(workbench: Workbench, page: Page) -> None:
    page.goto(workbench.address)
    expect(page.get_by_text("Nothing has run yet")).to_be_visible()
    page.get_by_role("button", name="Run the sample").click()

    page.wait_for_url(re.compile(r"run=1"))
    page.reload()  # in the middle: what is known stands in the database and in the address
    expect(page.locator(".bh-badge.bh-done")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_text("Run 1 · tech-trend")).to_be_visible()
    settled(page)

    with Home(workbench.home).store() as store:
        best = store.containers(1, "sharpe", top=1)[0]
        assert store.run(1).done == 1_000
    page.get_by_role("button", name="Results").click()
    page.wait_for_url(re.compile(r"/results\?run=1$"))
    expect(page.get_by_text("1,000 of this hypothesis on this dataset")).to_be_visible()
    board = page.get_by_test_id("stDataFrame").first
    expect(board.locator("canvas").first).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    settled(page)
    board.click(position={"x": 700, "y": 52})  # the first row
    page.wait_for_url(re.compile(rf"/container\?run=1&container={best.index}$"))
    expect(page.get_by_role("heading", name=f"Container {best.index} · run 1 tech-trend")).to_be_visible()

    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    settled(page)
    fill = page.evaluate(LONELIEST)
    page.mouse.move(fill["x"], fill["y"])
    expect(page.locator(".js-plotly-plot .hoverlayer .legend")).to_be_visible()
    page.mouse.click(fill["x"], fill["y"])
    chain = page.locator(".bh-chain")
    expect(chain).to_be_visible()
    page.wait_for_url(re.compile(rf"event={fill['seq']}$"))
    explained(page, workbench, best.index, fill["seq"])

    page.reload()  # a deep link for the state
    expect(chain).to_be_visible()
    explained(page, workbench, best.index, fill["seq"])
    settled(page)
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], "no horizontal scroll"


def explained(page: Page, workbench: Workbench, index: int, seq: int) -> None:
    """The causes of the fill are shown, back to the bar, with its prices and the indicators the strategy saw."""
    causes = read(Home(workbench.home), 1, index).causes(seq)
    kinds = [cause.event["kind"] if cause.event else "BAR" for cause in causes]
    assert kinds[0] == "FILL" and kinds[-1] == "BAR"
    expect(page.locator(".bh-step > .bh-kind")).to_have_text(kinds)
    bar = causes[-1]
    expect(page.locator(".bh-step").last).to_contain_text(f"bar {bar.bar:,}")
    for item in bar.inputs:
        expect(page.locator(".bh-step").last).to_contain_text(item.name)
    if "SIGNAL" in kinds:
        expect(page.locator(".bh-kind-signal")).to_contain_text("SMA(close, timeperiod=")
