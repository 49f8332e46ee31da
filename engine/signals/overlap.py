"""How much logs say the same: correlation and agreement of their signals in force, each with each."""

from collections.abc import Sequence

import numpy as np

from engine.market.market import Market
from engine.signals.window import Bools, Floats, InForce, Log, signal_rows

Matrix = list[list[float | None]]

#: So many values are held at a time, over all logs.
BLOCK = 1 << 22


def overlap(logs: Sequence[Log], market: Market, first: int, stop: int) -> tuple[Matrix, Matrix]:
    """Correlation and agreement of `logs`, EVENT each, on bars first:stop of their market: two k × k matrices.

    A log with several strategies counts with the mean of their signals. Correlation: Pearson's over the bars and
    symbols that exist, None where a log's signal is constant. Agreement: of the bars and symbols where either of two
    logs has a signal other than 0, the share where both have one of the same sign; None where there are none.
    """
    if not logs:
        return [], []
    rows = [signal_rows(log, stop) for log in logs]
    valid = market.valid[first:stop]
    count, symbols = len(logs), len(market.symbols)
    length = max(1, BLOCK // max(1, count * symbols))
    means, varies = _moments(rows, valid, first)

    products, same, both = np.zeros((3, count, count))
    running = [InForce(own, symbols) for own in rows]
    for start in range(0, len(valid), length):
        there = valid[start : start + length]
        values = np.stack([own.take(first + start, first + start + len(there))[there] for own in running])
        centred = values - means[:, None]
        up, down, some = (side.astype(np.float64) for side in (values > 0.0, values < 0.0, values != 0.0))
        products += centred @ centred.T
        same += up @ up.T + down @ down.T
        both += some @ some.T

    spread = np.sqrt(np.diag(products))
    scale = np.outer(spread, spread)
    defined = np.outer(varies, varies)
    correlation = np.divide(products, scale, out=np.full_like(products, np.nan), where=defined)
    correlation = np.clip(correlation, -1.0, 1.0)
    np.fill_diagonal(correlation, np.where(varies, 1.0, np.nan))
    either = np.diag(both)[:, None] + np.diag(both)[None, :] - both
    agreement = np.divide(same, either, out=np.full_like(same, np.nan), where=either > 0.0)
    return _plain(correlation), _plain(agreement)


def _moments(rows: Sequence[Log], valid: Bools, first: int) -> tuple[Floats, Bools]:
    """Of each log the mean signal, float64 (logs,), and whether it takes more than one value, bool (logs,)."""
    means, varies = np.zeros(len(rows)), np.zeros(len(rows), np.bool_)
    if valid.any():
        for i, own in enumerate(rows):
            values = InForce(own, valid.shape[1]).take(first, first + len(valid))[valid]
            means[i], varies[i] = values.mean(), values.min() != values.max()
    return means, varies


def _plain(matrix: Floats) -> Matrix:
    return [[value if value == value else None for value in row] for row in matrix.tolist()]
