"""A stored container, opened for a reader: its spec, its market as it ran, and every projection of its log.

    reading = read(home, run_id, index)          # BENCHMARK (−1): the run's buy and hold
    reading.trace()  .equity()  .trades()        # DataFrames
    reading.causes(seq)                          # why: from an event back to its bar, with the indicators there

Nothing is stored or changed here, and nothing of a screen is known.
"""

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.datasets.library import DatasetLibrary
from app.services import stages
from app.services.home import Home
from db.store import Container, Run
from engine import config
from engine.config import DataSection, LimitsSection
from engine.ensemble.inverse_volatility import inverse_volatility
from engine.errors import DataError, StoreError
from engine.events import NO_SYMBOL, VALUES, Kind, Source
from engine.indicators.hub import Hub
from engine.indicators.request import Request
from engine.market.market import COLUMNS, Market
from engine.own.source import Source as File
from engine.own.stages import OwnStages
from engine.plan import Plan, data_text, reference_key
from engine.projections import causes, trace
from engine.projections.account import Account, project
from engine.projections.by_regime import Part, by_regime
from engine.projections.causes import regime_codes
from engine.projections.funnel import funnel
from engine.projections.shares import Shares, order_shares
from engine.projections.trace import Names
from engine.search import Searching
from engine.shared import Shared
from engine.signals.stored import blank
from engine.spec import Spec, resolve
from engine.stage import Regimes, Stage
from engine.sweep import WEIGHTS, Point

if TYPE_CHECKING:
    import pandas as pd


#: Nanoseconds.
DAY = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Input:
    """One value a stage saw: the name it knows it under, the indicator in words, the value at the event's bar, and at
    the bar of the series before. None where there was none."""

    name: str
    indicator: str
    value: float | None
    before: float | None


@dataclass(frozen=True, slots=True)
class Cause:
    """One step of an explanation. `event`: the row in words (fields of `trace.FIELDS`), or None for the bar itself.

    `bar`: number of the bar; `time`: its time, ISO 8601; `symbol`: None when the whole market is meant; `text`: what it
    says in one sentence; `inputs`: for a SIGNAL or REGIME the indicators its stage saw, for the bar its prices.
    """

    event: dict[str, Any] | None
    bar: int
    time: str
    symbol: str | None
    text: str
    inputs: tuple[Input, ...]


@dataclass(frozen=True)
class Reading:
    """A stored container and what it was made from. `log` is EVENT (events,), empty when the container is not done.

    market: cut as it ran, with the bars before the start. first: the first trading bar. test: the first held-out bar
    or None. Projections are worked out when they are asked for, and kept.
    """

    run: Run
    container: Container
    spec: Spec
    shared: Shared
    log: npt.NDArray[np.void]

    @property
    def market(self) -> Market:
        return self.shared.market

    @property
    def first(self) -> int:
        return self.shared.plan.first

    @property
    def test(self) -> int | None:
        return self.shared.plan.test

    @property
    def done(self) -> bool:
        return self.container.status == "done"

    @property
    def same_spec(self) -> bool:
        """Whether this version of Bulkhead resolves the stored config to the spec that ran."""
        return self.spec.spec_hash == self.container.spec_hash

    @cached_property
    def names(self) -> Names:
        """What the numbers in the log stand for."""
        return Names(self.market.symbols, self.spec.names, self.regime_names, self.market.time)

    @property
    def regime_names(self) -> tuple[str, ...]:
        """The regimes by code: the classifier's, or a replay's; empty without any."""
        replay = self.shared.plan.replay
        if replay is not None and self.spec.pattern == "signal_replay":
            return replay.regimes
        return self.spec.classifier.regimes if self.spec.classifier else ()

    @cached_property
    def clock(self) -> npt.NDArray[np.int64]:
        """What a clock in the market's zone shows at each bar, int64 (bars,): nanoseconds as if they were UTC."""
        return wall_clock(self.market.time, self.market.zone)

    @cached_property
    def daily(self) -> bool:
        """Whether bars are days or longer, so that their dates say all."""
        return not (self.clock % DAY).any()

    @cached_property
    def regimes(self) -> npt.NDArray[np.int64]:
        """The label at the close of each bar, int64 (bars,): codes into `regime_names`, −1 before the first."""
        return regime_codes(self.log, len(self.market.time))

    @cached_property
    def account(self) -> Account:
        """Equity, cash, weights and trades; arrays begin at the first trading bar. StoreError when not done."""
        if not self.done:
            where = f"container {self.run.id}/{self.container.index}"
            raise StoreError(f"{where} is {self.container.status}, so it has no equity; choose one that is done")
        return project(
            self.log,
            self.market.bars,
            self.first,
            self.spec.portfolio.initial_cash,
            self.test,
            self.spec.execution.multiplier,
        )

    @cached_property
    def drawdown(self) -> npt.NDArray[np.float64]:
        """How far equity is below its peak at each close (a share, negative), the starting cash being a peak."""
        equity = self.account.equity
        peak = np.maximum(np.maximum.accumulate(equity), self.spec.portfolio.initial_cash)
        fall: npt.NDArray[np.float64] = equity / peak - 1.0
        return fall

    @cached_property
    def cash_share(self) -> npt.NDArray[np.float64]:
        """Cash over equity at each close; NaN where equity is not above 0."""
        account = self.account
        share = np.full(len(account.equity), np.nan)
        return np.divide(account.cash, account.equity, out=share, where=account.equity > 0.0)

    @property
    def strategies(self) -> tuple[str, ...]:
        """The names of its strategies, in config order; of a replay's logs, in theirs."""
        return self.spec.names[5:]

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """What the strategies weigh, float64 (regimes + 1, strategies); row 0 holds before the first label."""
        ensemble, names = self.spec.ensemble, self.regime_names
        if ensemble.method == "inverse_volatility":
            signals = self.log[self.log["kind"] == Kind.SIGNAL]
            batches = [signals[signals["source"] == Source.STRATEGY + place] for place in range(len(self.strategies))]
            regimes = Regimes(self.regimes, names) if names else None
            stop = len(self.market.time) if self.test is None else self.test
            by_regime = ensemble.by_regime
            ensemble = inverse_volatility(batches, self.shared.seen, regimes, self.first, stop, by_regime)
        return ensemble.matrix(len(self.strategies), names)

    @cached_property
    def shares(self) -> Shares:
        """Each strategy's part in every order."""
        return order_shares(self.log, self.weights, len(self.market.symbols))

    @cached_property
    def funnel(self) -> dict[str, Any]:
        """Counts from signals to trades, and rejections by reason."""
        return funnel(self.log)

    def events(self) -> list[dict[str, Any]]:
        """The event log in words: a dict of plain values for each row."""
        return trace.rows(self.log, self.names)

    def trace(self) -> "pd.DataFrame":
        """The event log in words: the columns of `trace.FIELDS`, `time` as datetimes (UTC), one row an event."""
        import pandas as pd

        frame = pd.DataFrame(trace.columns(self.log, self.names))
        frame["time"] = pd.to_datetime(self.market.time[self.log["bar"]], utc=True)
        frame["cause"] = frame["cause"].astype("Int64")
        for name in VALUES:
            frame[name] = frame[name].astype("float64")
        return frame

    def equity(self) -> "pd.DataFrame":
        """One row a bar from the first trading bar on: time, equity (money, at the close), drawdown (share, negative),
        gross (weight, share), regime (label known at this close; the *next* row's return belongs to it)."""
        import pandas as pd

        account = self.account
        labels = np.array([*self.regime_names, None], dtype=object)
        return pd.DataFrame(
            {
                "time": pd.to_datetime(self.market.time[self.first :], utc=True),
                "equity": account.equity,
                "drawdown": self.drawdown,
                "gross": account.gross,
                "regime": labels[self.regimes[self.first :]],
            }
        )

    def trades(self) -> "pd.DataFrame":
        """One row a closed round trip. `entry` and `exit` are the seqs of its first and last FILL; `exit_kind` is what
        the last one came from: TARGET, STOP or REBALANCE; `profit` is after costs, in money."""
        import pandas as pd

        found = self.account.trades
        time, cause = self.market.time, self.log["cause"]
        kinds, symbols = np.array(list(Kind.__members__), object), np.array(self.market.symbols, object)
        ended_by = kinds[self.log["kind"][cause[cause[found["exit"]]]]]
        return pd.DataFrame(
            {
                "symbol": symbols[found["symbol"]],
                "side": np.where(found["side"] > 0, "long", "short"),
                "entry_time": pd.to_datetime(time[found["entry_bar"]], utc=True),
                "exit_time": pd.to_datetime(time[found["exit_bar"]], utc=True),
                "bars": found["exit_bar"] - found["entry_bar"],
                **{name: found[name] for name in ("quantity", "entry_price", "exit_price", "commission", "profit")},
                "exit_kind": ended_by,
                **{name: found[name] for name in ("entry", "exit", "entry_bar", "exit_bar")},
            }
        )

    def by_regime(self, stop: int | None = None) -> list[Part]:
        """The figures of each regime over the bars before `stop` (default: all); first of those before any label.

        A round trip counts when it is closed before `stop`.
        """
        account, first, last = self.account, self.first, len(self.market.time) if stop is None else stop
        known = np.concatenate([[-1], self.regimes[first : last - 1]])  # nothing is known before the first trading bar
        trades = account.trades[account.trades["exit_bar"] < last]
        codes = range(-1, len(self.regime_names))
        curve, cash = account.equity[: last - first], self.spec.portfolio.initial_cash
        free, years = self.spec.portfolio.risk_free, self.market.bars_per_year
        return by_regime(curve, cash, known, trades["entry_bar"] - first, codes, years, free)

    def causes(self, seq: int) -> list[Cause]:
        """Why event `seq` happened: the event, what caused it, and so on back to the bar, which comes last.

        StoreError when there is no such event.
        """
        if not 0 <= seq < len(self.log):
            raise StoreError(f"there is no event {seq}; the log of this container has {len(self.log)}")
        seqs = causes.chain(self.log, seq)
        steps = [self._cause(row) for row in trace.rows(self.log, self.names, seqs)]
        return [*steps, self._bar(int(self.log["bar"][seqs[-1]]), int(self.log["symbol"][seqs[-1]]))]

    def contributors(self, seq: int) -> list[Cause]:
        """What TARGET `seq` was made of: the regime in force and each strategy's newest signal on its symbol."""
        return [self._cause(row) for row in trace.rows(self.log, self.names, causes.contributors(self.log, seq))]

    def effects(self, seq: int) -> list[Cause]:
        """The events that `seq` is the cause of."""
        return [self._cause(row) for row in trace.rows(self.log, self.names, causes.effects(self.log, seq))]

    def inputs(self, seq: int) -> tuple[Input, ...]:
        """The indicators that the strategy of a SIGNAL, or the classifier of a REGIME, saw at its bar; else none."""
        event = self.log[seq]
        stage: Stage
        if event["kind"] == Kind.SIGNAL:
            if not self.spec.strategies:  # they made a log elsewhere
                return ()
            stage, hub = self.spec.strategies[event["source"] - Source.STRATEGY], self.shared.hub
            column = int(event["symbol"])
        elif event["kind"] == Kind.REGIME and self.spec.classifier:
            stage, hub, column = self.spec.classifier, self.shared.series(reference_key(self.spec.classifier)), 0
        else:
            return ()
        bar, before = _places(hub.market, int(event["bar"]), column)
        found = [(name, request, self.values(hub, request)) for name, request in self.shared.requests(stage).items()]
        return tuple(
            Input(name, request.text, _value(values, bar, column), _value(values, before, column))
            for name, request, values in found
        )

    def values(self, hub: Hub, request: Request) -> npt.NDArray[np.float64]:
        """An indicator's values, float64 (bars, symbols); prices are of units as traded, not of the first day."""
        values, shared = hub.get(request), self.shared
        if hub is shared.hub and shared.seen is not self.market and request.in_prices:
            return values * (self.market.bars["mark"] / shared.seen.bars["mark"])
        return values

    def _cause(self, row: dict[str, Any]) -> Cause:
        return Cause(row, row["bar"], row["time"], row["symbol"], trace.sentence(row), self.inputs(row["seq"]))

    def _bar(self, bar: int, symbol: int) -> Cause:
        """The end of an explanation: the bar of a symbol, or of the series that the classifier labels."""
        market, name = self.market, None
        if symbol != NO_SYMBOL:
            name = market.symbols[symbol]
        elif self.spec.classifier:
            market, symbol = self.shared.series(reference_key(self.spec.classifier)).market, 0
        at = trace.iso(self.market.time[bar : bar + 1])[0]
        if symbol == NO_SYMBOL:
            return Cause(None, bar, at, None, f"bar {bar}", ())
        place, before = _places(market, bar, symbol)
        prices = [getattr(market, column) for column in COLUMNS]
        inputs = tuple(
            Input(column, column, _value(values, place, symbol), _value(values, before, symbol))
            for column, values in zip(COLUMNS, prices, strict=True)
        )
        return Cause(None, bar, at, name, f"bar {bar} of {market.symbols[symbol]}", inputs)


def read(home: Home, run_id: int, index: int) -> Reading:
    """Open container `index` of a run (BENCHMARK: its benchmark). StoreError or DataError in one line."""
    with home.store() as store:
        run = store.run(run_id)
        container = store.container(run_id, index)
        log = store.events(run_id, index)
        sources = tuple(store.sources(run_id)) if run.plan.get("own") else ()
    plan = json.dumps(run.plan)
    shared = _shared(home.library, run.id, run.dataset, run.dataset_hash, run.config, plan, run.containers, sources)
    if shared.plan.search is not None and index >= 0:
        shared.points[index] = searched_point(shared, container)
    return Reading(run, container, resolve(shared, index), shared, log)


def searched_point(shared: Shared, container: Container) -> Point:
    """The point that a search asked for: a container's parameters say which. ConfigError when they are of no point."""
    return Point(shared.sweep.rank(container.params), container.params.get(WEIGHTS))


@lru_cache(maxsize=4)
def _shared(
    home: Path,
    run_id: int,
    dataset: str,
    dataset_hash: str,
    text: str,
    plan: str,
    count: int,
    sources: tuple[File, ...],
) -> Shared:
    """A run's plan made ready to resolve containers from; indicators are computed when they are asked for."""
    try:
        whole = DatasetLibrary(home).market(dataset_hash)
    except DataError as error:
        raise DataError(
            f"run {run_id} ran on dataset '{dataset}' ({dataset_hash[:12]}), which this home cannot give ({error}); "
            "add that version again with 'bulkhead data add'"
        ) from None
    stored = json.loads(plan)
    return Shared(plan_of(text, stored, count, whole, stages.stored(Home(home), stored, sources)))


def plan_of(text: str, stored: dict[str, Any], count: int, whole: Market, own: OwnStages) -> Plan:
    """The plan of a run from what is stored of it, without listing its sweep or computing an indicator again."""
    raw = config.load(text)
    data = config.section(DataSection, raw, "data")
    header = config.section(config.ExperimentSection, raw, "experiment")
    told = stored.get("told")
    if told is None:
        market, replay = whole.select(data.symbols, data.end), None
    else:
        market = whole.select(told["symbols"], data.end or told["end"])
        replay = blank(tuple(told["strategies"]), told["classifier"], tuple(told["regimes"]), told["digest"])
    search = Searching(count, stored["objective"]) if "objective" in stored else None
    given = (() if search else range(count)) if stored["ranks"] is None else stored["ranks"]
    ranks = np.array(given, np.int64)
    return Plan(
        raw=raw,
        own=own,
        market=market,
        ranks=ranks,
        first=stored["first"],
        warmup=stored["warmup"],
        test=stored["test"],
        seed=header.seed,
        limits=config.section(LimitsSection, raw, "limits"),
        data=data_text(data, market, stored["warmup"], header.pattern, replay),
        indicators={},
        replay=replay,
        search=search,
    )


def wall_clock(time: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int64]:
    """Times, int64 nanoseconds UTC (n,), as clocks in `zone` show them; the same array for UTC."""
    if zone == "UTC":
        return time
    import pandas as pd

    shown = pd.DatetimeIndex(time.view("datetime64[ns]"), tz="UTC").tz_convert(zone).tz_localize(None)
    return shown.as_unit("ns").asi8


def _places(market: Market, bar: int, column: int) -> tuple[int, int | None]:
    """`bar`, and the series' own bar before it."""
    before = np.flatnonzero(market.valid[:bar, column])
    return bar, int(before[-1]) if len(before) else None


def _value(values: npt.NDArray[np.float64], bar: int | None, column: int) -> float | None:
    """A finite value, or None."""
    if bar is None or not np.isfinite(values[bar, column]):
        return None
    return float(values[bar, column])
