"""Mean reversion on Bollinger bands."""

from collections.abc import Mapping

from pydantic import Field

from engine.indicators.request import Request, indicator
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy
from engine.strategies.reversion import revert


class BollingerReversion(Strategy):
    """Long when the close falls below the lower band, out when back at the middle; mirrored if shorts are allowed."""

    kind = "bollinger_reversion"

    window: int = Field(20, ge=2, le=500, description="window of the bands", json_schema_extra={"unit": "bars"})
    width: float = Field(
        2.0, gt=0, le=10, description="half-width of the bands", json_schema_extra={"unit": "standard deviations"}
    )
    long_only: bool = Field(True, description="never go short")

    def indicators(self) -> dict[str, Request]:
        def band(output: str) -> Request:
            return indicator(
                "BBANDS", "close", output=output, timeperiod=self.window, nbdevup=self.width, nbdevdn=self.width
            )

        return {"upper": band("upperband"), "middle": band("middleband"), "lower": band("lowerband")}

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        signals: Array = revert(
            market.close,
            indicators["lower"],
            indicators["middle"],
            indicators["upper"],
            market.valid,
            self.long_only,
        )
        return signals
