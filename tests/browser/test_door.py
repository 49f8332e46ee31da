"""`bulkhead serve` itself in a browser: the door lets its own pages through, and they draw themselves without error."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from app.services.home import VARIABLE

ROOT = Path(__file__).parents[2]


def test_its_own_pages_pass_the_door(page: Page, tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve"],
        cwd=ROOT, env={**os.environ, VARIABLE: str(tmp_path)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout
        address = server.stdout.readline().split()[3]
        page.goto(address)
        expect(page.get_by_text("Nothing has run yet")).to_be_visible()
        page.goto(address.replace("127.0.0.1", "localhost") + "/data")
        expect(page.get_by_text("Add a dataset")).to_be_visible()
        page.get_by_text("Add a dataset").click()
        rows = "".join(f"2024-01-{day:02},10,12,9,11,100\n" for day in range(2, 9))
        bars = {
            "name": "gold.csv",
            "mimeType": "text/csv",
            "buffer": f"Date,Open,High,Low,Close,Volume\n{rows}".encode(),
        }
        page.locator("input[type=file]").first.set_input_files(files=[bars])  # type: ignore[list-item]
        expect(page.get_by_text("a new dataset, 'gold'")).to_be_visible()
        page.goto("about:blank")  # an open page would look for its server again and again
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
