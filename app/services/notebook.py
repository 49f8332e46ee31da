"""Stored runs for notebooks: what `bulkhead.open_run` gives.

    run = open_run(3)                        # home: as the command line's; or open_run(3, home="…")
    run.leaderboard("sharpe", top=10)        # containers, their parameters and metrics
    run.equity(7)   run.fills(7)   run.trades(7)   run.trace(7)
    run.equity("benchmark")                  # the run's buy and hold
    run.benchmark()                          # its metrics

All are pandas DataFrames, made anew for each call: change them as you like. Money is in the currency of the prices,
shares are fractions (0.05 is 5 %), times are UTC.

Bars from `test_start` on are held out: nothing of them is given unless `reveal=True`, and then the look is counted,
once for each opened run, as on the pages.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from app.services.home import Home
from app.services.reading import Reading, read
from db.store import BENCHMARK, Container, Run
from engine.errors import StoreError
from engine.events import Kind
from engine.projections.catalogue import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What `index` may be: a container's number, or the run's buy and hold.
Index = int | Literal["benchmark"]

#: The columns of `fills`, in order.
FILLS = ("seq", "time", "bar", "symbol", "side", "price", "quantity", "commission", "slippage", "cause")


class StoredRun:
    """One run of a home. Reading only; StoreError, one line, for what is not there or cannot be read."""

    def __init__(self, run_id: int, home: "Path | str | None" = None) -> None:
        self._home = Home(Path(home) if home is not None else None)
        self._id = _whole(run_id, "a run")
        self._revealed = False
        self._readings: dict[int, Reading] = {}
        _ = self.info  # a run that is not there is said at once

    def __repr__(self) -> str:
        run = self.info
        return f"<run {run.id} '{run.name}': {run.status}, {run.done:,} of {run.containers:,} containers done>"

    @property
    def info(self) -> Run:
        """What is stored of the run itself, as it stands now: `name`, `status`, `config`, `dataset_hash`, `trials` …"""
        try:
            with self._home.store() as store:
                return store.run(self._id)
        except StoreError as error:
            raise StoreError(f"{error} (home {self._home.path})") from None

    def leaderboard(self, sort: str | None = "sharpe", top: int | None = None, reveal: bool = False) -> pd.DataFrame:
        """One row a container, the best first by the metric `sort` (None: by number); at most `top` rows.

        Index `container` (int64). Columns: `status` (done, failed, …); the swept parameters by name (`ma_cross.fast`);
        the metrics (float64, NaN where undefined), in the units of the catalogue: shares as fractions, money, bars.
        They cover the bars before `test_start`; with `reveal` also `test_<metric>`, of the held-out bars.
        """
        with self._home.store() as store:
            found = store.containers(self._id, sort, top=top)
        return self._frame(found, reveal)

    def benchmark(self, reveal: bool = False) -> pd.DataFrame:
        """The run's buy and hold as one row of the columns of `leaderboard`; its index is −1."""
        with self._home.store() as store:
            return self._frame([store.container(self._id, BENCHMARK)], reveal)

    def equity(self, index: Index, reveal: bool = False) -> pd.DataFrame:
        """One row a bar, from the first trading bar on.

        Columns: `time` (datetime64, UTC), `equity` (float64, money at the close), `drawdown` (float64, share, 0 or
        negative), `gross` (float64, gross weight as a share of equity), `regime` (the label known at this close, None
        before the first; the *next* row's return belongs to it).
        """
        reading = self._reading(index)
        frame, end = reading.equity(), self._end(reading, reveal)
        return frame if end is None else frame.iloc[: end - reading.first].copy()

    def fills(self, index: Index, reveal: bool = False) -> pd.DataFrame:
        """One row a fill, in the order they happened.

        Columns: `seq` (int64, its row in the trace), `time` (datetime64, UTC), `bar` (int64), `symbol`, `side` ("buy",
        "sell"), `price` and `quantity` (float64), `commission` and `slippage` (float64, money; slippage against the
        bar's open, or the price of a limit, stop or close), `cause` (Int64, the seq of its ORDER).
        """
        frame = self.trace(index, reveal)
        frame = frame[frame["kind"] == Kind.FILL.name].reset_index(drop=True)
        reading = self._reading(index)
        rows = reading.log[frame["seq"].to_numpy(dtype="int64")]
        opened = reading.market.open[rows["bar"], rows["symbol"]]
        meant = np.where(np.isfinite(rows["limit"]), rows["limit"], opened)
        frame["slippage"] = (frame["price"] - meant).abs() * frame["quantity"] * reading.spec.execution.multiplier
        return frame[list(FILLS)]

    def trades(self, index: Index, reveal: bool = False) -> pd.DataFrame:
        """One row a closed round trip: `symbol`, `side`, `entry_time`, `exit_time` (datetime64, UTC), `bars` (int64),
        `quantity`, `entry_price`, `exit_price`, `commission`, `profit` (float64, money, after costs), `exit_kind`, and
        `entry`, `exit` (int64, seqs of its first and last FILL), `entry_bar`, `exit_bar`."""
        reading = self._reading(index)
        return _before(reading.trades(), "exit_bar", self._end(reading, reveal))

    def trace(self, index: Index, reveal: bool = False) -> pd.DataFrame:
        """The event log in words, one row an event.

        Columns: `seq` (int64), `time` (datetime64, UTC), `bar` (int64), `kind`, `level`, `source`, `symbol`, `side`,
        `price`, `quantity`, `commission`, `value`, `limit`, `actual` (float64, NaN where it has none), `reason`,
        `cause` (Int64, the seq of the event behind it).
        """
        reading = self._reading(index)
        return _before(reading.trace(), "bar", self._end(reading, reveal))

    def _frame(self, found: "Sequence[Container]", reveal: bool) -> pd.DataFrame:
        index = pd.Index([row.index for row in found], dtype="int64", name="container")
        columns: dict[str, Any] = {"status": pd.Series([row.status for row in found], index=index, dtype="str")}
        for name in dict.fromkeys(name for row in found for name in row.params):
            columns[name] = pd.Series([row.params.get(name) for row in found], index=index).infer_objects()
        columns |= _metrics([row.metrics for row in found], index, "")
        if reveal:
            self._reveal()
            columns |= _metrics([row.test_metrics for row in found], index, "test_")
        return pd.DataFrame(columns, index=index)

    def _reading(self, index: Index) -> Reading:
        """A container that is done, opened once."""
        number = BENCHMARK if index == "benchmark" else _whole(index, "a container", least=BENCHMARK)
        if number not in self._readings:
            reading = read(self._home, self._id, number)
            if not reading.done:
                raise StoreError(
                    f"container {self._id}/{number} is {reading.container.status}, so it has no account; "
                    "choose one that is done (see leaderboard)"
                )
            self._readings[number] = reading
        return self._readings[number]

    def _end(self, reading: Reading, reveal: bool) -> int | None:
        """The first bar that is not given; None: all are. A look that reveals something is counted."""
        if reveal and reading.test is not None:
            self._reveal()
            return None
        return reading.test

    def _reveal(self) -> None:
        """Count a look at the held-out bars, the first time only; a run without such bars has nothing to count."""
        if self._revealed or self.info.plan.get("test") is None:
            return
        with self._home.store() as store:
            store.reveal(self._id)
        self._revealed = True


def _metrics(found: "Sequence[dict[str, float | None] | None]", index: pd.Index, prefix: str) -> dict[str, pd.Series]:
    return {
        f"{prefix}{name}": pd.Series([(metrics or {}).get(name) for metrics in found], index=index, dtype="float64")
        for name in METRICS
    }


def _before(frame: pd.DataFrame, column: str, end: int | None) -> pd.DataFrame:
    """The rows whose bar lies before `end`."""
    return frame if end is None else frame[frame[column] < end].reset_index(drop=True)


def _whole(value: object, what: str, least: int = 0) -> int:
    """A run's or container's number. StoreError for anything else."""
    try:
        number = int(value) if not isinstance(value, bool | str | float) else None  # type: ignore[call-overload]
    except (TypeError, ValueError):
        number = None
    if number is None or not least <= number < 2**63:
        raise StoreError(f"{value!r} is not the number of {what}; write a whole number such as 3")
    return number
