"""How much logs say the same, against pandas."""

import numpy as np
import pytest

from engine.events import empty_log
from engine.signals.overlap import overlap
from tests.engine.plain_signals import plain_overlap
from tests.engine.signal_logs import check, log_of, sticky, stretches, text, twelve
from tests.engine.small import small_market


@pytest.mark.parametrize("block", [1 << 22, 1000])
def test_overlap_against_pandas(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.signals.overlap.BLOCK", block)
    market = twelve()
    first = sticky(market, [-1.0, 0.0, 1.0], 1)
    near = np.where(np.random.default_rng(5).random(first.shape) < 0.3, sticky(market, [-0.5, 0.2], 2), first)
    logs = [
        log_of(market, 20, first, codes=stretches(400, 3)),
        log_of(market, 20, near),
        log_of(market, 20, first, near),  # two strategies: their mean
        log_of(market, 20, -first),
        log_of(market, 0, np.ones(market.valid.shape)),
        empty_log(0),
    ]
    for stop in (400, 311):
        found, expected = overlap(logs, market, 20, stop), plain_overlap(logs, market, 20, stop)
        check(list(found), list(expected), "overlap")
        assert found[0][0][3] == pytest.approx(-1.0, abs=1e-14) and found[1][0][3] == 0.0
        assert found[0][4] == [None] * 6 and found[0][0][0] == 1.0 and found[1][5][5] is None
        text(found)


def test_opposite_strategies_of_one_log_cancel() -> None:
    market = small_market(60, 2, missing=False)
    values = sticky(market, [-0.3, 0.1, 1.0], 1)
    correlation, agreement = overlap([log_of(market, 0, values, -values), log_of(market, 0, values)], market, 0, 60)
    assert correlation[0] == [None, None] and agreement == [[None, 0.0], [0.0, 1.0]]
