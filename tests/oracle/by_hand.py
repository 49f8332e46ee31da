"""Small markets, and logs to be read: what the examples worked out by hand are written with."""

from typing import Any

import pytest

Row = dict[str, Any]


def make_market(*series: tuple[list[Any], list[Any]]) -> dict[str, Any]:
    """A market from one (opens, closes) per symbol."""
    bars = range(len(series[0][0]))
    opens = [[one[0][t] for one in series] for t in bars]
    closes = [[one[1][t] for one in series] for t in bars]

    def pick(choose: Any) -> list[list[float | None]]:
        return [
            [None if o is None else choose(o, c) for o, c in zip(row_o, row_c, strict=True)]
            for row_o, row_c in zip(opens, closes, strict=True)
        ]

    return {"open": opens, "high": pick(max), "low": pick(min), "close": closes}


def flat(price: float, bars: int) -> tuple[list[Any], list[Any]]:
    return [price] * bars, [price] * bars


def dense(*per_symbol: list[float | None]) -> list[list[float | None]]:
    """One strategy's [bar][symbol] from one list per symbol."""
    return [list(row) for row in zip(*per_symbol, strict=True)]


def story(log: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """(bar, kind, symbol) of each row, with the reason where there is one."""
    return [
        (row["bar"], row["kind"], row["symbol"]) + ((row["reason"],) if row["reason"] is not None else ())
        for row in log
    ]


def only(log: list[dict[str, Any]], kind: str, **where: Any) -> dict[str, Any]:
    found = [row for row in log if row["kind"] == kind and all(row[k] == v for k, v in where.items())]
    assert len(found) == 1, found
    return found[0]


def close_to(value: float) -> Any:
    return pytest.approx(value, rel=1e-12, abs=1e-9)
