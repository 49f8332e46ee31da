"""What a stage's class says of itself, and which kinds a file declares before anything of it is imported."""

from typing import ClassVar

import numpy as np

from bulkhead import Classifier, Field, Strategy
from engine.own.source import Source
from engine.soundness.case import Case
from engine.soundness.causality import causality
from engine.soundness.contract import contract, requests
from engine.soundness.declared import declared, defining, family_of
from engine.soundness.markets import gapped
from engine.stage import Stage


def test_a_class_of_no_family_is_named() -> None:
    class Bare(Stage):
        """Bare."""

        kind = "bare"
        family: ClassVar[str] = "strategy"

    (finding,) = contract(Bare)
    assert finding.severity == "failure"
    assert finding.message.startswith("class Bare must derive from one of Strategy, Classifier, Indicator, RiskCaps")


def test_fields_without_bounds_or_a_sentence_are_noted() -> None:
    class Terse(Strategy):
        """Terse."""

        kind = "terse"
        window: int = 5
        share: float | None = Field(0.5, gt=0, description="of equity")

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            return np.zeros(market.close.shape)

    (finding,) = contract(Terse)
    assert finding.passed and finding.severity == "note"
    assert "window has no description and no bounds (ge, le)" in finding.message and "share" not in finding.message


def test_a_classifier_needs_names_for_its_regimes() -> None:
    class Nameless(Classifier):
        """Nameless."""

        kind = "nameless"

        def label(self, market, indicators):  # type: ignore[no-untyped-def]
            return np.zeros(len(market.time), np.int64)

    assert [finding.severity for finding in contract(Nameless)] == ["failure"]
    twice = type("Twice", (Nameless,), {"regimes": ("up", "up"), "__doc__": "Twice."})
    assert "each once" in contract(twice)[0].message


def test_what_indicators_returns_is_looked_at() -> None:
    class Asks(Strategy):
        """Asks for nothing that there is."""

        kind = "asks"

        def indicators(self):  # type: ignore[no-untyped-def]
            return ["SMA"]

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            return np.zeros(market.close.shape)

    assert "must return a dict" in requests(Asks())[0].message


def test_a_stage_that_only_runs_on_the_whole_is_found_by_changing_what_follows() -> None:
    class Knows(Strategy):
        """Knows bar 399, and fails without it."""

        kind = "knows"

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            return (market.close < market.close[399]).astype(float)

    finding = causality(Case(Knows(), gapped(400, missing=False)))[0]
    assert finding.severity == "look-ahead" and finding.peeked == 399 and finding.column == "close"


def test_a_stage_that_needs_some_bars_does_not_look_ahead() -> None:
    class Needs(Strategy):
        """Fails on too few bars."""

        kind = "needs"

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            if len(market.time) < 100:
                raise ValueError("too few bars")
            return np.where(market.close > 50.0, 1.0, 0.0)

    findings = causality(Case(Needs(), gapped(400, missing=False)))
    assert all(finding.passed for finding in findings)
    assert any("bars alone: ValueError: too few bars" in finding.message for finding in findings)


FILE = """
from bulkhead import Strategy, Classifier
import bulkhead

class One(Strategy):
    kind = "one"

class Two(bulkhead.Classifier):
    kind: str = "two"

class Base:
    kind = compute()
"""


def test_kinds_are_read_off_the_text() -> None:
    source = Source("file", FILE)
    assert declared(source) == ("one", "two")
    assert family_of(source, "one") == "strategy" and family_of(source, "two") == "classifier"
    assert family_of(source, "three") == ""
    assert declared(Source("broken", "def (:")) == ()


def test_a_kind_is_looked_for_where_it_is_declared_then_by_name_then_by_quotation() -> None:
    sources = [Source("file", FILE), Source("three", "x = 1"), Source("quoted", "KIND = 'four'")]
    assert defining(sources, "two") == ("file",)
    assert defining(sources, "three") == ("three",)
    assert defining(sources, "four") == ("quoted",)
    assert defining(sources, "five") == ()
