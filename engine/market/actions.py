"""Corporate actions: what happens to a holding without a trade. Splits, dividends, and the end of a symbol.

They happen at the open of their bar, before any fill, to what was held at the close before. Stages above risk never see
the jump of a split: they get the market `in_first_units`, which is causal, since a price is scaled by the splits up to
its own bar and by no later one.
"""

from dataclasses import replace
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.market.market import ACTION, BAR, Market, frozen

#: A symbol that lacks this many bars at the end of its dataset, or more, has ended.
ENDED_AFTER = 5


class Action(IntEnum):
    """`value` is, for a SPLIT, new units for one old; for a DIVIDEND, money for a unit held; for an END, nothing."""

    SPLIT = 0
    DIVIDEND = 1
    END = 2


def ends(valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.void]:
    """END actions of the symbols that have no bar at the end of a whole dataset, at the first bar they lack: ACTION.

    `valid`: bool (bars, symbols).
    """
    bars = len(valid)
    found = []
    for s in range(valid.shape[1]):
        own = np.flatnonzero(valid[:, s])
        if len(own) and own[-1] + ENDED_AFTER < bars:
            found.append((int(own[-1]) + 1, s, int(Action.END), np.nan))
    return np.array(sorted(found), ACTION)


def in_first_units(market: Market) -> Market:
    """`market` with prices times, and volume over, all splits up to each bar: as if units had never been split.

    What stages compute from it is what they would from split-adjusted bars, but for a constant factor a symbol. The
    market itself when it has no splits.
    """
    splits = market.actions[market.actions["kind"] == Action.SPLIT]
    if not len(splits):
        return market
    factor = np.ones(market.valid.shape)
    for action in splits:
        factor[action["bar"] :, action["symbol"]] *= action["value"]
    changed: dict[str, Any] = {
        name: frozen(getattr(market, name) * factor) for name in ("open", "high", "low", "close")
    }
    changed["volume"] = frozen(market.volume / factor)
    bars = np.array(market.bars, BAR)
    for name, values in changed.items():
        bars[name] = values
    bars["mark"] = market.bars["mark"] * factor
    others = market.actions[market.actions["kind"] != Action.SPLIT]
    return replace(market, bars=frozen(bars), actions=frozen(others), **changed)
