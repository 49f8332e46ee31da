"""The containers of a run in order of a metric."""

import numpy as np
import numpy.typing as npt

from app.services.home import Home
from engine.projections.catalogue import CATALOGUE

_BETTER = {metric.name: metric.better for metric in CATALOGUE}


def ranking(home: Home, run_id: int, metric: str) -> npt.NDArray[np.int64]:
    """Indices of the containers that are done, int64, the best by `metric` (before `test_start`) first.

    In the order of the leaderboard: equal ones by index, undefined ones last.
    """
    with home.store() as store:
        indices, (values,) = store.columns(run_id, [metric])
    numbers = np.asarray(values, np.float64)
    return indices[np.argsort(-numbers if _BETTER[metric] >= 0 else numbers, kind="stable")]
