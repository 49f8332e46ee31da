"""The real engine on the oracle's cases: from its nested lists to arrays, from the log's rows back to plain data."""

from typing import Any

import numpy as np

from engine.classifiers.base import regime_rows
from engine.ensemble.weights import Ensemble
from engine.events import Kind, Level, Reason, Side, Source, empty_log
from engine.execution.rules import Execution
from engine.indicators.hub import Hub
from engine.market.actions import in_first_units
from engine.market.market import ACTION, Market
from engine.risk.portfolio import Portfolio
from engine.risk.sizing import size
from engine.risk.standard import Risk
from engine.stage import Stage
from engine.steps import TargetBatch, Trading, targets, trade, trading
from engine.strategies.changes import signal_rows

NAMES = ("r0", "r1", "r2")
_DAY, _MINUTE = 86_400 * 10**9, 60 * 10**9


def array(rows: list[list[float | None]]) -> np.ndarray:
    return np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=np.float64)


def market_of(case_market: dict[str, Any]) -> Market:
    columns = {
        name: array(case_market[name]) for name in ("open", "high", "low", "close", "volume") if name in case_market
    }
    bars, symbols = columns["close"].shape
    return Market.from_columns(
        [f"S{s}" for s in range(symbols)],
        np.array(case_market.get("day", range(bars))) * _DAY + np.arange(bars) * _MINUTE,
        **columns,
        session=case_market.get("session"),
        actions=np.array(sorted(case_market.get("actions", [])), ACTION),
        features={name: array(rows) for name, rows in case_market.get("features", {}).items()},
    )


def stages(rules: dict[str, Any], regimes: bool) -> tuple[Ensemble, Risk, Portfolio, Execution]:
    weights = rules["weights"]
    if isinstance(weights, dict):
        weights = {NAMES[code]: row for code, row in weights.items()}
    ensemble = Ensemble(method="equal") if weights is None else Ensemble(method="fixed", weights=weights)
    scale = {NAMES[code]: factor for code, factor in (rules["regime_scale"] or {}).items()} if regimes else {}

    def of(model: type[Stage]) -> dict[str, Any]:
        """The rules that are parameters of a stage, under the same names; what is None has its default."""
        return {name: rules[name] for name in model.model_fields if rules.get(name) is not None}

    risk = Risk(**of(Risk) | {"regime_scale": scale})
    return ensemble, risk, Portfolio(**of(Portfolio)), Execution(**of(Execution))


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
    seen = in_first_units(market)
    sizing = size(portfolio, risk, seen, Hub(seen).take(portfolio), first)
    return targets(ensemble, risk, sizing, market, regime_events, names, batches)


def rules_of(case: dict[str, Any], market: Market) -> Trading:
    """What the trading kernel obeys in an oracle case."""
    _, risk, portfolio, execution = stages(case["rules"], case["regimes"] is not None)
    seen = in_first_units(market)
    return trading(risk, portfolio, execution, seen, market, Hub(seen), case["rules"]["first_bar"])


def ranges_of(case: dict[str, Any], market: Market) -> dict[str, list[list[float | None]]]:
    """The hub's ATR and volatility, as the oracle takes them: in units of the first day."""
    _, risk, portfolio, _ = stages(case["rules"], case["regimes"] is not None)
    hub = Hub(in_first_units(market))
    values = {"stop_atr": hub.take(risk).get("atr"), "size_atr": hub.take(portfolio).get("atr")}
    values["volatility"] = hub.take(portfolio).get("volatility")
    return {
        name: [[None if np.isnan(value) else float(value) for value in row] for row in table]
        for name, table in values.items()
        if table is not None
    }


def run_case(case: dict[str, Any]) -> tuple[Market, np.ndarray]:
    """The engine's log of an oracle case."""
    market = market_of(case["market"])
    return market, trade(batch_of(case, market), rules_of(case, market), market, case["rules"]["first_bar"])


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
