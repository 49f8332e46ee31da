"""The stages a config can name, by family and kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from engine.classifiers.adx_trend import AdxTrendRegimes
from engine.classifiers.base import Classifier
from engine.classifiers.breakout import BreakoutRegimes
from engine.classifiers.drawdown import DrawdownRegimes
from engine.classifiers.markov_switching import MarkovSwitchingRegimes
from engine.classifiers.trend import TrendRegimes
from engine.classifiers.volatility import VolatilityRegimes
from engine.classifiers.volatility_quantile import VolatilityQuantileRegimes
from engine.classifiers.volatility_trend import VolatilityTrendRegimes
from engine.indicators.own import Indicator
from engine.risk.caps import RiskCaps
from engine.risk.standard import Risk
from engine.stage import Stage
from engine.strategies.base import Strategy
from engine.strategies.bollinger_reversion import BollingerReversion
from engine.strategies.buy_and_hold import BuyAndHold
from engine.strategies.by_regime import ByRegime
from engine.strategies.cross_sectional_momentum import CrossSectionalMomentum
from engine.strategies.donchian_breakout import DonchianBreakout
from engine.strategies.ma_cross import MaCross
from engine.strategies.macd import Macd
from engine.strategies.momentum import Momentum
from engine.strategies.pairs import Pairs
from engine.strategies.random_entry import RandomEntry
from engine.strategies.rsi_reversion import RsiReversion
from engine.strategies.turn_of_month import TurnOfMonth
from engine.strategies.volatility_breakout import VolatilityBreakout

#: The families that a user may add stages to, and their bases.
FAMILIES: Mapping[str, type[Stage]] = {
    "strategy": Strategy,
    "classifier": Classifier,
    "risk": RiskCaps,
    "indicator": Indicator,
}


@dataclass(frozen=True)
class Registry:
    """Kinds and their classes. The classifier `none` is the absence of one and has no class.

    indicators: a user's own, by (kind, source hash); configs do not name them, stages do.
    """

    strategies: Mapping[str, type[Strategy]]
    classifiers: Mapping[str, type[Classifier]]
    risks: Mapping[str, type[Risk]]
    indicators: Mapping[tuple[str, str], type[Indicator]] = field(default_factory=dict)

    @classmethod
    def of(cls, stages: Iterable[type[Stage]]) -> "Registry":
        """A registry of the given classes."""
        strategies: dict[str, type[Strategy]] = {}
        classifiers: dict[str, type[Classifier]] = {}
        risks: dict[str, type[Risk]] = {Risk.kind: Risk}
        indicators: dict[tuple[str, str], type[Indicator]] = {}
        for stage in stages:
            if issubclass(stage, Strategy):
                strategies[stage.kind] = stage
            elif issubclass(stage, Classifier):
                classifiers[stage.kind] = stage
            elif issubclass(stage, Risk):
                risks[stage.kind] = stage
            elif issubclass(stage, Indicator):
                indicators[stage.kind, stage.source_hash] = stage
        named = strategies, classifiers, risks, indicators
        return cls(*[MappingProxyType(kinds) for kinds in named])

    def with_stages(self, stages: Iterable[type[Stage]]) -> "Registry":
        """This registry and some more stages."""
        known = self.strategies, self.classifiers, self.risks, self.indicators
        return Registry.of([*(stage for kinds in known for stage in kinds.values()), *stages])

    def named(self, family: str) -> Mapping[str, type[Stage]]:
        """The kinds that a config can name in a section: strategy, classifier or risk."""
        kinds: dict[str, Mapping[str, type[Stage]]] = {
            "strategy": self.strategies,
            "classifier": self.classifiers,
            "risk": self.risks,
        }
        return kinds[family]


BUILT_IN = Registry.of(
    (
        BuyAndHold,
        MaCross,
        RsiReversion,
        BollingerReversion,
        DonchianBreakout,
        RandomEntry,
        Macd,
        Momentum,
        CrossSectionalMomentum,
        Pairs,
        VolatilityBreakout,
        TurnOfMonth,
        ByRegime,
        VolatilityRegimes,
        TrendRegimes,
        VolatilityQuantileRegimes,
        AdxTrendRegimes,
        VolatilityTrendRegimes,
        DrawdownRegimes,
        BreakoutRegimes,
        MarkovSwitchingRegimes,
    )
)
