"""What containers of one process share cannot be written by any of them."""

import numpy as np
import pytest

from engine.container import Container
from engine.events import Kind, Level
from engine.shared import Shared
from engine.spec import resolve
from tests.engine.small import plan_of


def test_everything_shared_is_read_only() -> None:
    plan = plan_of(
        {"kind": "ma_cross", "fast": 3, "slow": 20},
        classifier={"kind": "trend", "window": 10},
        risk={"stop_loss": ["none", 0.1]},
    )
    shared = Shared(plan)
    first, second = (Container(resolve(shared, index), shared) for index in (0, 1))
    first.run()
    second.run()
    signals = first.buses.bus(Level.STRATEGY).batches[Kind.SIGNAL][0]
    regimes = first.buses.bus(Level.CLASSIFIER).batches[Kind.REGIME][0]
    assert signals is second.buses.bus(Level.STRATEGY).batches[Kind.SIGNAL][0]  # computed once for both
    market = shared.market
    arrays = [signals, regimes.rows, regimes.regimes.codes, market.close, market.bars, market.valid, market.time]
    arrays += [*shared.hub.values().values(), *shared.series("").values().values()]
    assert len(arrays) >= 10
    for array in arrays:
        assert isinstance(array, np.ndarray)
        with pytest.raises(ValueError, match="read-only"):
            array[...] = array
