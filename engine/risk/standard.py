"""The standard risk stage: caps on weights, scale by regime, stop loss. Its rules are carried out by the kernel."""

from typing import ClassVar, Literal

from pydantic import Field

from engine.contracts import CONTRACTS, Contract, Role
from engine.stage import Stage


class Risk(Stage):
    """Caps each symbol's weight and the sum of all, scales by regime, and stops losing positions."""

    kind: ClassVar[str] = "standard"
    family: ClassVar[str] = "risk"
    contract: ClassVar[Contract] = CONTRACTS[Role.RISK]

    max_weight: float = Field(
        1.0, gt=0, le=100, description="cap on one symbol's weight", json_schema_extra={"unit": "share of equity"}
    )
    max_gross: float = Field(
        1.0, gt=0, le=100, description="cap on the sum of all weights", json_schema_extra={"unit": "share of equity"}
    )
    regime_scale: dict[str, float] = Field(
        default_factory=dict, description="factor on targets by regime; a regime not named has 1"
    )
    stop_loss: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="close a position that has lost this share of its average entry price",
        json_schema_extra={"unit": "share of the entry price"},
    )
    stop_when: Literal["close"] = Field("close", description="when the stop is judged")
