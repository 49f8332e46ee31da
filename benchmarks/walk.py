"""100,000 bars of five minutes, a seeded random walk: more bars than anyone has of daily ones."""

from pathlib import Path

import numpy as np
import pandas as pd

BARS = 100_000
A_DAY = 78
SEED = 20_261_123
STEP = 0.0008


def bars() -> pd.DataFrame:
    """A symbol's bars from 14:30 to 21:00 UTC of every weekday, each opening where the last one closed."""
    random = np.random.default_rng(SEED)
    days = pd.bdate_range("2018-01-01", periods=-(-BARS // A_DAY)).to_numpy("datetime64[m]")
    first = np.timedelta64(14 * 60 + 30, "m")
    time = (days[:, None] + first + np.arange(A_DAY) * np.timedelta64(5, "m")).ravel()[:BARS]
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, STEP, BARS)))
    opened = np.concatenate(([100.0], close[:-1]))
    reach = 1.0 + np.abs(random.normal(0.0, STEP / 2, (2, BARS)))
    return pd.DataFrame(
        {
            "time": pd.to_datetime(time).tz_localize("UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * reach[0],
            "low": np.minimum(opened, close) / reach[1],
            "close": close,
            "volume": random.integers(1_000, 9_000, BARS).astype("float64"),
        }
    )


def write(path: Path) -> None:
    """The bars as a Parquet file."""
    bars().to_parquet(path)
