"""A strategy that does to its process, and to those around it, what no stage should. Named by the tests of limits."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field

from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.base import Array, Strategy

SLEEPER = """
import os, sys, time
if os.fork():
    os._exit(0)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(600)
"""


class Rogue(Strategy):
    """Holds from bar `window` on, after what `mode` does. `note`: a file for the number of a process it starts."""

    kind = "rogue"

    mode: Literal[
        "fine",
        "exit_0",
        "much_output",
        "much_output_unheard",
        "big_file",
        "thread",
        "late_exit",
        "alarm",
        "fork",
        "fork_asleep",
        "daemon",
        "close_all",
        "close_all_and_loop",
        "garbage",
        "garbage_on_streams",
        "kill_parent",
        "kill_all",
        "raise_limit",
        "deaf_loop",
        "stop",
        "interrupt",
        "own_base_error",
    ] = Field("fine", description="what it does")
    window: int = Field(1, ge=0, description="bars before it buys")
    note: str = Field("", description="a file")

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        signals = np.zeros(market.valid.shape)
        signals[self.window :] = 1.0
        getattr(self, f"_{self.mode}")()
        return signals

    def _fine(self) -> None:
        """Nothing."""

    def _exit_0(self) -> None:
        os._exit(0)

    def _much_output(self) -> None:
        line = "x" * (1 << 20)
        for _ in range(1024):
            print(line)

    def _much_output_unheard(self) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for _ in range(1024):
            try:
                os.write(1, bytes(1 << 20))
            except OSError:
                return

    def _big_file(self) -> None:
        with open(self.note, "wb") as file:
            for _ in range(1024):
                file.write(bytes(1 << 20))

    def _thread(self) -> None:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()

    def _late_exit(self) -> None:
        threading.Timer(0.0005, os._exit, (3,)).start()

    def _alarm(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.05)

    def _fork(self) -> None:
        os.fork()  # and both return

    def _fork_asleep(self) -> None:
        pid = os.fork()
        if pid == 0:
            with open(self.note, "w") as file:
                file.write(str(os.getpid()))
            time.sleep(600)

    def _daemon(self) -> None:
        subprocess.Popen([sys.executable, "-c", SLEEPER, self.note], start_new_session=True)
        while not os.path.exists(self.note) or not os.path.getsize(self.note):
            time.sleep(0.001)
        os.abort()

    def _close_all(self) -> None:
        os.closerange(0, 65536)

    def _close_all_and_loop(self) -> None:
        os.closerange(0, 65536)
        while True:
            pass

    def _garbage(self) -> None:
        for number in range(3, 2000):
            try:
                os.write(number, b"garbage" * 10)
            except OSError:
                continue

    def _garbage_on_streams(self) -> None:
        os.write(1, bytes(range(256)))
        os.write(2, bytes(range(256)))

    def _kill_parent(self) -> None:
        os.kill(os.getppid(), signal.SIGKILL)

    def _kill_all(self) -> None:
        os.kill(-1, signal.SIGKILL)

    def _raise_limit(self) -> None:
        for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            try:
                resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            except (ValueError, OSError):
                continue
        held = []
        for _ in range(1 << 10):
            held.append(np.ones(1 << 20))

    def _deaf_loop(self) -> None:
        for number in (signal.SIGPROF, signal.SIGTERM, signal.SIGXCPU):
            signal.signal(number, signal.SIG_IGN)
        while True:
            pass

    def _stop(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def _interrupt(self) -> None:
        raise KeyboardInterrupt

    def _own_base_error(self) -> None:
        raise type("Odd", (BaseException,), {})("odd")
