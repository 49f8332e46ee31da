"""Writes empyrical_metrics.json: what empyrical-reloaded and SciPy make of the returns of some vectorbt runs.

Run it in vectorbt's environment, as make_vectorbt.py:

    .peers/vectorbt/bin/python tests/golden/make_empyrical.py

Only metrics whose definitions agree are written, so all are compared. What differs, and is left out or set here:
- skewness and kurtosis are not in empyrical; SciPy's defaults (biased, excess) are Bulkhead's.
- empyrical's CVaR is the mean of the lowest 1 + floor(0.05 · (n − 1)) returns, Bulkhead's of all at or below the 5th
  percentile. They are the same unless returns are tied there; that is checked before one is written.
- empyrical counts years as returns / 252, which for daily bars is Bulkhead's bars / bars per year.
- empyrical takes `risk_free` and `required_return` as a return per bar, Bulkhead a year's: only 0 is compared. Its
  Sortino is the yearly mean over the yearly downside deviation: the two factors leave √252, as in Bulkhead.
- empyrical's `omega_ratio`, `tail_ratio` and `stability_of_timeseries` have no counterpart.
- A metric that is undefined is NaN or 0 in empyrical and null in Bulkhead: none of these curves has one.
"""

import empyrical
import numpy as np
import pandas as pd
from make_vectorbt import DAYS, PACKAGES, PAIRS, cases, write
from scipy import stats

#: Every eleventh pair: each fast and each slow window once.
SOME = PAIRS[::11]
TAIL = 0.05


def cvar(returns: pd.Series) -> float:
    """empyrical's CVaR, where ties at the percentile do not set it apart from Bulkhead's."""
    ordered = np.sort(returns.to_numpy())
    last = int(TAIL * (len(ordered) - 1))
    if ordered[last] == ordered[last + 1]:
        raise SystemExit("returns are tied at the 5th percentile: the definitions of CVaR differ; take another curve")
    return empyrical.conditional_value_at_risk(returns, cutoff=TAIL)


METRICS = {
    "cagr": lambda returns: empyrical.annual_return(returns, annualization=DAYS),
    "volatility": lambda returns: empyrical.annual_volatility(returns, annualization=DAYS),
    "sharpe": lambda returns: empyrical.sharpe_ratio(returns, annualization=DAYS),
    "sortino": lambda returns: empyrical.sortino_ratio(returns, annualization=DAYS),
    "max_drawdown": empyrical.max_drawdown,
    "calmar": lambda returns: empyrical.calmar_ratio(returns, annualization=DAYS),
    "skew": stats.skew,
    "kurtosis": stats.kurtosis,
    "var_95": lambda returns: empyrical.value_at_risk(returns, cutoff=TAIL),
    "cvar_95": cvar,
}


def main() -> None:
    results = {}
    for case in cases():
        returns = case.portfolio.returns()
        results[f"{case.series}/{case.costs}"] = [
            [*pair, *(float(metric(returns.iloc[:, PAIRS.index(pair)])) for metric in METRICS.values())]
            for pair in SOME
        ]
    packages = (*PACKAGES, "empyrical-reloaded", "scipy")
    write("empyrical_metrics", packages, ["fast", "slow", *METRICS], results)


if __name__ == "__main__":
    main()
