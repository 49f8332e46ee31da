"""backtrader: `optstrategy` with its analyzers. Variants: `one` process; `all`, a process for each core.

- Its default is the fill at the next open. All cash in is what its cheat-on-open is for: the crossing of the last close
  is acted on in `next_open`, where the opening price is known, so that the size is exact and no order is refused.
- No observers (`stdstats`), which only draw; bars are loaded once and indicators computed in one go, its defaults.
"""

from collections.abc import Callable, Sequence

import backtrader as bt
import pandas as pd

from benchmarks.peers import job

#: Of all cash: a size that by rounding costs more than there is would be refused.
ALL = 1 - 1e-12


class Crossing(bt.Strategy):
    params = (("fast", 5), ("slow", 110))

    def __init__(self) -> None:
        averages = (bt.ind.SMA(self.data.close, period=period) for period in (self.p.fast, self.p.slow))
        self.crossing = bt.ind.CrossOver(*averages)

    def next_open(self) -> None:
        if self.crossing[0] > 0 and not self.position:
            self.buy(size=self.broker.getcash() * ALL / self.data.open[0])
        elif self.crossing[0] < 0 and self.position:
            self.close()


class Orders(bt.Analyzer):
    """How many orders were filled, and what the account was worth at the end."""

    def start(self) -> None:
        self.filled = 0

    def notify_order(self, order: bt.Order) -> None:
        self.filled += order.status == order.Completed

    def stop(self) -> None:
        self.value = self.strategy.broker.getvalue()

    def get_analysis(self) -> dict[str, float]:
        return {"filled": self.filled, "value": self.value}


def variant(processes: int | None) -> Callable[[Sequence[int], Sequence[int]], job.Figures]:
    def do(fast: Sequence[int], slow: Sequence[int]) -> job.Figures:
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        cerebro.adddata(bt.feeds.PandasData(dataname=BARS))
        cerebro.broker.setcash(job.CASH)
        cerebro.addanalyzer(
            bt.analyzers.SharpeRatio,
            _name="sharpe",
            timeframe=bt.TimeFrame.Days,
            riskfreerate=0.0,
            factor=job.DAYS,
            annualize=True,
            stddev_sample=True,
        )
        cerebro.addanalyzer(bt.analyzers.DrawDown, _name="drawdown")
        cerebro.addanalyzer(Orders, _name="orders")
        cerebro.optstrategy(Crossing, fast=list(fast), slow=list(slow))
        runs = [run.analyzers for (run,) in cerebro.run(maxcpus=processes)]
        ends = [run.orders.get_analysis() for run in runs]
        return {
            "total_return": [end["value"] / job.CASH - 1 for end in ends],
            "sharpe": [run.sharpe.get_analysis()["sharperatio"] for run in runs],
            "max_drawdown": [-run.drawdown.get_analysis()["max"]["drawdown"] / 100 for run in runs],
            "orders": [end["filled"] for end in ends],
        }

    return do


if __name__ == "__main__":
    BARS: pd.DataFrame = job.bars()
    job.report({"one": variant(1), "all": variant(None)}, job.axes(2, 3), ("backtrader", "numpy", "pandas"))
