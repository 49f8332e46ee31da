# ruff: noqa: NPY002, E731 - the global generators, and functions put in place of others, are what this is about
"""A strategy that looks at its process, and then changes something in it. What it sees decides its signals."""

import builtins
import decimal
import functools
import gc
import hashlib
import locale
import logging
import math
import os
import random
import signal
import sys
import threading
import time
import types
import warnings
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import talib
from pydantic import Field, PrivateAttr

import engine.stage
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy
from engine.strategies.buy_and_hold import BuyAndHold

COUNT = 0
TABLE: dict[str, Any] = {"a": [1, 2], "b": {"c": {3}}}
ROWS: list[Any] = [1.0, [2.0]]
LAST: deque[int] = deque([1], maxlen=3)
WEIGHTS = np.arange(5.0)
FRAME = pd.DataFrame({"x": [1.0, 2.0]})
DRAWS = np.random.default_rng(3)
OLD_DRAWS = np.random.RandomState(3)
DICE = random.Random(3)
COUNTER: list[Any] = []
REMEMBER = COUNTER.append
SPACE = types.SimpleNamespace(level=1)
LOCAL = threading.local()
LOCAL.level = 1
LOCK = threading.Lock()


class Derived(dict[str, int]):
    """A dict with an attribute."""

    level = 1


DERIVED = Derived()
DERIVED.level = 1
_HIDDEN = {"level": 1}
VIEW = types.MappingProxyType(_HIDDEN)


class Held:
    """Something with an attribute."""

    level = 1

    def __init__(self) -> None:
        self.value = [1]


HELD = Held()


def default(value: int, seen: list[int] = []) -> list[int]:  # noqa: B006 - it is what this is about
    return seen


def counting() -> Any:
    number = 0

    def step(by: int) -> int:
        nonlocal number
        number += by
        return number

    return step


STEP = counting()


@functools.cache
def cached(key: int) -> list[int]:
    return [key]


def seen() -> str:
    """All that a container could find changed, in one text; a draw of each generator."""
    context = decimal.getcontext()
    found: list[Any] = [
        *(COUNT, TABLE, ROWS, LAST, WEIGHTS.tolist(), FRAME["x"].tolist(), Held.level, HELD.value, default(1), STEP(0)),
        *(cached(1), DRAWS.random(), OLD_DRAWS.random_sample(), DICE.random(), random.random(), np.random.rand()),
        *(np.random.normal(), random.gauss(0, 1)),
        *(np.geterr(), np.get_printoptions(), context.prec, context.rounding, context.traps[decimal.Inexact]),
        *(
            locale.setlocale(locale.LC_ALL),
            [os.environ.get(name) for name in ("MEDDLED", "TZ", "PATH")],
            time.tzname,
            os.getcwd(),
            sys.path,
            sys.argv,
        ),
        *(os.umask(0o77), warnings.filters, gc.get_threshold(), gc.isenabled(), sys.getrecursionlimit()),
        *(sys.gettrace() is None, sys.getprofile() is None, "meddled" in sys.modules, hasattr(builtins, "meddled")),
        *(math.floor(2.5), len("ab"), float(np.mean([1.0, 3.0])), pd.get_option("display.max_rows")),
        *(hasattr(Strategy, "meddled"), BuyAndHold.kind, hasattr(engine.stage, "meddled"), sorted(vars(Meddler))),
        *(signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1, signal.SIGPROF)),
        *(signal.getitimer(signal.ITIMER_REAL)[0] > 0, signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        *(hasattr(pd.DataFrame, "meddled"), logging.root.level, len(logging.root.handlers), len(COUNTER)),
        *(SPACE.level, LOCAL.level, LOCK.locked(), DERIVED.level, VIEW["level"]),
        *(talib.get_unstable_period("RSI"), talib.get_compatibility()),
        *(os.path.sameopenfile(1, 2), threading.active_count(), os.dup(0), sys.stdout.fileno()),
    ]
    os.close(found[-2])
    return repr(found)


class Meddler(Strategy):
    """Holds with a weight that follows from what it sees."""

    kind = "meddler"
    calls: ClassVar[list[int]] = []

    mode: Literal[
        "nothing",
        "variables",
        "insides",
        "namespaces",
        "class_attributes",
        "functions",
        "arrays",
        "frame",
        "generators",
        "global_generators",
        "bit_generator",
        "numpy_modes",
        "decimals",
        "locale",
        "environment",
        "folder",
        "umask",
        "signals",
        "warnings",
        "path",
        "modules",
        "library_import",
        "patch_builtins",
        "patch_numpy",
        "patch_engine",
        "interpreter",
        "pandas_options",
        "talib_modes",
        "logging",
        "streams",
        "open_file",
        "thread",
        "parameters",
        "fails_after",
    ] = Field("nothing", description="what it changes")
    listed: list[int] = Field(default=[1], description="a list")
    note: str = Field("", description="a file to write down in what process it ran")

    _kept: list[int] = PrivateAttr(default_factory=list)

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        found = hashlib.sha256((seen() + repr((self.listed, self._kept, self.calls))).encode()).digest()
        if self.note:
            with open(self.note, "a") as file:
                file.write(f"{self.mode} {os.getpid()}\n")
        getattr(self, f"_{self.mode}")()
        return np.full(market.valid.shape, (1 + found[0] + 256 * found[1]) / 65536)

    def _nothing(self) -> None:
        pass

    def _variables(self) -> None:
        global COUNT, HELD, cached
        COUNT += 1
        HELD = Held()
        HELD.value = [2]
        cached = lambda key: [key, key]  # type: ignore[assignment]
        globals()["NEW"] = 1
        del globals()["ROWS"]

    def _insides(self) -> None:
        TABLE["a"].append(3)
        TABLE["b"]["c"].add(4)
        TABLE["d"] = 1
        ROWS[1][0] = 3.0
        LAST.append(2)
        HELD.value.append(2)
        HELD.other = 1  # type: ignore[attr-defined]
        COUNTER.append(1)
        cached(1).append(2)

    def _namespaces(self) -> None:
        SPACE.level = LOCAL.level = DERIVED.level = _HIDDEN["level"] = 2
        LOCK.acquire()
        REMEMBER(1)

    def _class_attributes(self) -> None:
        Meddler.calls.append(1)
        Meddler.meddled = 1  # type: ignore[attr-defined]
        Held.level = 2
        Strategy.meddled = 1  # type: ignore[attr-defined]
        BuyAndHold.kind = "other"

    def _functions(self) -> None:
        default(1).append(1)
        default.__defaults__ = ([5],)
        STEP(3)
        default.__code__ = (lambda value, seen: [seen, 9]).__code__

    def _arrays(self) -> None:
        WEIGHTS[2] = 7.0

    def _frame(self) -> None:
        FRAME.loc[0, "x"] = 5.0

    def _generators(self) -> None:
        DRAWS.normal(size=3)
        OLD_DRAWS.normal(size=3)
        DICE.gauss(0, 1)

    def _global_generators(self) -> None:
        np.random.seed(5)
        np.random.normal()
        random.seed(5)

    def _bit_generator(self) -> None:
        np.random.set_bit_generator(np.random.PCG64(1))

    def _numpy_modes(self) -> None:
        np.seterr(all="raise")
        np.set_printoptions(precision=2)

    def _decimals(self) -> None:
        decimal.getcontext().prec = 5
        decimal.DefaultContext.prec = 6
        decimal.setcontext(decimal.Context(prec=3))

    def _locale(self) -> None:
        locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C")

    def _environment(self) -> None:
        os.environ["MEDDLED"] = "1"
        os.environ["TZ"] = "Asia/Tokyo"
        time.tzset()
        os.environ.pop("PATH", None)

    def _folder(self) -> None:
        os.chdir("/")

    def _umask(self) -> None:
        os.umask(0o777)

    def _signals(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 100.0)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})

    def _warnings(self) -> None:
        warnings.simplefilter("error")
        warnings.showwarning = lambda *_, **__: None  # type: ignore[assignment]

    def _path(self) -> None:
        sys.path.insert(0, "/nowhere")
        sys.argv.append("meddled")

    def _modules(self) -> None:
        sys.modules["meddled"] = sys
        sys.modules["math"] = os

    def _library_import(self) -> None:
        import sched

        sched.meddled = 1  # type: ignore[attr-defined]

    def _patch_builtins(self) -> None:
        builtins.meddled = 1  # type: ignore[attr-defined]
        builtins.len = lambda _: 7  # type: ignore[assignment]
        math.floor = lambda _: 7  # type: ignore[assignment]

    def _patch_numpy(self) -> None:
        np.mean = lambda *_, **__: 7.0  # type: ignore[assignment]
        pd.DataFrame.meddled = 1  # type: ignore[attr-defined]

    def _patch_engine(self) -> None:
        engine.stage.meddled = 1  # type: ignore[attr-defined]

    def _interpreter(self) -> None:
        gc.set_threshold(1, 1, 1)
        gc.disable()
        sys.setrecursionlimit(5000)
        sys.setprofile(lambda *_: None)

    def _pandas_options(self) -> None:
        pd.set_option("display.max_rows", 7)

    def _talib_modes(self) -> None:
        talib.set_unstable_period("RSI", 60)
        talib.set_compatibility(1)

    def _logging(self) -> None:
        logging.basicConfig(level=logging.DEBUG)

    def _streams(self) -> None:
        os.dup2(0, 1)
        os.close(2)
        sys.stdout = None  # type: ignore[assignment]

    def _open_file(self) -> None:
        self.listed.append(os.open("/dev/null", os.O_RDONLY))

    def _thread(self) -> None:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()

    def _parameters(self) -> None:
        self.listed.append(2)
        self._kept.append(1)
        object.__setattr__(self, "mode", "other")

    def _fails_after(self) -> None:
        global COUNT
        COUNT += 1
        np.seterr(all="raise")
        os.chdir("/")
        raise ValueError("on purpose")
