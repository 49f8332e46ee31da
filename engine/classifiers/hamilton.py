"""Returns whose mean and variance follow a Markov chain: the filter of J. D. Hamilton (Econometrica 57, 1989), and
the slope of the likelihood by the smoother of C.-J. Kim (Journal of Econometrics 60, 1994). Fits use both; labels use
the filter alone.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.compiled import kernel

Array = npt.NDArray[np.float64]
_LOG_2_PI = float(np.log(2.0 * np.pi))


class Parameters(NamedTuple):
    """A chain of k states, ordered by variance; float64 all.

    mean, variance: (k,), of the returns. transition: (k, k), [i, j] the probability of moving from j to i. start: (k,),
    the probabilities one step before the first return.
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


@kernel
def likelihood_slope(returns, mean, variance, transition, start):  # type: ignore[no-untyped-def]
    """How the log-likelihood of all returns changes with mean, variance, transition and start; of the same shapes.

    Fisher's identity: it is the expected slope of the likelihood that would be known if the states were.
    """
    count, states = len(returns), len(mean)
    filtered, _ = hamilton(returns, mean, variance, transition, start)
    by_mean, by_variance, by_start = np.zeros(states), np.zeros(states), np.zeros(states)
    by_transition = np.zeros((states, states))
    smoothed = filtered[count - 1].copy()
    ratio = np.empty(states)
    for t in range(count - 1, -1, -1):
        before = filtered[t - 1] if t > 0 else start
        for i in range(states):
            off = returns[t] - mean[i]
            by_mean[i] += smoothed[i] * off / variance[i]
            by_variance[i] += smoothed[i] * 0.5 * (off * off / variance[i] - 1.0) / variance[i]
            predicted = 0.0
            for j in range(states):
                predicted += transition[i, j] * before[j]
            ratio[i] = smoothed[i] / predicted if predicted > 0.0 else 0.0
        for j in range(states):
            ahead = 0.0
            for i in range(states):
                by_transition[i, j] += ratio[i] * before[j]
                ahead += transition[i, j] * ratio[i]
            by_start[j] = ahead
            smoothed[j] = before[j] * ahead
    return by_mean, by_variance, by_transition, by_start
