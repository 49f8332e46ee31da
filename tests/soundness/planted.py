"""Stages that look ahead, each in its own way, and which later bar each decision needs.

`AFTER` says, for the decision at bar d of a market, which bar is peeked at: a function of (d, market), or None where it
depends on the values (the test then only changes that bar and sees the decision change).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bulkhead import Classifier, Indicator, RiskCaps, Strategy, indicator
from engine.market.market import Market
from engine.stage import Stage
from engine.strategies.bar import BarStrategy

After = Callable[[int, Market], int]
PLANTED: list[tuple[Stage, After | None, str | None]] = []


def steps(bars: int) -> After:
    return lambda d, market: d + bars


def last(d: int, market: Market) -> int:
    return len(market.time) - 1


def week_end(d: int, market: Market) -> int:
    """The last bar of the week of bar d; weeks end on Fridays."""
    return d + (4 - d % 5)


def planted(after: After | None, column: str | None = "close") -> Callable[[Any], Any]:
    """Register a function of the closes and the market as the `signal` of a strategy."""

    def register(function: Callable[[np.ndarray, Market], np.ndarray]) -> Callable[..., np.ndarray]:
        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            return np.asarray(function(market.close, market), dtype=np.float64)

        name = function.__name__
        PLANTED.append((type(name, (Strategy,), {"kind": name, "__doc__": name, "signal": signal})(), after, column))
        return function

    return register


@planted(steps(1))
def shift_by_minus_one(close, market):
    out = np.zeros(close.shape)
    out[:-1] = close[1:] > close[:-1]
    return out


@planted(steps(1))
def centred_window(close, market):
    mean = pd.DataFrame(close).rolling(5, center=True).mean().to_numpy()
    return np.where(close > mean, 1.0, 0.0)


@planted(steps(1))
def full_sample_scaling(close, market):
    return np.clip((close - close.mean(axis=0)) / close.std(axis=0) / 10, -1, 1)


@planted(steps(10))
def future_label(close, market):
    out = np.zeros(close.shape)
    out[:-10] = np.sign(close[10:] - close[:-10])
    return out


@planted(None, None)
def from_the_low_of_all(close, market):
    return (np.arange(len(close))[:, None] >= close.argmin(axis=0)).astype(float)


@planted(steps(1))
def gradient(close, market):
    return (np.gradient(close, axis=0) > 0).astype(float)


@planted(None)
def backfill(close, market):
    highest = pd.DataFrame(close).rolling(20).max().shift(1).to_numpy()
    lowest = pd.DataFrame(close).rolling(20).min().shift(1).to_numpy()
    events = np.where(close > highest, 1.0, np.where(close < lowest, -1.0, np.nan))
    return pd.DataFrame(events).bfill().fillna(0.0).to_numpy()


@planted(steps(1))
def reversed_cumulation(close, market):
    moves = np.abs(np.diff(np.log(close), axis=0, prepend=np.log(close[:1])))
    return np.tanh(np.cumsum(moves[::-1], axis=0)[::-1] - moves)


@planted(week_end)
def close_of_the_week(close, market):
    frame = market.frame("close")
    weeks = frame.resample("W-FRI").last()
    return (weeks.reindex(frame.index, method="bfill").to_numpy() > close).astype(float)


@planted(steps(1))
def fourier_filter(close, market):
    spectrum = np.fft.rfft(close, axis=0)
    spectrum[20:] = 0
    return np.tanh((close - np.fft.irfft(spectrum, len(close), axis=0)) / close)


@planted(steps(1))
def polynomial_of_all(close, market):
    if len(close) < 5:
        return np.zeros(close.shape)
    t = np.linspace(-1, 1, len(close))
    fitted = np.polynomial.polynomial.polyval(t, np.polynomial.polynomial.polyfit(t, close, 3)).T
    return np.tanh((close - fitted) / close)


@planted(None)
def share_of_the_highest_ever(close, market):
    return close / close.max(axis=0)


@planted(steps(5))
def ranked_by_the_future(close, market):
    later = np.full(close.shape, -1.0)
    later[:-5] = close[5:] / close[:-5]
    return (later == later.max(axis=1, keepdims=True)).astype(float)


@planted(steps(3))
def lag_of_the_wrong_sign(close, market):
    return (np.roll(close, -3, axis=0) > close).astype(float)


@planted(steps(2))
def pandas_shift(close, market):
    return (market.frame("close").shift(-2) > close).astype(float).to_numpy()


@planted(last)
def detrended_to_the_last_bar(close, market):
    share = np.linspace(0, 1, len(close))[:, None]
    return np.tanh(close / (close[0] + share * (close[-1] - close[0])) - 1)


@planted(None, "existence")
def counts_the_bars(close, market):
    out = np.ones(close.shape)
    out[len(market.time) - 20 :] = 0.0
    return out


@planted(last, "time")
def days_to_the_last_stamp(close, market):
    left = (market.time[-1] - market.time) / 86_400e9
    return np.repeat(np.exp(-left / 100)[:, None], close.shape[1], axis=1)


@planted(last)
def share_of_the_final_price(close, market):
    return np.clip(close / close[-1] / 10, 0, 1)


@planted(steps(1))
def on_one_symbol_only(close, market):
    out = np.zeros(close.shape)
    out[1:] = close[1:] > close[:-1]
    out[:-1, 2] = close[1:, 2] > close[:-1, 2]
    return out


@planted(steps(1))
def after_bar_300_only(close, market):
    out = np.zeros(close.shape)
    out[1:] = close[1:] > close[:-1]
    out[300:-1] = close[301:] > close[300:-1]
    return out


@planted(steps(1), "volume")
def volume_to_come(close, market):
    out = np.zeros(close.shape)
    out[:-1] = market.volume[1:] > 3000
    return out


@planted(steps(1), "open")
def fill_price_known(close, market):
    out = np.zeros(close.shape)
    out[:-1] = market.open[1:] < close[:-1]
    return out


class ShiftedIndicator(Strategy):
    """Reads its average one bar too far on."""

    kind = "shifted_indicator"

    def indicators(self):
        return {"mean": indicator("SMA", "close", timeperiod=10)}

    def signal(self, market, indicators, regimes):
        out = np.zeros(market.close.shape)
        out[:-1] = indicators["mean"][1:] > market.close[:-1]
        return out


class RegimeToCome(Strategy):
    """Trades what the classifier will say."""

    kind = "regime_to_come"

    def signal(self, market, indicators, regimes):
        out = np.zeros(market.close.shape)
        if regimes is not None:
            out[:-1] = (regimes.codes[1:] > 0)[:, None]
        return out


class SmoothedRegimes(Classifier):
    """Labels by what is around a bar."""

    kind = "smoothed_regimes"
    regimes = ("up", "down")

    def label(self, market, indicators):
        close = market.close[:, 0]
        around = np.convolve(close, np.ones(5) / 5, mode="same")
        return np.where(close > around, 0, 1).astype(np.int64)


class IndicatorAhead(Indicator):
    """The return to come."""

    kind = "indicator_ahead"

    def compute(self, market):
        out = np.full(market.close.shape, np.nan)
        out[:-1] = market.close[1:] / market.close[:-1] - 1.0
        return out


class CapsAhead(RiskCaps):
    """Caps before the fall."""

    kind = "caps_ahead"

    def caps(self, market, indicators, regimes):
        caps = np.full(market.close.shape, np.nan)
        caps[:-1][market.close[1:] < 0.98 * market.close[:-1]] = 0.1
        return caps


class PrivatePeek(BarStrategy):
    """Goes behind the back of its bar."""

    kind = "private_peek"

    def on_bar(self, bar):
        if bar.number + 1 == len(bar._market.time):
            return None
        return np.where(bar._market.close[bar.number + 1] > bar.close, 1.0, 0.0)


PLANTED += [
    (ShiftedIndicator(), steps(1), "close"),
    (RegimeToCome(), steps(1), "regime"),
    (SmoothedRegimes(), steps(1), "close"),
    (IndicatorAhead(), steps(1), "close"),
    (CapsAhead(), steps(1), "close"),
    (PrivatePeek(), steps(1), "close"),
]
