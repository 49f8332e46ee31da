"""A bar strategy walked over a market with an account that follows it: what `signal()` is to other strategies.

Its fills are the simplest there are, 100 units for a signal of 1 at the next open without costs: enough for its code
that asks about the position to be walked through, and as causal as the real ones.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from engine.errors import StageError
from engine.execution.state import ACCOUNT, BOOK
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.bar import Bar, BarStrategy

Array = npt.NDArray[np.float64]
_UNITS, _CASH = 100.0, 100_000.0


def driven(strategy: BarStrategy, market: Market, values: Mapping[str, Array], regimes: Regimes | None) -> Array:
    """The signals that `on_bar` returns, float64 (bars, symbols); NaN: no opinion. StageError for a wrong shape."""
    symbols = len(market.symbols)
    account, book = np.zeros(1, ACCOUNT), np.zeros(symbols, BOOK)
    account["cash"] = _CASH
    view = Bar(market, market, values, regimes, account, book, 1.0)
    out = np.full(market.valid.shape, np.nan)
    wanted = np.zeros(symbols)
    for t in range(len(market.time)):
        _fill(account, book, wanted, market.open[t], market.valid[t])
        view.number = t
        value = strategy.on_bar(view)
        if value is None:
            continue
        row = np.asarray(value, dtype=np.float64)
        if row.shape not in ((), (symbols,)):
            raise StageError(
                f"strategy '{strategy.kind}': on_bar() must return a number, None, or one number for each of "
                f"{symbols} symbols, not shape {row.shape}"
            )
        out[t] = row
        heard = market.valid[t] & np.isfinite(out[t])
        wanted = np.where(heard, np.clip(out[t], -1.0, 1.0), wanted)
    return out


def _fill(account: npt.NDArray[np.void], book: npt.NDArray[np.void], wanted: Array, price: Array, valid: Array) -> None:
    """Trade to `wanted` at `price` where there is a bar."""
    held = book["quantity"]
    target = np.where(valid, _UNITS * wanted, held)
    moved = target != held
    account["cash"][0] -= ((target - held)[moved] * price[moved]).sum()
    book["entry"][moved] = price[moved]
    book["quantity"][:] = target
