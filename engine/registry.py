"""The stages a config can name, by family and kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from engine.classifiers.base import Classifier
from engine.classifiers.trend import TrendRegimes
from engine.classifiers.volatility import VolatilityRegimes
from engine.indicators.own import Indicator
from engine.stage import Stage
from engine.strategies.base import Strategy
from engine.strategies.bollinger_reversion import BollingerReversion
from engine.strategies.buy_and_hold import BuyAndHold
from engine.strategies.donchian_breakout import DonchianBreakout
from engine.strategies.ma_cross import MaCross
from engine.strategies.random_entry import RandomEntry
from engine.strategies.rsi_reversion import RsiReversion

#: The families that a user may add stages to, and their bases.
FAMILIES: Mapping[str, type[Stage]] = {"strategy": Strategy, "classifier": Classifier, "indicator": Indicator}


@dataclass(frozen=True)
class Registry:
    """Kinds and their classes. The classifier `none` is the absence of one and has no class.

    indicators: a user's own, by (kind, source hash); configs do not name them, stages do.
    """

    strategies: Mapping[str, type[Strategy]]
    classifiers: Mapping[str, type[Classifier]]
    indicators: Mapping[tuple[str, str], type[Indicator]] = field(default_factory=dict)

    @classmethod
    def of(cls, stages: Iterable[type[Stage]]) -> "Registry":
        """A registry of the given classes."""
        strategies: dict[str, type[Strategy]] = {}
        classifiers: dict[str, type[Classifier]] = {}
        indicators: dict[tuple[str, str], type[Indicator]] = {}
        for stage in stages:
            if issubclass(stage, Strategy):
                strategies[stage.kind] = stage
            elif issubclass(stage, Classifier):
                classifiers[stage.kind] = stage
            elif issubclass(stage, Indicator):
                indicators[stage.kind, stage.source_hash] = stage
        return cls(MappingProxyType(strategies), MappingProxyType(classifiers), MappingProxyType(indicators))

    def with_stages(self, stages: Iterable[type[Stage]]) -> "Registry":
        """This registry and some more stages."""
        return Registry.of([*self.strategies.values(), *self.classifiers.values(), *self.indicators.values(), *stages])


BUILT_IN = Registry.of(
    (
        BuyAndHold,
        MaCross,
        RsiReversion,
        BollingerReversion,
        DonchianBreakout,
        RandomEntry,
        VolatilityRegimes,
        TrendRegimes,
    )
)
