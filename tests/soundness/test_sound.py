"""What is sound passes: no check may cry wolf."""

from pathlib import Path

import numpy as np
import pytest

from engine.market.market import Market
from engine.registry import BUILT_IN
from engine.soundness.case import Case
from engine.soundness.causality import STABILITY, causality
from engine.soundness.corners import corners
from engine.soundness.examine import Job, examine, examine_stage
from engine.soundness.finding import Finding
from engine.soundness.markets import gapped
from engine.stage import Stage
from engine.strategies.base import Strategy
from tests.engine.small import small_market
from tests.soundness.sound import SOUND

MARKET = small_market(bars=500, symbols=3)
#: `by_regime` is made over another strategy, which is checked itself.
KINDS = sorted({*BUILT_IN.strategies, *BUILT_IN.classifiers} - {"by_regime"})


def wrong(findings: list[Finding]) -> list[str]:
    return [f"{finding.check}: {finding.message}" for finding in findings if not finding.passed]


@pytest.mark.parametrize("stage", SOUND, ids=lambda stage: stage.kind)
def test_a_sound_stage_passes_every_check(stage: Stage) -> None:
    findings = list(examine_stage(Case(stage, MARKET)))
    assert wrong(findings) == []
    assert {"mutation", "shape and range", "kept state", "causality", "parameters", "speed"} <= {
        finding.check for finding in findings
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_stage_is_sound(kind: str) -> None:
    findings = list(examine(Job(kind, MARKET)))
    assert wrong(findings) == []
    assert not [finding.message for finding in findings if finding.check == "contract" and finding.severity == "note"]


def test_last_digits_that_depend_on_the_length_are_said_and_allowed() -> None:
    class Digits(Strategy):
        """The last digit of its signal depends on how many bars there are."""

        kind = "digits"

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            return np.full(market.close.shape, 0.5 + 1e-15 * (len(market.time) % 7))

    findings = causality(Case(Digits(), MARKET))
    assert wrong(findings) == []
    assert any(finding.check == STABILITY and "not bit-stable" in finding.message for finding in findings)


def test_more_than_rounding_is_look_ahead() -> None:
    class Drifts(Strategy):
        """A little too much of it does."""

        kind = "drifts"

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            return np.full(market.close.shape, 0.5 + 1e-11 * (len(market.time) % 7))

    assert causality(Case(Drifts(), MARKET))[0].severity == "look-ahead"


def test_a_choice_that_looks_ahead_is_found_behind_sound_defaults() -> None:
    from typing import Literal

    from bulkhead import Field

    class Choice(Strategy):
        """Sound unless it is asked not to be."""

        kind = "choice"
        mode: Literal["past", "future"] = Field("past", description="which way")

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            shifted = np.full(market.close.shape, np.nan)
            if self.mode == "past":
                shifted[1:] = market.close[:-1]
            else:
                shifted[:-1] = market.close[1:]
            return (market.close < shifted).astype(float)

    finding = corners(Case(Choice(), gapped(160)))[0]
    assert finding.severity == "look-ahead" and finding.message.startswith("with mode = 'future': uses bar ")


def test_a_bound_at_which_it_fails_is_named() -> None:
    from bulkhead import Field

    class Divides(Strategy):
        """Divides by its parameter."""

        kind = "divides"
        by: int = Field(3, ge=0, le=9, description="what by")

        def signal(self, market, indicators, regimes):  # type: ignore[no-untyped-def]
            return np.full(market.close.shape, 1 // self.by * 1.0)

    finding = corners(Case(Divides(), gapped(160)))[0]
    assert finding.severity == "failure" and "with by = 0 it fails: ZeroDivisionError" in finding.message


def test_checks_of_a_stage_can_be_made_in_a_test(tmp_path: Path) -> None:
    import bulkhead

    assert wrong(bulkhead.check_stage(SOUND[0])) == []
    assert isinstance(bulkhead.Market, type) and issubclass(bulkhead.Market, Market)
