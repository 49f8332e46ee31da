"""The portfolio: starting cash, how large a full signal is, when to rebalance, and which symbols belong to it."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from engine.indicators.request import Request, indicator
from engine.stage import Stage

#: Which parameter a way of sizing needs.
NEEDS = {
    "volatility_target": "target_volatility",
    "risk": "risk_per_trade",
    "cash": "cash_per_trade",
    "quantity": "quantity_per_trade",
}


def _optional(description: str, unit: str, **bounds: float) -> Any:
    return Field(None, description=description, json_schema_extra={"unit": unit}, **bounds)  # type: ignore[call-overload]


class Portfolio(Stage):
    """One cash account for all symbols."""

    kind: ClassVar[str] = "portfolio"
    family: ClassVar[str] = "portfolio"

    initial_cash: float = Field(
        100_000.0, gt=0, le=1e15, description="starting cash", json_schema_extra={"unit": "money"}
    )
    sizing: Literal["slot", "inverse_volatility", "volatility_target", "risk", "cash", "quantity"] = Field(
        "slot",
        description="what a full signal asks for: slot: the same share of equity for each symbol; inverse_volatility: "
        "shares in proportion to 1 / volatility; volatility_target: slot × target / volatility; risk: so much that a "
        "move of atr_multiple × ATR costs risk_per_trade; cash: so much money; quantity: so many units",
    )
    slot: float | None = _optional(
        "share of equity that a full signal asks for; default: 1 / number of symbols", "share of equity", gt=0, le=100
    )
    sizing_window: int = Field(
        20, ge=2, le=2000, description="window of the volatility or ATR that sizes", json_schema_extra={"unit": "bars"}
    )
    target_volatility: float | None = _optional("volatility each slot is sized to", "per year", gt=0, le=10)
    risk_per_trade: float | None = _optional("equity at risk in a trade", "share of equity", gt=0, le=1)
    atr_multiple: float = Field(
        2.0, gt=0, le=100, description="the move that costs risk_per_trade", json_schema_extra={"unit": "× ATR"}
    )
    cash_per_trade: float | None = _optional("what a full signal spends", "money", gt=0, le=1e15)
    quantity_per_trade: float | None = _optional("what a full signal holds", "units", gt=0, le=1e15)
    risk_free: float = Field(
        0.0,
        gt=-1,
        lt=1,
        description="risk-free rate, taken off returns in ratios",
        json_schema_extra={"unit": "per year"},
    )
    rebalance: int | None = _optional("trade back to the targets every so many bars", "bars", ge=1, le=1_000_000)
    drift_band: float | None = _optional(
        "trade back to the targets when a weight is further than this from its target", "share of equity", gt=0, le=1
    )
    universe: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="a feature of the dataset: a symbol belongs to the universe on the bars where it is above 0",
    )

    @model_validator(mode="after")
    def _sizing_has_what_it_needs(self) -> "Portfolio":
        for way, name in NEEDS.items():
            if (self.sizing == way) != (getattr(self, name) is not None):
                raise ValueError(f'{name} goes with sizing = "{way}", and sizing = "{way}" needs it')
        if self.slot is not None and self.sizing not in ("slot", "inverse_volatility", "volatility_target"):
            raise ValueError(f'slot has no meaning with sizing = "{self.sizing}"; leave it out')
        if self.drift_band is not None and self.sizing in ("cash", "quantity"):
            raise ValueError(f'drift_band compares weights, and sizing = "{self.sizing}" has none; leave it out')
        return self

    def indicators(self) -> dict[str, Request]:
        if self.sizing == "risk":
            return {"atr": indicator("ATR", timeperiod=self.sizing_window)}
        if self.sizing in ("inverse_volatility", "volatility_target"):
            returns = indicator("ROCP", "close", timeperiod=1)
            return {"volatility": indicator("STDDEV", returns, timeperiod=self.sizing_window, nbdev=1.0)}
        return {}
