"""Bulkhead's own figures for the runs of the golden files."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from app.datasets.library import DatasetLibrary
from engine.config import load
from engine.events import Kind
from engine.outcome import run
from engine.plan import prepare
from engine.projections.account import Account, project
from engine.projections.catalogue import METRICS
from engine.shared import Shared
from engine.spec import resolve

CONFIG = """
[experiment]
name = "golden"
[data]
dataset = "{dataset}"
symbols = ["{symbol}"]
[[strategy]]
kind = "ma_cross"
fast = {{ from = 5, to = 50, step = 5 }}
slow = {{ from = 60, to = 240, step = 20 }}
[execution]
commission_bps = {commission}
slippage_bps = {slippage}
"""
DATASETS = {"sp500": "sp500", "AAPL": "us-tech"}
COSTS = {"free": (0.0, 0.0), "costs": (10.0, 5.0)}

Figures = dict[tuple[int, int], dict[str, float]]


class Backtest(NamedTuple):
    """One container: its log, what it comes to from the first trading bar on, and which bar that is."""

    log: npt.NDArray[np.void]
    account: Account
    first: int

    @property
    def fills(self) -> npt.NDArray[np.void]:
        return self.log[self.log["kind"] == Kind.FILL]


@pytest.fixture(scope="session")
def own_figures(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Figures]:
    """For a series and costs (`sp500/free`): the metrics of each pair (fast, slow)."""
    library = DatasetLibrary(tmp_path_factory.mktemp("home"))

    @cache
    def figures(case: str) -> Figures:
        symbol, costs = case.split("/")
        commission, slippage = COSTS[costs]
        dataset = DATASETS[symbol]
        text = CONFIG.format(dataset=dataset, symbol=symbol, commission=commission, slippage=slippage)
        _, plan = prepare(load(text), library.market(dataset))
        shared = Shared(plan)
        found = {}
        for index in range(plan.containers):
            spec = resolve(shared, index)
            pair = spec.params["ma_cross.fast"], spec.params["ma_cross.slow"]
            found[pair] = dict(zip(METRICS, run(spec, shared).metrics.tolist(), strict=True))
        return found

    return figures


@pytest.fixture(scope="session")
def backtest(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Backtest]:
    """Run the one container of an experiment on us-tech; each argument is a section of its TOML."""
    library = DatasetLibrary(tmp_path_factory.mktemp("home"))
    market = library.market("us-tech")

    def tested(data: dict[str, Any], strategy: dict[str, Any], **sections: dict[str, Any]) -> Backtest:
        head = {"experiment": {"name": "golden"}, "data": {"dataset": "us-tech"} | data}
        _, plan = prepare(head | {"strategy": [strategy]} | sections, market)
        assert plan.containers == 1
        shared = Shared(plan)
        spec = resolve(shared, 0)
        log = run(spec, shared).log
        return Backtest(log, project(log, plan.market.bars, plan.first, spec.portfolio.initial_cash), plan.first)

    return tested
