"""The public face of Bulkhead: what a stage or a notebook imports. Everything else may move."""

from os import PathLike
from typing import TYPE_CHECKING

from pydantic import Field

from engine import __version__
from engine.classifiers.base import Classifier
from engine.indicators.own import Indicator
from engine.indicators.request import indicator
from engine.market.market import Market
from engine.risk.caps import RiskCaps
from engine.stage import Stage
from engine.strategies.bar import Bar, BarStrategy
from engine.strategies.base import RandomStrategy, Strategy

if TYPE_CHECKING:
    from app.services.notebook import StoredRun
    from engine.soundness.finding import Finding

__all__ = [
    "Bar",
    "BarStrategy",
    "Classifier",
    "Field",
    "Indicator",
    "Market",
    "RandomStrategy",
    "RiskCaps",
    "Strategy",
    "__version__",
    "check_stage",
    "indicator",
    "open_run",
]


def check_stage(stage: Stage, market: Market | None = None) -> "list[Finding]":
    """What `bulkhead check` does but for the sealed child, for a test: `all(f.passed for f in check_stage(Mine()))`.

    On `market`, default: one made to be awkward (a symbol lists late and lacks bars). Parameters are as they are.
    """
    from engine.soundness.case import Case
    from engine.soundness.examine import examine_stage
    from engine.soundness.markets import gapped

    return list(examine_stage(Case(stage, gapped(600) if market is None else market)))


def open_run(run: int, home: "str | PathLike[str] | None" = None) -> "StoredRun":
    """A stored run for a notebook: `open_run(3).leaderboard()`, `.equity(7)`, `.fills(7)`, `.trace(7)`, as DataFrames.

    `home`: the folder (default: BULKHEAD_HOME, else the platform's user data folder, as the command line has it).
    StoreError, one line, when there is no such run.
    """
    from app.services.notebook import StoredRun  # here: a stage that imports this module needs neither pandas nor SQL

    return StoredRun(run, home)
