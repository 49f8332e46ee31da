"""Own stages for tests of the application: a strategy with a helper file and an indicator, and an experiment on it."""

from pathlib import Path

BREAKOUT = '''
"""My breakout, and what it takes."""

from bulkhead import Field, Strategy, indicator
from my_lib import Range, entered


class Breakout(Strategy):
    """Long above the highest high of the `window` bars before this one, out below the lowest low."""

    kind = "my_breakout"
    window: int = Field(55, ge=2, le=500, description="look-back", json_schema_extra={"unit": "bars"})

    def indicators(self):
        return {
            "high": indicator("MAX", "high", timeperiod=self.window, lag=1),
            "low": indicator("MIN", "low", timeperiod=self.window, lag=1),
            "range": indicator(Range(window=self.window), lag=1),
            "smooth": indicator("SMA", indicator(Range(window=self.window)), timeperiod=3),
        }

    def signal(self, market, indicators, regimes):
        return entered(market, indicators["high"], indicators["low"])
'''
LIB = '''
import numpy as np
from bulkhead import Indicator


class Range(Indicator):
    """High minus low, averaged."""

    kind = "my_range"
    window: int = 20

    def compute(self, market):
        found = np.full(market.close.shape, np.nan)
        sums = np.nancumsum(market.high - market.low, axis=0)
        found[self.window :] = (sums[self.window :] - sums[: -self.window]) / self.window
        return found


def entered(market, high, low):
    found = np.full(market.close.shape, np.nan)
    found[market.close > high] = 1.0
    found[market.close < low] = 0.0
    return found
'''
MOOD = '''
import numpy as np
from bulkhead import Classifier, Field, indicator


class Mood(Classifier):
    """Good above the average."""

    kind = "my_mood"
    regimes = ("good", "bad")
    window: int = Field(50, ge=2, description="window")

    def indicators(self):
        return {"average": indicator("SMA", "close", timeperiod=self.window)}

    def label(self, market, indicators):
        average = indicators["average"][:, 0]
        return np.where(np.isnan(average), -1, np.where(market.close[:, 0] > average, 0, 1)).astype(np.int64)
'''
FILES = {"my_breakout": BREAKOUT, "my_lib": LIB, "my_mood": MOOD}

#: 4 containers.
OWN = """
[experiment]
name = "own"

[data]
dataset = "us-tech"
symbols = ["AAPL", "IBM"]
warmup = "common"

[classifier]
kind = "my_mood"

[risk]
regime_scale = { bad = 0.5 }

[[strategy]]
kind = "my_breakout"
window = [20, 40, 60, 80]
"""


def stage_files(home: Path, **files: str) -> Path:
    """Write files into the home's folder of own stages."""
    folder = home / "stages"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder
