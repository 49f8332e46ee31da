"""The patterns: routes over the same stages, as data. A container walks its route from left to right."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.contracts import Role

#: Stages that stand together depend on each other bar by bar and are walked as one.
Route = tuple[tuple[Role, ...], ...]

ROUTES: Mapping[str, Route] = MappingProxyType(
    {
        "full_backtest": (
            (Role.MARKET,),
            (Role.HUB,),
            (Role.CLASSIFIER,),
            (Role.STRATEGY,),
            (Role.ENSEMBLE,),
            (Role.RISK, Role.EXECUTION),
        ),
        "signal_generation": (
            (Role.MARKET,),
            (Role.HUB,),
            (Role.CLASSIFIER,),
            (Role.STRATEGY,),
            (Role.ANALYSIS,),
        ),
        "signal_replay": (
            (Role.MARKET,),
            (Role.STORE,),
            (Role.ENSEMBLE,),
            (Role.RISK, Role.EXECUTION),
        ),
        # a full backtest with a strategy that knows its position
        "bar_by_bar": (
            (Role.MARKET,),
            (Role.HUB,),
            (Role.CLASSIFIER,),
            (Role.BAR_STRATEGY, Role.ENSEMBLE, Role.RISK, Role.EXECUTION),
        ),
    }
)
