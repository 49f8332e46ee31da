"""Execution: when orders fill, at what price, and what that costs."""

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from engine.contracts import CONTRACTS, Contract, Role
from engine.execution.state import RULES
from engine.risk.portfolio import Portfolio
from engine.risk.standard import Risk
from engine.stage import Stage

BASIS_POINT = 1e4


class Execution(Stage):
    """The backtest engine's rules for turning orders into fills."""

    kind: ClassVar[str] = "execution"
    family: ClassVar[str] = "execution"
    contract: ClassVar[Contract] = CONTRACTS[Role.EXECUTION]

    fill: Literal["next_open"] = Field("next_open", description="decided at a close, filled at the symbol's next open")
    size_price: Literal["fill", "decision"] = Field(
        "fill", description="quantities from equity and price at the fill, or at the decision"
    )
    slippage_bps: float = Field(
        0.0,
        ge=0,
        lt=10_000,
        description="how much worse than the open a fill is",
        json_schema_extra={"unit": "basis points"},
    )
    commission_bps: float = Field(
        0.0, ge=0, lt=10_000, description="commission on traded value", json_schema_extra={"unit": "basis points"}
    )
    lot_size: float = Field(
        0.0, ge=0, description="quantities are whole lots; 0: fractional", json_schema_extra={"unit": "units"}
    )


def kernel_rules(risk: Risk, portfolio: Portfolio, execution: Execution, first: int) -> npt.NDArray[np.void]:
    """The rules as the kernel reads them, RULES of shape (1,). `first`: the first trading bar."""
    row = (
        portfolio.initial_cash,
        execution.slippage_bps / BASIS_POINT,
        execution.commission_bps / BASIS_POINT,
        execution.lot_size,
        np.nan if risk.stop_loss is None else risk.stop_loss,
        portfolio.rebalance or 0,
        execution.size_price == "decision",
        first,
    )
    return np.array([row], RULES)
