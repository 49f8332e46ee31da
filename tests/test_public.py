"""The public names, pinned: a change here is a change for every user."""

import bulkhead


def test_public_names() -> None:
    assert bulkhead.__all__ == [
        "Bar",
        "BarStrategy",
        "Classifier",
        "Field",
        "Indicator",
        "Market",
        "RandomStrategy",
        "RiskCaps",
        "Strategy",
        "__version__",
        "check_stage",
        "indicator",
        "open_run",
    ]
    assert all(hasattr(bulkhead, name) for name in bulkhead.__all__)


def test_a_stage_is_written_with_public_names_alone() -> None:
    class Breakout(bulkhead.Strategy):
        """Long above the highest high of the `window` bars before this one."""

        kind = "my_breakout"
        window: int = bulkhead.Field(55, ge=2, le=500, description="look-back", json_schema_extra={"unit": "bars"})

        def indicators(self):  # type: ignore[no-untyped-def]
            return {"high": bulkhead.indicator("MAX", "high", timeperiod=self.window, lag=1)}

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            return (market.close > indicators["high"]).astype(float)

    assert Breakout(window=20).indicators()["high"].text == "MAX(high, timeperiod=20, lag=1)"
