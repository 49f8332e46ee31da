"""A strategy of which one container in a hundred (or fifty) misbehaves; which ones follows from a seed."""

import ctypes
import os
import sys
import time
from collections.abc import Mapping

import numpy as np
from pydantic import Field

from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy

KINDS = ("segfault", "abort", "exit", "sys_exit", "loop", "sleep", "hog", "output")


class Rare(Strategy):
    """Holds from some bar on; container `number` is another for each."""

    kind = "rare"

    number: int = Field(0, ge=0, description="of the container")
    count: int = Field(1, ge=1, description="of containers")
    share: int = Field(100, ge=1, description="one in so many misbehaves")
    seed: int = Field(1, description="of the choice")
    armed: bool = Field(True, description="whether they misbehave at all")

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        if self.armed:
            chosen = poisoned(self.count, self.share, self.seed)
            if self.number in chosen:
                misbehave(chosen[self.number])
        signals = np.zeros(market.valid.shape)
        signals[self.number % 250 :: 7] = 1.0
        return signals


def poisoned(count: int, share: int, seed: int) -> dict[int, str]:
    """What each container that misbehaves does, by number."""
    numbers = np.random.default_rng(seed).permutation(count)[: count // share].tolist()
    return {number: KINDS[place % len(KINDS)] for place, number in enumerate(numbers)}


def misbehave(kind: str) -> None:
    match kind:
        case "segfault":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "exit":
            os._exit(3)
        case "sys_exit":
            sys.exit(4)
        case "loop":
            while True:
                pass
        case "sleep":
            time.sleep(3600)
        case "hog":
            held = []
            while True:
                held.append(np.ones(1 << 20))
        case "output":
            for _ in range(1 << 10):
                os.write(1, bytes(1 << 20))
