"""A stand-in for a user's stage: a class with its parameters, bounds and names, and none of its code.

Where stages are only named, swept, shown or hashed, a stand-in is as good as the class itself, and nothing of the user
is imported. What it would compute is asked of a child (`asking.py`).
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import Field, create_model

from engine.classifiers.base import Classifier, Codes
from engine.indicators.own import Indicator
from engine.indicators.request import Request
from engine.market.market import Market
from engine.own.annotations import annotation
from engine.registry import FAMILIES
from engine.risk.caps import RiskCaps
from engine.stage import Regimes, Stage
from engine.strategies.bar import Bar, BarStrategy, Signal
from engine.strategies.base import Array, Strategy
from engine.sweep import canonical


class StandIn:
    """Marks a stand-in. Its methods raise: the code is in a child."""

    def _refuse(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} stands in for a user's stage, whose code runs in a child")


class _Strategy(StandIn, Strategy):
    def indicators(self) -> dict[str, Request]:
        found: dict[str, Request] = self._refuse()
        return found

    def signal(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        found: Array = self._refuse()
        return found


class _Classifier(StandIn, Classifier):
    def indicators(self) -> dict[str, Request]:
        found: dict[str, Request] = self._refuse()
        return found

    def label(self, market: Market, indicators: Mapping[str, Array]) -> Codes:
        found: Codes = self._refuse()
        return found


class _BarStrategy(StandIn, BarStrategy):
    def indicators(self) -> dict[str, Request]:
        found: dict[str, Request] = self._refuse()
        return found

    def on_bar(self, bar: Bar) -> Signal:
        found: Signal = self._refuse()
        return found


class _Risk(StandIn, RiskCaps):
    def indicators(self) -> dict[str, Request]:
        found: dict[str, Request] = self._refuse()
        return found

    def caps(self, market: Market, indicators: Mapping[str, Array], regimes: Regimes | None) -> Array:
        found: Array = self._refuse()
        return found


class _Indicator(StandIn, Indicator):
    def compute(self, market: Market) -> Array:
        found: Array = self._refuse()
        return found


_BASES: dict[str, type[Stage]] = {
    "strategy": _Strategy,
    "bar strategy": _BarStrategy,
    "classifier": _Classifier,
    "risk": _Risk,
    "indicator": _Indicator,
}
assert FAMILIES.keys() <= _BASES.keys()


def stand_in(described: Mapping[str, Any]) -> type[Stage]:
    """The stand-in for a stage that `catalogue.describe` has told of. Equal descriptions give the same class."""
    return _made(canonical(described))


@lru_cache(maxsize=512)
def _made(text: str) -> type[Stage]:
    described = json.loads(text)
    fields: dict[str, Any] = {}
    base = _BASES["bar strategy" if described["bar_by_bar"] else described["family"]]
    for entry in described["fields"]:
        inherited = base.model_fields.get(entry["name"])
        if inherited is not None and inherited.description == entry["description"]:
            continue  # so that it stands where forms have what is inherited
        options = dict(entry.get("bounds", {}))
        if entry.get("unit"):
            options["json_schema_extra"] = {"unit": entry["unit"]}
        default = ... if entry["required"] else entry["default"]
        fields[entry["name"]] = annotation(entry["type"]), Field(default, description=entry["description"], **options)
    build: Any = create_model
    made = build(described["class"], __base__=base, __doc__=described["doc"] or None, **fields)
    made.kind, made.source_hash = described["kind"], described["hash"]
    if described["family"] == "classifier":
        made.regimes = tuple(described["regimes"])
    found: type[Stage] = made
    return found
