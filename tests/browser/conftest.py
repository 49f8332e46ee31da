"""The workbench in a real browser: a server of its own on an empty home, and a page that tolerates no error."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from app.navigation import ENTRIES
from app.services.home import VARIABLE, Home

ROOT = Path(__file__).parents[2]
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
#: Milliseconds until a condition must hold. A first run compiles kernels.
PATIENCE = 90_000
#: Where Streamlit looks for its server when a page below the root is opened directly, before it finds it at the root.
PROBES = tuple(f"/{entry.file}/_stcore/{name}" for entry in ENTRIES[1:] for name in ("health", "host-config"))


#: Whether a page is drawn: its heading is there, nothing runs, nothing is a placeholder, its colours are the mode's.
_SETTLED = """ground => {
    const root = getComputedStyle(document.documentElement), seen = document.querySelector("h1, h2, h3");
    return seen && seen.checkVisibility()
        && document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]")
        && !document.querySelector("[data-testid=stSkeleton]")
        && (ground === null || root.getPropertyValue("--bh-ground").trim() === ground);
}"""


@dataclass
class Workbench:
    """A running server: where it is, where its home is, and what it said."""

    address: str
    home: Path
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of the machine, else Playwright's own; skipped where there is neither, except under CI."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = shutil.which("chromium") or (own if Path(own).exists() else None)
        if path is None:
            reason = "no chromium on PATH and none of Playwright's: `make chromium` installs one"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        opened = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield opened
        opened.close()


@pytest.fixture
def workbench(tmp_path: Path) -> Iterator[Workbench]:
    """The workbench on an empty home."""
    with serving(tmp_path / "home") as found:
        yield found


def settled(page: Page, ground: str | None = None) -> None:
    """Wait until the page's script has run to its end, on this `ground`, and see that it shows no exception."""
    page.wait_for_function(_SETTLED, arg=ground)  # at each frame; `expect` looks after a second again
    expect(page.get_by_test_id("stException")).to_have_count(0)


@contextlib.contextmanager
def serving(home: Path) -> Iterator[Workbench]:
    """The workbench on a home. It ends with the block, and so does what it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.port", str(port)],
        cwd=ROOT,
        env={**os.environ, VARIABLE: str(home), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    found = Workbench(f"http://127.0.0.1:{port}", home)
    try:
        assert server.stdout is not None
        for line in server.stdout:  # its banner comes when it listens; the pipe ends when it does
            found.said.append(line)
            if found.address in line:
                break
        else:
            pytest.fail("the server ended before it answered:\n" + "".join(found.said))
        reader = threading.Thread(target=lambda: found.said.extend(server.stdout or ()), daemon=True)
        reader.start()
        yield found
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        _end_runs(home)
    reader.join(timeout=10)
    assert not any("Traceback" in line for line in found.said), "".join(found.said)


def _end_runs(home: Path) -> None:
    """End the runs that a failed test left running: they are processes of their own."""
    with Home(home).store() as store:
        for run in store.runs():
            if run.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(run.pid, signal.SIGTERM)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab 1280 wide. Errors of the page, of its console and of its requests fail the test at its end."""
    with tab(browser) as opened:
        yield opened


@contextlib.contextmanager
def tab(browser: Browser, mode: Literal["light", "dark"] = "light") -> Iterator[Page]:
    """See `page`."""
    with window(browser, mode) as context, tab_of(context) as opened:
        yield opened


@contextlib.contextmanager
def window(browser: Browser, mode: Literal["light", "dark"] = "light") -> Iterator[BrowserContext]:
    """A window with a cache and a session of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=mode)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    try:
        yield context
    finally:
        context.close()


@contextlib.contextmanager
def tab_of(context: BrowserContext) -> Iterator[Page]:
    """A tab of a window. See `page`."""
    opened, errors = context.new_page(), []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].endswith(PROBES):
            errors.append(f"{message.text} ({message.location['url']})")

    opened.on("console", note)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield opened
    finally:
        opened.close()
    assert errors == []
