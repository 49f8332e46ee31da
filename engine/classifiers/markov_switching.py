"""Two or three regimes of a Markov-switching model of returns, fitted on earlier bars and filtered forward."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from engine.classifiers.base import Array, Classifier, Codes
from engine.classifiers.hamilton import Parameters, hamilton
from engine.indicators.request import Request, indicator
from engine.market.market import Market


class MarkovSwitchingRegimes(Classifier):
    """The likeliest state of a Markov chain under which returns are normal with a mean and a variance of each state's
    own, given the returns so far (J. D. Hamilton, Econometrica 57, 1989: filtered probabilities, never smoothed).
    States are named by their variance. The model (statsmodels' MarkovRegression) is fitted by maximum likelihood, from
    fixed starting parameters, to the returns before a bar: first after `min_history` of them, then every `fit_every`.
    From each fit on, the filter runs anew over the returns that the fit saw and those since. A fit that does not
    converge keeps the parameters of the last that did; before the first there is no label."""

    kind = "markov_switching"
    regimes: ClassVar[tuple[str, ...]] = ("calm", "middle", "turbulent")

    states: int = Field(2, ge=2, le=3, description="2: calm and turbulent; 3: calm, middle and turbulent")
    min_history: int = Field(
        504, ge=30, le=20000, description="returns before the first fit", json_schema_extra={"unit": "bars"}
    )
    fit_every: int = Field(
        252, ge=5, le=20000, description="from one fit to the next", json_schema_extra={"unit": "bars"}
    )
    max_history: int | None = Field(
        None,
        ge=30,
        le=100000,
        description="newest returns that a fit sees; default: all there are",
        json_schema_extra={"unit": "bars"},
    )

    def indicators(self) -> dict[str, Request]:
        return {"returns": indicator("ROCP", "close", timeperiod=1)}

    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        returns = indicators["returns"][:, 0]
        own = np.flatnonzero(np.isfinite(returns))
        likely = np.array((0, 2) if self.states == 2 else (0, 1, 2))
        codes = np.full(len(returns), -1, np.int64)
        for first, probabilities in self.filtered(returns[own]):
            codes[own[first : first + len(probabilities)]] = likely[probabilities.argmax(axis=1)]
        return codes

    def filtered(self, returns: Array) -> Iterator[tuple[int, Array]]:
        """For each fit that leaves parameters: the number of the first return after it, and filtered probabilities,
        float64 (returns until the next fit, states), calmest state first. `returns`: float64 (n,), finite."""
        if len(returns) <= self.min_history:
            return
        from engine.classifiers.markov_fit import fitted  # a second to load, so only where there is something to fit

        known: Parameters | None = None
        for bar in range(self.min_history, len(returns), self.fit_every):
            begin = max(0, bar - self.max_history) if self.max_history else 0
            known = fitted(returns[begin:bar], self.states) or known
            if known is not None:
                yield bar, hamilton(returns[begin : bar + self.fit_every], *known)[0][bar - begin :]
