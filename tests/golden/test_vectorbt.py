"""100 moving-average crossings on two series, with costs and without, against vectorbt (`make_vectorbt.py`)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = json.loads(Path(__file__).with_name("vectorbt_ma_cross.json").read_text())
CASES = ("sp500/free", "sp500/costs", "AAPL/free", "AAPL/costs")


def test_the_file_is_whole() -> None:
    assert tuple(GOLDEN["results"]) == CASES
    for rows in GOLDEN["results"].values():
        assert len({(fast, slow) for fast, slow, *_ in rows}) == 100
        assert all(row[GOLDEN["columns"].index("orders")] > 0 for row in rows)


@pytest.mark.parametrize("case", CASES)
def test_every_pair_equals_vectorbt(
    case: str, own_figures: Callable[..., dict[tuple[int, int], dict[str, float]]]
) -> None:
    own = own_figures(case)
    rows = [dict(zip(GOLDEN["columns"], row, strict=True)) for row in GOLDEN["results"][case]]
    assert {(row["fast"], row["slow"]) for row in rows} == set(own)
    for row in rows:
        figures = own[row["fast"], row["slow"]]
        assert figures["orders"] == row["orders"], row
        for name in ("final_equity", "sharpe", "max_drawdown"):
            assert figures[name] == pytest.approx(row[name], rel=1e-9, abs=0.0), (name, row)
