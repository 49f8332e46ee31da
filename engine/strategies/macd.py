"""Crossing of the moving average convergence/divergence and its signal line."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy
from engine.strategies.ma_cross import crosses


class Macd(Strategy):
    """Long when the MACD crosses above its signal line; out (or short) when it crosses below.

    The MACD is the exponential average over the shorter of `fast` and `slow` less that over the longer, of closes; its
    signal line is its own exponential average (Appel, Technical Analysis: Power Tools for Active Investors, 2005).
    """

    kind = "macd"

    fast: int = Field(12, ge=2, le=1000, description="window of the fast average", json_schema_extra={"unit": "bars"})
    slow: int = Field(26, ge=2, le=2000, description="window of the slow average", json_schema_extra={"unit": "bars"})
    signal_window: int = Field(
        9, ge=1, le=1000, description="window of the signal line", json_schema_extra={"unit": "bars"}
    )
    enter_on: Literal["cross", "state"] = Field(
        "cross", description="cross: act when the two lines cross; state: hold by which one is above"
    )
    long_only: bool = Field(True, description="go to cash below the signal line instead of short")

    def indicators(self) -> dict[str, Request]:
        def line(output: str) -> Request:
            return indicator(
                "MACD",
                "close",
                output=output,
                fastperiod=self.fast,
                slowperiod=self.slow,
                signalperiod=self.signal_window,
            )

        return {"macd": line("macd"), "signal_line": line("macdsignal")}

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        below = 0.0 if self.long_only else -1.0
        by_state = self.enter_on == "state"
        signals: Array = crosses(indicators["macd"], indicators["signal_line"], market.valid, below, by_state)
        return signals
