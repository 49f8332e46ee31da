"""The mean of a series whose neighbours overlap, and how far off it may be."""

from typing import Any

import numpy as np
import numpy.typing as npt

#: An error that is this small a share of the mean is the mean's rounding.
ROUNDING = 1e-14


def mean_error(series: npt.NDArray[np.float64], horizon: int) -> dict[str, Any]:
    """The mean of `series`, float64 (n,), its standard error and t, and n as `bars`; None where undefined.

    The error is Newey and West's (Econometrica 55, 1987): windows of `horizon` bars that begin at successive bars
    share up to horizon − 1 of them, so as many autocovariances count, by Bartlett weights 1 − lag / horizon; there is
    no correction for small samples. It is what statsmodels' OLS on a constant with a HAC covariance gives.
    """
    count = len(series)
    if not count:
        return {"mean": None, "error": None, "t": None, "bars": 0}
    mean = float(series.mean()) + 0.0
    if count == 1:
        return {"mean": mean, "error": None, "t": None, "bars": 1}
    rest = series - mean
    total = float((rest * rest).sum())
    for lag in range(1, min(horizon, count)):
        total += 2.0 * (1.0 - lag / horizon) * float((rest[lag:] * rest[:-lag]).sum())
    error = max(total, 0.0) ** 0.5 / count
    if error <= ROUNDING * abs(mean):
        return {"mean": mean, "error": 0.0, "t": None, "bars": count}
    return {"mean": mean, "error": error, "t": mean / error, "bars": count}
