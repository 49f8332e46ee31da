"""Stand-in until the report is merged."""

from collections.abc import Sequence
from typing import Any

Report = dict[str, Any]


def report(log: Any, market: Any, first: int, stop: int, regimes: tuple[str, ...]) -> Report:
    return {"first": first, "stop": stop, "strategies": []}


def summary(found: Report) -> dict[str, Any]:
    return {"signals": None, "rate": None, "ic": None, "t": None}


def overlap(logs: Sequence[Any], market: Any, first: int, stop: int) -> list[list[float]]:
    return [[1.0 if a is b else 0.0 for b in logs] for a in logs]
