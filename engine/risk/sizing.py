"""How large a full signal is, and which symbols may be held: what of the portfolio depends on data alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.ensemble.combine import AIM
from engine.errors import ConfigError, nearest
from engine.indicators.hub import Hub
from engine.market.actions import Action
from engine.market.market import Market, carried_forward, frozen
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk

Array = npt.NDArray[np.float64]
Values = Mapping[str, Array]
_NONE = frozen(np.empty((0, 0)))


@dataclass(frozen=True, slots=True)
class Sizing:
    """Sizes of a portfolio on a market, all read-only.

    rule: AIM (1,). slots: float64 (bars, symbols), the share of equity of a full signal, 0 where it is unknown; without
    rows where it is `slot` of the rule. agenda: int64, the bars at which sizes are taken anew without a signal.
    """

    rule: npt.NDArray[np.void]
    slots: Array
    agenda: npt.NDArray[np.int64]


def size(portfolio: Portfolio, risk: Risk, market: Market, values: Values, first: int) -> Sizing:
    """The sizes of `portfolio` under the caps of `risk`. values: its indicators, float64 (bars, symbols)."""
    symbols = len(market.symbols)
    slot = 1.0 / symbols if portfolio.slot is None else portfolio.slot
    max_weight, max_gross = risk.max_weight, risk.max_gross
    if portfolio.sizing in ("cash", "quantity"):  # a target is then a multiple of the fixed size: capped when it fills
        slot, max_weight, max_gross = 1.0, np.inf, np.inf
    least = 0.0 if risk.long_only else -np.inf
    slots = _slots(portfolio, slot, market, values)
    rebalance = portfolio.rebalance or 0
    agenda = np.arange(first + rebalance, len(market.time), rebalance) if rebalance and len(slots) else np.empty(0)
    rule = np.array([(slot, least, max_weight, max_gross, rebalance, first)], AIM)
    return Sizing(frozen(rule), slots, frozen(agenda.astype(np.int64)))


def _slots(portfolio: Portfolio, slot: float, market: Market, values: Values) -> Array:
    if portfolio.sizing in ("inverse_volatility", "volatility_target"):
        volatility = carried_forward(values["volatility"], market.valid)
        known = volatility > 0.0
        inverse = np.divide(1.0, volatility, out=np.zeros_like(volatility), where=known)
        if portfolio.sizing == "volatility_target":
            assert portfolio.target_volatility is not None
            return frozen(slot * portfolio.target_volatility / np.sqrt(market.bars_per_year) * inverse)
        living = inverse.copy()
        for action in market.actions[market.actions["kind"] == Action.END]:
            living[action["bar"] :, action["symbol"]] = 0.0
        total = np.zeros(len(inverse))
        for s in range(inverse.shape[1]):  # symbol by symbol: the order of the sum never depends on NumPy's blocking
            total += living[:, s]
        shares = np.divide(inverse, total[:, None], out=np.zeros_like(inverse), where=total[:, None] > 0.0)
        return frozen(slot * len(market.symbols) * shares)
    if portfolio.sizing == "risk":
        assert portfolio.risk_per_trade is not None
        atr = carried_forward(values["atr"], market.valid)
        distance = portfolio.atr_multiple * atr
        known = distance > 0.0
        return frozen(
            np.divide(portfolio.risk_per_trade * market.bars["mark"], distance, out=np.zeros_like(atr), where=known)
        )
    return _NONE


def members(portfolio: Portfolio, market: Market) -> npt.NDArray[np.bool_]:
    """Which symbols belong to the universe at each close, bool (bars, symbols); without rows when all do.

    A feature's last known value counts. Raises ConfigError when the dataset has no such feature.
    """
    if portfolio.universe is None:
        return frozen(np.empty((0, 0), np.bool_))
    feature = market.features.get(portfolio.universe)
    if feature is None:
        raise ConfigError(
            f"[portfolio] universe: the dataset has no feature '{portfolio.universe}'; "
            f"{nearest(portfolio.universe, market.features)}"
        )
    return frozen(carried_forward(feature, np.isfinite(feature)) > 0.0)


def entry_ranges(risk: Risk, seen: Market, traded: Market, hub: Hub) -> Array:
    """The ATR that stops are measured by, float64 (bars, symbols) in prices as traded; without rows when none is.

    seen: the market in first units, whose hub is `hub`.
    """
    if not risk.stops_by_atr:
        return _NONE
    atr = carried_forward(hub.get(risk.entry_range), seen.valid)
    return frozen(atr if seen is traded else atr * (traded.bars["mark"] / seen.bars["mark"]))
