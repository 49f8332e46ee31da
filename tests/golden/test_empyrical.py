"""Metrics against empyrical-reloaded and SciPy, for 10 pairs a case; `make_empyrical.py` says where they differ."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = json.loads(Path(__file__).with_name("empyrical_metrics.json").read_text())
CASES = ("sp500/free", "sp500/costs", "AAPL/free", "AAPL/costs")


def test_the_file_is_whole() -> None:
    assert tuple(GOLDEN["results"]) == CASES
    assert all(len(rows) == 10 for rows in GOLDEN["results"].values())
    assert len(GOLDEN["columns"]) == 12


@pytest.mark.parametrize("case", CASES)
def test_metrics_equal_empyrical(
    case: str, own_figures: Callable[..., dict[tuple[int, int], dict[str, float]]]
) -> None:
    own = own_figures(case)
    for row in GOLDEN["results"][case]:
        fast, slow, *values = row
        for name, value in zip(GOLDEN["columns"][2:], values, strict=True):
            assert own[fast, slow][name] == pytest.approx(value, rel=1e-9, abs=0.0), (name, fast, slow)
