"""16 moving-average strategies on two series, without and with stop and profit inside the bar, against backtesting.py.

What agrees: an open beyond a level fills at the open, a price inside the bar at the level; both count in the bar
of an entry at its open; where a bar reaches both levels, the stop does; commission on both sides; a short like a long.

Where the peer differs and `make_backtesting.py` therefore avoids it, these rules are ours:
- An order for the open fills before a stop of the same bar, a reversal too: the open is the first price of the bar.
- An open beyond the profit takes it, wherever the bar goes later, for the same reason.
- Stop and profit are measured from the price of the fill, which is what the position has cost.
- A price within 1e-12 of a level is at it, so that the rounding of a product does not decide.
- Slippage and spread count on both sides (the peer's spread on entries alone), so there is none here.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.datasets.library import DatasetLibrary
from engine.config import load
from engine.container import Container
from engine.plan import prepare
from engine.projections.account import Account, project
from engine.shared import Shared
from engine.spec import resolve

GOLDEN = json.loads(Path(__file__).with_name("backtesting.json").read_text())
CONFIG = """
[experiment]
name = "golden"
[data]
dataset = "{dataset}"
symbols = ["{symbol}"]
[[strategy]]
kind = "ma_cross"
fast = {fast}
slow = {slow}
enter_on = "{enter_on}"
long_only = {long_only}
[portfolio]
initial_cash = {cash}
sizing = "quantity"
quantity_per_trade = {quantity}
[risk]
stop_when = "intrabar"
{stops}
[execution]
fill = "{fill}"
commission_bps = {commission_bps}
lot_size = 1
intrabar = "pessimistic"
"""
DATASETS = {"sp500": "sp500", "AAPL": "us-tech"}
CASES = [(symbol, place) for symbol, rows in GOLDEN["results"].items() for place in range(len(rows))]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> DatasetLibrary:
    return DatasetLibrary(tmp_path_factory.mktemp("home"))


def account_of(library: DatasetLibrary, symbol: str, point: dict[str, Any]) -> Account:
    """Bulkhead's account of a point."""
    stops = "\n".join(f"{name} = {point[name]}" for name in ("stop_loss", "take_profit") if point[name] is not None)
    values = point | {"long_only": str(point["long_only"]).lower(), "stops": stops, "cash": GOLDEN["cash"]}
    text = CONFIG.format(dataset=DATASETS[symbol], symbol=symbol, **values)
    _, plan = prepare(load(text), library.market(DATASETS[symbol]))
    shared = Shared(plan)
    log = Container(resolve(shared, 0), shared).run()
    return project(log, shared.market.bars, plan.first, GOLDEN["cash"])


def test_the_file_is_whole() -> None:
    assert {symbol: len(rows) for symbol, rows in GOLDEN["results"].items()} == {"sp500": 16, "AAPL": 16}
    seen = dict.fromkeys(("stopped", "cashed in", "in the entry's bar", "short", "reversed"), 0)
    for row in (row for rows in GOLDEN["results"].values() for row in rows):
        assert len(row["trades"]) > 30, row["point"]
        previous = None
        for size, entered, left, paid, got, _ in row["trades"]:
            side = 1.0 if size > 0 else -1.0
            seen["stopped"] += got == paid * (1.0 - side * (row["point"]["stop_loss"] or np.nan))
            seen["cashed in"] += got == paid * (1.0 + side * (row["point"]["take_profit"] or np.nan))
            seen["in the entry's bar"] += entered == left
            seen["short"] += size < 0
            seen["reversed"] += entered == previous
            previous = left
    assert min(seen.values()) > 300, seen


@pytest.mark.parametrize(("symbol", "place"), CASES)
def test_every_trade_equals_backtesting(library: DatasetLibrary, symbol: str, place: int) -> None:
    row = GOLDEN["results"][symbol][place]
    account = account_of(library, symbol, row["point"])
    theirs = [dict(zip(GOLDEN["trade"], trade, strict=True)) for trade in row["trades"]]
    own = account.trades
    bars = [(trade["entry_bar"], trade["exit_bar"], trade["size"]) for trade in theirs]
    sizes = own["side"] * own["quantity"]
    assert list(zip(own["entry_bar"].tolist(), own["exit_bar"].tolist(), sizes.tolist(), strict=True)) == bars
    for name in ("entry_price", "exit_price", "profit"):
        wanted = [trade[name] for trade in theirs]
        assert own[name].tolist() == pytest.approx(wanted, rel=1e-9, abs=0.0), name
    assert account.equity[-1] == pytest.approx(row["final_equity"], rel=1e-12, abs=0.0)  # 1e-12: most of it is cash
