"""A strategy that misbehaves on demand. Registered by the tests that check what a cell makes of it."""

import ctypes
import os
import sys
import time
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy


class Poison(Strategy):
    """Holds from bar `window` on, unless `mode` makes it misbehave first."""

    kind = "poison"

    mode: Literal[
        "fine", "raise", "segfault", "abort", "exit", "sys_exit", "hog", "loop", "sleep", "shape", "range", "print"
    ] = Field("fine", description="what it does")
    window: int = Field(1, ge=0, description="bars before it buys")

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        signals = np.zeros(market.valid.shape)
        signals[self.window :] = 1.0
        match self.mode:
            case "raise":
                raise ValueError("poison: on purpose")
            case "segfault":
                ctypes.string_at(0)
            case "abort":
                os.abort()
            case "exit":
                os._exit(3)
            case "sys_exit":
                sys.exit(4)
            case "hog":
                held = []
                while True:
                    held.append(np.ones(1 << 20))
            case "loop":
                while True:
                    pass
            case "sleep":
                time.sleep(3600)
            case "shape":
                return signals[1:]
            case "range":
                return signals * 2.0
            case "print":
                print("words of the poison", flush=True)
                os._exit(5)
        return signals
