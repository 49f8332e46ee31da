"""How much of the faults is tried: a little in `make test`, all of it in `make faults`; and with which seed."""

import os
import random
import zlib

FULL = os.environ.get("BULKHEAD_FAULTS") == "full"
SEED = int(os.environ.get("BULKHEAD_FAULT_SEED", "1"))


def count(full: int, short: int) -> int:
    """How often a fault is tried in this tier."""
    return full if FULL else short


def draw(name: str) -> random.Random:
    """The generator of one test, from the seed and its name. What it draws is a pure function of both."""
    print(f"BULKHEAD_FAULT_SEED={SEED} for {name}")  # pytest shows it where the test fails
    return random.Random(SEED * 2**32 + zlib.crc32(name.encode()))
