"""Fewer points, same picture: what a screen cannot show is not sent to it."""

import numpy as np
import numpy.typing as npt

#: Points of one line; above it, each pixel column would get several.
LINE = 2_000


def extremes(values: npt.NDArray[np.float64], most: int = LINE) -> npt.NDArray[np.int64]:
    """Which of `values`, float64 (n,), to draw: all, or lowest and highest of each of `most` / 2 stretches, in order.

    The first and last are always among them; NaN is passed over (a stretch of nothing else gives its first).
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    width = -(-count // (most // 2))
    full = count // width * width
    rows = values[:full].reshape(-1, width)
    starts = np.arange(len(rows)) * width
    lows = starts + np.where(np.isnan(rows), np.inf, rows).argmin(axis=1)
    highs = starts + np.where(np.isnan(rows), -np.inf, rows).argmax(axis=1)
    return np.unique(
        np.concatenate([[0], lows, highs, np.arange(full, count)[[0, -1]] if full < count else [count - 1]])
    )


def thinned(count: int, most: int) -> npt.NDArray[np.int64]:
    """Positions of at most `most` of `count` things, evenly spread, first and last included."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))
