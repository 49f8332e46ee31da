"""backtesting.py: the crossing of its quick start. Variants: `run`, one after the other; `optimize`, on all cores.

- All cash in (its default size is 1 − ε of it), in whole units, which is why the job has so much cash.
- `optimize` is what its users sweep with; it forks a process for each core. The function it maximises sees every
  run's figures, so they are kept without a second run. At the end it runs the best pair once more.
- Its Sharpe ratio is another one: yearly geometric return by a volatility of compounded returns.
- It counts trades that were closed, not orders, so that these are not compared. Its `finalize_trades`, which would
  close the last one, does so at the last bar's open: final equity would be another one.
"""

from collections.abc import Sequence
from itertools import product

import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover

from benchmarks.peers import job


def average(values: Sequence[float], window: int) -> pd.Series:
    return pd.Series(values).rolling(window).mean()


class Crossing(Strategy):
    fast = 5
    slow = 110

    def init(self) -> None:
        self.quick = self.I(average, self.data.Close, self.fast)
        self.calm = self.I(average, self.data.Close, self.slow)

    def next(self) -> None:
        if crossover(self.quick, self.calm):
            self.buy()
        elif crossover(self.calm, self.quick):
            self.position.close()


def backtest() -> Backtest:
    return Backtest(BARS, Crossing, cash=job.CASH, commission=0.0, exclusive_orders=True)


def figures(found: Sequence[pd.Series]) -> job.Figures:
    return {
        "total_return": [stats["Return [%]"] / 100 for stats in found],
        "sharpe": [stats["Sharpe Ratio"] for stats in found],
        "max_drawdown": [stats["Max. Drawdown [%]"] / 100 for stats in found],
    }


def run(fast: Sequence[int], slow: Sequence[int]) -> job.Figures:
    test = backtest()
    return figures([test.run(fast=pair[0], slow=pair[1]) for pair in product(fast, slow)])


def optimize(fast: Sequence[int], slow: Sequence[int]) -> job.Figures:
    found: list[pd.Series] = []

    def kept(stats: pd.Series) -> float:
        found.append(stats)
        return stats["Return [%]"]

    backtest().optimize(fast=list(fast), slow=list(slow), maximize=kept, return_heatmap=True)
    return figures(found)


if __name__ == "__main__":
    BARS = job.bars().rename(columns=str.capitalize)
    job.report({"run": run, "optimize": optimize}, job.axes(4, 10), ("backtesting", "numpy", "pandas"))
