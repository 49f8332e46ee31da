"""The stages a config can name, by family and kind."""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Registry:
    """Kinds and their classes. The classifier `none` is the absence of one and has no class."""

    strategies: Mapping[str, type[Strategy]]
    classifiers: Mapping[str, type[Classifier]]

    @classmethod
    def of(cls, stages: Iterable[type[Stage]]) -> "Registry":
        """A registry of the given classes."""
        strategies: dict[str, type[Strategy]] = {}
        classifiers: dict[str, type[Classifier]] = {}
        for stage in stages:
            if issubclass(stage, Strategy):
                strategies[stage.kind] = stage
            elif issubclass(stage, Classifier):
                classifiers[stage.kind] = stage
        return cls(MappingProxyType(strategies), MappingProxyType(classifiers))

    def with_modules(self, modules: Iterable[str]) -> "Registry":
        """This registry and the stages defined in `modules` (imported here: only ever in a container's own child)."""
        stages: list[type[Stage]] = [*self.strategies.values(), *self.classifiers.values()]
        for name in modules:
            module = importlib.import_module(name)
            stages.extend(
                item
                for item in vars(module).values()
                if isinstance(item, type) and issubclass(item, Stage) and item.__module__ == name
            )
        return Registry.of(stages)


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
