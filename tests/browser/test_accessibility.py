"""Every page, light and dark, with runs and without: it fits the window, nothing fails, and all text can be read."""

import shutil
from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from app.components.sections import SECTIONS
from app.navigation import ENTRIES
from app.services import executing, running
from app.services.home import Home
from app.theme import palette
from tests.app.own import FILES
from tests.browser.conftest import Workbench, serving, settled, tab_of, window
from tests.pages.conftest import BAD, GOOD, STAGES

Mode = Literal["light", "dark"]
#: What axe is asked: WCAG 2.1 AA. Canvases, in which tables draw their cells, it cannot see into.
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "resultTypes": ["violations"],  # to tell all that is well takes longer than to look
}
#: Rules that Streamlit's own frame breaks, whatever a page does.
FRAME: frozenset[str] = frozenset()
#: Every page as it opens by itself, and states of it that an address can name.
PAGES = ("/", *(f"/{entry.file}" for entry in ENTRIES[1:]))
FULL = (
    *PAGES,
    "/?run=2",
    "/?run=99",
    "/experiment?run=1",
    "/results?run=1",
    "/container?run=1&container=7",
    "/container?run=1&container=7&event=20",
    *(f"/container?run=1&container=7&section={name.replace(' ', '%20')}" for name in SECTIONS),
    "/container?run=2&container=1",
    "/compare?containers=1/7,1/9,1/-1",
    "/stages?kind=by_regime",
    "/stages?kind=volatility_trend",
    "/stages?kind=execution",
    "/stages?kind=my_breakout",
    "/stages?kind=no_such_kind",
    "/data?dataset=us-tech",
)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """The workbench on a home with a good run and one with failures."""
    home = Home(tmp_path_factory.mktemp("accessible"))
    with home.store() as store:
        shutil.copytree(STAGES, home.path / "stages")
        for name, text in FILES.items():
            (home.path / "stages" / f"{name}.py").write_text(text)
        (home.path / "stages" / "broken.py").write_text("import nothing_like_this\n")
        for text in (GOOD, BAD):
            prepared = running.check(home, text)
            executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    with serving(home.path) as found:
        yield found


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with serving(tmp_path_factory.mktemp("empty")) as found:
        yield found


@pytest.fixture(scope="module")
def windows(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    """A window of each mode: what Streamlit loads first is loaded once."""
    with window(browser, "light") as light, window(browser, "dark") as dark:
        yield {"light": light, "dark": dark}


@pytest.mark.parametrize("path", FULL)
def test_a_page_with_runs(full: Workbench, windows: dict[str, BrowserContext], path: str) -> None:
    """Every second one is opened in the light and then it gets dark, the others the other way round."""
    modes = ("light", "dark") if FULL.index(path) % 2 else ("dark", "light")
    with tab_of(windows[modes[0]]) as page:
        judged(page, full.address + path, modes[0])
        page.emulate_media(color_scheme=modes[1])
        judge(page, modes[1])


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_an_empty_home(empty: Workbench, windows: dict[str, BrowserContext], path: str) -> None:
    with tab_of(windows["light"]) as page:
        judged(page, empty.address + path, "light")


def judged(page: Page, address: str, mode: Mode) -> None:
    """Open a page, and judge it."""
    page.goto(address)
    judge(page, mode)


def judge(page: Page, mode: Mode) -> None:
    """Wait until an open page has drawn itself, and judge it."""
    settled(page, palette(mode).ground)
    wide, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= room, "no horizontal scroll"
    found = Axe().run(page, options=RULES).response["violations"]
    wrong = [
        f"{rule['id']}: {node['html'][:160]} … {node['failureSummary'][:240]}"
        for rule in found
        if rule["id"] not in FRAME
        for node in rule["nodes"]
    ]
    assert not wrong, "\n".join(wrong)
