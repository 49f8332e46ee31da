"""The stage library as a service: every stage is in it, its example is an experiment, its figures are right."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from app.services import example, library
from app.services.drafting import Draft
from app.services.drafting_check import outlook
from app.services.example import Example
from app.services.home import Home
from app.services.library import Entry
from engine import config
from engine.errors import ConfigError, StageError
from engine.experiment import parse_experiment
from engine.registry import BUILT_IN, Registry
from engine.strategies.base import Strategy
from tests.app.own import FILES

#: A strategy that knows its position: in for five bars, out for as many.
HOLDER = '''
from bulkhead import BarStrategy


class Holder(BarStrategy):
    """In for five bars, out for as many.

        signal = 1 while 0 < position

    And so on."""

    kind = "my_holder"

    def on_bar(self, bar):
        return 1.0 if bar.number // 5 % 2 == 0 else 0.0
'''
RISK = '''
import numpy as np
from pydantic import Field
from engine.risk.caps import RiskCaps


class Calm(RiskCaps):
    """Half of everything."""

    kind = "my_calm"
    limit: float = Field(0.5, gt=0, le=1, description="largest weight")

    def caps(self, market, indicators, regimes):
        return np.full(market.close.shape, self.limit)
'''
BROKEN = "import nothing_like_this\n"


class Said(NamedTuple):
    """A verdict."""

    verdict: str
    refused: bool
    text: str


def entry(kind: str, home: Home) -> Entry:
    found = library.library(home).get(kind)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with own stages of every family, and a file that cannot be used."""
    found = Home(tmp_path_factory.mktemp("library"))
    folder = found.path / "stages"
    folder.mkdir()
    for name, text in {**FILES, "my_holder": HOLDER, "my_calm": RISK, "broken": BROKEN}.items():
        (folder / f"{name}.py").write_text(text)
    return found


def made(home: Home, kind: str, draft: Draft | None = None, **table: object) -> Example:
    item = entry(kind, home)
    draft = library.start(item) if draft is None else draft
    section = draft[item.family]
    section = [{**section[0], **table}] if item.family == "strategy" else {**section, **table}
    market = home.datasets.market("us-tech")
    return example.example({**draft, item.family: section}, item.family, market, library.library(home).own)


def kinds(registry: Registry = BUILT_IN) -> list[str]:
    single = ("portfolio", "ensemble", "execution")
    return [*registry.strategies, *registry.classifiers, *registry.risks, *single]


OWN = ("my_breakout", "my_holder", "my_mood", "my_calm")


# --- what there is ---------------------------------------------------------------------------------------------------


def test_every_kind_that_a_config_can_name_is_in_it_once(tmp_path: Path) -> None:
    assert sorted(item.kind for item in library.library(Home(tmp_path)).entries) == sorted(kinds())


def test_own_stages_are_in_it_with_their_files_and_broken_files_with_a_line(home: Home) -> None:
    found = library.library(home)
    own = {item.kind: item for item in found.entries if item.own}
    assert own.keys() == {*OWN, "my_range"}
    assert own["my_range"].file == "stages/my_lib.py" and own["my_range"].family == "indicator"
    assert own["my_calm"].family == "risk" and own["my_mood"].regimes == ("good", "bad")
    assert list(found.problems) == ["broken"] and "nothing_like_this" in found.problems["broken"]
    assert not any(name in sys.modules for name in FILES), "no file of the user is imported here"


def test_a_formula_keeps_its_lines(home: Home) -> None:
    first, formula, last = entry("my_holder", home).paragraphs
    assert first == "In for five bars, out for as many." and last == "And so on."
    assert formula.lstrip() == "signal = 1 while 0 < position" and formula != formula.lstrip()


def test_an_entry_has_the_verdict_of_its_check(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def verdict(home: Home, kind: str, source_hash: str) -> Said | None:
        return Said("look-ahead", True, "at bar 7") if kind == "my_breakout" else None

    monkeypatch.setattr(library, "verdict", verdict)
    found = entry("my_breakout", home).verdict
    assert found is not None and found.refused and found.text == "at bar 7"
    assert entry("my_mood", home).verdict is None


# --- the drafts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*kinds(), *OWN])
def test_the_experiment_with_a_stage_can_run(home: Home, kind: str) -> None:
    item = entry(kind, home)
    draft = library.experiment(item, library.start(item))
    found = outlook(home, draft)
    assert found.problem is None and found.containers == 1
    spec = parse_experiment(draft, library.library(home).own.registry)
    named = [stage.kind for branch in spec.sweep.branches for stage in spec.sweep.stages(spec.ranks)]
    assert kind in named


@pytest.mark.parametrize("kind", [*kinds(), *OWN])
def test_a_snippet_says_what_the_draft_says(home: Home, kind: str) -> None:
    item = entry(kind, home)
    draft = library.start(item)
    told = config.load(library.snippet(item, draft))
    assert told.keys() == {item.family}
    registry = library.library(home).own.registry
    other = {**draft, **told}
    plain = [parse_experiment(one, registry).sweep for one in (draft, other)]
    assert [stage.values() for stage in plain[0].stages(np.arange(1))] == [
        stage.values() for stage in plain[1].stages(np.arange(1))
    ]


# --- the figures -----------------------------------------------------------------------------------------------------


def test_the_signal_of_a_crossing_is_that_of_two_rolling_means(home: Home) -> None:
    found = made(home, "ma_cross", fast=10, slow=30)
    assert found.signal is not None
    for column in range(len(found.symbols)):
        close = pd.Series(found.prices[:, column, 3]).dropna()
        above = (close.rolling(10).mean() > close.rolling(30).mean()).to_numpy()
        crossed = np.flatnonzero(above[30:] & ~above[29:-1])[0] + 30
        signal = found.signal[close.index, column]
        assert (signal[:crossed] == 0).all()
        assert (signal[crossed:] == above[crossed:]).mean() > 0.999, "but for equal means, which only rounding tells"
        (fast,) = [item for item in found.indicators if item.name == "fast"]
        assert fast.on_price
        np.testing.assert_allclose(
            fast.values[close.index, column], close.rolling(10).mean().to_numpy(), rtol=1e-9, equal_nan=True
        )


def test_an_own_strategy_is_drawn_as_the_built_in_one_that_does_the_same(home: Home) -> None:
    own = made(home, "my_breakout", window=40)
    same = made(home, "donchian_breakout", entry=40, exit=40)
    np.testing.assert_array_equal(own.signal, same.signal)
    assert {item.name for item in own.indicators} == {"high", "low", "range", "smooth"}
    assert not any(name in sys.modules for name in FILES)


def test_a_strategy_that_knows_its_position_is_walked_bar_by_bar(home: Home) -> None:
    found = made(home, "my_holder")
    assert found.signal is not None
    valid = np.isfinite(found.prices[:, 2, 3])
    bars = np.flatnonzero(valid)
    np.testing.assert_array_equal(found.signal[bars, 2], (bars // 5 % 2 == 0).astype(float))


def test_the_regimes_of_an_own_classifier(home: Home) -> None:
    found = made(home, "my_mood", window=20)
    close = pd.Series(found.prices[:, 0, 3])
    average = close.rolling(20).mean()
    wanted = np.where(average.isna(), -1, np.where(close > average, 0, 1))
    assert found.symbols == ("index",) and found.regimes == ("good", "bad") and found.signal is None
    assert (found.codes == wanted).mean() > 0.999


def test_an_own_indicator(home: Home) -> None:
    item = entry("my_range", home)
    market = home.datasets.market("us-tech")
    found = example.indicator(item.model, {"window": 5}, market, library.library(home).own)
    (values,) = found.indicators
    ibm = market.symbols.index("IBM")
    wanted = pd.Series(market.high[:, ibm] - market.low[:, ibm]).rolling(5).mean().to_numpy()
    np.testing.assert_allclose(values.values[5:, ibm], wanted[5:], rtol=1e-9)


def test_an_example_looks_at_the_first_symbols_only(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "SYMBOLS", 2)
    assert made(home, "macd").symbols == home.datasets.market("us-tech").symbols[:2]


def test_a_value_that_is_refused_is_refused_in_one_line(home: Home) -> None:
    with pytest.raises(ConfigError, match="fast"):
        made(home, "ma_cross", fast=0)
    with pytest.raises(ConfigError, match="makes 2"):
        made(home, "ma_cross", fast=[5, 6])


def test_code_that_fails_is_one_line(home: Home) -> None:
    (home.path / "stages" / "my_failure.py").write_text(
        HOLDER.replace("my_holder", "my_failure").replace(
            "return 1.0", "raise OSError('on purpose')\n        return 1.0"
        )
    )
    with pytest.raises(StageError, match="on purpose"):
        made(home, "my_failure")
    (home.path / "stages" / "my_failure.py").unlink()


def test_strategies_are_all_drawn(home: Home) -> None:
    for kind in BUILT_IN.strategies:
        found = made(home, kind)
        assert issubclass(BUILT_IN.strategies[kind], Strategy)
        assert found.signal is not None and found.signal.any(), kind
        assert np.abs(found.signal).max() <= 1.0
