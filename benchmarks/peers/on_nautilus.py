"""nautilus_trader: one `BacktestEngine`, reset between runs, as its documentation does repeated runs. Variant: `one`.

- An order sent when a bar closes is filled at that close; it has no "next open". Its maintainers advise a tick at the
  open beside the bars: the strategy decides in `on_bar`, asks for ticks, and orders at the next one. Ticks are asked
  for only while an order waits.
- A cash account of whole shares, all cash in at the opening price, logging off, other settings as they come.
- Its Sharpe ratio is of the returns of closed positions, and it has no drawdown of the account: neither is compared.
  Equity is the balance and what is held at the last close.
"""

from collections.abc import Sequence
from itertools import product

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType, TradeTick
from nautilus_trader.model.enums import AccountType, AggressorSide, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

from benchmarks.peers import job

VENUE = Venue("XNYS")
DIGITS = 6
OPENS, CLOSES = pd.Timedelta(hours=14, minutes=30), pd.Timedelta(hours=21)
INSTRUMENT = Equity(
    instrument_id=InstrumentId(Symbol("SP500"), VENUE),
    raw_symbol=Symbol("SP500"),
    currency=USD,
    price_precision=DIGITS,
    price_increment=Price(10**-DIGITS, DIGITS),
    lot_size=Quantity.from_int(1),
    ts_event=0,
    ts_init=0,
)
DAILY = BarType.from_str(f"{INSTRUMENT.id}-1-DAY-LAST-EXTERNAL")


class CrossingConfig(StrategyConfig, frozen=True):
    fast: int
    slow: int


class Crossing(Strategy):
    def __init__(self, config: CrossingConfig) -> None:
        super().__init__(config)
        self.quick = SimpleMovingAverage(config.fast)
        self.calm = SimpleMovingAverage(config.slow)
        self.before: float | None = None
        self.wanted: OrderSide | None = None

    def on_start(self) -> None:
        self.register_indicator_for_bars(DAILY, self.quick)
        self.register_indicator_for_bars(DAILY, self.calm)
        self.subscribe_bars(DAILY)

    def on_bar(self, bar: Bar) -> None:
        if not self.calm.initialized:
            return
        difference = self.quick.value - self.calm.value
        before, self.before = self.before, difference
        if before is None:
            return
        held = self.portfolio.is_net_long(INSTRUMENT.id)
        if difference > 0 >= before and not held:
            self.wanted = OrderSide.BUY
        elif difference < 0 <= before and held:
            self.wanted = OrderSide.SELL
        else:
            return
        self.subscribe_trade_ticks(INSTRUMENT.id)

    def on_trade_tick(self, tick: TradeTick) -> None:
        self.unsubscribe_trade_ticks(INSTRUMENT.id)
        if self.wanted == OrderSide.SELL:
            self.close_all_positions(INSTRUMENT.id)
        elif self.wanted == OrderSide.BUY:
            units = int(self.portfolio.account(VENUE).balance_free(USD).as_double() / tick.price.as_double())
            order = self.order_factory.market(INSTRUMENT.id, OrderSide.BUY, Quantity.from_int(units))
            self.submit_order(order)
        self.wanted = None


def loaded() -> tuple[BacktestEngine, float]:
    """An engine with the venue, the bars and a tick at each open; and the last close."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        base_currency=USD,
        starting_balances=[Money(job.CASH, USD)],
        trade_execution=True,
    )
    engine.add_instrument(INSTRUMENT)
    table = job.bars()
    days = table.index.tz_localize("UTC")
    # More than anyone wants can be had at the open.
    ticks = [
        TradeTick(
            instrument_id=INSTRUMENT.id,
            price=Price(price, DIGITS),
            size=Quantity.from_int(10**12),
            aggressor_side=AggressorSide.NO_AGGRESSOR,
            trade_id=TradeId(str(place)),
            ts_event=day.value,
            ts_init=day.value,
        )
        for place, (day, price) in enumerate(zip(days + OPENS, table["open"], strict=True))
    ]
    engine.add_data(ticks, sort=False)
    engine.add_data(BarDataWrangler(DAILY, INSTRUMENT).process(table.set_index(days + CLOSES)))
    return engine, float(table["close"].iloc[-1])


def one(fast: Sequence[int], slow: Sequence[int]) -> job.Figures:
    returns, orders = [], []
    for pair in product(fast, slow):
        ENGINE.reset()
        ENGINE.clear_strategies()
        ENGINE.add_strategy(Crossing(CrossingConfig(fast=pair[0], slow=pair[1])))
        ENGINE.run()
        cash = ENGINE.portfolio.account(VENUE).balance_total(USD).as_double()
        held = float(ENGINE.portfolio.net_position(INSTRUMENT.id))
        returns.append((cash + held * LAST) / job.CASH - 1)
        orders.append(ENGINE.get_result().total_orders)
    return {"total_return": returns, "orders": orders}


if __name__ == "__main__":
    ENGINE, LAST = loaded()
    job.report({"one": one}, job.axes(2, 5), ("nautilus_trader", "numpy", "pandas"))
