"""A raw dataset with a split and a dividend, from its file to what a reader is shown."""

from pathlib import Path

import numpy as np
import pytest

from app.services.home import Home
from app.services.reading import read
from engine.events import Kind
from tests.app.small import bulkhead, write

#: 2 for 1 on the 31st day, 0.5 a unit on the 41st.
SPLIT, PAID = 30, 40
CONFIG = """
[experiment]
name = "split"
[data]
dataset = "raw"
[[strategy]]
kind = "ma_cross"
fast = 2
slow = 5
enter_on = "state"
"""


def prices() -> str:
    days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
    rows = ["Date,Open,High,Low,Close,Volume,Split,Dividend"]
    for t, day in enumerate(days):
        close = (100 + t) / (2 if t >= SPLIT else 1)
        split, paid = 2 if t == SPLIT else "", 0.5 if t == PAID else ""
        rows.append(f"{day},{close},{close},{close},{close},1000,{split},{paid}")
    return "\n".join(rows)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "raw.csv").write_text(prices())
    assert bulkhead(tmp_path, "data", "add", str(tmp_path / "raw.csv"), "--name", "raw").code == 0
    assert bulkhead(tmp_path, "run", write(tmp_path, CONFIG)).code == 0
    return tmp_path


def test_a_split_is_no_jump_and_a_dividend_is_paid(home: Path) -> None:
    reading = read(Home(home), 1, 0)
    log = reading.log
    fills = log[log["kind"] == Kind.FILL]
    assert len(fills) == 1, "no average crosses at the split"
    (split,), (paid,) = log[log["kind"] == Kind.SPLIT], log[log["kind"] == Kind.CASH]
    quantity = fills["quantity"][0]
    assert (split["bar"], split["value"], split["quantity"]) == (SPLIT, 2.0, 2 * quantity)
    assert (paid["bar"], paid["value"]) == (PAID, pytest.approx(quantity))
    last = reading.equity()["equity"].iloc[-1]
    assert last == pytest.approx(2 * quantity * (100 + 59) / 2 + quantity, rel=1e-12)
    words = [cause.text for cause in reading.causes(int(np.flatnonzero(log["kind"] == Kind.CASH)[0]))]
    assert words[0].startswith("dividend of 0.5 a unit on ")


def test_indicators_are_shown_in_the_units_of_the_prices_beside_them(home: Path) -> None:
    reading = read(Home(home), 1, 0)
    (request,) = [one for name, one in reading.shared.requests(reading.spec.strategies[0]).items() if name == "fast"]
    shown = reading.values(reading.shared.hub, request)[:, 0]
    close = reading.market.close[:, 0]
    assert shown[SPLIT - 1] == pytest.approx((close[SPLIT - 1] + close[SPLIT - 2]) / 2)
    assert shown[SPLIT] == pytest.approx((close[SPLIT] + close[SPLIT - 1] / 2) / 2)
    assert shown[-1] == pytest.approx((close[-1] + close[-2]) / 2)
