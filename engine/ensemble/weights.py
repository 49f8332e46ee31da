"""The ensemble: how strategies' signals are weighted into one."""

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from engine.contracts import CONTRACTS, Contract, Role
from engine.errors import ConfigError, nearest
from engine.stage import Stage

Array = npt.NDArray[np.float64]


class Ensemble(Stage):
    """Weights of the strategies, one for each in config order; the same always, or by regime."""

    kind: ClassVar[str] = "ensemble"
    family: ClassVar[str] = "ensemble"
    contract: ClassVar[Contract] = CONTRACTS[Role.ENSEMBLE]

    method: Literal["equal", "fixed"] = Field("equal", description="1/k for k strategies, or the given weights")
    weights: list[float] | dict[str, list[float]] | None = Field(
        None, description="with fixed: one weight for each strategy, or a list of them for each regime"
    )

    @model_validator(mode="after")
    def _weights_fit_the_method(self) -> "Ensemble":
        if (self.method == "fixed") != (self.weights is not None):
            raise ValueError('weights go with method = "fixed", and method = "fixed" needs weights')
        return self

    def matrix(self, strategies: int, regimes: tuple[str, ...]) -> Array:
        """Weights, float64 (regimes + 1, strategies); row 0 holds before the first label.

        Raises ConfigError when their number or a regime's name is wrong.
        """
        equal = [1.0 / strategies] * strategies
        if self.weights is None:
            rows = [equal] * (len(regimes) + 1)
        elif isinstance(self.weights, list):
            rows = [self.weights] * (len(regimes) + 1)
        else:
            for name in self.weights:
                if name not in regimes:
                    raise ConfigError(f"[ensemble] weights: no regime '{name}'; {nearest(name, regimes)}")
            missing = [name for name in regimes if name not in self.weights]
            if missing:
                raise ConfigError(f"[ensemble] weights: regime '{missing[0]}' has none; give every regime a list")
            rows = [equal] + [self.weights[name] for name in regimes]
        for row in rows:
            if len(row) != strategies:
                raise ConfigError(
                    f"[ensemble] weights: {len(row)} given for {strategies} strategies; give one for each"
                )
        return np.array(rows, dtype=np.float64)


def scales(regime_scale: dict[str, float], regimes: tuple[str, ...]) -> Array:
    """Factors on targets, float64 (regimes + 1,); row 0 holds before the first label. Raises ConfigError."""
    for name in regime_scale:
        if name not in regimes:
            raise ConfigError(f"[risk] regime_scale: no regime '{name}'; {nearest(name, regimes)}")
    return np.array([1.0] + [regime_scale.get(name, 1.0) for name in regimes])
