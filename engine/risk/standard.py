"""The standard risk stage: caps on weights, scale by regime, stops and halts. The kernel carries them out."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.contracts import CONTRACTS, Contract, Role
from engine.indicators.request import Request, indicator
from engine.stage import Stage

_EQUITY = {"unit": "share of equity"}
_ENTRY = {"unit": "share of the entry price"}
_ATR = {"unit": "× ATR"}


def _optional(description: str, unit: dict[str, str], **bounds: float) -> Any:
    return Field(None, description=description, json_schema_extra=unit, **bounds)  # type: ignore[call-overload]


class Risk(Stage):
    """Caps each symbol's weight and the sum of all, scales by regime, stops positions, and halts trading."""

    kind: ClassVar[str] = "standard"
    family: ClassVar[str] = "risk"
    contract: ClassVar[Contract] = CONTRACTS[Role.RISK]

    max_weight: float = Field(
        1.0, gt=0, le=100, description="cap on one symbol's weight", json_schema_extra={"unit": "share of equity"}
    )
    max_gross: float = Field(
        1.0, gt=0, le=100, description="cap on the sum of all weights", json_schema_extra={"unit": "share of equity"}
    )
    max_net: float | None = _optional("longs less shorts, or the reverse, after a fill at most", _EQUITY, ge=0, le=100)
    max_leverage: float | None = _optional("longs plus shorts after a fill at most", _EQUITY, gt=0, le=100)
    long_only: bool = Field(False, description="a negative target becomes 0")
    regime_scale: dict[str, float] = Field(
        default_factory=dict, description="factor on targets by regime; a regime not named has 1"
    )
    stop_loss: float | None = _optional(
        "close a position that has lost this share of its average entry price", _ENTRY, gt=0, lt=1
    )
    stop_atr: float | None = _optional(
        "close a position this far below (short: above) its average entry price, by the ATR when it was entered",
        _ATR,
        gt=0,
        le=100,
    )
    take_profit: float | None = _optional(
        "close a position that has gained this share of its average entry price", _ENTRY, gt=0, le=100
    )
    trailing_stop: float | None = _optional(
        "close a position that has given back this share of its best price since the entry",
        {"unit": "share of the best price"},
        gt=0,
        lt=1,
    )
    trailing_atr: float | None = _optional(
        "close a position this far from its best price since the entry, by the ATR when it was entered",
        _ATR,
        gt=0,
        le=100,
    )
    atr_window: int = Field(14, ge=2, le=500, description="window of that ATR", json_schema_extra={"unit": "bars"})
    stop_when: Literal["close", "intrabar"] = Field(
        "close", description="judge stops at the close, or at the prices inside the bar"
    )
    time_stop: int | None = _optional(
        "close a position after so many of its symbol's bars", {"unit": "bars"}, ge=1, le=1_000_000
    )
    cool_down: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="after a stop, no entry in the symbol for so many bars",
        json_schema_extra={"unit": "bars"},
    )
    daily_loss: float | None = _optional(
        "when a session has lost this share of the equity before it: close all, and rest until the next",
        _EQUITY,
        gt=0,
        lt=1,
    )
    max_drawdown: float | None = _optional(
        "when equity is this far below its peak: close all, and trade no more",
        {"unit": "share of the peak"},
        gt=0,
        lt=1,
    )

    @property
    def stops_by_atr(self) -> bool:
        return self.stop_atr is not None or self.trailing_atr is not None

    @property
    def entry_range(self) -> Request:
        """The ATR that stops are measured by."""
        return indicator("ATR", timeperiod=self.atr_window)

    def indicators(self) -> dict[str, Request]:
        return {"atr": self.entry_range} if self.stops_by_atr else {}
