"""A home with runs of every kind, made once; and pages opened in it as a browser would, without one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.services import executing, running
from app.services.home import VARIABLE, Home

#: The folder of the strategy that misbehaves on demand.
STAGES = Path(__file__).parents[1] / "stages"
MAIN = Path(__file__).parents[2] / "app" / "main.py"
#: A name that Markdown, HTML, LaTeX and Streamlit's own marks would all make something of.
HOSTILE = "**bold** <img src=x onerror=alert(1)> :smile: $x^2$ [l](http://e.example) `c` :red[r] # h"

GOOD = f"""
[experiment]
name = {HOSTILE!r}
hypothesis = "<script>alert(2)</script> *it pays*"
[data]
dataset = "us-tech"
symbols = ["AAPL", "IBM"]
warmup = "common"
test_start = 2010-01-01
[classifier]
kind = "volatility"
[risk]
stop_loss = 0.1
[[strategy]]
kind = "ma_cross"
name = "_cross_"
fast = {{ from = 5, to = 50, step = 5 }}
slow = [60, 120, 180]
[execution]
commission_bps = 5.0
"""
BAD = """
[experiment]
name = "poisoned"
[data]
dataset = "sp500"
[[strategy]]
kind = "poison"
mode = ["fine", "raise", "exit"]
window = [10, 200]
"""
GOOD_RUN, BAD_RUN, LIVE_RUN = 1, 2, 3

Open = Callable[..., AppTest]


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a good run of 30 containers, and one of 6 of which 4 fail. Read it only."""
    home = Home(tmp_path_factory.mktemp("stored"))
    with home.store() as store:
        shutil.copytree(STAGES, home.path / "stages")
        for text in (GOOD, BAD):
            prepared = running.check(home, text)
            executing.execute(store, prepared, running.create(store, prepared, 1, "sequential"), 1, "sequential")
    return home.path


@pytest.fixture
def full(stored: Path, tmp_path: Path) -> Path:
    """A copy of that home, to change."""
    return Path(shutil.copytree(stored, tmp_path / "full"))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page of a home: `page(home, "container", run=1, container=3)`. Fails on any exception it shows."""

    def opened(home: Path, name: str = "runs", **query: object) -> AppTest:
        monkeypatch.setenv(VARIABLE, str(home))
        app = AppTest.from_file(str(MAIN), default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = str(value)
        if name != "runs":
            app.switch_page(f"../pages/{name}.py")
        return shown(app.run())

    return opened


def shown(app: AppTest) -> AppTest:
    """The page, when it drew itself without an exception."""
    assert not app.exception, [element.value for element in app.exception]
    return app


def said(app: AppTest) -> str:
    """All the HTML a page wrote, its styles aside."""
    return "\n".join(element.proto.body for element in app.html if not element.proto.body.startswith("<style>"))


def address(app: AppTest, key: str) -> str | None:
    """A parameter of the page's address."""
    value = app.query_params.get(key)
    return value[0] if isinstance(value, list) else value
