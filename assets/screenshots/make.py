"""Takes the pictures of the README from the running app: `.venv/bin/python assets/screenshots/make.py`.

The sample is run in an empty home of its own; nothing of the user's is touched.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from app.services.home import Home  # noqa: E402
from app.services.reading import read  # noqa: E402

SAMPLE = ROOT / "assets" / "experiments" / "tech-trend.toml"
SIZE = {"width": 1280, "height": 1010}
MOST_BYTES = 300_000


def main() -> None:
    with tempfile.TemporaryDirectory() as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        environment = {**os.environ, "BULKHEAD_HOME": home, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m"]
        subprocess.run([*command, "app.cli", "run", str(SAMPLE)], env=environment, cwd=ROOT, check=True)
        server = subprocess.Popen(
            [*command, "streamlit", "run", "app/main.py", "--server.port", str(port)],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait(port)
            with sync_playwright() as playwright:
                path = shutil.which("chromium") or playwright.chromium.executable_path
                options = ["--headless", "--no-sandbox", "--disable-gpu"]
                browser = playwright.chromium.launch(executable_path=path, args=options)
                take(browser, f"http://127.0.0.1:{port}", Home(Path(home)))
                browser.close()
        finally:
            server.terminate()
            server.wait()


def take(browser: Browser, address: str, home: Home) -> None:
    """The pictures: the page of runs, and the best container with one of its fills explained."""
    page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
    page.goto(f"{address}/?run=1")
    page.locator("[data-testid=stDataFrame] canvas").nth(1).wait_for()
    _save(page, "runs.png")
    page.get_by_test_id("stDataFrame").nth(1).click(position={"x": 400, "y": 52})
    page.wait_for_url("**/container?**")
    page.set_viewport_size({**SIZE, "height": 1210})
    page.goto(f"{page.url}&event={_fill(home, int(page.url.rpartition('=')[2]))}")
    page.locator(".bh-chain").wait_for()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    _save(page, "container.png")


def _fill(home: Home, index: int) -> int:
    """An entry into the first symbol, in the middle of the container's story."""
    reading = read(home, 1, index)
    symbol, end = reading.market.symbols[0], reading.test
    found = [
        row["seq"]
        for row in reading.events()
        if row["kind"] == "FILL" and row["symbol"] == symbol and row["side"] == "buy" and row["bar"] < end
    ]
    return found[len(found) // 2]


def _save(page: Page, name: str) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(state="attached")
    page.wait_for_timeout(1_500)  # tables and figures are drawn after the script has ended
    page.screenshot(path=HERE / name)
    size = (HERE / name).stat().st_size
    print(f"{name}: {size:,} bytes")
    assert size < MOST_BYTES, "too large for a README"


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2)
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise TimeoutError("the workbench did not answer")


if __name__ == "__main__":
    main()
