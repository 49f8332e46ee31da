"""What `bulkhead new` writes: for each family a stage that works as it is, its test, and an experiment that runs it.

In each text NAME is the kind and CLASS the class.
"""

STAGES = {
    "strategy": '''"""NAME: say here what it trades on, and why that should earn anything."""

import numpy as np

from bulkhead import Field, Strategy, indicator


class CLASS(Strategy):
    """Long above the highest high of the `window` bars before this one, out below their lowest low."""

    kind = "NAME"

    # Parameters: with bounds, a sentence and a unit each. The form is made from them, and a sweep varies them.
    window: int = Field(55, ge=2, le=500, description="look-back", json_schema_extra={"unit": "bars"})

    def indicators(self):
        # Asked of the hub, which computes each only once. Any TA-Lib function; lag=1: as it was one bar before.
        return {
            "high": indicator("MAX", "high", timeperiod=self.window, lag=1),
            "low": indicator("MIN", "low", timeperiod=self.window, lag=1),
        }

    def signal(self, market, indicators, regimes):
        # Shape (bars, symbols), in [-1, 1]. At bar t nothing later than bar t: the order is filled at the next open.
        signals = np.full(market.close.shape, np.nan)  # NaN: no opinion, hold what is held
        signals[market.close > indicators["high"]] = 1.0
        signals[market.close < indicators["low"]] = 0.0
        return signals
''',
    "classifier": '''"""NAME: say here which states of the market it tells apart."""

import numpy as np

from bulkhead import Classifier, Field, indicator


class CLASS(Classifier):
    """`up` while the market closes above its moving average, else `down`."""

    kind = "NAME"
    regimes = ("up", "down")  # in the order of their codes: 0, 1

    # Parameters: with bounds, a sentence and a unit each. The form is made from them, and a sweep varies them.
    window: int = Field(200, ge=2, le=1000, description="window of the average", json_schema_extra={"unit": "bars"})

    def indicators(self):
        return {"average": indicator("SMA", "close", timeperiod=self.window)}

    def label(self, market, indicators):
        # `market` has one symbol: the index of all, or the reference. Codes, int64 (bars,); -1: no label yet.
        close, average = market.close[:, 0], indicators["average"][:, 0]
        codes = np.where(close > average, 0, 1)
        codes[~np.isfinite(average)] = -1
        return codes.astype(np.int64)
''',
    "indicator": '''"""NAME: say here what it measures."""

import numpy as np

from bulkhead import Field, Indicator


class CLASS(Indicator):
    """How straight the way of a price was: its change over `window` bars in units of all its moves, from 0 to 1."""

    kind = "NAME"

    # Parameters: with bounds, a sentence and a unit each.
    window: int = Field(20, ge=2, le=500, description="look-back", json_schema_extra={"unit": "bars"})

    def compute(self, market):
        # Shape (bars, symbols); NaN where there is none yet. At bar t nothing later than bar t.
        values = np.full(market.close.shape, np.nan)
        for s in range(len(market.symbols)):
            own = np.flatnonzero(market.valid[:, s])  # a symbol's own bars: it may list late, or lack some
            close = market.close[own, s]
            way = np.cumsum(np.abs(np.diff(close, prepend=close[:1])))
            moved = np.abs(close[self.window :] - close[: -self.window])
            total = way[self.window :] - way[: -self.window]
            values[own[self.window :], s] = np.where(total > 0, moved / np.where(total > 0, total, 1.0), 0.0)
        return values
''',
    "risk": '''"""NAME: say here which risk it bounds."""

import numpy as np

from bulkhead import Field, RiskCaps, indicator


class CLASS(RiskCaps):
    """Caps each symbol's weight at `budget` over its average true range, in percent of its price."""

    kind = "NAME"

    # Parameters: with bounds, a sentence and a unit each. The form is made from them, and a sweep varies them.
    window: int = Field(14, ge=2, le=500, description="window of the range", json_schema_extra={"unit": "bars"})
    budget: float = Field(1.0, gt=0, le=100, description="range allowed", json_schema_extra={"unit": "% of equity"})

    def indicators(self):
        return {"range": indicator("NATR", timeperiod=self.window)}

    def caps(self, market, indicators, regimes):
        # Shape (bars, symbols): the largest |target weight| allowed; NaN: no cap. At bar t nothing later than bar t.
        ranges = indicators["range"]
        caps = np.full(ranges.shape, np.nan)
        known = ranges > 0.0
        caps[known] = self.budget / ranges[known]
        return caps
''',
}

_TEST = '''"""Tests of NAME: run them with pytest. `bulkhead check NAME` looks closer, on real bars."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from bulkhead import Market, check_stage
from NAME import CLASS


def test_it_is_sound():
    assert [finding.message for finding in check_stage(CLASS()) if not finding.passed] == []


'''
_DAYS = "np.arange(BARS) * 86_400 * 10**9"
_RISING = f"""    close = np.linspace(100.0, 130.0, BARS)
    market = Market.from_columns(["A"], {_DAYS}, close, close, close, close)
""".replace("BARS", "30")

TESTS = {
    "strategy": _TEST
    + """def test_it_buys_a_new_high():
"""
    + _RISING
    + """    known = {"high": market.high - 0.5, "low": market.low - 5.0}
    assert (CLASS().signal(market, known, None) == 1.0).all()
""",
    "classifier": _TEST
    + """def test_a_market_above_its_average_is_up():
"""
    + _RISING
    + """    codes = CLASS().label(market, {"average": market.close - 1.0})
    assert codes.dtype == np.int64 and (codes == CLASS.regimes.index("up")).all()
""",
    "indicator": _TEST
    + """def test_a_straight_way_is_1():
"""
    + _RISING
    + """    values = CLASS(window=5).compute(market)
    assert np.isnan(values[:5]).all() and np.allclose(values[5:], 1.0)
""",
    "risk": _TEST
    + """def test_twice_the_range_is_half_the_cap():
"""
    + _RISING
    + """    calm, wild = ({"range": np.full(market.close.shape, size)} for size in (2.0, 4.0))
    assert np.allclose(CLASS().caps(market, calm, None), 0.5)
    assert np.allclose(CLASS().caps(market, wild, None), 0.25)
""",
}

_HEAD = """# Runs stages/NAME.py on the sample data: bulkhead run experiments/NAME.toml

[experiment]
name = "NAME"
hypothesis = "Write down what you expect before you look."
seed = 1

[data]
dataset = "us-tech"
warmup = "common"
test_start = 2010-01-01

"""
_COSTS = """
[execution]
commission_bps = 5.0
slippage_bps = 2.0
"""
_RISK = """[risk]
kind = "NAME"
budget = [0.5, 1.0]

[[strategy]]
kind = "ma_cross"
"""
#: By family; an indicator is run by the strategy that asks for it.
EXPERIMENTS = {
    "strategy": _HEAD
    + """[[strategy]]
kind = "NAME"
window = [20, 55, 100]
"""
    + _COSTS,
    "classifier": _HEAD
    + """[classifier]
kind = "NAME"
window = [100, 200]

[risk]
regime_scale = { down = [0.0, 1.0] }

[[strategy]]
kind = "ma_cross"
"""
    + _COSTS,
    "risk": _HEAD + _RISK + _COSTS,
}
