"""The workbench in Chromium, and a clock in its page: from a click to what is painted, and what the server sent for it.

The clock runs in the page, so that no call from here falls into what it measures. It starts with the pointer going
down. Something counts as painted when its condition holds at a frame and two more frames have passed.
"""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, WebSocket, sync_playwright

from benchmarks.throughput import TOP, bulkhead

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 60_000
#: Milliseconds without a change after which a page is settled: what it does once it is idle falls into no measurement.
QUIET = 400

#: Conditions, as JavaScript: what stands in a page when a thing is painted.
IDLE = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
_LIBRARY = """
window.__clock = {
  // A table is drawn when the line of its first row has more than its ground and its rules.
  table(place) {
    const canvas = document.querySelector(place + ' canvas[data-testid=data-grid-canvas]');
    if (!canvas || !canvas.width) return false;
    const scale = canvas.width / canvas.getBoundingClientRect().width;
    const height = Math.round(25 * scale);
    const width = Math.round(300 * scale);
    const data = canvas.getContext('2d').getImageData(40 * scale, 41 * scale, width, height).data;
    const seen = new Set();
    for (let i = 0; i < data.length && seen.size < 8; i += 4) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
    return seen.size >= 8;
  },
  // A chart is drawn when Plotly has laid it out and something stands in it.
  chart(place) {
    const plot = document.querySelector(place + ' .js-plotly-plot');
    return Boolean(plot?._fullData?.length && plot.querySelector('.main-svg .mlayer :is(path, image)'));
  },
  start(conditions) {
    const times = {}, waiting = new Set(Object.keys(conditions));
    this.times = null;
    document.addEventListener('pointerdown', event => {
      const frame = () => {
        for (const name of [...waiting]) {
          if (!conditions[name]()) continue;
          waiting.delete(name);
          requestAnimationFrame(() => requestAnimationFrame(() => {
            times[name] = performance.now() - event.timeStamp;
            if (Object.keys(times).length === Object.keys(conditions).length) this.times = times;
          }));
        }
        if (waiting.size) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    }, {capture: true, once: true});
  },
};
window.__clicks = 0;
document.addEventListener('click', () => { window.__clicks += 1; }, {capture: true});
"""


def table(place: str) -> str:
    """The condition that the first `st.dataframe` within `place` (a CSS selector) is drawn."""
    return f"window.__clock.table({json.dumps(place)})"


def chart(place: str) -> str:
    """The condition that the first chart within `place` is drawn."""
    return f"window.__clock.chart({json.dumps(place)})"


@contextlib.contextmanager
def serving(home: Path) -> Iterator[str]:
    """`bulkhead serve` on a home: its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*bulkhead(), "serve", "--port", str(port), "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TOP) as server:
        try:
            assert server.stdout is not None
            if "http" not in server.stdout.readline():
                raise SystemExit("the workbench did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium of the machine, else Playwright's own."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        opened = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        try:
            yield opened
        finally:
            opened.close()


class Tab:
    """A page 1280 wide, with the clock in it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self._sockets: list[WebSocket] = []
        self.page.on("websocket", self._note)

    def _note(self, opened: WebSocket) -> None:
        self._sockets.append(opened)

    def open(self, path: str = "") -> None:
        """Load an address anew."""
        self.page.goto(self.address + path)
        self.settle()

    def settle(self) -> None:
        """Wait until the page is idle, and stays so."""
        deadline = time.monotonic() + PATIENCE / 1000
        since = None
        while since is None or time.monotonic() - since < QUIET / 1000:
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.page.url} does not settle")
            idle = self.page.evaluate(IDLE)
            since = (since or time.monotonic()) if idle else None
            self.page.wait_for_timeout(50)
        if self.page.get_by_test_id("stException").count():
            raise SystemExit(f"{self.page.url} shows an exception")

    def go(self, name: str) -> None:
        """To a page, by the menu at the top."""
        self.page.locator("header").get_by_role("link", name=name).click()
        self.settle()

    def cell(self, place: str, row: int, x: int = 400) -> None:
        """Click a row of a table, −1 for its headings."""
        grid = self.page.locator(f"{place} [data-testid=stDataFrame]").first
        grid.click(position={"x": x, "y": 52 + 35 * row if row >= 0 else 18})

    def time(self, click: Callable[[], None], **conditions: str) -> dict[str, float]:
        """Milliseconds from a click until each condition is painted."""
        functions = ", ".join(f"{name}: () => {condition}" for name, condition in conditions.items())
        self.page.evaluate(f"() => window.__clock.start({{{functions}}})")
        click()
        self.page.wait_for_function("() => window.__clock.times")
        found: dict[str, float] = self.page.evaluate("() => window.__clock.times")
        self.settle()
        return found

    @contextlib.contextmanager
    def counted(self) -> Iterator[list[int]]:
        """What the server sends over its websockets meanwhile, in bytes; it does not compress."""
        total = [0]

        def add(payload: Any) -> None:
            total[0] += len(payload)

        for opened in self._sockets:
            opened.on("framereceived", add)
        try:
            yield total
        finally:
            for opened in self._sockets:
                opened.remove_listener("framereceived", add)


@contextlib.contextmanager
def tab_at(browser: Browser, address: str, path: str = "") -> Iterator[Tab]:
    """A tab with a page opened in it, and a session of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(_LIBRARY)
    try:
        tab = Tab(context.new_page(), address)
        tab.open(path)
        yield tab
    finally:
        context.close()
