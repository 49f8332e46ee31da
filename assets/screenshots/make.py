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
SIZE = {"width": 1280, "height": 900}
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
    """The pictures: an experiment as a form, its results, its best container with a fill explained, three compared."""
    page = browser.new_context(viewport=SIZE, color_scheme="light").new_page()
    with home.store() as store:
        best, *others = [row.index for row in store.containers(1, "sharpe", top=4)]
    compared = ",".join(f"1/{index}" for index in (best, *others[1:]))
    _save(page, f"{address}/experiment", "experiment.png", 1090)
    _save(page, f"{address}/results?run=1", "results.png", 1480)
    event = _fill(home, best)
    _save(page, f"{address}/container?run=1&container={best}&event={event}", "container.png", 1210)
    _save(page, f"{address}/compare?containers={compared}", "compare.png", 1210)


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


def _save(page: Page, address: str, name: str, height: int) -> None:
    page.set_viewport_size({**SIZE, "height": height})
    page.goto(address)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(state="attached")
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    page.wait_for_timeout(2_500)  # tables and figures are drawn after the script has ended
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
