"""A stage and all that it is given, as checks call it: whole, on a prefix of its market, or with bars changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.classifiers.base import Classifier, carried
from engine.errors import StageError
from engine.indicators.hub import Hub
from engine.indicators.own import Indicator, computed
from engine.market.index import index_market
from engine.market.market import Market, carried_forward
from engine.risk.caps import RiskCaps, capped
from engine.soundness.driven import driven
from engine.soundness.markets import prefix
from engine.stage import Regimes, Stage
from engine.steps import generator
from engine.strategies.bar import BarStrategy
from engine.strategies.base import RandomStrategy, Strategy

Array = npt.NDArray[np.float64]
Known = Mapping[tuple[str, str], type[Indicator]]


@dataclass(frozen=True)
class Case:
    """One call of a stage. `market`: as stages see it; `regimes`: of a classifier, or None; `own`: own indicators.

    `values`: indicators to give instead of those the market has.
    """

    stage: Stage
    market: Market
    seed: int = 1
    regimes: Regimes | None = None
    own: Known = field(default_factory=dict)
    values: Mapping[str, Array] | None = None

    @property
    def kind(self) -> str:
        return self.stage.kind

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the output's columns."""
        return ("the market",) if isinstance(self.stage, Classifier) else self.market.symbols

    def upto(self, bars: int) -> "Case":
        """The first `bars` bars of it."""
        regimes = self.regimes and Regimes(self.regimes.codes[:bars], self.regimes.names)
        return replace(self, market=prefix(self.market, bars), regimes=regimes)

    def seen(self) -> Market:
        """The market that the stage gets: for a classifier, one symbol."""
        stage = self.stage
        return index_market(self.market, stage.reference) if isinstance(stage, Classifier) else self.market

    def given(self, market: Market) -> dict[str, Array]:
        """The indicators that the stage gets on `market`."""
        if self.values is not None:
            return dict(self.values)
        known = self.own
        if not self.stage.indicators():
            return {}

        def compute(requests: Any, market: Market) -> list[Array]:
            return [computed(known, request, market) for request in requests]

        options: dict[str, Any] = {"own": compute} if known else {}
        return Hub(market, **options).take(self.stage)


def raw(case: Case) -> Any:
    """What the stage's method returns, as it is."""
    stage, market = case.stage, case.seen()
    if isinstance(stage, BarStrategy):
        return driven(stage, market, case.given(market), case.regimes)
    if isinstance(stage, RandomStrategy):
        generators = {symbol: generator(case.seed, stage, symbol) for symbol in market.symbols}
        return stage.random_signal(market, case.given(market), case.regimes, generators)
    if isinstance(stage, Strategy):
        return stage.signal(market, case.given(market), case.regimes)
    if isinstance(stage, Classifier):
        return stage.label(market, case.given(market))
    if isinstance(stage, RiskCaps):
        return stage.caps(market, case.given(market), case.regimes)
    if isinstance(stage, Indicator):
        return stage.compute(market)
    raise StageError(f"'{case.kind}' is of family {case.stage.family}, which is not checked")


def output(case: Case) -> Array:
    """What the stage decides, float64 (bars, symbols): what is carried on where it says nothing.

    A strategy's signals as they are held; a classifier's labels, one column; an indicator's values and a rule's caps
    where there is a bar. Raises StageError for what breaks the protocol, and whatever the stage raises.
    """
    values = raw(case)
    for family, decided in _DECIDED.items():
        if isinstance(case.stage, family):
            return decided(case, values)
    raise StageError(f"'{case.kind}' belongs to no family that is checked")


def _held(case: Case, values: Any) -> Array:
    valid = case.market.valid
    shaped("strategy", case.kind, "signal()", values, valid.shape)
    bad = valid & (np.abs(values) > 1.0 + 1e-12)
    if bad.any():
        t, s = np.argwhere(bad)[0].tolist()
        raise StageError(
            f"strategy '{case.kind}': signal {values[t, s]:g} at bar {t} lies outside [-1, 1]; scale or clip it"
        )
    held = carried_forward(values, valid & ~np.isnan(values))
    return np.where(np.isnan(held), 0.0, held)


def _labels(case: Case, values: Any) -> Array:
    assert isinstance(case.stage, Classifier)
    if not isinstance(values, np.ndarray):
        raise StageError(f"classifier '{case.kind}': label() must return an int64 array, not {type(values).__name__}")
    return carried(values, len(case.market.time), case.stage)[:, None].astype(np.float64)


def _values(case: Case, values: Any) -> Array:
    valid = case.market.valid
    shaped("indicator", case.kind, "compute()", values, valid.shape)
    if (valid & np.isinf(values)).any():
        t, s = np.argwhere(valid & np.isinf(values))[0].tolist()
        raise StageError(f"indicator '{case.kind}': {values[t, s]} at bar {t}; give NaN where there is no value")
    return np.where(valid, values, np.nan)


def _caps(case: Case, values: Any) -> Array:
    assert isinstance(case.stage, RiskCaps)
    return capped(values, case.market, case.stage)


_DECIDED: dict[type[Stage], Callable[[Case, Any], Array]] = {
    Strategy: _held,
    Classifier: _labels,
    Indicator: _values,
    RiskCaps: _caps,
}


def shaped(family: str, kind: str, method: str, values: Any, shape: tuple[int, ...]) -> None:
    """Raise StageError unless `values` is a float64 array of this shape."""
    if not isinstance(values, np.ndarray) or values.shape != shape or values.dtype != np.float64:
        got = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise StageError(f"{family} '{kind}': {method} must return float64 {shape} (bars, symbols), not {got}")
