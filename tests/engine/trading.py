"""The real engine on the oracle's cases: from its nested lists to arrays, from the log's rows back to plain data."""

from typing import Any

import numpy as np

from engine.classifiers.base import regime_rows
from engine.ensemble.weights import Ensemble
from engine.events import Kind, Level, Reason, Side, Source, empty_log
from engine.execution.rules import Execution
from engine.market.market import Market
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.steps import TargetBatch, targets, trade
from engine.strategies.changes import signal_rows

NAMES = ("r0", "r1", "r2")
_DAY = 86_400 * 10**9


def array(rows: list[list[float | None]]) -> np.ndarray:
    return np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=np.float64)


def market_of(case_market: dict[str, Any]) -> Market:
    columns = {name: array(case_market[name]) for name in ("open", "high", "low", "close")}
    bars, symbols = columns["close"].shape
    return Market.from_columns([f"S{s}" for s in range(symbols)], np.arange(bars) * _DAY, **columns)


def stages(rules: dict[str, Any], regimes: bool) -> tuple[Ensemble, Risk, Portfolio, Execution]:
    weights = rules["weights"]
    if isinstance(weights, dict):
        weights = {NAMES[code]: row for code, row in weights.items()}
    ensemble = Ensemble(method="equal") if weights is None else Ensemble(method="fixed", weights=weights)
    scale = {NAMES[code]: factor for code, factor in (rules["regime_scale"] or {}).items()} if regimes else {}
    risk = Risk(
        max_weight=rules["max_weight"], max_gross=rules["max_gross"], stop_loss=rules["stop_loss"], regime_scale=scale
    )
    portfolio = Portfolio(initial_cash=rules["initial_cash"], slot=rules["slot"], rebalance=rules["rebalance"] or None)
    execution = Execution(
        size_price=rules["size_price"],
        slippage_bps=rules["slippage_bps"],
        commission_bps=rules["commission_bps"],
        lot_size=rules["lot_size"],
    )
    return ensemble, risk, portfolio, execution


def carried(codes: list[int]) -> np.ndarray:
    found, last = [], -1
    for code in codes:
        last = code if code >= 0 else last
        found.append(last)
    return np.array(found, dtype=np.int64)


def batch_of(case: dict[str, Any], market: Market) -> TargetBatch:
    """The ensemble's output for an oracle case."""
    rules, first = case["rules"], case["rules"]["first_bar"]
    ensemble, risk, portfolio, _ = stages(rules, case["regimes"] is not None)
    regime_events, names = empty_log(0), ()
    if case["regimes"] is not None:
        regime_events, names = regime_rows(carried(case["regimes"]), first), NAMES
    batches = [
        signal_rows(array(dense), market.valid, first, Source.STRATEGY + i, f"s{i}")
        for i, dense in enumerate(case["signals"])
    ]
    return targets(ensemble, risk, portfolio, market, regime_events, names, batches)


def run_case(case: dict[str, Any]) -> tuple[Market, np.ndarray]:
    """The engine's log of an oracle case."""
    rules, first = case["rules"], case["rules"]["first_bar"]
    market = market_of(case["market"])
    _, risk, portfolio, execution = stages(rules, case["regimes"] is not None)
    log = trade(batch_of(case, market), risk, portfolio, execution, market, first)
    return market, log


def plain(log: np.ndarray) -> list[dict[str, Any]]:
    """A log's rows with the oracle's keys and words."""
    found = []
    for row in log:
        kind = Kind(row["kind"])
        source = int(row["source"])
        reason: Any = int(row["reason"])
        if kind is not Kind.REGIME:
            reason = None if reason == Reason.NONE else Reason(reason).name.lower()
        amounts = {
            name: None if np.isnan(row[name]) else float(row[name])
            for name in ("price", "quantity", "commission", "value", "limit", "actual")
        }
        found.append(
            {
                "bar": int(row["bar"]),
                "kind": kind.name,
                "level": Level(row["level"]).name.lower(),
                "source": Source(source).name.lower() if source < 5 else f"strategy{source - 5}",
                "symbol": None if row["symbol"] < 0 else int(row["symbol"]),
                "side": {Side.BUY: "buy", Side.SELL: "sell", Side.NONE: None}[Side(row["side"])],
                "reason": reason,
                "cause": None if row["cause"] < 0 else int(row["cause"]),
                **amounts,
            }
        )
    return found
