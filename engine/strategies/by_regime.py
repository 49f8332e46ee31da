"""Another strategy, with parameters of its own in each regime."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

import numpy as np
from pydantic import Field, PrivateAttr, ValidationError, model_validator
from pydantic.fields import FieldInfo

from engine.config import first_problem
from engine.errors import ConfigError, StageError, nearest
from engine.indicators.request import Request
from engine.market.market import Market
from engine.stage import Regimes
from engine.strategies.bar import BarStrategy
from engine.strategies.base import Array, Strategy
from engine.strategies.changes import shaped

#: A variant's place in the config, e.g. `regimes.calm`, and the variant: its signals.
Dense = Callable[[str, Strategy], Array]


class ByRegime(Strategy):
    """Another strategy, `base`, with other parameters in each regime.

    The signal at a bar is that of the base strategy with the parameters of the bar's regime, as it would be had it run
    with them from the first bar on; a change of regime changes the signal where the other strategy says something, and
    where it says nothing what is held stays. Before the first label, and in regimes that are not named, `parameters`
    hold.
    """

    kind = "by_regime"
    #: The base strategy's class; a class without one is only the way to those that have one (`among`).
    over: ClassVar[type[Strategy] | None] = None

    base: str = Field("ma_cross", description="kind of the strategy", json_schema_extra={"swept": False})
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="parameters of the strategy, where its regime has no others"
    )
    regimes: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="by regime, the parameters that differ there"
    )

    _variants: dict[str, Strategy] = PrivateAttr(default_factory=dict)

    @classmethod
    def among(cls, table: Mapping[str, Any], known: Mapping[str, type[Strategy]], where: str) -> type[Strategy]:
        """The class of strategies by regime over the base that the table names."""
        base = table.get("base", cls.model_fields["base"].default)
        if not isinstance(base, str):
            raise ConfigError(
                f"{where}: base: must be one kind of strategy (got {base!r}); "
                "for alternatives, give each a [[strategy]] in a book of its own"
            )
        if base == cls.kind:
            raise ConfigError(f"{where}: base: a strategy by regime cannot be its own base; name another kind")
        if base not in known:
            raise ConfigError(f"{where}: base: no such kind {base!r}; {nearest(base, known)}")
        over = known[base]
        if issubclass(over, BarStrategy):
            raise ConfigError(f"{where}: base: '{base}' knows its position: it cannot be one of several; name another")
        own = {"over": over, "least_symbols": over.least_symbols, "__module__": cls.__module__, "__doc__": cls.__doc__}
        own["source_hash"] = over.source_hash
        return cast(type[Strategy], type(cls.__name__, (cls,), own))

    @classmethod
    def field_at(cls, place: tuple[str, ...]) -> FieldInfo | None:
        """Inside the tables, the base strategy's own field."""
        inside = {"parameters": 1, "regimes": 2}.get(place[0])
        if inside is None or cls.over is None or len(place) <= inside:
            return super().field_at(place)
        return cls.over.field_at(place[inside:])

    @model_validator(mode="after")
    def _resolved(self) -> "ByRegime":
        """Makes the variants; values are then as the base strategy has them, those of `parameters` complete."""
        first = self._variant("parameters", self.parameters)
        variants = {"parameters": first}
        regimes = {}
        for name, given in self.regimes.items():
            variant = self._variant(f"regimes.{name}", {**self.parameters, **given})
            values = variant.values()
            variants[f"regimes.{name}"] = variant
            regimes[name] = {key: values[key] for key in given}
        object.__setattr__(self, "parameters", first.values())
        object.__setattr__(self, "regimes", regimes)
        self._variants = variants
        return self

    def _variant(self, place: str, values: Mapping[str, Any]) -> Strategy:
        if self.over is None:
            raise ValueError("a strategy by regime is made over its base: ByRegime.among(table, strategies, where)")
        try:
            return self.over.model_validate(values)
        except ValidationError as error:
            path, problem = first_problem(error, self.over)
            raise ValueError(f"{'.'.join(filter(None, (place, path)))}: {problem}") from None

    @property
    def variants(self) -> Mapping[str, Strategy]:
        """The base strategy with each of its sets of parameters, by their place in the config: `regimes.calm`."""
        return self._variants

    def check(self, regimes: tuple[str, ...], where: str) -> None:
        """Raises ConfigError when there is no classifier, or none of its `regimes` has a name that is used."""
        if not regimes:
            raise ConfigError(
                f"{where}: a strategy by regime needs a classifier; add a [classifier], or use '{self.base}' itself"
            )
        for name in self.regimes:
            if name not in regimes:
                raise ConfigError(f"{where}: regimes: no regime '{name}'; {nearest(name, regimes)}")

    def indicators(self) -> dict[str, Request]:
        """Those of all variants, by the variant's place and the name it knows them by: `regimes.calm.fast`."""
        return {
            f"{place}.{name}": request
            for place, variant in self._variants.items()
            for name, request in variant.indicators().items()
        }

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        def dense(place: str, variant: Strategy) -> Array:
            own = {name: indicators[f"{place}.{name}"] for name in variant.indicators()}
            return variant.signal(market, own, regimes)

        return self.spliced(dense, market, regimes)

    def spliced(self, dense: Dense, market: Market, regimes: Regimes | None) -> Array:
        """At each bar the signals of the variant of its label, float64 (bars, symbols). `dense` gives a variant's."""
        if regimes is None:
            raise StageError(f"strategy '{self.kind}' needs the labels of a classifier")
        places = list(self._variants)
        named = [f"regimes.{name}" for name in regimes.names]
        numbers = np.array([0, *(places.index(place) if place in places else 0 for place in named)])
        taken = numbers[regimes.codes + 1]
        out = np.full(market.valid.shape, np.nan)
        for number in np.unique(taken).tolist():
            bars = taken == number
            variant = self._variants[places[number]]
            out[bars] = shaped(dense(places[number], variant), market.valid.shape, self.base)[bars]
        return out
