"""The filter of J. D. Hamilton, Econometrica 57, 1989, for returns whose mean and variance follow a Markov chain."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.compiled import kernel

Array = npt.NDArray[np.float64]
_LOG_2_PI = float(np.log(2.0 * np.pi))


class Parameters(NamedTuple):
    """A chain of k states, ordered by variance; float64 all.

    mean, variance: (k,), of the returns. transition: (k, k), [i, j] the probability of moving from j to i. start: (k,),
    the probabilities before the first return.
    """

    mean: Array
    variance: Array
    transition: Array
    start: Array


@kernel
def hamilton(returns, mean, variance, transition, start):  # type: ignore[no-untyped-def]
    """Probabilities of the states given the returns up to each, float64 (n, k), and the log-likelihood of all."""
    count, states = len(returns), len(mean)
    filtered = np.empty((count, states))
    before = start.copy()
    density = np.empty(states)
    total = 0.0
    for t in range(count):
        largest = -np.inf
        for i in range(states):
            off = returns[t] - mean[i]
            density[i] = -0.5 * (off * off / variance[i] + np.log(variance[i]) + _LOG_2_PI)
            largest = max(largest, density[i])
        joint = 0.0
        for i in range(states):
            predicted = 0.0
            for j in range(states):
                predicted += transition[i, j] * before[j]
            # relative to the largest density: far out in the tails all of them are 0
            filtered[t, i] = predicted * np.exp(density[i] - largest)
            joint += filtered[t, i]
        for i in range(states):
            filtered[t, i] /= joint
            before[i] = filtered[t, i]
        total += largest + np.log(joint)
    return filtered, total
