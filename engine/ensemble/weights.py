"""The ensemble: how strategies' signals are weighted into one."""

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from engine.contracts import CONTRACTS, Contract, Role
from engine.errors import ConfigError, nearest
from engine.projections.catalogue import METRICS
from engine.stage import Stage

Array = npt.NDArray[np.float64]
Weights = list[float] | dict[str, list[float]]

#: The methods that are told more than their name, and by which keys.
_USES: dict[str, tuple[str, ...]] = {
    "samples": ("random", "tpe"),
    "step": ("grid",),
    "by_regime": ("inverse_volatility", "grid", "random", "tpe"),
    "signed": ("grid", "random", "tpe"),
    "objective": ("tpe",),
}


class Ensemble(Stage):
    """Weights of the strategies, one for each in config order; the same always, or by regime. With `grid`, `random` and
    `tpe` many weight vectors are tried: each is a container, whose method is then `fixed`."""

    kind: ClassVar[str] = "ensemble"
    family: ClassVar[str] = "ensemble"
    contract: ClassVar[Contract] = CONTRACTS[Role.ENSEMBLE]

    method: Literal["equal", "fixed", "inverse_volatility", "grid", "random", "tpe"] = Field(
        "equal",
        description="equal: 1/k for k strategies; fixed: the given weights; inverse_volatility: in proportion to "
        "1 / volatility of each strategy's own signals (their value at a close × the return to the next, mean over the "
        "symbols) over the bars before test_start (all bars without one: in sample); grid: all weights in steps; "
        "random: so many, drawn evenly; tpe: those that a search asks for",
    )
    weights: list[float] | dict[str, list[float]] | None = Field(
        None, description="with fixed: one weight for each strategy, or a list of them for each regime"
    )
    samples: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="with random and tpe: how many weight vectors are tried",
        json_schema_extra={"swept": False},
    )
    step: float = Field(
        0.25, gt=0.0, le=1.0, description="with grid: from one weight to the next", json_schema_extra={"swept": False}
    )
    by_regime: bool = Field(
        False, description="with inverse_volatility, grid, random and tpe: a weight vector for each regime"
    )
    signed: bool = Field(
        False,
        description="with grid, random and tpe: weights may be negative, their sizes summing to 1; else none is below "
        "0 and they sum to 1",
        json_schema_extra={"swept": False},
    )
    objective: str = Field(
        "sharpe",
        description="with tpe: the metric (before test_start) that is searched for, its better side first",
        json_schema_extra={"swept": False},
    )

    @model_validator(mode="after")
    def _keys_fit_the_method(self) -> "Ensemble":
        if (self.method == "fixed") != (self.weights is not None):
            raise ValueError('weights go with method = "fixed", and method = "fixed" needs weights')
        for key, methods in _USES.items():
            if getattr(self, key) != type(self).model_fields[key].default and self.method not in methods:
                raise ValueError(f"{key} goes with method = {' or '.join(map(repr, methods))}; remove it, or change it")
        if self.method == "random" and self.samples is None:
            raise ValueError('method = "random" needs samples')
        if self.objective not in METRICS:
            raise ValueError(f"objective: there is no metric '{self.objective}'; {nearest(self.objective, METRICS)}")
        return self

    def decides(self) -> dict[str, Any]:
        """The parameters without those of other methods."""
        return self._own(super().decides())

    def values(self) -> dict[str, Any]:
        """The parameters as plain data, without those of other methods."""
        return self._own(super().values())

    def _own(self, values: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in values.items() if self.method in _USES.get(key, (self.method,))}

    def check(self, strategies: int, regimes: tuple[str, ...]) -> None:
        """Raise ConfigError when what is given by regime, or for each strategy, does not fit these."""
        self.check_regimes(regimes)
        if self.method != "inverse_volatility":
            self.matrix(strategies, regimes)

    def check_regimes(self, regimes: tuple[str, ...]) -> None:
        """Raise ConfigError when weights by regime are asked for and there are none."""
        if self.by_regime and not regimes:
            raise ConfigError("[ensemble] by_regime: there are no regimes; add a [classifier], or take it out")

    def matrix(self, strategies: int, regimes: tuple[str, ...]) -> Array:
        """Weights, float64 (regimes + 1, strategies); row 0 holds before the first label.

        Raises ConfigError when their number or a regime's name is wrong, or they have yet to be found.
        """
        if self.method not in ("equal", "fixed"):
            raise ConfigError(f'[ensemble] method "{self.method}" cannot be one of a list of methods; give it alone')
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
