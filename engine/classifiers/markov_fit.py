"""Fits a Markov-switching model to returns with statsmodels. Import it where it is used: it takes a second to load."""

import warnings

import numpy as np
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from engine.classifiers.hamilton import Array, Parameters, hamilton, likelihood_slope

#: Where every search begins, for returns of variance 1: means of 0, these variances, and this chance of staying.
VARIANCES = {2: (0.4, 2.0), 3: (0.25, 0.8, 2.5)}
STAY = 0.95
#: A state of less variance, or a transition less likely, than this: the likelihood has no maximum, or no use for it.
LEAST_VARIANCE, LEAST_TRANSITION = 1e-6, 1e-20


class _Model(MarkovRegression):  # type: ignore[misc]
    """statsmodels' model, its likelihood and slope computed by our kernels: twenty times faster than complex steps."""

    def loglike(self, params: Array, transformed: bool = True) -> float:
        constrained = np.asarray(params) if transformed else self.transform_params(params)
        return float(hamilton(self.endog, *self.read(constrained))[1])

    def score(self, params: Array, transformed: bool = True) -> Array:
        """The slope at unconstrained parameters: means, square roots of variances, log odds of transitions."""
        if transformed:
            raise NotImplementedError("the search asks for unconstrained parameters")
        read = self.read(self.transform_params(params))
        by_mean, by_variance, by_transition, by_start = likelihood_slope(self.endog, *read)
        # the chain starts from its stationary distribution, which changes with the transitions: π = Pπ, so
        # (1 − P) dπ = dP π, and the sum of dπ is 0
        inverse = np.linalg.inv(np.eye(self.k_regimes) - read.transition + read.start[:, None])
        by_transition += np.outer(by_start @ inverse, read.start)
        slope = np.empty(len(params))
        slope[self.parameters["variance"]] = by_variance * 2.0 * params[self.parameters["variance"]]
        by_odds = read.transition * (by_transition - (read.transition * by_transition).sum(axis=0))
        for i in range(self.k_regimes):
            slope[self.parameters[i, "exog"]] = by_mean[i]
            slope[self.parameters[i, "regime_transition"]] = by_odds[:-1, i]
        return slope

    def begin(self) -> Array:
        """The parameters that a search begins with."""
        states = self.k_regimes
        params = np.zeros(self.k_params)
        params[self.parameters["variance"]] = VARIANCES[states]
        for i in range(states):
            chances = np.full(states, (1.0 - STAY) / (states - 1))
            chances[i] = STAY
            params[self.parameters[i, "regime_transition"]] = chances[:-1]
        return params

    def read(self, params: Array) -> Parameters:
        """statsmodels' vector by name."""
        mean = np.array([params[self.parameters[i, "exog"]][0] for i in range(self.k_regimes)])
        variance = np.array(params[self.parameters["variance"]])
        transition = self.regime_transition_matrix(params)
        start = np.asarray(self.initial_probabilities(params, transition))
        return Parameters(mean, variance, np.maximum(transition[:, :, 0], LEAST_TRANSITION), start)


def fitted(returns: Array, states: int) -> Parameters | None:
    """The maximum of the likelihood that a search (BFGS) from fixed parameters finds, or None when it finds none.

    `returns`: float64 (n,), finite. The result depends on them alone.
    """
    scale = float(np.std(returns))
    if not scale > 0.0:
        return None
    model = _Model(returns / scale, states, switching_variance=True)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            # no steps of EM and no random search before it: neither finds more, both take longer
            result = model.fit(model.begin(), em_iter=0, cov_type="none", maxiter=200)
        except (ValueError, np.linalg.LinAlgError):  # the search left the parameters that have a stationary chain
            return None
    found = model.read(np.asarray(result.params))
    usable = all(np.isfinite(values).all() for values in found) and found.variance.min() > LEAST_VARIANCE
    if not (result.mle_retvals["converged"] and usable):
        return None
    order = np.argsort(found.variance, kind="stable")
    return Parameters(
        found.mean[order] * scale,
        found.variance[order] * scale**2,
        np.ascontiguousarray(found.transition[order][:, order]),
        found.start[order],
    )
