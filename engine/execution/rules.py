"""Execution: when orders fill, at what price, and what that costs."""

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from engine.contracts import CONTRACTS, Contract, Role
from engine.execution.state import (
    BY_CASH,
    BY_CREDIT,
    BY_LEVERAGE,
    BY_QUANTITY,
    BY_WEIGHT,
    LIMIT,
    MARKET,
    NEXT_CLOSE,
    NEXT_OPEN,
    PAID,
    RULES,
    SAME_CLOSE,
    STOP_ORDER,
)
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.stage import Stage

BASIS_POINT = 1e4
_FILL = {"next_open": NEXT_OPEN, "next_close": NEXT_CLOSE, "same_close": SAME_CLOSE}
_STYLE = {"market": MARKET, "limit": LIMIT, "stop": STOP_ORDER}


def _rate(description: str, unit: str, most: float = 10_000) -> Any:
    return Field(0.0, ge=0, lt=most, description=description, json_schema_extra={"unit": unit})


def _amount(description: str, unit: str) -> Any:
    return Field(0.0, ge=0, le=1e12, description=description, json_schema_extra={"unit": unit})


class Execution(Stage):
    """The backtest engine's rules for turning orders into fills."""

    kind: ClassVar[str] = "execution"
    family: ClassVar[str] = "execution"
    contract: ClassVar[Contract] = CONTRACTS[Role.EXECUTION]

    fill: Literal["next_open", "next_close", "same_close"] = Field(
        "next_open",
        description="decided at a close, filled at the symbol's next open, at its next close, or at that very close "
        "(optimistic: the close is known only when it is too late to trade at it)",
    )
    size_price: Literal["fill", "decision"] = Field(
        "fill", description="quantities from equity and price at the fill, or at the decision"
    )
    entry: Literal["market", "limit", "stop"] = Field(
        "market", description="how an order that opens or adds stands in the market; all others are market orders"
    )
    entry_offset: float = _rate("distance of a limit or stop order from the last close", "share of the price", 1)
    good_for: int = Field(
        1,
        ge=1,
        le=1_000_000,
        description="bars a limit or stop order stands, then it expires",
        json_schema_extra={"unit": "bars"},
    )
    intrabar: Literal["pessimistic", "optimistic"] = Field(
        "pessimistic",
        description="when a stop and a profit could both fill inside a bar: the stop, or the profit, does",
    )
    slippage_bps: float = _rate("how much worse than the open a fill is", "basis points")
    spread_bps: float = _rate("bid-ask spread, of which a fill pays half", "basis points")
    impact: float = _rate(
        "share of the price a fill moves, × √(quantity / the bar's volume)", "share of the price", 100
    )
    participation: float | None = Field(
        None,
        gt=0,
        le=1,
        description="largest part of a bar's volume that one order may fill; the rest waits for the next bar",
        json_schema_extra={"unit": "share of volume"},
    )
    commission_bps: float = _rate("commission on traded value", "basis points")
    commission_per_unit: float = _amount("commission for each unit traded", "money")
    commission_per_order: float = _amount("commission for each order that fills", "money")
    commission_min: float = _amount("least commission of an order that fills", "money")
    borrow_rate: float = _rate("cost of short positions on their market value; calendar days / 360", "per year", 10)
    financing_rate: float = _rate("interest on negative cash; calendar days / 360", "per year", 10)
    margin: float | None = Field(
        None,
        gt=0,
        le=1,
        description="buy on credit: equity must cover this share of all positions after a fill; default: cash only",
        json_schema_extra={"unit": "share of positions"},
    )
    maintenance: float | None = Field(
        None,
        gt=0,
        le=1,
        description="close everything when equity covers less than this share of all positions at a close",
        json_schema_extra={"unit": "share of positions"},
    )
    tick_size: float = _amount("prices of fills are whole ticks, rounded against the trader; 0: any price", "money")
    multiplier: float = Field(
        1.0, gt=0, le=1e9, description="what one unit is worth, × its price", json_schema_extra={"unit": "× price"}
    )
    lot_size: float = Field(
        0.0, ge=0, description="quantities are whole lots; 0: fractional", json_schema_extra={"unit": "units"}
    )

    @model_validator(mode="after")
    def _orders_inside_the_bar_follow_the_open(self) -> "Execution":
        if self.entry != "market" and self.fill != "next_open":
            raise ValueError(f'entry = "{self.entry}" needs fill = "next_open"')
        if self.maintenance is not None and (self.margin is None or self.maintenance > self.margin):
            raise ValueError("maintenance goes with a margin that is at least as large")
        return self

    @property
    def linear(self) -> bool:
        """Whether the cost of a buy is in proportion to its quantity."""
        return not (self.impact or self.tick_size or self.commission_per_order or self.commission_min)


def kernel_rules(risk: Risk, portfolio: Portfolio, execution: Execution, first: int) -> npt.NDArray[np.void]:
    """The rules as the kernel reads them, RULES of shape (1,). `first`: the first trading bar."""

    def rule(value: float | None) -> float:
        return np.nan if value is None else value

    leverage, margin = risk.max_leverage, PAID
    if execution.margin is not None:
        margin = BY_LEVERAGE if leverage is not None and leverage < 1.0 / execution.margin else BY_CREDIT
        leverage = leverage if margin == BY_LEVERAGE else 1.0 / execution.margin
    levels = (risk.stop_loss, risk.stop_atr, risk.take_profit, risk.trailing_stop, risk.trailing_atr)
    stops = any(level is not None for level in levels) or risk.time_stop is not None
    watching = (risk.daily_loss, risk.max_drawdown, execution.maintenance, portfolio.drift_band, portfolio.universe)
    size, sizing = 0.0, BY_WEIGHT
    if portfolio.cash_per_trade is not None:
        size, sizing = portfolio.cash_per_trade, BY_CASH
    elif portfolio.quantity_per_trade is not None:
        size, sizing = portfolio.quantity_per_trade, BY_QUANTITY
    row = (
        portfolio.initial_cash,
        (execution.slippage_bps + 0.5 * execution.spread_bps) / BASIS_POINT,
        execution.impact,
        rule(execution.participation),
        execution.commission_bps / BASIS_POINT,
        execution.commission_per_unit,
        execution.commission_per_order,
        execution.commission_min,
        execution.lot_size,
        execution.tick_size,
        execution.multiplier,
        execution.entry_offset,
        size,
        execution.borrow_rate,
        execution.financing_rate,
        risk.max_weight,
        rule(risk.max_net),
        rule(leverage),
        rule(execution.maintenance),
        *(rule(level) for level in levels),
        rule(risk.daily_loss),
        rule(risk.max_drawdown),
        rule(portfolio.drift_band),
        first,
        portfolio.rebalance or 0,
        execution.size_price == "decision",
        _FILL[execution.fill],
        _STYLE[execution.entry],
        execution.good_for,
        sizing,
        margin,
        execution.linear,
        stops,
        risk.stop_when == "intrabar",
        execution.intrabar == "optimistic",
        risk.time_stop or 0,
        risk.cool_down,
        stops or any(value is not None for value in watching),
    )
    return np.array([row], RULES)
