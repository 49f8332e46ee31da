"""Causality of every stage: its output on a prefix of the market is the prefix of its output, bit for bit."""

from typing import Any

import numpy as np
import pytest

from engine.classifiers.base import Classifier, carried
from engine.indicators.hub import Hub
from engine.market.index import index_market
from engine.market.market import Market
from engine.registry import BUILT_IN
from engine.stage import Regimes
from engine.steps import dense_signals
from engine.strategies.base import Strategy
from tests.engine.small import small_market

CUTS, CHANGES = 50, 200
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "buy_and_hold": [{}],
    "ma_cross": [
        {"fast": 3, "slow": 20},
        {"fast": 5, "slow": 30, "enter_on": "state", "long_only": False, "average": "EMA"},
        {"fast": 4, "slow": 25, "average": "WMA"},
    ],
    "rsi_reversion": [{"window": 5}, {"window": 9, "long_only": False}],
    "bollinger_reversion": [{"window": 10, "width": 1.5}, {"window": 8, "long_only": False}],
    "donchian_breakout": [{"entry": 20, "exit": 7}, {"entry": 9, "exit": 4, "long_only": False}],
    "random_entry": [{"probability": 0.1, "hold": 4}, {"probability": 0.3, "hold": 2, "long_only": False}],
    "macd": [
        {"fast": 3, "slow": 9, "signal_window": 4},
        {"fast": 5, "slow": 12, "signal_window": 3, "enter_on": "state", "long_only": False},
    ],
    "momentum": [
        {"lookback": 20},
        {"lookback": 15, "skip": 3, "every": 4, "long_only": False},
    ],
    "cross_sectional_momentum": [
        {"lookback": 10, "skip": 2, "top": 1},
        {"lookback": 15, "top": 1, "bottom": 1, "every": 3},
    ],
    "pairs": [
        {"window": 20, "enter": 1.5},
        {"which": "all", "hedge": "regression", "window": 15, "enter": 1.0, "leave": 0.2, "stop": 2.0},
    ],
    "volatility_breakout": [{"window": 5}, {"window": 8, "width": 0.7, "hold": 3, "long_only": False}],
    "turn_of_month": [{}, {"before": 1, "after": 0}],
    "by_regime": [
        {
            "base": "ma_cross",
            "parameters": {"slow": 20, "enter_on": "state"},
            "regimes": {"first": {"fast": 3}, "third": {"fast": 9, "long_only": False}},
        },
        {"base": "random_entry", "parameters": {"probability": 0.3}, "regimes": {"second": {"hold": 2}}},
    ],
    "volatility": [{"window": 5, "baseline": 20}, {"window": 8, "baseline": 30, "reference": "S0"}],
    "trend": [{"window": 10, "band": 0.01}, {"window": 20, "band": 0.0, "reference": "S1", "dwell": 5}],
    "volatility_quantile": [
        {"window": 5, "history": 30},
        {"window": 8, "history": 20, "low": 0.2, "high": 0.9, "reference": "S1", "dwell": 3},
    ],
    "adx_trend": [
        {"window": 5, "average": 10, "slope": 4},
        {"window": 8, "threshold": 30.0, "average": 5, "slope": 2, "reference": "S1", "dwell": 2},
    ],
    "volatility_trend": [
        {"window": 5, "baseline": 20, "average": 15},
        {"window": 8, "baseline": 30, "average": 10, "band": 0.0, "reference": "S1", "dwell": 4},
    ],
    "drawdown": [{}, {"correction": 0.05, "bear": 0.1, "recovery": 0.0, "rally": 0.1, "reference": "S1", "dwell": 3}],
    "breakout": [{"window": 20, "hold": 5}, {"window": 10, "hold": 1, "reference": "S1", "dwell": 2}],
    "markov_switching": [
        {"min_history": 60, "fit_every": 60},
        {"min_history": 60, "fit_every": 60, "max_history": 80, "states": 3, "reference": "S1", "dwell": 2},
    ],
}
ALL = [
    pytest.param(kind, variant, symbols, id=f"{kind}-{i}-{symbols}")
    for kind, variants in VARIANTS.items()
    for i, variant in enumerate(variants)
    for symbols in (1, 3)
    if kind not in BUILT_IN.strategies or symbols >= BUILT_IN.strategies[kind].least_symbols
]


def test_every_built_in_stage_is_tried() -> None:
    assert set(VARIANTS) == {*BUILT_IN.strategies, *BUILT_IN.classifiers}


def output(stage: Any, market: Market) -> np.ndarray:
    if isinstance(stage, Classifier):
        series = index_market(market, stage.reference)
        hub = Hub(series)
        values = {name: hub.get(request) for name, request in stage.indicators().items()}
        return carried(stage.label(series, values), len(market.time), stage)[:, None].astype(float)
    assert isinstance(stage, Strategy)
    codes = np.arange(len(market.time), dtype=np.int64) // 20 % 4 - 1
    regimes = Regimes(codes, ("first", "second", "third"))
    return dense_signals(stage, market, Hub(market), regimes, seed=3)


def prefix(market: Market, bars: int) -> Market:
    return Market.from_columns(
        market.symbols,
        market.time[:bars],
        *(getattr(market, name)[:bars] for name in ("open", "high", "low", "close", "volume")),
        valid=market.valid[:bars],
        session=market.session[:bars],
        dataset=market.dataset,
    )


@pytest.mark.parametrize(("kind", "variant", "symbols"), ALL)
def test_a_stage_never_looks_ahead(kind: str, variant: dict[str, Any], symbols: int) -> None:
    market = small_market(bars=260, symbols=max(symbols, 2) if "reference" in variant else symbols)
    model: Any = {**BUILT_IN.strategies, **BUILT_IN.classifiers}[kind]
    if issubclass(model, Strategy):
        model = model.among(variant, BUILT_IN.strategies, kind)
    stage = model(**variant)
    whole = output(stage, market)
    assert len(np.unique(whole[np.isfinite(whole)])) > 1 or kind == "buy_and_hold"
    same = (whole[1:] == whole[:-1]) | (np.isnan(whole[1:]) & np.isnan(whole[:-1]))
    changes = 1 + np.flatnonzero(~same.all(axis=1))
    cuts = np.random.default_rng(5).integers(1, len(market.time), CUTS)
    for bar in sorted({*cuts.tolist(), *changes[:CHANGES].tolist()}):
        found = output(stage, prefix(market, bar + 1))
        np.testing.assert_array_equal(found, whole[: bar + 1], err_msg=f"{kind} at bar {bar}")
