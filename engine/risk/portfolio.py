"""The portfolio: starting cash, the share of equity a full signal asks for, and scheduled rebalancing."""

from typing import ClassVar

from pydantic import Field

from engine.stage import Stage


class Portfolio(Stage):
    """One cash account for all symbols."""

    kind: ClassVar[str] = "portfolio"
    family: ClassVar[str] = "portfolio"

    initial_cash: float = Field(
        100_000.0, gt=0, le=1e15, description="starting cash", json_schema_extra={"unit": "money"}
    )
    slot: float | None = Field(
        None,
        gt=0,
        le=100,
        description="share of equity that a full signal asks for; default: 1 / number of symbols",
        json_schema_extra={"unit": "share of equity"},
    )
    risk_free: float = Field(
        0.0,
        gt=-1,
        lt=1,
        description="risk-free rate, taken off returns in ratios",
        json_schema_extra={"unit": "per year"},
    )
    rebalance: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="trade back to the targets every so many bars",
        json_schema_extra={"unit": "bars"},
    )
