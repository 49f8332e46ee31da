"""Stages that are sound, though some look suspicious: every one of them must pass."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd

from bulkhead import Classifier, Field, Indicator, RandomStrategy, RiskCaps, Strategy, indicator
from engine.compiled import kernel
from engine.market.market import Market
from engine.stage import Stage
from engine.strategies.bar import BarStrategy

SOUND: list[Stage] = []


def sound(function: Callable[[np.ndarray, Market], np.ndarray]) -> Callable[..., np.ndarray]:
    """Register a function of the closes and the market as the `signal` of a strategy."""

    def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
        return np.asarray(function(market.close, market), dtype=np.float64)

    name = function.__name__
    SOUND.append(type(name, (Strategy,), {"kind": name, "__doc__": name, "signal": signal})())
    return function


@sound
def exponential_mean(close, market):
    frame = market.frame("close")
    return (frame > frame.ewm(span=20).mean()).astype(float).where(frame.notna()).to_numpy()


@sound
def rolling_mean(close, market):
    frame = market.frame("close")
    return np.sign(frame - frame.rolling(30).mean()).to_numpy()


@sound
def lagged_return(close, market):
    return np.sign(market.frame("close").pct_change(5, fill_method=None).shift(1)).to_numpy()


@sound
def rolling_regression(close, market):
    """The slope of a line through 20 closes, by one product for all: BLAS sums in another order on another length."""
    t = np.arange(20.0)
    weights = (t - t.mean()) / ((t - t.mean()) ** 2).sum()
    out = np.full(close.shape, np.nan)
    for s in range(close.shape[1]):
        own = np.flatnonzero(market.valid[:, s])
        if len(own) >= 20:
            windows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(close[own, s], 20))
            out[own[19:], s] = np.tanh(windows @ weights)
    return out


@sound
def expanding_score(close, market):
    frame = market.frame("close")
    mean, deviation = frame.expanding(30).mean(), frame.expanding(30).std()
    return np.tanh((frame - mean) / deviation).to_numpy()


@sound
def momentum_rank(close, market):
    ranks = market.frame("close").pct_change(20, fill_method=None).rank(axis=1, pct=True)
    return (ranks > 0.6).astype(float).to_numpy()


@sound
def drawdown_so_far(close, market):
    return np.clip(market.frame("close") / market.frame("close").cummax(), 0, 1).to_numpy()


@sound
def filled_forward(close, market):
    filled = market.frame("close").ffill()
    return (filled > filled.shift(3)).astype(float).to_numpy()


@sound
def trailing_convolution(close, market):
    out = np.full(close.shape, np.nan)
    for s in range(close.shape[1]):
        own = np.flatnonzero(market.valid[:, s])
        if len(own):
            out[own, s] = np.tanh(np.convolve(np.diff(close[own, s], prepend=close[own[0], s]), np.ones(5))[: len(own)])
    return out


@sound
def last_week(close, market):
    frame = market.frame("close")
    weeks = frame.resample("W-FRI").last().shift(1)
    weeks.index = weeks.index - pd.Timedelta(days=6)
    return (frame > weeks.reindex(frame.index, method="ffill")).astype(float).to_numpy()


@sound
def day_of_the_week(close, market):
    return np.repeat((market.session % 5 < 2)[:, None], close.shape[1], axis=1).astype(float)


@sound
def seeded_draws(close, market):
    return (np.random.default_rng(7).random(close.shape) < 0.3).astype(float)


@sound
def says_nothing_new(close, market):
    return np.full(close.shape, np.nan)


@sound
def recursion_in_python(close, market):
    out = np.zeros(close.shape)
    state = np.zeros(close.shape[1])
    for t in range(1, len(close)):
        up = close[t] > close[t - 1]
        state = np.where(up, np.minimum(state + 0.25, 1.0), np.maximum(state - 0.25, 0.0))
        out[t] = state
    return out


@kernel
def _follow(close, valid, share):  # type: ignore[no-untyped-def]
    out = np.full(close.shape, np.nan)
    for s in range(close.shape[1]):
        level = np.nan
        for t in range(close.shape[0]):
            if valid[t, s]:
                level = close[t, s] if level != level else level + share * (close[t, s] - level)
                out[t, s] = 1.0 if close[t, s] > level else 0.0
    return out


@sound
def numba_kernel(close, market):
    return _follow(close, market.valid, 0.1)


class Channel(Strategy):
    """Breaks out of the hub's channel."""

    kind = "channel"
    window: int = Field(20, ge=2, le=100, description="look-back", json_schema_extra={"unit": "bars"})
    side: Literal["long", "both"] = Field("long", description="which sides")

    def indicators(self):
        return {
            "high": indicator("MAX", "high", timeperiod=self.window, lag=1),
            "low": indicator("MIN", "low", timeperiod=self.window, lag=1),
        }

    def signal(self, market, indicators, regimes):
        down = 0.0 if self.side == "long" else -1.0
        out = np.where(market.close > indicators["high"], 1.0, np.nan)
        return np.where(market.close < indicators["low"], down, out)


class Draws(RandomStrategy):
    """In at random."""

    kind = "draws"

    def random_signal(self, market, indicators, regimes, generators):
        out = np.full(market.valid.shape, np.nan)
        for s, symbol in enumerate(market.symbols):
            own = market.valid[:, s]
            out[own, s] = generators[symbol].random(int(own.sum())) < 0.2
        return out


class CalmOnly(Strategy):
    """In while the market is calm."""

    kind = "calm_only"

    def signal(self, market, indicators, regimes):
        calm = regimes.codes == regimes.names.index("calm")
        return np.repeat(calm[:, None], len(market.symbols), axis=1).astype(np.float64)


class UpDown(Classifier):
    """Two states by the last move."""

    kind = "up_down"
    regimes = ("up", "down")

    def label(self, market, indicators):
        close = market.close[:, 0]
        codes = np.full(len(close), -1, np.int64)
        codes[1:] = np.where(close[1:] >= close[:-1], 0, 1)
        return codes


class Range(Indicator):
    """High over low, averaged."""

    kind = "range"

    def compute(self, market):
        frame = np.log(market.frame("high") / market.frame("low"))
        return frame.rolling(10, min_periods=1).mean().to_numpy()


class Quiet(RiskCaps):
    """Half in wild times."""

    kind = "quiet"

    def indicators(self):
        return {"range": indicator("NATR", timeperiod=10)}

    def caps(self, market, indicators, regimes):
        return np.where(indicators["range"] > 2.0, 0.5, np.nan)


class TakesProfit(BarStrategy):
    """Buys strength, and sells at a profit."""

    kind = "takes_profit"

    def on_bar(self, bar):
        past: Any = bar.history("close", 5)
        strong = bar.close > np.nanmax(np.vstack([past[:-1], np.zeros(bar.close.shape)]), axis=0)
        rich = (bar.position > 0) & (bar.close > 1.05 * bar.entry)
        return np.where(rich, 0.0, np.where(strong, 1.0, np.nan))


SOUND += [Channel(), Draws(), CalmOnly(), UpDown(), Range(), Quiet(), TakesProfit()]
