"""Rebuilds the sample datasets beside this file from the packages they come from.

Run from the project folder, with both packages installed:

    pip install "arch==8.0.0" "bokeh_sampledata==2026.1"
    PYTHONPATH=. python assets/data/make.py
"""

from pathlib import Path

import numpy as np
import pandas as pd

from app.datasets import storage
from engine.market.dataset import build
from engine.market.market import COLUMNS, Market

FOLDER = Path(__file__).parent
TECH = ("AAPL", "GOOG", "IBM", "MSFT")
#: Factors a jump of adjusted close / close may have to be taken for a split; a dividend moves it by far less.
SPLITS = (2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 1.5)


def main() -> None:
    for name, market in {"us-tech": us_tech(), "sp500": sp500()}.items():
        storage.write(market, FOLDER / f"{name}.parquet")
        print(f"{name}: {len(market.time)} bars of {', '.join(market.symbols)}, {market.dataset}")


def us_tech() -> Market:
    """Total-return prices: each scaled by its bar's adjusted close / close. Volume: scaled by splits only."""
    from bokeh_sampledata.stocks import data

    frames = {}
    for symbol, frame in data[data["ticker"].isin(TECH)].groupby("ticker"):
        frame = frame.set_index("date").sort_index()
        ratio = frame["adj_close"] / frame["close"]
        for name in ("open", "high", "low"):
            frame[name] *= ratio
        frame["close"] = frame["adj_close"]
        # a product may fall short of the close it equalled before by the last bit
        frame["high"] = frame[["open", "high", "low", "close"]].max(axis=1)
        frame["low"] = frame[["open", "high", "low", "close"]].min(axis=1)
        frame["volume"] *= later_splits(ratio, symbol)
        frames[symbol] = frame
    return market(frames, "total_return")


def later_splits(ratio: pd.Series, symbol: str) -> pd.Series:
    """For each bar, the product of the split factors after it: shares then, counted in shares of the last bar."""
    jump = (ratio / ratio.shift()).fillna(1.0)
    factor = pd.Series(1.0, index=ratio.index)
    for split in SPLITS:
        factor[np.isclose(jump, split, rtol=0.01)] = split
    for day in factor.index[factor != 1.0]:
        print(f"  {symbol}: split {factor[day]:g} for 1 on {day.date()}")
    return factor[::-1].cumprod()[::-1].shift(-1).fillna(1.0)


def sp500() -> Market:
    """The index as it is: levels in points, no dividends."""
    from arch.data import sp500

    frame = sp500.load().rename(columns=str.lower)
    return market({"sp500": frame}, "split")


def market(frames: dict[str, pd.DataFrame], adjustment: str) -> Market:
    index = pd.DatetimeIndex(sorted(set().union(*(frame.index for frame in frames.values()))))
    symbols = sorted(frames)
    columns = {
        name: np.column_stack([frames[s][name].astype("float64").reindex(index).to_numpy() for s in symbols])
        for name in COLUMNS
    }
    return build(index.as_unit("ns").asi8, symbols, columns, adjustment=adjustment)


if __name__ == "__main__":
    main()
