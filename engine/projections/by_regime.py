"""What a container earned in each regime. A bar's return belongs to the label known at the close before it.

Labelling a bar with its own close's label would use what nobody knew when the bar began, and flatters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: With fewer episodes than this, a regime's figures say little, however many bars they have.
FEW_EPISODES = 10


@dataclass(frozen=True, slots=True)
class Part:
    """The figures of one regime. `code`: −1 stands for the bars before the first label.

    episodes: stretches of bars without another label between; share: of all bars; total_return: of its bars chained;
    sharpe: of bar returns above risk-free, per year, None where undefined; max_drawdown: the deepest fall below the
    peak of the same episode (negative); trades: round trips that began at one of its bars.
    """

    code: int
    episodes: int
    bars: int
    share: float
    total_return: float
    sharpe: float | None
    max_drawdown: float
    trades: int


def bar_returns(equity: Floats, base: float) -> Floats:
    """Returns of the closes `equity`, float64 (bars,), the first against `base`; 0 where nothing moved."""
    before = np.concatenate([[base], equity[:-1]])
    growth: Floats = np.divide(equity, before, out=np.ones_like(equity), where=equity != before)
    return growth - 1.0


def by_regime(
    equity: Floats,
    base: float,
    known: Ints,
    entries: Ints,
    codes: Sequence[int],
    bars_per_year: float,
    risk_free: float = 0.0,
) -> list[Part]:
    """The parts of an account, one for each of `codes`, in that order.

    equity: at the close of each bar, float64 (bars,); base: before the first. known: the label at the close *before*
    each bar, int64 (bars,). entries: at which of these bars the round trips began, int64. risk_free: a year.
    """
    returns = bar_returns(equity, base)
    begins = np.flatnonzero(np.diff(known, prepend=known[:1] - 1))
    falls = _falls(equity, base, np.repeat(np.arange(len(begins)), np.diff(begins, append=len(known))))
    parts = []
    for code in codes:
        mine = known == code
        own = returns[mine]
        parts.append(
            Part(
                code=code,
                episodes=int((known[begins] == code).sum()),
                bars=len(own),
                share=len(own) / len(known) if len(known) else 0.0,
                total_return=float(np.prod(1.0 + own)) - 1.0,
                sharpe=_sharpe(own, bars_per_year, risk_free),
                max_drawdown=float(falls[mine].min(initial=0.0)),
                trades=int((known[entries] == code).sum()),
            )
        )
    return parts


def _falls(equity: Floats, base: float, episodes: Ints) -> Floats:
    """How far equity is below its peak since its episode began, float64 (bars,); the equity before it is a peak too."""
    count = len(equity)
    before = np.concatenate([[base], equity[:-1]])
    highest = np.maximum(equity, before)
    # a running maximum that starts anew with each episode: of ranks, which a later episode lifts above all before
    order = np.argsort(highest, kind="stable")
    ranks = np.empty(count, np.int64)
    ranks[order] = np.arange(count)
    peaks = highest[order[np.maximum.accumulate(episodes * count + ranks) - episodes * count]]
    left: Floats = np.divide(equity, peaks, out=np.ones_like(equity), where=peaks > 0.0)
    return left - 1.0


def _sharpe(returns: Floats, bars_per_year: float, risk_free: float) -> float | None:
    if len(returns) < 2:
        return None
    mean, deviation = float(returns.mean()), float(returns.std(ddof=1))
    if deviation <= 1e-14 * abs(mean):  # a spread that is rounding of the mean is none
        return None
    return float((mean - risk_free / bars_per_year) / deviation * np.sqrt(bars_per_year))
